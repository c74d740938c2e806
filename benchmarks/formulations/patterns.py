"""What subsets of the library of patterns are worth: solving time against the base, on instances held out.

    python benchmarks/formulations/patterns.py [ROW…] [--instances N] [-o FILE]

A row of the table is a formulation and some of its patterns. Each is verified by the ladder in the sandbox, then
measured: deterministic time of one worker, PAR-2, five orders of variables and constraints, ratio of shifted
geometric means with a 95 % bootstrap interval over instances. Beside it a placebo, the base in five other orders,
the ratio to this placebo, and that of CPU seconds. Instances are those on which the base needs 0.1 to 3 units on
average of three orders in which nothing is measured; for the job shop public ones of ten jobs and
ten machines come first. N instances for each row (12 if not given).

Example: python benchmarks/formulations/patterns.py tsp_arcs --instances 1
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from common import DATA, HERE, Record, append, ratio, records, say, selected, shown

from gapsmith.evaluators.base import Instance, Split
from gapsmith.evaluators.catalogue import load_formulation_problem
from gapsmith.evaluators.formulations.exchange.composition import compose_program
from gapsmith.evaluators.formulations.pricing import strip_base_model
from gapsmith.evaluators.formulations.problem import FormulationProblem
from gapsmith.sandbox import open_sandbox


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        formulation: the base.
        patterns: what is added to it.
        target: the ratio that is aimed at, in deterministic time.
        seconds: the same in CPU seconds.
        files: public instances that are tried first, below DATA.
    """

    formulation: str
    patterns: tuple[str, ...]
    target: float | None = None
    seconds: float | None = None
    files: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The patterns, as the results file has them."""
        return f"{self.formulation}: {' + '.join(self.patterns)}"

    @property
    def problem(self) -> FormulationProblem:
        """The search that it would come from."""
        return cast("FormulationProblem", load_formulation_problem(self.formulation))

    @property
    def source(self) -> str:
        """The candidate's text."""
        chosen = [each for each in self.problem.formulation.patterns if each.name in self.patterns]
        return compose_program(chosen)


JOBS = tuple(f"job_shop/{name}" for name in ("abz5", "abz6", *(f"la{k}" for k in range(16, 21)), "orb05"))

ROWS = (
    Row(
        "tardiness_positional", ("emmons_sequence", "emmons_windows", "completion_times", "upper_bound"), 0.05
    ),
    Row("tardiness_interval", ("emmons_precedences",), 0.02),
    Row("tsp_arcs", ("circuit",), 0.2),
    Row("flow_shop_positional", ("upper_bound", "johnson_bounds", "place_windows"), 0.6),
    Row("job_shop_interval", ("order_literals",), 0.6, 0.9, JOBS),
)


def candidates(row: Row, count: int) -> Iterator[Instance]:
    """Public instances that suit the measurement, then generated ones of the test split."""
    judge, pricing = row.problem.judge, row.problem.pricing
    for file in row.files:
        for instance in pricing.original.read(DATA / file):
            if judge.is_suitable(pricing.build_base(instance)):
                yield instance
    yield from map(strip_base_model, row.problem.generate_instances(Split.TEST, count=count))


def added(row: Row, instance: Instance) -> str:
    """The text of the base with the patterns."""
    module: dict[str, Any] = {}
    exec(row.source, module)
    built = row.problem.formulation.build(instance)
    module["augment"](built.model, built.variables, dict(instance.data))
    return str(built.model.proto)


def measured(row: Row, instance: Instance) -> Record:
    """One instance: units in all orders, CPU seconds."""
    judge, base = row.problem.judge, row.problem.pricing.build_base(instance)
    facts, trial = judge.measure_base(base), judge.try_model(base, added(row, instance), False)
    return {
        "row": row.name,
        "instance": instance.name,
        "optimum": facts.optimum,
        "base": facts.times,
        "placebo": judge.measure_placebo(base),
        "times": trial.times,
        "seconds": [facts.seconds, trial.seconds],
    }


def verified(row: Row) -> Record:
    """How far the ladder was climbed."""
    assert row.problem.verify is not None
    with open_sandbox("ortools") as sandbox:
        found = row.problem.verify(row.source, sandbox, (), True)
    return {"row": row.name, "outcome": found.outcome, "message": found.message, **found.detail}


def work(row: Row, count: int, path: Path) -> None:
    """Does what the results file lacks."""
    done = selected(records(path), row=row.name)
    if not any("outcome" in each for each in done):
        append(path, verified(row))
    names = {each.get("instance") for each in done}
    for place, instance in enumerate(candidates(row, count)):
        if place >= count:
            return
        if instance.name not in names:
            say(f"{row.name}: {instance.name}")
            append(path, measured(row, instance))


def line(row: Row, found: list[Record]) -> str:
    """The row of the table."""
    runs = [each for each in found if "times" in each]
    truth = next((each for each in found if "outcome" in each), {})
    base = [run["base"] for run in runs]
    times, placebo = ([run[key] for run in runs] for key in ("times", "placebo"))
    figures = " | ".join(
        shown(each) for each in (ratio(times, base), ratio(placebo, base), ratio(times, placebo))
    )
    seconds = ratio([[run["seconds"][1]] for run in runs], [[run["seconds"][0]] for run in runs])
    words = truth.get("truth") or truth.get("outcome", "not verified")
    goal = f"{row.target}" + (f" / {row.seconds}" if row.seconds else "")
    return f"| {row.name} | {len(runs)} | {figures} | {shown(seconds)} | {goal} | {words} |"


def main() -> None:
    """Measures, then prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="formulations, for example tsp_arcs (all)")
    parser.add_argument("--instances", type=int, default=12, help="of each row (default 12)")
    parser.add_argument("-o", "--results", type=Path, default=HERE / "results" / "patterns.jsonl")
    arguments = parser.parse_args()
    rows = [row for row in ROWS if not arguments.rows or row.formulation in arguments.rows]
    for row in rows:
        work(row, arguments.instances, arguments.results)
    print(
        "| formulation: patterns | instances | units | placebo | to the placebo | CPU seconds | aim | truth |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        print(line(row, selected(records(arguments.results), row=row.name)))


if __name__ == "__main__":
    main()
