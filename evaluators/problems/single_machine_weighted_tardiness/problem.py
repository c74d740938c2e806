"""1‖ΣwjTj.

Order the jobs of one machine so that their total weighted tardiness is least.
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
from gapsmith.evaluators.problems.single_machine_weighted_tardiness import compiled
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.solve import (
    LARGEST_SUM,
    solve_weighted_tardiness,
)
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.grammar import GRAMMAR
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.rules import RULES
from gapsmith.evaluators.reading import NumberReader, parse_integer
from gapsmith.evaluators.solutions import permutation

BRIEF = """\
Single-machine total weighted tardiness, 1||sum w_j T_j. All n jobs are available at time 0; one machine processes
one job at a time, without preemption and without idle time. Job j needs p[j] time units, weighs w[j] and is due at
d[j]. In a given sequence, job j completes at C[j], the sum of the processing times up to and including its own; its
tardiness is max(0, C[j] - d[j]). Return the sequence that makes the sum of w[j] times tardiness as small as possible.
Where all jobs are late a sequence by w/p is good, where few are one by due date; between, both matter. The optimum
can be 0."""

STORY = """\
Processing times are integers from 1 to 100, weights integers from 1 to 10. Due dates are integers from 0, spread
around (1 - TF) * sum(p) with a width of RDD * sum(p): TF (tardiness factor) from 0.2 to 1.0 says how many jobs will
be late, RDD (range of due dates) from 0.2 to 1.0 how far they lie apart. Instances have SIZES."""

_ARRAY, _ANNOTATION = "int64 array of shape [n]", "NDArray[np.int64]"

ENTRY = EntryPoint(
    "schedule",
    (
        Argument("p", _ARRAY, "processing times, in time units, 1 to 100", _ANNOTATION),
        Argument("w", _ARRAY, "weights, cost per time unit of tardiness, 1 to 10", _ANNOTATION),
        Argument("d", _ARRAY, "due dates, in time units, 0 or more", _ANNOTATION),
    ),
    "a sequence (list or array) of the job indices 0..n-1, each exactly once, in processing order",
    "Sequence[int] | NDArray[np.int64]",
)

GRID = (0.2, 0.4, 0.6, 0.8, 1.0)
STRATA = tuple(f"RDD={rdd} TF={tf}" for rdd, tf in product(GRID, GRID))

OR_LIBRARY = 125
"""Instances in each of OR-Library's files, which state neither their number nor their size."""


def generate(rng: np.random.Generator, stratum: str, size: int) -> Mapping[str, Datum]:
    """Draws an instance as Potts and Van Wassenhove (1985) do.

    Negative due dates are cut to 0. Processing times are uniform on 1 to 100, weights on 1 to 10, due dates around
    (1 - TF)·Σp.
    """
    rdd, tf = (float(part.split("=")[1]) for part in stratum.split())
    p = rng.integers(1, 100, size, endpoint=True)
    w = rng.integers(1, 10, size, endpoint=True)
    low, high = (int(p.sum() * (1 - tf + sign * rdd / 2)) for sign in (-1, 1))
    return {"p": p, "w": w, "d": rng.integers(max(0, low), max(0, high), size, endpoint=True)}


LONGEST, HEAVIEST = 100, 10
"""The largest processing time and weight of OR-Library's files: by these a file's rows are told apart."""

LAYOUTS = {
    "or-library": "125 times n processing times, n weights, n due dates; n follows from the length",
    "jobs=N": "any number of times N processing times, N weights, N due dates",
}


def read(path: Path, layout: str = "") -> list[Instance]:
    """Reads OR-Library's layout.

    Each instance is n processing times, n weights and n due dates; n itself is not in the file.

    Args:
        path: the file.
        layout: one of LAYOUTS; by default, the one n with which every row begins on a line of its own, and holds
            what such a row holds in OR-Library's files.

    Raises:
        GapsmithError: with the line; also where no n fits, or several do.
        UsageError: the layout is not known.
    """
    numbers = NumberReader(path)
    values = numbers.read_integers(numbers.count, "a number")
    size = _parse_layout(path, layout, len(values)) if layout else _detect_size(path, numbers, values)
    numbers = NumberReader(path)
    count = len(values) // (3 * size)
    names = [path.stem] if count == 1 else [f"{path.stem}-{k + 1}" for k in range(count)]
    return [Instance(name, _make_instance(numbers, size)) for name in names]


def _parse_layout(path: Path, layout: str, total: int) -> int:
    """Returns the number of jobs in a layout that was named."""
    name, _, jobs = layout.partition("=")
    if name == "or-library":
        part = 3 * OR_LIBRARY
    elif name == "jobs" and (stated := parse_integer(jobs, 1)):
        part = 3 * stated
    else:
        raise UsageError(f"--layout is {layout!r}; expected or-library or jobs=N, such as jobs=40")
    if total % part:
        raise GapsmithError(
            f"{path}: found {total} numbers; expected a multiple of {part} in the layout {layout}: instances of n "
            "processing times, n weights and n due dates"
        )
    return total // part if name == "or-library" else part // 3


def _detect_size(path: Path, numbers: NumberReader, values: NDArray[np.int64]) -> int:
    """Returns the number of jobs on which lines and numbers agree.

    Without lines, it is that of OR-Library's 125 instances.
    """
    total = len(values)
    starts = np.cumsum([0, *numbers.widths])
    fits = [
        size
        for size in range(1, total // 3 + 1)
        if total % (3 * size) == 0
        and _fit_rows(values, size)
        and not np.isin(np.arange(0, total, size), starts, invert=True).any()
    ]
    columns = set(numbers.widths) == {3} and _fit(values[0::3], values[1::3])
    if len(fits) == 1 and not columns:
        return fits[0]
    if columns and fits:
        found = f"lines of three numbers, which may be `p w d` or rows of {fits[0]} jobs"
    elif len(fits) > 1:
        found = f"{total} numbers, whose lines fit instances of {', '.join(map(str, fits[:6]))} jobs"
    else:
        found = f"{total} numbers on lines of {', '.join(map(str, numbers.widths[:3]))} …"
    raise GapsmithError(
        f"{path}, line 1: found {found}; expected again and again n processing times, n weights and n due dates, "
        f"each such row from a line of its own, times to {LONGEST} and weights to {HEAVIEST} as in OR-Library's files; "
        "for others say which it is: --layout jobs=N, or --layout or-library for its "
        f"{OR_LIBRARY} instances"
    )


def _fit_rows(values: NDArray[np.int64], size: int) -> bool:
    rows = values.reshape(-1, 3, size)
    return _fit(rows[:, 0], rows[:, 1])


def _fit(times: NDArray[np.int64], weights: NDArray[np.int64]) -> bool:
    return bool(
        times.min() >= 1 and times.max() <= LONGEST and weights.min() >= 1 and weights.max() <= HEAVIEST
    )


def _make_instance(numbers: NumberReader, size: int) -> dict[str, Datum]:
    p = numbers.read_integers(size, "a processing time", least=1)
    w = numbers.read_integers(size, "a weight", least=1)
    d = numbers.read_integers(size, "a due date")
    end = sum(p.tolist())
    worst = sum(weight * max(0, end - due) for weight, due in zip(w.tolist(), d.tolist(), strict=True))
    numbers.check_bound(worst, "the total weighted tardiness")
    numbers.check_bound(sum(w.tolist()) * (end + max(map(abs, d.tolist()))), "the exact method", LARGEST_SUM)
    return {"p": p, "w": w, "d": d}


def cost(instance: Instance, solution: Any) -> int:
    """Returns the total weighted tardiness of a sequence.

    Raises Infeasible when it is not a permutation of the job indices.
    """
    p, w, d = (np.asarray(instance.data[name]) for name in "pwd")
    sequence = permutation(solution, len(p), "job")
    end = accumulate(p[sequence].tolist())
    return sum(
        weight * max(0, completion - due)
        for weight, due, completion in zip(w[sequence].tolist(), d[sequence].tolist(), end, strict=True)
    )


def baseline(instance: Instance, seconds: float) -> Baseline:
    """Solves by successive sublimation.

    See `exact`.
    """
    p, w, d = (np.asarray(instance.data[name]) for name in "pwd")
    return solve_weighted_tardiness(p, w, d, seconds)


def relabel(instance: Instance, rng: np.random.Generator) -> Instance:
    """Returns the same jobs under other numbers."""
    order = rng.permutation(len(np.asarray(instance.data["p"])))
    data = {name: np.asarray(instance.data[name])[order] for name in "pwd"}
    return Instance(f"{instance.name} relabelled", data, instance.stratum)


def cpu_seconds(instance: Instance) -> float:
    """Returns the CPU limit: half a second up to 100 jobs.

    From there it grows as the square of the number of jobs.
    """
    return 0.5 * max(1.0, (len(np.asarray(instance.data["p"])) / 100) ** 2)


SCALES = {
    "medium": ProblemScale(
        sizes=dict.fromkeys(Split, (100,)),
        counts={Split.TRAIN: 25, Split.VALIDATION: 25, Split.TEST: 50},
        cpu_seconds=0.5,
        solver_seconds=3.0,
        story=STORY.replace("SIZES", "100 jobs"),
    ),
    "large": ProblemScale(
        sizes=dict.fromkeys(Split, (200,)),
        counts={Split.TRAIN: 25, Split.VALIDATION: 25, Split.TEST: 50},
        cpu_seconds=2.0,
        solver_seconds=10.0,
        story=STORY.replace("SIZES", "200 jobs"),
    ),
}

problem = Problem(
    name="single_machine_weighted_tardiness",
    title="1‖ΣwjTj: single machine, total weighted tardiness",
    brief=BRIEF,
    story=STORY.replace("SIZES", "40 or 50 jobs"),
    entry=ENTRY,
    strata=STRATA,
    generate=generate,
    sizes={Split.TRAIN: (40,), Split.VALIDATION: (40,), Split.TEST: (50,)},
    counts={Split.TRAIN: 25, Split.VALIDATION: 75, Split.TEST: 125},
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
