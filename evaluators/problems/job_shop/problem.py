"""J‖Cmax.

Order the operations of a job shop so that the last of them ends as early as possible.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from gapsmith.evaluators.base import Baseline, Datum, Infeasible, Instance, Problem, ProblemScale, Split
from gapsmith.evaluators.grammar import Argument, CompiledFunctions, EntryPoint
from gapsmith.evaluators.problems.job_shop import compiled
from gapsmith.evaluators.problems.job_shop.exact import makespan, solve_job_shop
from gapsmith.evaluators.problems.job_shop.grammar import GRAMMAR
from gapsmith.evaluators.problems.job_shop.rules import RULES
from gapsmith.evaluators.reading import MAX_TIME, NumberReader

BRIEF = """\
Job shop, makespan: J||Cmax. Each of n jobs has m operations that must be processed in their given order; operation
i of job j needs machine machines[j, i] for p[j, i] time units, and each job visits each of the m machines once. All
jobs are available at time 0; a machine processes one operation at a time, without preemption.
Return a list of n * m job indices in which every job appears m times: its i-th appearance stands for its i-th
operation. The list is decoded from left to right into a semi-active schedule: every operation starts as soon as
its job's previous operation and all operations that come earlier in the list on the same machine have ended. Every
such list is feasible, and some list gives an optimal schedule. A dispatching rule returns the operations in the
order in which it chose them; an improvement method moves entries of the list. The makespan, when the last operation
ends, shall be as small as possible."""

STORY = """\
Processing times are integers, drawn evenly from 1 to 99. Instances have SIZES; routes
are any permutation of the machines, or visit a first set of machines before a second one."""

ENTRY = EntryPoint(
    "schedule",
    (
        Argument(
            "machines",
            "int64 array of shape [n, m]",
            "machines[j, i]: machine of the i-th operation of job j, 0 to m - 1, each once in a row",
            "NDArray[np.int64]",
        ),
        Argument(
            "p",
            "int64 array of shape [n, m]",
            "p[j, i]: processing time of the i-th operation of job j, in time units, 0 or more",
            "NDArray[np.int64]",
        ),
    ),
    "a sequence (list or array) of n * m job indices, each job m times; its i-th appearance is its i-th operation",
    "Sequence[int] | NDArray[np.int64]",
)

STRATA = ("m=5 any route", "m=6 any route", "m=5 two sets")


def generate(rng: np.random.Generator, stratum: str, size: int) -> Mapping[str, Datum]:
    """Draws processing times and routes uniformly at random.

    Times are from 1 to 99. Routes are permutations of all machines (Taillard 1993), or visit the first half of the
    machines before the second half (Storer, Wu and Vaccari 1992).
    """
    m = int(stratum.split()[0].removeprefix("m="))
    cuts = [0, m // 2, m] if stratum.endswith("two sets") else [0, m]
    routes = [
        np.concatenate([rng.permutation(np.arange(a, b)) for a, b in pairwise(cuts)]) for _ in range(size)
    ]
    return {"machines": np.array(routes), "p": rng.integers(1, 99, (size, m), endpoint=True)}


def read(path: Path) -> list[Instance]:
    """Reads the standard format of job shops.

    The file has `n m`, then for each job m pairs `machine time`, with machines numbered from 0. Raises
    GapsmithError with the line.
    """
    numbers = NumberReader(path)
    numbers.refuse_words()
    n = numbers.read_integer("the number of jobs", least=1)
    m = numbers.read_integer("the number of machines", least=1)
    tables = m > 1 and numbers.has_even_lines(2 * n, m)
    if numbers.left >= 2 * n * m and (tables or not numbers.has_rows(n, 2 * m)):
        raise numbers.make_layout_error(
            2 * n * m,
            f"{n} lines, one for each job, of {m} pairs of a machine, from 0, and a processing time; two tables of "
            "times and machines are not read",
        )
    machines: list[int] = []
    p: list[int] = []
    for job in range(n):
        visited: set[int] = set()
        for _ in range(m):
            machine = numbers.read_integer(f"a machine of job {job}", 0, m - 1)
            if machine in visited:
                raise numbers.make_error(str(machine), f"a machine that job {job} has not visited yet")
            visited.add(machine)
            machines.append(machine)
            p.append(numbers.read_integer(f"a processing time of job {job}", least=0))
    numbers.end(f"the end after {n} jobs of {m} operations")
    numbers.check_bound(sum(p), "the makespan", MAX_TIME)
    routes, times = (np.array(each, dtype=np.int64).reshape(n, m) for each in (machines, p))
    return [Instance(path.stem, {"machines": routes, "p": times})]


def cost(instance: Instance, solution: Any) -> int:
    """Returns the makespan of a list of operations.

    Raises Infeasible when a job does not appear once for each of its operations.
    """
    machines, p = np.asarray(instance.data["machines"]), np.asarray(instance.data["p"])
    n, m = p.shape
    if not isinstance(solution, list):
        raise Infeasible(f"returned {type(solution).__name__}; expected a sequence of {n * m} job indices")
    for position, value in enumerate(solution):
        if type(value) is not int:  # neither True nor 2.0 is an index
            raise Infeasible(f"position {position} holds {value!r:.40}; expected an integer job index")
        if not 0 <= value < n:
            raise Infeasible(f"position {position} holds {value}; job indices go from 0 to {n - 1}")
    counts = Counter(solution)
    for job in range(n):
        if counts[job] != m:
            raise Infeasible(f"job {job} appears {counts[job]} times; expected {m}, once for each operation")
    return makespan(machines, p, solution)


def baseline(instance: Instance, seconds: float) -> Baseline:
    """Solves by a CP-SAT interval model; see `exact`."""
    machines, p = np.asarray(instance.data["machines"]), np.asarray(instance.data["p"])
    return solve_job_shop(machines, p, seconds)


def tighten(instance: Instance, seconds: float, known: Baseline) -> Baseline:
    """Continues an earlier solve, from its bound and schedule."""
    machines, p = np.asarray(instance.data["machines"]), np.asarray(instance.data["p"])
    return solve_job_shop(machines, p, seconds, known)


def cpu_seconds(instance: Instance) -> float:
    """Returns two seconds up to 100 operations, more beyond (power of 1.5)."""
    hundreds = np.asarray(instance.data["p"]).size / 100
    return 2.0 * max(1.0, float(hundreds**1.5))


SCALES = {
    "medium": ProblemScale(
        strata=("m=15 any route", "m=15 two sets"),
        sizes=dict.fromkeys(Split, (15, 20)),
        counts={Split.TRAIN: 12, Split.VALIDATION: 24, Split.TEST: 32},
        cpu_seconds=1.0,
        solver_seconds=4.0,
        story=STORY.replace("SIZES", "15 or 20 jobs and 15 machines"),
    ),
    "large": ProblemScale(
        strata=("m=20 any route", "m=20 two sets"),
        sizes=dict.fromkeys(Split, (30, 50)),
        counts={Split.TRAIN: 8, Split.VALIDATION: 16, Split.TEST: 24},
        cpu_seconds=10.0,
        solver_seconds=8.0,
        story=STORY.replace("SIZES", "30 or 50 jobs and 20 machines"),
    ),
}

problem = Problem(
    name="job_shop",
    title="J‖Cmax: job shop, makespan",
    brief=BRIEF,
    story=STORY.replace("SIZES", "6 to 20 jobs and 5 to 15 machines"),
    entry=ENTRY,
    strata=STRATA,
    generate=generate,
    sizes={Split.TRAIN: (8, 10), Split.VALIDATION: (9,), Split.TEST: (10,)},
    counts={Split.TRAIN: 24, Split.VALIDATION: 45, Split.TEST: 60},
    read=read,
    cost=cost,
    baseline=baseline,
    tighten=tighten,
    rules=RULES,
    grammar=GRAMMAR,
    compiled=CompiledFunctions(compiled.__file__),
    warm_size=4,
    cpu_seconds=cpu_seconds,
    scales=SCALES,
)
