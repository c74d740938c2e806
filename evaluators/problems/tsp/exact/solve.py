"""Solves the symmetric travelling salesman problem.

Held and Karp's bound, edges struck out, CP-SAT on the rest.

1. A good tour by kicked descents (`tour_descent`).
2. Held and Karp's (1970, 1971) bound by `dual_ascent`: the multipliers are potentials of the cities, the dual a
   minimum 1-tree. Both are integers in units of 1/SCALE, so the bound is exact.
3. Every edge whose 1-tree is too long for a tour that is shorter than the best one is struck out (Volgenant and
   Jonker 1983), in integers too. Often that proves the tour by itself.
4. CP-SAT's circuit over the edges that are left, asked for a tour that is shorter (`tour_model`).
"""

import time
from collections.abc import Sequence
from functools import cache
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline
from gapsmith.evaluators.problems.tsp.exact.cpsat import solve_circuit
from gapsmith.evaluators.solutions import make_exact
from gapsmith.evaluators.solvers.dual_ascent import MAX_VALUE, Ascent, Integers, ascend

FEW = 8
"""Up to this number of cities all tours are enumerated."""

SCALE = 1 << 10
"""Parts into which one unit of length is divided for the potentials."""

NEIGHBOURS = 10

SLICE_MOVES = 1 << 21
"""Cities that kicks copy between two looks at the clock: some milliseconds."""

FIRST_SHARE = 0.5
"""The greatest share of the time that descents may take."""

MOST_EDGES = 200_000
"""With more edges, building CP-SAT's model takes longer than it is worth."""

KICKS_PER_CITY = 100
CALLS, PATIENCE = 10_000, 60


def compute_length(distance: Integers, tour: Sequence[int]) -> int:
    """Returns the length of a closed tour."""
    cities = np.asarray(tour, dtype=np.int64)
    return int(make_exact(distance[cities, np.roll(cities, -1)]).sum())


class OneTrees:
    """The dual of the travelling salesman problem: minimum 1-trees under potentials, exactly.

    Args:
        distance: symmetric, integers of at least 0, shape (n, n), n at least 3.

    Raises:
        ValueError: sums of such distances may not fit into int64.
    """

    def __init__(self, distance: Integers) -> None:
        from gapsmith.evaluators.problems.tsp.exact import one_tree

        n = len(distance)
        if int(distance.max()) * SCALE * 16 * n > MAX_VALUE:
            raise ValueError(f"a distance of {distance.max()} among {n} cities is too long to reckon exactly")
        self._kernel, self._weight = one_tree, np.ascontiguousarray(distance, dtype=np.int64) * SCALE
        self._parent, self._key, self._degree = (np.zeros(n, np.int64) for _ in range(3))
        self._order, self._ends = np.zeros(n - 1, np.int64), np.zeros(2, np.int64)
        # Potentials beyond this could be cut back without loss, and sums with them fit.
        self._limit = 4 * SCALE * int(distance.max() + 1)

    def __call__(self, potential: Integers) -> tuple[int, Integers]:
        """Returns a bound on all tours, and the degrees' excess over 2.

        The bound is in units of 1/SCALE.
        """
        potential = np.clip(potential, -self._limit, self._limit)
        value = self._kernel.one_tree(
            self._weight, potential, self._parent, self._order, self._key, self._ends, self._degree
        )
        return int(value), self._degree - 2

    def mark_edges_below(self, potential: Integers, length: int) -> NDArray[np.bool_]:
        """Tells which edges a tour up to a length may use.

        The shape is (n, n), symmetric.
        """
        value, _ = self(potential)
        n = len(potential)
        potential = np.clip(potential, -self._limit, self._limit)
        modified = self._weight + potential[:, None] + potential
        largest = np.zeros((n, n), np.int64)
        self._kernel.bottlenecks(self._parent, self._order, self._key, largest)
        # A forced edge drives out the longer of the two at city 0; elsewhere, the longest of the circle it closes.
        largest[0, :] = largest[:, 0] = modified[0, self._ends[1]]
        allowed: NDArray[np.bool_] = value + np.maximum(modified - largest, 0) <= SCALE * length
        np.fill_diagonal(allowed, False)
        return allowed


def bound_held_karp(
    distance: Integers, length: int, seconds: float = float("inf")
) -> tuple[OneTrees, Ascent]:
    """Computes Held and Karp's bound, with its multipliers.

    Args:
        distance: symmetric, integers of at least 0, shape (n, n), n at least 3.
        length: of any tour.
        seconds: limit of CPU time.
    """
    trees = OneTrees(distance)
    start = np.zeros(len(distance), np.int64)
    return trees, ascend(trees, start, length * SCALE, calls=CALLS, patience=PATIENCE, seconds=seconds)


def find_tour(distance: Integers, kicks: int, deadline: float = np.inf) -> list[int]:
    """Finds a good tour of at least `FEW` cities.

    It starts from the nearest neighbour's tour and makes a number of kicked descents. These end early if the CPU
    time is over.
    """
    from gapsmith.evaluators.problems.tsp.exact.local_search import descend_with_kicks

    n, distance = len(distance), np.ascontiguousarray(distance)
    near, tour = _list_near(distance), _build_nearest_neighbour(distance)
    scratch, chance = np.zeros((4, n), np.int64), np.zeros(1, np.int64)
    step = max(1, SLICE_MOVES // n)
    descend_with_kicks(distance, near, tour, scratch, chance, 0)
    for first in range(0, kicks, step):
        if time.process_time() > deadline:
            break
        descend_with_kicks(distance, near, tour, scratch, chance, min(step, kicks - first))
    return [int(city) for city in tour]


def _list_near(distance: Integers) -> Integers:
    """Returns the nearest other cities of each city, nearest first.

    On ties the lower number comes first. It works a line at a time.
    """
    n = len(distance)
    count = min(NEIGHBOURS, n - 1)
    near = np.empty((n, count), np.int64)
    for city in range(n):
        line = distance[city].copy()
        line[city] = np.iinfo(np.int64).max
        within = np.flatnonzero(line <= np.partition(line, count - 1)[count - 1])
        near[city] = within[np.argsort(line[within], kind="stable")][:count]
    return near


def _build_nearest_neighbour(distance: Integers) -> Integers:
    left, tour = np.arange(1, len(distance)), [0]
    while left.size:
        tour.append(int(left[np.argmin(distance[tour[-1], left])]))
        left = left[left != tour[-1]]
    return np.array(tour, dtype=np.int64)


def solve_tour(distance: Integers, seconds: float) -> Baseline:
    """Solves within the time limit, or returns bounds and a tour.

    Args:
        distance: symmetric, integers from 0 to 10⁹, shape (n, n).
        seconds: limit of CPU time; CP-SAT's share is measured in its deterministic time.
    """
    _compile()
    begin = time.process_time()
    if len(distance) < FEW:
        best = min(
            ([0, *rest] for rest in permutations(range(1, len(distance)))),
            key=lambda t: compute_length(distance, t),
        )
        return _solve(distance, compute_length(distance, best), best, "permutations", begin)
    tour = find_tour(distance, KICKS_PER_CITY * len(distance), begin + FIRST_SHARE * seconds)
    upper = compute_length(distance, tour)
    trees, ascent = bound_held_karp(distance, upper, seconds - (time.process_time() - begin))
    lower = max(0, -(-ascent.bound // SCALE))
    if lower >= upper:
        return _solve(distance, lower, tour, "held-karp", begin)
    if time.process_time() - begin > seconds:
        return _solve(distance, lower, tour, "held-karp", begin)
    edges = trees.mark_edges_below(ascent.multipliers, upper - 1)
    if edges.sum(axis=1).min() < 2:
        return _solve(distance, upper, tour, "held-karp", begin)
    left = seconds - (time.process_time() - begin)
    if left <= 0 or int(edges.sum()) > MOST_EDGES:
        return _solve(distance, lower, tour, "held-karp", begin)
    bound, shorter = solve_circuit(distance, edges, upper - 1, left)
    return _solve(distance, max(lower, bound), shorter or tour, "held-karp + cp-sat", begin)


@cache
def _compile() -> None:
    """Compiles the kernels on a few cities.

    No time limit is then spent on the compiler.
    """
    corners = np.abs(np.subtract.outer(np.arange(FEW), np.arange(FEW)))
    trees, ascent = bound_held_karp(corners, compute_length(corners, find_tour(corners, 1)), 0.0)
    trees.mark_edges_below(ascent.multipliers, 1)


def _solve(distance: Integers, lower: int, tour: list[int], solver: str, begin: float) -> Baseline:
    upper = compute_length(distance, tour)
    if lower > upper or sorted(tour) != list(range(len(distance))):
        raise AssertionError(f"bug in {solver}: a bound of {lower} on a tour of {upper}; please report")
    return Baseline(lower, upper, tour, solver, time.process_time() - begin)
