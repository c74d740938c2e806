"""The compiled local search for tardiness: changes as recomputed, never worse, and optimal on small instances."""

from itertools import permutations

import numpy as np
import pytest

from gapsmith.evaluators.problems.single_machine_tardiness import grammar as unweighted
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.compiled import (
    _descend,
    _find_exchange,
    _find_insertion,
    _update,
    search_tardiness,
)


def draw(seed, n):
    """Jobs of which about half are late, some due before 0, and a random sequence."""
    rng = np.random.default_rng(seed)
    p, w = rng.integers(1, 30, n), rng.integers(1, 10, n)
    return (p, w, rng.integers(-10, 15 * n, n)), rng.permutation(n)


def price(jobs, order):
    """The weighted tardiness, computed anew."""
    p, w, d = (each[order] for each in jobs)
    return int((w * np.maximum(np.cumsum(p) - d, 0)).sum())


def insert(order, k, place):
    """A sequence with the job at place k at another place."""
    return np.insert(np.delete(order, k), place, order[k])


def exchange(order, k, place):
    """A sequence in which two places exchange their jobs."""
    other = order.copy()
    other[[k, place]] = order[[place, k]]
    return other


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("find", "move"), [(_find_insertion, insert), (_find_exchange, exchange)])
def test_the_best_move_of_each_place_has_the_value_of_the_new_sequence(seed, find, move):
    """Of all moves of a job, the least change is found, and it is that of the totals computed anew."""
    jobs, order = draw(seed, 3 + 3 * seed)
    n = len(order)
    state = (order, np.zeros(n, np.int64), np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64))
    _update(state, *jobs, 0, n - 1)
    total = price(jobs, order)
    assert state[3][n] == total
    for k in range(n):
        changes = [price(jobs, move(order, k, place)) - total for place in range(n)]
        found = find(k, state, *jobs, *((0,) if find is _find_exchange else ()))
        assert found[0] == min(0, *changes)
        assert changes[found[1]] == found[0]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [1, 2, 9, 40])
@pytest.mark.parametrize("steps", [0, 1000, 30000])
def test_a_sequence_stays_valid_and_gets_no_worse(seed, n, steps):
    """Every job is there once, at most the total of the start is paid, and the arguments are left as they were."""
    jobs, order = draw(seed, n)
    copies = [each.copy() for each in (*jobs, order)]
    found = search_tardiness(*jobs, order, steps, seed)
    assert sorted(found.tolist()) == list(range(n))
    assert price(jobs, found) <= price(jobs, order)
    assert all((one == other).all() for one, other in zip((*jobs, order), copies, strict=True))


@pytest.mark.parametrize("seed", range(6))
def test_small_instances_are_solved(seed):
    """With six jobs the best of all sequences is found."""
    jobs, order = draw(seed, 6)
    best = min(price(jobs, np.array(each)) for each in permutations(range(6)))
    assert price(jobs, search_tardiness(*jobs, order, 50000, 0)) == best


def make_state(jobs, order):
    """A sequence with the ends and the sums of its places."""
    n = len(order)
    state = (order.copy(), np.zeros(n, np.int64), np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64))
    _update(state, *jobs, 0, n - 1)
    return state


@pytest.mark.parametrize("seed", range(4))
def test_a_part_that_changed_is_updated_alone(seed):
    """Ends and sums after an exchange are those computed anew."""
    jobs, order = draw(seed, 12)
    state = make_state(jobs, order)
    for a, b in ((0, 11), (3, 7), (5, 6)):
        order[[a, b]] = order[[b, a]]
        state[0][:] = order
        _update(state, *jobs, a, b)
        for found, expected in zip(state, make_state(jobs, order), strict=True):
            assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("seed", range(4))
def test_a_descent_ends_where_no_place_has_a_better_move_nearby(seed):
    """The sums stay true, the changed places are told, and the steps are counted."""
    jobs, order = draw(seed, 15)
    state, n = make_state(jobs, order), len(order)
    span, listed = np.array([n, -1]), np.ones(n, dtype=bool)
    left = _descend(state, *jobs, np.arange(n), n, listed, span, 100000)
    changed = np.flatnonzero(state[0] != order)
    assert state[3][n] == price(jobs, state[0]) <= price(jobs, order)
    assert span[0] <= changed.min(initial=n)
    assert changed.max(initial=-1) <= span[1]
    assert left < 100000
    assert not listed.any()


@pytest.mark.parametrize("block", ["brief_search", "search", "long_search"])
def test_blocks_of_total_tardiness_search_with_equal_weights(block, monkeypatch):
    """What they return is what the search returns where every job weighs one."""
    (p, _, d), order = draw(1, 12)
    monkeypatch.setattr(unweighted, "SECONDS", 0.001)
    found = getattr(unweighted, block)(p, d, order)
    jobs = p, np.ones_like(p), d
    assert price(jobs, found) <= price(jobs, order)
    assert sorted(found.tolist()) == list(range(12))
