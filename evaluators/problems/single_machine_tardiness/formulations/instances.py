"""Shared by the formulations of 1‖ΣTj.

Tiny instances, instances to measure on, and readings of a sequence.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Datum, Instance
from gapsmith.evaluators.formulations.verify.sizes import draw_tiny_size
from gapsmith.evaluators.problems.single_machine_tardiness import problem as single_machine_tardiness

Jobs: TypeAlias = NDArray[np.int64]
DueDates: TypeAlias = Callable[[np.random.Generator, Jobs], Jobs]

PROBLEM = single_machine_tardiness.problem.name


def jobs(instance: Instance) -> tuple[list[int], list[int]]:
    """Returns processing times and due dates."""
    return np.asarray(instance.data["p"]).tolist(), np.asarray(instance.data["d"]).tolist()


def draw_tiny(rng: np.random.Generator) -> Mapping[str, Datum]:
    """Draws one to seven jobs with due dates of several kinds.

    In one of three instances a job is a copy of another. Heuristics fail on due dates that are close together, at two
    fifths of the work. Dominance rules that are valid alone contradict each other on late due dates, where few jobs are
    tardy.
    """
    return _draw_jobs(rng, 7, (2, 5, 20, 100))


def draw_tiny_or_larger(rng: np.random.Generator) -> Mapping[str, Datum]:
    """Draws as `micro`, in one of eight instances nine jobs.

    Their due dates are close together, so that good sequences are not optimal.
    """
    if rng.random() >= 1 / 8:
        return draw_tiny(rng)
    p = rng.integers(1, 100, 9, endpoint=True)
    return {"p": p, "d": _CLOSE(rng, p)}


def draw_tiny_short(rng: np.random.Generator) -> Mapping[str, Datum]:
    """Draws as `micro`, at most five jobs and times up to 10."""
    return _draw_jobs(rng, 5, (2, 5, 10))


def _draw_jobs(rng: np.random.Generator, most: int, longest: Sequence[int]) -> Mapping[str, Datum]:
    n = draw_tiny_size(rng, 1, most)
    p = rng.integers(1, rng.choice(longest), n, endpoint=True)
    d = _DUE_DATES[rng.integers(len(_DUE_DATES))](rng, p)
    if n > 1 and rng.random() < 1 / 3:
        one, other = rng.choice(n, 2, replace=False)
        p[one], d[one] = p[other], d[other]
    return {"p": p, "d": d}


def _draw_between(low: float, high: float) -> DueDates:
    """Returns due dates drawn uniformly between shares of the work."""
    return lambda rng, p: rng.integers(int(low * p.sum()), int(high * p.sum()), len(p), endpoint=True)


def _draw_shared(rng: np.random.Generator, p: Jobs) -> Jobs:
    """Draws one of two due dates for each job."""
    return rng.choice(rng.integers(0, p.sum(), 2, endpoint=True), len(p))


def _draw_without_slack(rng: np.random.Generator, p: Jobs) -> Jobs:
    """Draws completion times of a sequence, sometimes off by one."""
    order = rng.permutation(len(p))
    completion = np.empty(len(p), dtype=np.int64)
    completion[order] = np.cumsum(p[order])
    return completion + rng.integers(-1, 1, len(p), endpoint=True) * int(rng.integers(2))


def _draw_too_early(rng: np.random.Generator, p: Jobs) -> Jobs:
    """Draws due dates up to the longest time, some of them negative."""
    return rng.integers(-2, p.max(), len(p), endpoint=True)


_CLOSE = _draw_between(0.3, 0.5)
_LATE = _draw_between(0.6, 1.0)
_DUE_DATES = (
    _draw_between(0.0, 1.0),
    _CLOSE,
    _CLOSE,
    _LATE,
    _LATE,
    _draw_shared,
    _draw_without_slack,
    _draw_too_early,
)


def generate(rng: np.random.Generator, size: int) -> Mapping[str, Datum]:
    """Draws from the grid's hard classes: RDD 0.2 or 0.4, TF 0.6."""
    return single_machine_tardiness.generate(rng, f"RDD={rng.choice((0.2, 0.4))} TF=0.6", size)


def generate_short(rng: np.random.Generator, size: int) -> Mapping[str, Datum]:
    """Draws from the same classes with times from 1 to 10.

    They are for models that have a literal for each point in time.
    """
    p = rng.integers(1, 10, size, endpoint=True)
    width = float(rng.choice((0.1, 0.2))) * p.sum()
    middle = 0.4 * p.sum()
    return {"p": p, "d": rng.integers(int(middle - width), int(middle + width), size, endpoint=True)}


def completion_times(p: Sequence[int], sequence: Sequence[int]) -> dict[int, int]:
    """Returns the completion time of each job of a sequence."""
    moments = np.cumsum([p[job] for job in sequence]).tolist()
    return dict(zip(sequence, moments, strict=True))


def sort_by_start(starts: Sequence[int]) -> list[int]:
    """Sorts the jobs by their starts."""
    return sorted(range(len(starts)), key=lambda job: starts[job])
