"""What the formulations of 1‖ΣTj share: instances, tiny and of a size to measure on, and readings of a sequence."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators import single_machine_tardiness
from gapsmith.evaluators.base import Datum, Instance

PROBLEM = single_machine_tardiness.problem.name

MOST_MICRO_JOBS = 6


def jobs(instance: Instance) -> tuple[list[int], list[int]]:
    """Processing times and due dates."""
    return np.asarray(instance.data["p"]).tolist(), np.asarray(instance.data["d"]).tolist()


def micro(rng: np.random.Generator) -> Mapping[str, Datum]:
    """One to six jobs: due dates at random, few and shared, without slack in some sequence, or all too early.

    In every other instance one job is a copy of another.
    """
    return _micro(rng, (2, 5, 20, 100))


def micro_short(rng: np.random.Generator) -> Mapping[str, Datum]:
    """The same with times of at most 10."""
    return _micro(rng, (2, 5, 10))


def _micro(rng: np.random.Generator, longest: Sequence[int]) -> Mapping[str, Datum]:
    n = int(rng.integers(1, MOST_MICRO_JOBS, endpoint=True))
    p = rng.integers(1, rng.choice(longest), n, endpoint=True)
    d = _due_dates(rng, p)
    if n > 1 and rng.random() < 0.5:
        one, other = rng.choice(n, 2, replace=False)
        p[one], d[one] = p[other], d[other]
    return {"p": p, "d": d}


def _due_dates(rng: np.random.Generator, p: NDArray[np.int64]) -> NDArray[np.int64]:
    kind, total = int(rng.integers(4)), int(p.sum())
    if kind == 0:
        return rng.integers(0, total, len(p), endpoint=True)
    if kind == 1:
        return rng.choice(rng.integers(0, total, 2, endpoint=True), len(p))
    if kind == 2:
        order = rng.permutation(len(p))
        completion = np.empty(len(p), dtype=np.int64)
        completion[order] = np.cumsum(p[order])
        return completion + rng.integers(-1, 1, len(p), endpoint=True) * int(rng.integers(2))
    return rng.integers(-2, p.max(), len(p), endpoint=True)


def generate(rng: np.random.Generator, size: int) -> Mapping[str, Datum]:
    """The hard classes of the problem's grid: RDD 0.2 or 0.4, TF 0.6."""
    return single_machine_tardiness.generate(rng, f"RDD={rng.choice((0.2, 0.4))} TF=0.6", size)


def generate_short(rng: np.random.Generator, size: int) -> Mapping[str, Datum]:
    """The same classes with processing times from 1 to 10, for models that have a literal for each moment."""
    p = rng.integers(1, 10, size, endpoint=True)
    width = float(rng.choice((0.1, 0.2))) * p.sum()
    middle = 0.4 * p.sum()
    return {"p": p, "d": rng.integers(int(middle - width), int(middle + width), size, endpoint=True)}


def completion_times(p: Sequence[int], sequence: Sequence[int]) -> dict[int, int]:
    """When each job of a sequence is done."""
    moments = np.cumsum([p[job] for job in sequence]).tolist()
    return dict(zip(sequence, moments, strict=True))


def by_start(starts: Sequence[int]) -> list[int]:
    """The jobs in the order of their starts."""
    return sorted(range(len(starts)), key=lambda job: starts[job])
