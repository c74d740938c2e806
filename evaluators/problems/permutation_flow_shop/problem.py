"""F|prmu|Cmax.

One sequence for all machines, so that the last job leaves the last machine as early as possible.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline, Datum, Instance, Problem, ProblemScale, Split
from gapsmith.evaluators.grammar import Argument, CompiledFunctions, EntryPoint
from gapsmith.evaluators.problems.permutation_flow_shop import compiled
from gapsmith.evaluators.problems.permutation_flow_shop.exact.solve import (
    makespan,
    solve_flow_shop,
)
from gapsmith.evaluators.problems.permutation_flow_shop.grammar import GRAMMAR
from gapsmith.evaluators.problems.permutation_flow_shop.rules import RULES
from gapsmith.evaluators.reading import NumberReader, parse_integer
from gapsmith.evaluators.solutions import permutation

BRIEF = """\
Permutation flow shop, makespan: F|prmu|Cmax. Each of n jobs visits the machines 0, 1, ..., m-1 in this order and
needs p[j, k] time units on machine k. All jobs are available at time 0; a machine processes one job at a time,
without preemption; there is unlimited room between the machines; every machine processes the jobs in the same
sequence. With the jobs numbered by their place in the sequence, job i leaves machine k at
C[i, k] = max(C[i-1, k], C[i, k-1]) + p[i, k]. Return the sequence that makes the makespan C[n-1, m-1] as small as
possible. Many sequences have equal makespans: ties matter."""

STORY = """\
Processing times are integers, drawn evenly from 1 to 99 as in Taillard's instances. Instances have SIZES."""

ENTRY = EntryPoint(
    "schedule",
    (
        Argument(
            "p",
            "int64 array of shape [n, m]",
            "p[j, k]: processing time of job j on machine k, in time units, 0 or more",
            "NDArray[np.int64]",
        ),
    ),
    "a sequence (list or array) of the job indices 0..n-1, each exactly once, in processing order",
    "Sequence[int] | NDArray[np.int64]",
)

HEAD = 5
"""Numbers of the first line of a shop in a file."""

STRATA = ("m=5", "m=8", "m=10")


def generate(rng: np.random.Generator, stratum: str, size: int) -> Mapping[str, Datum]:
    """Draws an instance as Taillard (1993) does: times from 1 to 99."""
    return {"p": rng.integers(1, 99, (size, int(stratum.removeprefix("m="))), endpoint=True)}


LAYOUTS = {
    "machines": "n m seed upper lower, then for each machine the times of all jobs",
    "jobs": "n m seed upper lower, then for each job its times on all machines",
}


def read(path: Path, layout: str = "machines") -> list[Instance]:
    """Reads instances in Taillard's format.

    Each has a line `n m seed upper lower`, then for each machine the times of all jobs.

    Args:
        path: the file.
        layout: one of LAYOUTS; the lines must be those of the layout.

    Raises:
        GapsmithError: with the line.
    """
    numbers = NumberReader(path)
    numbers.refuse_words()
    found = []
    while not numbers.at_end:
        head = numbers.peek_widths(1)[0]
        if head != HEAD or numbers.count_per_line(HEAD) != [HEAD]:
            raise numbers.make_layout_error(head or 1, _describe_layout(numbers))
        n = numbers.read_integer("the number of jobs", least=1)
        m = numbers.read_integer("the number of machines", least=1)
        for meaning in ("the seed", "an upper bound", "a lower bound"):
            numbers.read_integer(meaning)
        found.append(_read_times(numbers, n, m, layout))
    names = [path.stem] if len(found) == 1 else [f"{path.stem}-{k + 1}" for k in range(len(found))]
    return [Instance(name, {"p": p}) for name, p in zip(names, found, strict=True)]


def _describe_layout(numbers: NumberReader) -> str:
    """Describes the layout that the lines of a file look like.

    It is used in the message where the first line is not Taillard's.
    """
    first, second = numbers.peek_widths(2)
    expected = f"a line of {HEAD} numbers, n m seed upper lower, and then for each machine a line of all jobs"
    if first == 2 and second:
        n, m = (parse_integer(word, 1) or 0 for word in numbers.peek(2))
        if second == 2 * m:
            return f"{expected}; lines of {second} numbers look like pairs of a machine and a time, which are not read"
        if second in (n, m):
            return f"{expected}; the three numbers after n and m are missing"
    return expected


def _read_times(numbers: NumberReader, n: int, m: int, layout: str) -> NDArray[np.int64]:
    """Returns the times of one shop, shape [n, m]."""
    rows, width = (n, m) if layout == "jobs" else (m, n)
    jobs = layout == "machines" and n != m and numbers.has_even_lines(n, m)
    if numbers.left >= n * m and (jobs or not numbers.has_rows(rows, width)):
        what = "machine with the times of all" if rows == m else "job with its times on all"
        hint = "; for a line for each job say: --layout jobs" if jobs else ""
        raise numbers.make_layout_error(
            n * m, f"{rows} lines of {width} numbers, one for each {what} {width}{hint}"
        )
    times = numbers.read_integers(n * m, "a processing time", least=0).reshape(rows, width)
    numbers.check_bound(sum(times.ravel().tolist()), "the makespan")
    return times if layout == "jobs" else np.ascontiguousarray(times.T)


def cost(instance: Instance, solution: Any) -> int:
    """Returns the makespan of a sequence.

    Raises Infeasible when it is not a permutation of the job indices.
    """
    p = np.asarray(instance.data["p"])
    return makespan(p, permutation(solution, len(p), "job"))


def baseline(instance: Instance, seconds: float) -> Baseline:
    """Solves by branch and bound from both ends.

    See `exact`.
    """
    return solve_flow_shop(np.asarray(instance.data["p"]), seconds)


def tighten(instance: Instance, seconds: float, known: Baseline) -> Baseline:
    """Continues an earlier solve, from its bound and sequence."""
    return solve_flow_shop(np.asarray(instance.data["p"]), seconds, known)


def cpu_seconds(instance: Instance) -> float:
    """Returns the CPU limit: one second up to 40 jobs.

    From there it grows as the square of the number of jobs.
    """
    return max(1.0, (len(np.asarray(instance.data["p"])) / 40) ** 2)


SCALES = {
    "medium": ProblemScale(
        strata=("m=10", "m=20"),
        sizes=dict.fromkeys(Split, (50,)),
        counts={Split.TRAIN: 12, Split.VALIDATION: 24, Split.TEST: 30},
        cpu_seconds=1.0,
        solver_seconds=3.0,
        story=STORY.replace("SIZES", "50 jobs and 10 or 20 machines"),
    ),
    "large": ProblemScale(
        strata=("m=20",),
        sizes=dict.fromkeys(Split, (100, 200)),
        counts={Split.TRAIN: 10, Split.VALIDATION: 16, Split.TEST: 20},
        cpu_seconds=10.0,
        solver_seconds=5.0,
        story=STORY.replace("SIZES", "100 or 200 jobs and 20 machines"),
    ),
}

problem = Problem(
    name="permutation_flow_shop",
    title="F|prmu|Cmax: permutation flow shop, makespan",
    brief=BRIEF,
    story=STORY.replace("SIZES", "12 to 100 jobs and 5 to 20 machines"),
    entry=ENTRY,
    strata=STRATA,
    generate=generate,
    sizes={Split.TRAIN: (12, 15), Split.VALIDATION: (15,), Split.TEST: (18,)},
    counts={Split.TRAIN: 30, Split.VALIDATION: 60, Split.TEST: 120},
    read=read,
    layouts=LAYOUTS,
    cost=cost,
    baseline=baseline,
    tighten=tighten,
    rules=RULES,
    grammar=GRAMMAR,
    compiled=CompiledFunctions(compiled.__file__),
    cpu_seconds=cpu_seconds,
    scales=SCALES,
)
