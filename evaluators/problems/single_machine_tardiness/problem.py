"""1‖ΣTj.

Order the jobs of one machine so that their total tardiness is least.
"""

from collections.abc import Mapping
from itertools import accumulate, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import (
    Baseline,
    Datum,
    GapsmithError,
    Instance,
    Problem,
    ProblemScale,
    Split,
    UsageError,
)
from gapsmith.evaluators.grammar import Argument, CompiledFunctions, EntryPoint
from gapsmith.evaluators.problems.single_machine_tardiness.exact.solve import (
    LARGEST_TOTAL,
    solve_total_tardiness,
)
from gapsmith.evaluators.problems.single_machine_tardiness.grammar import GRAMMAR
from gapsmith.evaluators.problems.single_machine_tardiness.rules import RULES
from gapsmith.evaluators.problems.single_machine_weighted_tardiness import compiled
from gapsmith.evaluators.reading import LayoutError, NumberReader
from gapsmith.evaluators.solutions import permutation

BRIEF = """\
Single-machine total tardiness, 1||sum Tj. All n jobs are available at time 0; one machine processes one job
at a time, without preemption and without idle time. Job j needs p[j] time units and is due at d[j]. In a given
sequence, job j completes at C[j], the sum of the processing times up to and including its own; its tardiness
is max(0, C[j] - d[j]). Return the sequence that makes the total tardiness as small as possible.
Due dates may be 0 or negative."""

STORY = """\
Processing times are integers from 1 to 100. Due dates are integers spread around (1 - TF) * sum(p) with a width
of RDD * sum(p): TF (tardiness factor) from 0.2 to 0.8 says how many jobs will be late, RDD (range of due dates)
from 0.2 to 1.0 how far they lie apart. Instances have SIZES."""

ENTRY = EntryPoint(
    "schedule",
    (
        Argument(
            "p", "int64 array of shape [n]", "processing times, in time units, 1 to 100", "NDArray[np.int64]"
        ),
        Argument(
            "d", "int64 array of shape [n]", "due dates, in time units; may be negative", "NDArray[np.int64]"
        ),
    ),
    "a sequence (list or array) of the job indices 0..n-1, each exactly once, in processing order",
    "Sequence[int] | NDArray[np.int64]",
)

STRATA = tuple(f"RDD={rdd} TF={tf}" for rdd, tf in product((0.2, 0.4, 0.6, 0.8, 1.0), (0.2, 0.4, 0.6, 0.8)))


def generate(rng: np.random.Generator, stratum: str, size: int) -> Mapping[str, Datum]:
    """Draws an instance of the grid of Fisher (1976).

    As used since: p ~ U{1..100}, d ~ U around (1 - TF)·Σp.
    """
    rdd, tf = (float(part.split("=")[1]) for part in stratum.split())
    p = rng.integers(1, 100, size, endpoint=True)
    low, high = (int(p.sum() * (1 - tf + sign * rdd / 2)) for sign in (-1, 1))
    return {"p": p, "d": rng.integers(max(0, low), max(0, high), size, endpoint=True)}


LAYOUTS = {
    "pairs": "n, then for each job `p d`",
    "rows": "n, then all processing times, then all due dates",
}


def read(path: Path, layout: str = "") -> list[Instance]:
    """Reads a text file of any number of instances.

    Each is `n`, then n lines `p d`, or a line of all p and one of all d.

    Args:
        path: the file.
        layout: one of LAYOUTS; by default what the lines say.

    Raises:
        GapsmithError: with the line; also where the lines say neither layout, or fit both with different jobs.
    """
    jobs = _read_as(NumberReader(path), layout, by_lines=False) if layout else _detect_layout(path)
    stems = [path.stem] if len(jobs) == 1 else [f"{path.stem}-{k + 1}" for k in range(len(jobs))]
    return [Instance(stem, {"p": p, "d": d}) for stem, (p, d) in zip(stems, jobs, strict=True)]


def _detect_layout(path: Path) -> list[NDArray[np.int64]]:
    """Returns the jobs in the one layout that fits.

    Raises GapsmithError where none fits, or both fit and differ.
    """
    pairs, rows = (_try_layout(path, layout) for layout in LAYOUTS)
    if isinstance(pairs, LayoutError) and not isinstance(rows, LayoutError):
        pairs, rows = rows, pairs
    if isinstance(pairs, GapsmithError):
        raise pairs
    if not isinstance(rows, GapsmithError) and not all(map(np.array_equal, pairs, rows)):
        raise GapsmithError(
            f"{path}, line 1: found jobs whose lines fit both layouts; say which it is: --layout pairs (each line "
            "`p d`) or --layout rows (a line of all p, a line of all d)"
        )
    return pairs


def _try_layout(path: Path, layout: str) -> list[NDArray[np.int64]] | GapsmithError:
    """Returns the jobs in a layout, or why it does not fit."""
    try:
        return _read_as(NumberReader(path), layout, by_lines=True)
    except UsageError:
        raise
    except GapsmithError as trouble:
        return trouble


def _read_as(numbers: NumberReader, layout: str, by_lines: bool) -> list[NDArray[np.int64]]:
    """Returns the processing times and due dates of each instance.

    The shape is [2, n].
    """
    found = []
    while not numbers.at_end:
        alone = numbers.count_per_line(1) is not None
        n = numbers.read_integer("the number of jobs", least=1)
        rows, width = (n, 2) if layout == "pairs" else (2, n)
        if by_lines and numbers.left >= 2 * n and not (alone and numbers.has_even_lines(rows, width)):
            raise numbers.make_layout_error(
                2 * n,
                f"{n} alone on its line and then {n} lines `p d`, or a line of all p and one of all d; where the "
                "lines say neither, say which it is with --layout pairs or --layout rows",
            )
        found.append(_make_instance(numbers, n, layout))
    return found


def _make_instance(numbers: NumberReader, n: int, layout: str) -> NDArray[np.int64]:
    p: list[int] = []
    dates: list[int] = []
    for k in range(2 * n):
        if k % 2 if layout == "pairs" else k >= n:
            dates.append(numbers.read_integer("a due date"))
        else:
            p.append(numbers.read_integer("a processing time", least=1))
    end = sum(p)
    numbers.check_bound(sum(max(0, end - date) for date in dates), "the total tardiness")
    numbers.check_bound(n * (end + max(map(abs, dates))), "the exact method", LARGEST_TOTAL - 1)
    return np.array([p, dates], dtype=np.int64)


def cost(instance: Instance, solution: Any) -> int:
    """Returns the total tardiness of a sequence.

    Raises Infeasible when it is not a permutation of the job indices.
    """
    p, d = np.asarray(instance.data["p"]), np.asarray(instance.data["d"])
    sequence = permutation(solution, len(p), "job")
    end = accumulate(p[sequence].tolist())
    return sum(max(0, completion - due) for completion, due in zip(end, d[sequence].tolist(), strict=True))


def baseline(instance: Instance, seconds: float) -> Baseline:
    """Solves by branch and memorize.

    See `exact`.
    """
    return solve_total_tardiness(np.asarray(instance.data["p"]), np.asarray(instance.data["d"]), seconds)


def relabel(instance: Instance, rng: np.random.Generator) -> Instance:
    """Returns the same jobs in another order."""
    p, d = np.asarray(instance.data["p"]), np.asarray(instance.data["d"])
    order = rng.permutation(len(p))
    return Instance(f"{instance.name} relabelled", {"p": p[order], "d": d[order]}, instance.stratum)


def cpu_seconds(instance: Instance) -> float:
    """Returns the CPU limit: 0.1 seconds up to 100 jobs.

    From there it grows as the square of the number of jobs.
    """
    return 0.1 * max(1.0, (len(np.asarray(instance.data["p"])) / 100) ** 2)


SCALES = {
    "medium": ProblemScale(
        sizes=dict.fromkeys(Split, (200,)),
        counts={Split.TRAIN: 20, Split.VALIDATION: 20, Split.TEST: 40},
        cpu_seconds=0.5,
        solver_seconds=3.0,
        story=STORY.replace("SIZES", "200 jobs"),
    ),
    "large": ProblemScale(
        sizes=dict.fromkeys(Split, (500,)),
        counts={Split.TRAIN: 20, Split.VALIDATION: 20, Split.TEST: 40},
        cpu_seconds=2.0,
        solver_seconds=10.0,
        story=STORY.replace("SIZES", "500 jobs"),
    ),
}

problem = Problem(
    name="single_machine_tardiness",
    title="1‖ΣTj: single machine, total tardiness",
    brief=BRIEF,
    story=STORY.replace("SIZES", "20 to 500 jobs"),
    entry=ENTRY,
    strata=STRATA,
    generate=generate,
    sizes={Split.TRAIN: (50,), Split.VALIDATION: (100,), Split.TEST: (100,)},
    counts={Split.TRAIN: 20, Split.VALIDATION: 60, Split.TEST: 200},
    read=read,
    layouts=LAYOUTS,
    cost=cost,
    baseline=baseline,
    rules=RULES,
    grammar=GRAMMAR,
    compiled=CompiledFunctions(compiled.__file__),
    cpu_seconds=cpu_seconds,
    scales=SCALES,
    relabel=relabel,
)
