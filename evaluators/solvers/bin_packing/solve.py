"""The least number of bins, off-line.

Simple bounds, then cutting stock; every packing is checked.
"""

import time
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline
from gapsmith.evaluators.solvers.bin_packing.patterns import ValueCorrection

Integers: TypeAlias = "NDArray[np.int64]"

TABLE_CELLS = 50_000_000
"""Limit on sizes times capacity for the search for patterns: 200 MB."""

MANY_ITEMS = 1000
FIRST_PASSES, FEW_PASSES = 20, 1
PASSES, ROUNDS, WITHIN_ROUNDS = 100, 60, 3
"""Limits on the amount of work, so that it is the same on a slow machine; a time limit rarely ends it."""


def bound_by_volume(sizes: Integers, capacity: int) -> int:
    """Returns the bound L1: the items' volume in bins, rounded up."""
    return -int(-int(sizes.sum()) // capacity)


def bound_by_halves(sizes: Integers, capacity: int) -> int:
    """Returns the bound L2 of Martello and Toth (1990).

    For every threshold a up to half the capacity: items above capacity - a stand alone among those of size a
    and more; those above one half have a bin each, and the room that these leave is all there is for the rest.
    """
    best = bound_by_volume(sizes, capacity)
    large, small = np.sort(sizes[2 * sizes > capacity]), np.sort(sizes[2 * sizes <= capacity])
    loads = np.concatenate(([0], np.cumsum(large)))
    rest = int(small.sum()) - np.concatenate(([0], np.cumsum(small)))
    least, first = np.unique(small, return_index=True)
    shared = np.searchsorted(large, capacity - least, side="right")
    excess = rest[first] - (shared * capacity - loads[shared])
    bins = len(large) + np.maximum(0, -(-excess // capacity))
    return max(best, len(large), int(bins.max(initial=0)))


def best_fit_decreasing(sizes: Integers, capacity: int) -> list[int]:
    """Returns each item's bin: largest first, into the fullest that has room."""
    bins, used = [0] * len(sizes), 0
    open_bins: list[tuple[int, int]] = []  # free room in each, and its number
    for item in np.argsort(-sizes, kind="stable").tolist():
        size = int(sizes[item])
        place = bisect_left(open_bins, (size, -1))
        if place == len(open_bins):
            left, chosen, used = capacity, used, used + 1
        else:
            left, chosen = open_bins.pop(place)
        bins[item] = chosen
        insort(open_bins, (left - size, chosen))
    return bins


def combine_patterns(patterns: Sequence[Integers], types: Integers, sizes: Integers) -> list[int]:
    """Returns each item's bin when patterns that hold all items fill bins."""
    waiting = {int(size): np.flatnonzero(sizes == size).tolist() for size in types}
    bins = [-1] * len(sizes)
    for number, pattern in enumerate(patterns):
        for i in np.flatnonzero(pattern):
            for _ in range(int(pattern[i])):
                bins[waiting[int(types[i])].pop()] = number
    return bins


def compute_bin_packing_baseline(sizes: Integers, capacity: int, seconds: float) -> Baseline:
    """Returns bounds on the number of bins, and a packing.

    Args:
        sizes: of the items, integers from 1 to capacity, shape (n,), n >= 1.
        capacity: of a bin.
        seconds: looked at between the rounds of column generation.
    """
    _compile()
    start = time.process_time()
    lower = max(bound_by_volume(sizes, capacity), bound_by_halves(sizes, capacity))
    packing, solver = best_fit_decreasing(sizes, capacity), "best fit decreasing, L2"
    types, demand = np.unique(sizes, return_counts=True)
    if (
        _count_bins(packing) > lower
        and len(types) * (capacity + 1) <= TABLE_CELLS
        and seconds > time.process_time() - start
    ):
        search = _Search(types, demand, capacity, start + seconds)
        lower, patterns = search.solve(lower)
        packing, solver = (
            min(packing, combine_patterns(patterns, types, sizes), key=_count_bins),
            "column generation",
        )
    _check(packing, sizes, capacity)
    return Baseline(lower, _count_bins(packing), packing, solver, time.process_time() - start)


@cache
def _compile() -> None:
    """Runs the kernels once, so that no limit is spent on compilation."""
    _Search(np.array([3, 4, 5]), np.array([3, 2, 2]), 10, np.inf).solve(2)


def find_packing(sizes: Integers, capacity: int, most: int, deadline: float) -> tuple[int, list[int] | None]:
    """Tells whether items fit into `most` bins.

    Args:
        sizes: of the items, 1 to capacity, shape (n,).
        capacity: of a bin.
        most: the number of bins available.
        deadline: of the process's CPU clock.

    Returns:
        A proven lower bound on the number of bins, and a packing into `most` bins, None where none was found.
    """
    packing = best_fit_decreasing(sizes, capacity)
    lower = max(bound_by_volume(sizes, capacity), bound_by_halves(sizes, capacity))
    if lower <= most < _count_bins(packing):
        types, demand = np.unique(sizes, return_counts=True)
        lower, patterns = _Search(types, demand, capacity, deadline).solve(lower, most, WITHIN_ROUNDS)
        packing = min(packing, combine_patterns(patterns, types, sizes), key=_count_bins)
    _check(packing, sizes, capacity)
    return lower, packing if _count_bins(packing) <= most else None


@dataclass(frozen=True)
class _Search:
    """Cutting stock from below and value correction from above, until they meet."""

    types: Integers
    demand: Integers
    capacity: int
    deadline: float

    def solve(self, lower: int, most: int | None = None, rounds: int = ROUNDS) -> tuple[int, list[Integers]]:
        """Returns a proven lower bound, and patterns that hold all items.

        The bound is at least the given one. With `most`, the search stops once it is known whether that number
        of bins is enough.
        """
        enough = lower if most is None else most
        # Most instances whose volume decides are packed perfectly by the first few passes.
        few = FEW_PASSES if self.demand.sum() > MANY_ITEMS else FIRST_PASSES
        plan = self._pack(self.demand, few, enough)
        if len(plan) > enough:
            bound, whole = self._bound(len(plan))
            lower = max(lower, bound)
            if most is None or lower <= most:
                plan = self._complete(plan, whole, max(lower, enough), rounds)
        return lower, plan

    def _late(self) -> bool:
        return time.process_time() > self.deadline

    def _bound(self, enough: int) -> tuple[int, list[Integers]]:
        from gapsmith.evaluators.solvers.bin_packing.column_generation import ColumnGeneration

        return ColumnGeneration(self.types, self.demand, self.capacity, self._late).solve(enough)

    def _pack(self, demand: Integers, passes: int, enough: int) -> list[Integers]:
        here = demand > 0
        found = ValueCorrection(self.types[here], demand[here], self.capacity).best(
            passes, enough, self._late
        )
        plan = np.zeros((len(found), self.types.size), np.int64)
        plan[:, here] = found
        return list(plan)

    def _complete(
        self, plan: list[Integers], whole: list[Integers], enough: int, rounds: int
    ) -> list[Integers]:
        """Keeps some of the programme's whole bins and packs the rest anew.

        Each round keeps a random share.
        """
        rng = np.random.default_rng(1)
        for round_ in range(rounds):
            if len(plan) <= enough or self._late():
                break
            share = 1.0 if round_ == 0 else rng.uniform(0.3, 1.0)
            kept = [pattern for pattern in whole if rng.random() < share]
            left = self.demand - sum(kept, np.zeros_like(self.demand))
            rest = self._pack(left, PASSES, enough - len(kept)) if left.any() else []
            plan = min(plan, kept + rest, key=len)
        return plan


def _count_bins(packing: Sequence[int]) -> int:
    return len(set(packing))


def _check(packing: Sequence[int], sizes: Integers, capacity: int) -> None:
    loads = np.bincount(packing, weights=sizes)
    if loads.max() > capacity or len(packing) != len(sizes):
        raise AssertionError(f"bug in bin packing: a bin holds {loads.max():g} of {capacity}; please report")
