"""Draws resource-constrained projects.

The parameters of ProGen (Kolisch, Sprecher and Drexl 1995), more simply.

Network complexity is the arcs per activity, none of them redundant when it is drawn; the resource factor is the
share of (activity, resource) pairs with a request; the resource strength puts the capacity between the greatest
request (0) and the peak of the schedule without resources (1).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.problems.rcpsp.exact import compute_critical_path

Integers = NDArray[np.int64]

ENDS = 3
"""Activities without predecessor, and without successor, as in PSPLIB's j30."""
DEGREE = 3
"""The most predecessors, and successors, of an activity."""
RESOURCES, LARGEST_DURATION, LARGEST_REQUEST = 4, 10, 10


def draw_project(
    rng: np.random.Generator, size: int, complexity: float, factor: float, strength: float
) -> Mapping[str, Integers]:
    """Draws a project of `size` activities between two dummy activities.

    The first and the last activity have no duration.

    Args:
        rng: chance.
        size: activities with a duration, at least 2 * ENDS.
        complexity: arcs per activity, those of the two ends included.
        factor: share of requests that are not 0, from 0.25.
        strength: from 0, scarce, to 1, plentiful.
    """
    n = size + 2
    precedence = _draw_network(rng, n, round(complexity * n))
    duration = np.concatenate(([0], rng.integers(1, LARGEST_DURATION, size, endpoint=True), [0]))
    demand = np.zeros((n, RESOURCES), np.int64)
    demand[1:-1] = _draw_requests(rng, size, factor)
    least, peak = demand.max(axis=0), _find_peak(duration, precedence, demand)
    capacity = least + np.rint(strength * (peak - least)).astype(np.int64)
    return {
        "duration": duration,
        "precedence": precedence,
        "demand": demand,
        "capacity": np.maximum(capacity, 1),
    }


class _Network:
    """A precedence network, with its transitive relation.

    Arcs lead from lower to higher numbers.
    """

    def __init__(self, n: int) -> None:
        self.before = np.zeros((n, n), bool)
        self._reach = np.eye(n, dtype=bool)

    def join(self, some: Sequence[int], others: Sequence[int]) -> None:
        """Adds the first arc that keeps to the degrees, else the first."""
        pairs = [(i, j) for i in some for j in others]
        i, j = next((pair for pair in pairs if not self.is_full(*pair)), pairs[0])
        self.before[i, j] = True
        self._reach |= np.outer(self._reach[:, i], self._reach[j])

    def is_full(self, i: int, j: int) -> bool:
        """Tells whether i or j has as many neighbours as allowed.

        For i, successors count; for j, predecessors.
        """
        return bool(self.before[i].sum() >= DEGREE or self.before[:, j].sum() >= DEGREE)

    def is_redundant(self, i: int, j: int) -> bool:
        """Tells whether an arc is implied by others or makes one redundant."""
        passed = self.before & np.outer(self._reach[:, i], self._reach[j])
        return bool(self._reach[i, j] or passed.any())


def _draw_network(rng: np.random.Generator, n: int, arcs: int) -> Integers:
    """Draws as many arcs as asked, where degrees and redundancy allow.

    Each activity has at least one arc on either side.
    """
    net, inner_ends = _Network(n), n - 1 - ENDS
    for i in range(ENDS):
        net.join([0], [1 + i])
        net.join([inner_ends + i], [n - 1])
    for j in range(1 + ENDS, n - 1):
        net.join(rng.permutation(np.arange(1, min(j, inner_ends))).tolist(), [j])
    for i in range(1, inner_ends):
        if not net.before[i].any():
            net.join([i], rng.permutation(np.arange(max(i + 1, 1 + ENDS), n - 1)).tolist())
    for pair in rng.permutation(
        [(i, j) for i in range(1, inner_ends) for j in range(max(i, ENDS) + 1, n - 1)]
    ):
        i, j = pair.tolist()
        if net.before.sum() < arcs and not net.is_full(i, j) and not net.is_redundant(i, j):
            net.join([i], [j])
    return np.argwhere(net.before).astype(np.int64)


def _draw_requests(rng: np.random.Generator, size: int, factor: float) -> Integers:
    """Draws requests from 1 to 10.

    Each activity gets one first; others follow anywhere until the factor is met.
    """
    asked = np.zeros((size, RESOURCES), bool)
    asked[np.arange(size), rng.integers(0, RESOURCES, size)] = True
    free = np.flatnonzero(~asked)
    more = max(0, round(factor * asked.size) - size)
    asked.flat[rng.permutation(free)[:more]] = True
    return np.where(asked, rng.integers(1, LARGEST_REQUEST, asked.shape, endpoint=True), 0).astype(np.int64)


def _find_peak(duration: Integers, precedence: Integers, demand: Integers) -> Integers:
    """Returns the peak use of each resource in the earliest schedule.

    The schedule keeps the precedences and ignores the resources.
    """
    early, _ = compute_critical_path(duration, precedence)
    runs = (early[None] <= early[:, None]) & (early[:, None] < (early + duration)[None])
    peak: Integers = (runs.astype(np.int64) @ demand).max(axis=0)
    return peak
