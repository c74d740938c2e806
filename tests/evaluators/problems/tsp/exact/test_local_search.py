"""Moves of tours: each changes the length by what it reports, and leaves a tour."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.tsp.exact.local_search import (
    descend,
    descend_with_kicks,
    make_two_opt_move,
    move_segment,
    reverse_part,
)
from gapsmith.evaluators.problems.tsp.exact.solve import _list_near, compute_length, find_tour

SEEDS = st.integers(0, 2**32 - 1)


def cities(seed, n):
    """A symmetric matrix, a random tour, its places and the near cities."""
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.integers(1, 60, (n, n)), 1)
    tour = rng.permutation(n)
    return upper + upper.T, tour, np.argsort(tour), _list_near(upper + upper.T)


def cycle(tour):
    """The edges of a tour, without direction."""
    following = [*tour[1:], tour[0]]
    return {frozenset((int(a), int(b))) for a, b in zip(tour, following, strict=True)}


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(4, 12), st.data())
def test_a_reversal_changes_the_two_edges_at_its_ends(seed, n, data):
    """The cycle is the one of the part read backwards, whichever of the two parts was turned."""
    _, tour, place, _ = cities(seed, n)
    first, last = (data.draw(st.integers(0, n - 1)) for _ in "ab")
    turned = np.roll(tour, -first)
    count = (last - first) % n + 1
    expected = np.concatenate([turned[:count][::-1], turned[count:]])
    reverse_part(tour, place, first, last)
    assert cycle(tour) == cycle(expected)
    assert (place[tour] == np.arange(n)).all()


@pytest.mark.parametrize("move", [make_two_opt_move, move_segment])
@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, n=st.integers(5, 14), data=st.data())
def test_a_move_gains_what_it_reports(move, seed, n, data):
    """The tour gets shorter by exactly the gain, and stays as it is where the gain is 0."""
    distance, tour, place, near = cities(seed, n)
    before, was = compute_length(distance, tour), tour.copy()
    gain = move(distance, near, tour, place, data.draw(st.integers(0, n - 1)))
    assert compute_length(distance, tour) == before - gain
    assert gain >= 0
    assert sorted(tour.tolist()) == list(range(n))
    assert (place[tour] == np.arange(n)).all()
    if gain == 0:
        assert (tour == was).all()


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(5, 14))
def test_descents_end_where_no_move_helps(seed, n):
    """Gains are differences of lengths, and once a descent from all cities gains nothing, no move does."""
    distance, tour, place, near = cities(seed, n)
    length, gain = compute_length(distance, tour), 1
    while gain:
        queue, queued = np.arange(n), np.ones(n, np.int64)
        gain = descend(distance, near, tour, place, queue, queued, n)
        length -= gain
        assert compute_length(distance, tour) == length
        assert not queued.any()
    for city in range(n):
        assert make_two_opt_move(distance, near, tour, place, city) == 0
        assert move_segment(distance, near, tour, place, city) == 0


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(8, 20))
def test_kicks_in_slices_are_those_of_one_call(seed, n):
    """Called again with what it keeps, the kicked descent goes on exactly as without a pause."""
    found = []
    for parts in ([30], [10, 20]):
        distance, tour, _, near = cities(seed, n)
        before = compute_length(distance, tour)
        scratch, chance = np.zeros((4, n), np.int64), np.zeros(1, np.int64)
        gain = descend_with_kicks(distance, near, tour, scratch, chance, 0)
        gain += sum(descend_with_kicks(distance, near, tour, scratch, chance, part) for part in parts)
        assert compute_length(distance, tour) == before - gain
        found.append(compute_length(distance, tour))
    assert found[0] == found[1]


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(8, 20))
def test_near_cities_come_by_distance_and_number(seed, n):
    """Each list is the full sort of the other cities, cut to its length."""
    distance, _, _, near = cities(seed, n)
    for city in range(n):
        others = sorted((other for other in range(n) if other != city), key=lambda c: (distance[city, c], c))
        assert near[city].tolist() == others[: near.shape[1]]


def test_a_good_tour_is_found_again():
    """Equal distances give equal tours, and a deadline in the past still gives a tour."""
    distance, *_ = cities(5, 30)
    assert find_tour(distance, 100) == find_tour(distance, 100)
    assert sorted(find_tour(distance, 100, deadline=-1.0)) == list(range(30))
