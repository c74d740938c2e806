"""The least number of bins: bounds below, packings above, each against enumeration."""

import time
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.solvers.bin_packing.column_generation import ColumnGeneration
from gapsmith.evaluators.solvers.bin_packing.solve import (
    best_fit_decreasing,
    bound_by_halves,
    bound_by_volume,
    combine_patterns,
    compute_bin_packing_baseline,
    find_packing,
)

CAPACITY = 12
items = st.lists(st.integers(1, CAPACITY), min_size=1, max_size=8).map(
    lambda sizes: np.array(sizes, dtype=np.int64)
)


def fewest(sizes):
    """The optimum by trying every bin in use and one new for each item."""
    best = len(sizes)

    def place(k, room):
        nonlocal best
        if len(room) >= best:
            return
        if k == len(sizes):
            best = len(room)
            return
        for j, left in enumerate(room):
            if left >= sizes[k]:
                place(k + 1, [*room[:j], left - sizes[k], *room[j + 1 :]])
        place(k + 1, [*room, CAPACITY - sizes[k]])

    place(0, [])
    return best


def is_packing(bins, sizes):
    """Tells whether each item has a bin and no bin is too full."""
    return len(bins) == len(sizes) and np.bincount(bins, weights=sizes).max() <= CAPACITY


@settings(deadline=None, max_examples=60)
@given(items)
def test_bounds_and_packings_hold_the_optimum_between_them(sizes):
    """No bound is above the optimum, no packing below it, and the exact method meets it."""
    optimum = fewest(sizes.tolist())
    assert bound_by_volume(sizes, CAPACITY) <= bound_by_halves(sizes, CAPACITY) <= optimum
    bins = best_fit_decreasing(sizes, CAPACITY)
    assert is_packing(bins, sizes)
    assert len(set(bins)) >= optimum
    found = compute_bin_packing_baseline(sizes, CAPACITY, 5.0)
    assert (found.lower, found.upper) == (optimum, optimum)
    assert is_packing(found.solution, sizes)


@settings(deadline=None, max_examples=60)
@given(items)
def test_the_order_of_items_does_not_change_the_bounds(sizes):
    """Bounds are about sets of items."""
    shuffled = sizes[::-1].copy()
    assert bound_by_halves(sizes, CAPACITY) == bound_by_halves(shuffled, CAPACITY)
    assert bound_by_volume(sizes, CAPACITY) == bound_by_volume(shuffled, CAPACITY)


@settings(deadline=None, max_examples=40)
@given(items, st.integers(-1, 1))
def test_a_packing_within_a_number_of_bins(sizes, more):
    """It is found where there is one; where there is none, the bound says so."""
    optimum = fewest(sizes.tolist())
    most = max(1, optimum + more)
    lower, packing = find_packing(sizes, CAPACITY, most, inf)
    assert lower <= optimum
    if most >= optimum:
        assert packing is not None
        assert is_packing(packing, sizes)
        assert len(set(packing)) <= most
    else:
        assert packing is None


@settings(deadline=None, max_examples=40)
@given(items)
def test_column_generation_gives_a_bound_and_whole_patterns(sizes):
    """The bound is valid, and the patterns never hold more than there is."""
    types, demand = np.unique(sizes, return_counts=True)
    bound, patterns = ColumnGeneration(types, demand, CAPACITY, lambda: False).solve(len(sizes))
    assert bound <= fewest(sizes.tolist())
    held = sum(patterns, np.zeros_like(demand))
    assert (held <= demand).all()
    assert all(types @ pattern <= CAPACITY for pattern in patterns)


def test_patterns_become_bins_of_items():
    """Items of one size are handed out once each, whatever pattern they belong to."""
    sizes = np.array([5, 7, 5, 7, 2])
    types = np.array([2, 5, 7])
    bins = combine_patterns([np.array([0, 1, 1]), np.array([0, 1, 1]), np.array([1, 0, 0])], types, sizes)
    assert is_packing(bins, sizes)
    assert sorted(np.bincount(bins, weights=sizes).tolist()) == [2, 12, 12]


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_without_time_there_is_a_bound_and_a_packing(seconds):
    """The simple bounds and the simple packing need no search."""
    sizes = np.random.default_rng(1).integers(20, 70, 200)
    begin = time.process_time()
    found = compute_bin_packing_baseline(sizes, 100, seconds)
    assert found.lower <= found.upper == len(set(found.solution))
    assert time.process_time() - begin < 10
