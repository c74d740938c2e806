"""P‖Cmax.

Assign jobs to identical machines so that the last one ends as early as possible.
"""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from gapsmith.evaluators.base import (
    Baseline,
    Datum,
    GapsmithError,
    Infeasible,
    Instance,
    Problem,
    ProblemScale,
    Split,
)
from gapsmith.evaluators.grammar import Argument, EntryPoint
from gapsmith.evaluators.problems.parallel_machines.exact.solve import solve_parallel_machines
from gapsmith.evaluators.problems.parallel_machines.grammar import GRAMMAR
from gapsmith.evaluators.problems.parallel_machines.rules import RULES
from gapsmith.evaluators.reading import MAX_TIME, NumberReader

BRIEF = """\
Identical parallel machines, makespan: P||Cmax. Each of n jobs is processed without interruption on one of m
identical machines; a machine processes one job at a time. The load of a machine is the sum of the processing
times of its jobs. Assign the jobs so that the greatest load, the makespan, is as small as possible.
Loads that are all but equal are the rule in good solutions: what decides is the last per mille."""

STORY = """\
Processing times are integers from 1 to R: in the classes U evenly spread; in the classes NU 98 % of them lie between
0.9 R and R and the others up to 0.2 R. Instances have SIZES."""

# R = 10000, which occurs in files, is not generated at small: with about four jobs on a machine our exact methods do
# not close the last one or two units within a minute.

ENTRY = EntryPoint(
    "assign",
    (
        Argument(
            "p",
            "int64 array of shape [n]",
            "processing times, in time units, at least 1",
            "NDArray[np.int64]",
        ),
        Argument("m", "int", "number of machines, at least 1", "int"),
    ),
    "a sequence (list or array) of n machine indices, each from 0 to m-1: the machine of each job",
    "Sequence[int] | NDArray[np.int64]",
)

MACHINES = (5, 10, 25)
STRATA = tuple(f"{kind} R={longest}" for kind, longest in product(("U", "NU"), (100, 1000)))
FEW_JOBS_A_MACHINE = {
    size: tuple(f"{kind} R=10000 m={m}" for m, kind in product(machines, ("U", "NU")))
    for size, machines in ((200, (10, 40, 80)), (1000, (25, 200, 400)))
}
"""Classes for each number of jobs: with twenty jobs on a machine simple rules are all but optimal, not with five."""


MAX_MACHINES = 100_000
"""Limit on the machines that the reader accepts, since the load of each is kept."""


def generate(rng: np.random.Generator, stratum: str, size: int) -> Mapping[str, Datum]:
    """Draws an instance of the classes U or NU.

    They are used since França et al. (1994); Frangioni et al. (2004) give the details. U: p ~ U{1..R}. NU: 98 % of the
    jobs from U{0.9(R-1)..R}, the others from U{1..0.2(R-1)}. The number of machines is drawn from those of 5, 10 and
    25 that leave at least two jobs for each machine.
    """
    kind, *limits = stratum.split()
    given = {name: int(value) for name, value in (limit.split("=") for limit in limits)}
    longest, m = given["R"], given.get("m") or _draw_machines(rng, size)
    if kind == "U":
        return {"p": rng.integers(1, longest, size, endpoint=True), "m": m}
    long = rng.integers(int(0.9 * (longest - 1)), longest, size, endpoint=True)
    short = rng.integers(1, int(0.2 * (longest - 1)), size, endpoint=True)
    return {"p": np.where(rng.random(size) < 0.98, long, short), "m": m}


def _draw_machines(rng: np.random.Generator, size: int) -> int:
    return int(rng.choice([number for number in MACHINES if 2 * number <= size] or [max(1, size // 2)]))


def read(path: Path) -> list[Instance]:
    """Reads one instance: `m`, `n`, then n processing times. Raises GapsmithError."""
    numbers = NumberReader(path)
    m = numbers.read_integer("the number of machines", least=1)
    n = numbers.read_integer("the number of jobs", least=1)
    if m > MAX_MACHINES:
        raise numbers.make_error(str(m), f"at most {MAX_MACHINES} machines")
    p = [numbers.read_integer("a processing time", least=1) for _ in range(n)]
    numbers.check_bound(sum(p), "the makespan", MAX_TIME)
    if not numbers.at_end:
        raise GapsmithError(
            f"{path}: holds more than {n} processing times; expected as many as its second number says"
        )
    return [Instance(path.stem, {"p": np.array(p, dtype=np.int64), "m": m})]


def cost(instance: Instance, solution: Any) -> int:
    """Returns the makespan. Raises Infeasible when a job has no machine."""
    p, m = np.asarray(instance.data["p"]).tolist(), int(np.asarray(instance.data["m"]))
    if not isinstance(solution, list):
        raise Infeasible(
            f"returned {type(solution).__name__}; expected a sequence with the machine of each job"
        )
    if len(solution) != len(p):
        raise Infeasible(f"returned {len(solution)} machines; expected one for each of the {len(p)} jobs")
    loads = [0] * m
    for job, (work, number) in enumerate(zip(p, solution, strict=True)):
        if type(number) is not int:  # neither True nor 2.0 is an index
            raise Infeasible(f"job {job} has machine {number!r:.40}; expected an integer machine index")
        if not 0 <= number < m:
            raise Infeasible(f"job {job} has machine {number}; machine indices go from 0 to {m - 1}")
        loads[number] += work
    return max(loads)


def baseline(instance: Instance, seconds: float) -> Baseline:
    """Solves by balancing pairs of machines, bin packing, and CP-SAT; see `exact.solve`."""
    p, m = np.asarray(instance.data["p"]), int(np.asarray(instance.data["m"]))
    return solve_parallel_machines(p, m, seconds)


def cpu_seconds(instance: Instance) -> float:
    """Returns half a second up to 100 jobs, growing linearly beyond."""
    return 0.5 * max(1.0, len(np.asarray(instance.data["p"])) / 100)


SCALES = {
    "medium": ProblemScale(
        strata=FEW_JOBS_A_MACHINE[200],
        sizes=dict.fromkeys(Split, (200,)),
        counts={Split.TRAIN: 12, Split.VALIDATION: 24, Split.TEST: 36},
        cpu_seconds=0.5,
        solver_seconds=3.0,
        story=STORY.replace("SIZES", "R = 10000, 200 jobs, and 10, 40 or 80 machines"),
    ),
    "large": ProblemScale(
        strata=FEW_JOBS_A_MACHINE[1000],
        sizes=dict.fromkeys(Split, (1000,)),
        counts={Split.TRAIN: 12, Split.VALIDATION: 18, Split.TEST: 24},
        cpu_seconds=2.0,
        solver_seconds=10.0,
        story=STORY.replace("SIZES", "R = 10000, 1000 jobs, and 25, 200 or 400 machines"),
    ),
}

problem = Problem(
    name="parallel_machines",
    title="P‖Cmax: identical parallel machines, makespan",
    brief=BRIEF,
    story=STORY.replace(
        "SIZES",
        "R = 100 or 1000, 20 to 1000 jobs and 5 to 25 machines, with at least two jobs for each machine",
    ),
    entry=ENTRY,
    strata=STRATA,
    generate=generate,
    sizes={Split.TRAIN: (20, 40), Split.VALIDATION: (50,), Split.TEST: (50, 100)},
    counts={Split.TRAIN: 32, Split.VALIDATION: 60, Split.TEST: 120},
    read=read,
    cost=cost,
    baseline=baseline,
    rules=RULES,
    grammar=GRAMMAR,
    cpu_seconds=cpu_seconds,
    scales=SCALES,
)
