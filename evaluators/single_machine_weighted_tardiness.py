"""1‖ΣwjTj: order the jobs of one machine so that their total weighted tardiness is least."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from gapsmith.evaluators.base import (
    Argument,
    Baseline,
    Datum,
    EntryPoint,
    Instance,
    Problem,
    Split,
    Trouble,
)
from gapsmith.evaluators.exact.weighted_tardiness import weighted_tardiness_baseline
from gapsmith.evaluators.reading import Numbers
from gapsmith.evaluators.verify import permutation
from gapsmith.evaluators.weighted_tardiness_grammar import GRAMMAR
from gapsmith.evaluators.weighted_tardiness_rules import RULES

BRIEF = """\
Single-machine total weighted tardiness, 1||sum w_j T_j. All n jobs are available at time 0; one machine processes
one job at a time, without preemption and without idle time. Job j needs p[j] time units, weighs w[j] and is due at
d[j]. In a given sequence, job j completes at C[j], the sum of the processing times up to and including its own; its
tardiness is max(0, C[j] - d[j]). Return the sequence that makes the sum of w[j] times tardiness as small as possible.
Processing times are integers from 1 to 100, weights integers from 1 to 10. Due dates are integers from 0, spread
around (1 - TF) * sum(p) with a width of RDD * sum(p): TF (tardiness factor) from 0.2 to 1.0 says how many jobs will
be late, RDD (range of due dates) from 0.2 to 1.0 how far they lie apart. Instances have 40 or 50 jobs. With TF near
1 a sequence by w/p is good, with TF near 0 one by due date; between, both matter. The optimum can be 0."""

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
    """Draws an instance as Potts and Van Wassenhove (1985) do, negative due dates cut to 0.

    Processing times are uniform on 1 to 100, weights on 1 to 10, due dates around (1 - TF)·Σp.
    """
    rdd, tf = (float(part.split("=")[1]) for part in stratum.split())
    p = rng.integers(1, 100, size, endpoint=True)
    w = rng.integers(1, 10, size, endpoint=True)
    low, high = (int(p.sum() * (1 - tf + sign * rdd / 2)) for sign in (-1, 1))
    return {"p": p, "w": w, "d": rng.integers(max(0, low), max(0, high), size, endpoint=True)}


def read(path: Path) -> list[Instance]:
    """Reads one of OR-Library's files: 125 times n processing times, n weights, n due dates; n follows from the length.

    Raises Trouble with the line, or with the count of numbers where that is no multiple of 375.
    """
    counted = Numbers(path)
    total = 0
    while not counted.at_end:
        counted.integer("a number")
        total += 1
    size, rest = divmod(total, 3 * OR_LIBRARY)
    if rest:
        raise Trouble(
            f"{path}: found {total} numbers; expected {OR_LIBRARY} instances of n processing times, n weights "
            f"and n due dates, so a multiple of {3 * OR_LIBRARY}"
        )
    numbers = Numbers(path)
    return [Instance(f"{path.stem}-{k + 1}", _jobs(numbers, size)) for k in range(OR_LIBRARY)]


def _jobs(numbers: Numbers, size: int) -> dict[str, Datum]:
    rows = {
        "p": [numbers.integer("a processing time", least=1) for _ in range(size)],
        "w": [numbers.integer("a weight", least=1) for _ in range(size)],
        "d": [numbers.integer("a due date") for _ in range(size)],
    }
    return {name: np.array(row, dtype=np.int64) for name, row in rows.items()}


def cost(instance: Instance, solution: Any) -> int:
    """Total weighted tardiness of a sequence of job indices. Raises Infeasible when it is not a permutation."""
    p, w, d = (np.asarray(instance.data[name]) for name in "pwd")
    sequence = permutation(solution, len(p), "job")
    return int((w[sequence] * np.maximum(np.cumsum(p[sequence]) - d[sequence], 0)).sum())


def baseline(instance: Instance, seconds: float) -> Baseline:
    """Solves by successive sublimation; see `exact.weighted_tardiness`."""
    p, w, d = (np.asarray(instance.data[name]) for name in "pwd")
    return weighted_tardiness_baseline(p, w, d, seconds)


def relabel(instance: Instance, rng: np.random.Generator) -> Instance:
    """The same jobs under other numbers."""
    order = rng.permutation(len(np.asarray(instance.data["p"])))
    data = {name: np.asarray(instance.data[name])[order] for name in "pwd"}
    return Instance(f"{instance.name} relabelled", data, instance.stratum)


def cpu_seconds(instance: Instance) -> float:
    """Half a second up to 100 jobs, growing as their square from there."""
    return 0.5 * max(1.0, (len(np.asarray(instance.data["p"])) / 100) ** 2)


problem = Problem(
    name="single_machine_weighted_tardiness",
    title="1‖ΣwjTj: single machine, total weighted tardiness",
    brief=BRIEF,
    entry=ENTRY,
    strata=STRATA,
    generate=generate,
    sizes={Split.TRAIN: (40,), Split.VALIDATION: (40,), Split.TEST: (50,)},
    counts={Split.TRAIN: 25, Split.VALIDATION: 75, Split.TEST: 125},
    read=read,
    cost=cost,
    baseline=baseline,
    rules=RULES,
    grammar=GRAMMAR,
    cpu_seconds=cpu_seconds,
    relabel=relabel,
)
