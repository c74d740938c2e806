"""Kernels of meet in the middle: sums of subsets, and the nearest pair in a sorted half."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.market_split.exact.meet_in_the_middle import find_nearest_pair, sum_subsets


@st.composite
def halves(draw):
    """Two lists of sums, the second sorted by its first two columns, and a total to beat."""
    rows = draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    spread = draw(st.sampled_from([2, 10, 100]))
    left = rng.integers(-spread, spread, (draw(st.integers(1, 12)), rows))
    right = rng.integers(-spread, spread, (draw(st.integers(1, 12)), rows))
    return left, right[np.lexsort((right[:, 1], right[:, 0]))], draw(st.integers(0, 3 * spread))


def search(left, right, first, last, best):
    """Searches with the index of the second half's first column."""
    values, begins = np.unique(right[:, 0], return_index=True)
    find_nearest_pair(left, right, values, np.append(begins, len(right)), first, last, best)


def totals(left, right):
    """The total slack of every pair; shape [left, right]."""
    return np.abs(left[:, None] + right[None]).sum(axis=-1)


@given(st.integers(0, 7), st.integers(1, 3), st.integers(0, 9999))
def test_every_subset_has_its_sum(n, rows, seed):
    """Sum number k is that of the columns whose bits are set in k; the empty subset has none."""
    columns = np.random.default_rng(seed).integers(-50, 50, (n, rows))
    sums = np.zeros((1 << n, rows), np.int64)
    sum_subsets(columns, sums)
    for bits in product((0, 1), repeat=n):
        number = sum(bit << j for j, bit in enumerate(bits))
        assert sums[number].tolist() == (np.array(bits, dtype=np.int64) @ columns).tolist()


@settings(max_examples=150)
@given(halves())
def test_the_nearest_pair_is_that_of_all_pairs(case):
    """The total is the least of all pairs, or what had to be beaten; the pair named has that total."""
    left, right, beat = case
    best = np.array([beat, -1, -1])
    search(left, right, 0, len(left), best)
    least = int(totals(left, right).min())
    assert best[0] == min(beat, least)
    if least < beat:
        assert totals(left, right)[best[1], best[2]] == least
    else:
        assert best[1:].tolist() == [-1, -1]


@given(halves(), st.data())
def test_slices_find_what_one_pass_finds(case, data):
    """The first half searched in two parts, in either order, leads to the same total."""
    left, right, beat = case
    cut = data.draw(st.integers(0, len(left)))
    parts = data.draw(st.permutations([(0, cut), (cut, len(left))]))
    whole, sliced = np.array([beat, -1, -1]), np.array([beat, -1, -1])
    search(left, right, 0, len(left), whole)
    for first, last in parts:
        search(left, right, first, last, sliced)
    assert sliced[0] == whole[0]


@given(halves())
def test_rows_outside_the_slice_are_not_looked_at(case):
    """A search of a part names only rows of that part, and never a pair worse than its own best."""
    left, right, _ = case
    best = np.array([1 << 40, -1, -1])
    search(left, right, len(left) - 1, len(left), best)
    assert best[1] == len(left) - 1
    assert best[0] == totals(left, right)[-1].min()
