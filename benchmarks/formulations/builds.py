"""1‖ΣTj with n jobs: whole models against the literature's positional assignment, proved by one worker.

    python benchmarks/formulations/builds.py [--jobs N] [--instances K] [--units U] [--seconds S] [-o FILE]

CP-SAT solves the positional assignment of Lasserre and Queyranne and the linear ordering with Emmons' dominance in
two orders of variables and constraints each, at most U units of deterministic time (5). HiGHS and SCIP, through
MathOpt, solve the mixed-integer programme of Keha, Khowala and Fowler (2009) with big-M, at most S seconds (20); 0
leaves them out. RDD is 0.2 or 0.4, TF is 0.6. Times are PAR-2: a run that is not proved counts twice its limit.
The models are verified by the ladder, and their optima compared with those of branch and memorize.

Example: python benchmarks/formulations/builds.py --jobs 8 --instances 1 --units 0.5 --seconds 2
"""

import argparse
import math
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
from common import HERE, Record, append, records, say, selected
from ortools.math_opt.python import mathopt

from gapsmith.evaluators.base import Instance
from gapsmith.evaluators.catalogue import load_formulation_problem
from gapsmith.evaluators.formulations.problem import FormulationProblem
from gapsmith.evaluators.formulations.solve.solver import answer
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.instances import generate
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.whole_model_patterns import (
    ORDERING,
    POSITIONAL,
)
from gapsmith.evaluators.problems.single_machine_tardiness.problem import problem
from gapsmith.sandbox import open_sandbox

MODELS = {rule.name: rule for rule in (POSITIONAL, ORDERING)}
SOLVERS = {"highs": mathopt.SolverType.HIGHS, "scip": mathopt.SolverType.GSCIP}
SHIFT = 0.1
"""Seconds, of the geometric means."""


def by_cpsat(name: str, instance: Instance, units: float) -> Iterator[Record]:
    """Runs of a candidate's model in two orders, the building timed."""
    module: dict[str, Any] = {}
    exec(MODELS[name].source("build"), module)
    begun = time.process_time()
    model, _ = module["build"](dict(instance.data))
    building = time.process_time() - begun
    request = {"do": "solve", "base": None, "text": str(model.proto), "limit": units, "permutations": [0, 1]}
    for run in answer(request)["runs"]:
        proved = run["status"] == "OPTIMAL"
        yield {
            "units": run["time"] if proved else 2 * units,
            # What was not proved counts twice in seconds as well.
            "seconds": building + run["seconds"] * (1 if proved else 2),
            "optimum": run["objective"] if proved else None,
        }


def literature(instance: Instance) -> mathopt.Model:
    """The mixed-integer programme: assignment, dates of places, completion times by big-M."""
    p, d = (np.asarray(instance.data[name]).tolist() for name in "pd")
    n, most, model = len(p), sum(p), mathopt.Model()
    at = [[model.add_binary_variable() for _ in range(n)] for _ in range(n)]
    date = [model.add_variable(lb=0.0) for _ in range(n)]
    done = [model.add_variable(lb=0.0) for _ in range(n)]
    late = [model.add_variable(lb=0.0) for _ in range(n)]
    for k in range(n):
        model.add_linear_constraint(sum(at[k]) == 1)
        model.add_linear_constraint(sum(line[k] for line in at) == 1)
        work = sum(p[j] * at[j][k] for j in range(n))
        model.add_linear_constraint(date[k] >= (date[k - 1] if k else 0) + work)
    for j in range(n):
        model.add_linear_constraint(late[j] >= done[j] - d[j])
        for k in range(n):
            model.add_linear_constraint(done[j] >= date[k] - most * (1 - at[j][k]))
    model.minimize(sum(late))
    return model


def by_mathopt(name: str, instance: Instance, seconds: float) -> Iterator[Record]:
    """One run of a solver of mixed-integer programmes; its gap is closed to less than one unit of the objective."""
    parameters = mathopt.SolveParameters(time_limit=timedelta(seconds=seconds), absolute_gap_tolerance=0.99)
    begun = time.process_time()
    result = mathopt.solve(literature(instance), SOLVERS[name], params=parameters)
    spent = time.process_time() - begun
    proved = result.termination.reason == mathopt.TerminationReason.OPTIMAL
    optimum = round(result.objective_value()) if proved else None
    yield {"units": None, "seconds": spent if proved else 2 * seconds, "optimum": optimum}


def work(jobs: int, count: int, units: float, seconds: float, path: Path) -> None:
    """Does what the results file lacks."""
    done = records(path)
    for number in range(count):
        instance = Instance(f"{jobs}-{number}", generate(np.random.default_rng([number, jobs]), jobs))
        optimum = problem.baseline(instance, 60.0).upper
        for name in (*MODELS, *(SOLVERS if seconds else ())):
            if selected(done, model=name, instance=instance.name):
                continue
            say(f"{name}: {instance.name}")
            runs = by_cpsat(name, instance, units) if name in MODELS else by_mathopt(name, instance, seconds)
            for run in runs:
                assert run["optimum"] in (None, optimum), (name, instance.name, run, optimum)
                append(path, {"model": name, "instance": instance.name, **run})


def verify(path: Path) -> None:
    """Climbs the ladder with each model, once."""
    searched = cast("FormulationProblem", load_formulation_problem("tardiness_positional:build"))
    assert searched.verify is not None
    for name, rule in MODELS.items():
        if not any("outcome" in each for each in selected(records(path), model=name)):
            with open_sandbox("ortools") as sandbox:
                found = searched.verify(rule.source("build"), sandbox, (), True)
            record = {"model": name, "outcome": found.outcome, "message": found.message, **found.detail}
            append(path, record)


def mean(values: list[float], shift: float) -> float:
    """The shifted geometric mean."""
    return math.exp(sum(math.log(value + shift) for value in values) / len(values)) - shift


def line(name: str, found: list[Record], reference: list[Record]) -> str:
    """A row: how many runs were proved, the means, and how many times as fast as the reference it is."""
    runs = [each for each in found if "seconds" in each]
    proved = sum(each["optimum"] is not None for each in runs)
    seconds, whole = (mean([each["seconds"] for each in group], SHIFT) for group in (runs, reference))
    figures = f"{seconds:.2f} | {whole / seconds:.1f}"
    units = "- | -"
    if name in MODELS:
        mine, theirs = (mean([each["units"] for each in group], 0.02) for group in (runs, reference))
        units = f"{mine:.4f} | {theirs / mine:.1f}"
    outcome = next((each["outcome"] for each in found if "outcome" in each), "-")
    return f"| {name} | {proved} of {len(runs)} | {units} | {figures} | {outcome} |"


def main() -> None:
    """Measures, then prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=20, help="n (default 20)")
    parser.add_argument("--instances", type=int, default=5, help="how many (default 5)")
    parser.add_argument("--units", type=float, default=5.0, help="limit of CP-SAT (default 5)")
    parser.add_argument("--seconds", type=float, default=20.0, help="limit of HiGHS and SCIP (default 20)")
    parser.add_argument("-o", "--results", type=Path, default=HERE / "results" / "builds.jsonl")
    arguments = parser.parse_args()
    verify(arguments.results)
    work(arguments.jobs, arguments.instances, arguments.units, arguments.seconds, arguments.results)
    found = records(arguments.results)
    reference = [each for each in selected(found, model="positional") if "seconds" in each]
    print("| model | proved | units | times as fast | CPU seconds | times as fast | ladder |")
    print("|---|---|---|---|---|---|---|")
    for name in dict.fromkeys(each["model"] for each in found):
        print(line(name, selected(found, model=name), reference))


if __name__ == "__main__":
    main()
