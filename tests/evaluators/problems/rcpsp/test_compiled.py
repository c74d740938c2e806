"""The compiled search on activity lists: valid, never worse, and optimal on small projects."""

import numpy as np
import pytest

from gapsmith.evaluators.base import Instance
from gapsmith.evaluators.problems.rcpsp.compiled import (
    _cross,
    _draw_list,
    _exchange_neighbours,
    _find_bound,
    _justify,
    _list_arcs,
    _place_serially,
    _sort_by,
    search_lists,
)
from gapsmith.evaluators.problems.rcpsp.problem import problem


def draw(seed, size):
    """A generated project of scarce resources, its matrix of precedences, and starts one after the other."""
    data = problem.generate(np.random.default_rng(seed), "NC=1.5 RF=1.0 RS=0.2", size)
    duration, precedence, demand, capacity = (
        data[name] for name in ("duration", "precedence", "demand", "capacity")
    )
    before = np.zeros((len(duration), len(duration)), dtype=bool)
    before[precedence[:, 0], precedence[:, 1]] = True
    return Instance("drawn", data), (duration, before, demand, capacity), np.cumsum(duration) - duration


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("schedules", [0, 3, 600])
def test_starts_stay_valid_and_get_no_later(seed, schedules):
    """Precedences and capacities hold, and the makespan is at most that of the given starts."""
    instance, project, start = draw(seed, 6 + 4 * seed)
    copies = [each.copy() for each in (*project, start)]
    found = search_lists(*project, start, schedules, seed)
    assert problem.cost(instance, found.tolist()) <= problem.cost(instance, start.tolist())
    assert all((one == other).all() for one, other in zip((*project, start), copies, strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_small_projects_are_solved(seed):
    """On ten activities the search ends at the optimum."""
    instance, project, start = draw(seed, 10)
    optimum = problem.baseline(instance, 10.0)
    found = search_lists(*project, start, 3000, 0)
    assert optimum.proven
    assert problem.cost(instance, found.tolist()) == optimum.upper


def test_a_project_of_the_two_ends_alone_takes_no_time():
    """Nothing runs: the starts are 0."""
    before = np.array([[False, True], [False, False]])
    none = np.zeros(2, dtype=np.int64)
    assert search_lists(
        none, before, np.zeros((2, 1), dtype=np.int64), np.ones(1, dtype=np.int64), none, 9, 0
    ).tolist() == [0, 0]


def is_list(order, before):
    """Tells whether an order has every activity once, and none before one that it needs."""
    place = np.argsort(order)
    return sorted(order.tolist()) == list(range(len(order))) and all(
        place[i] < place[j] for i, j in np.argwhere(before)
    )


def draw_list(project, seed, sharpness=1.0):
    """A list drawn by regret, as the search draws them."""
    duration, before, demand, capacity = project
    n = len(duration)
    arcs = (*_list_arcs(before, False), *_list_arcs(before, True))
    rank, _ = _find_bound((duration, *arcs, demand), capacity)
    order, missing, ready = (np.zeros(n, dtype=np.int64) for _ in range(3))
    _draw_list(rank, sharpness, *arcs, order, missing, ready, np.zeros(n))
    return order


@pytest.mark.parametrize("seed", range(5))
def test_arcs_are_those_of_the_matrix(seed):
    """Forwards they list the predecessors, mirrored the successors."""
    _, (_, before, _, _), _ = draw(seed, 12)
    for mirrored, matrix in ((False, before), (True, before.T)):
        first, arcs = _list_arcs(before, mirrored)
        for j in range(len(before)):
            assert arcs[first[j] : first[j + 1]].tolist() == np.flatnonzero(matrix[:, j]).tolist()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sharpness", [1.0, 6.0])
def test_lists_that_are_drawn_respect_precedences(seed, sharpness):
    """No activity comes before one that it needs."""
    _, project, _ = draw(seed, 15)
    assert is_list(draw_list(project, seed, sharpness), project[1])


@pytest.mark.parametrize("seed", range(5))
def test_crossing_and_exchanges_keep_lists_valid(seed):
    """A child begins and ends in the order of its mother, and respects precedences before and after exchanges."""
    rng = np.random.default_rng(seed)
    _, project, _ = draw(seed, 15)
    mother, father = draw_list(project, seed), draw_list(project, seed)
    n = len(mother)
    child = np.zeros(n, dtype=np.int64)
    for _ in range(20):
        a, b = sorted(rng.integers(0, n + 1, 2).tolist())
        _cross(mother, father, a, b, child, np.zeros(n, dtype=bool))
        assert is_list(child, project[1])
        assert child[:a].tolist() == mother[:a].tolist()
        places = np.argsort(mother)[child[b:]]
        assert (np.diff(places) > 0).all()
        _exchange_neighbours(child, project[1], 0.5)
        assert is_list(child, project[1])


@pytest.mark.parametrize("seed", range(5))
def test_the_serial_scheme_starts_each_activity_as_early_as_possible(seed):
    """As in a scheme that tries one time after the other; the resources are free again afterwards."""
    _, project, _ = draw(seed, 12)
    duration, before, demand, capacity = project
    order, n = draw_list(project, seed), len(duration)
    free = np.tile(capacity, (duration.sum() + duration.max() + 1, 1))
    start, whole, left = np.zeros(n, dtype=np.int64), free.copy(), free.copy()
    span = _place_serially(order, duration, *_list_arcs(before, False), demand, free, start)
    expected = np.zeros(n, dtype=np.int64)
    for i in order:
        t = int((expected + duration)[before[:, i]].max(initial=0))
        while (left[t : t + duration[i]] < demand[i]).any():
            t += 1
        left[t : t + duration[i]] -= demand[i]
        expected[i] = t
    assert start.tolist() == expected.tolist()
    assert span == (expected + duration).max()
    assert (free == whole).all()


@pytest.mark.parametrize("seed", range(5))
def test_justification_worsens_no_schedule(seed):
    """The list comes back in the order of the starts of a schedule that is at least as short."""
    instance, project, _ = draw(seed, 14)
    duration, before, demand, capacity = project
    order, n = draw_list(project, seed), len(duration)
    arcs = (*_list_arcs(before, False), *_list_arcs(before, True))
    free = np.tile(capacity, (duration.sum() + duration.max() + 1, 1))
    start, key = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    plain = _place_serially(order, duration, *arcs[:2], demand, free, start)
    span = _justify(order, (duration, *arcs, demand), free, start, key)
    assert span == problem.cost(instance, start.tolist()) <= plain
    assert is_list(order, before)
    assert (np.diff(start[order]) >= 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_the_bound_is_below_the_optimum(seed):
    """Where the search ends early, the makespan is optimal."""
    instance, (duration, before, demand, capacity), _ = draw(seed, 10)
    arcs = (*_list_arcs(before, False), *_list_arcs(before, True))
    _, bound = _find_bound((duration, *arcs, demand), capacity)
    assert 0 < bound <= problem.baseline(instance, 10.0).upper


def test_equal_keys_keep_their_order():
    """Sorting is stable: precedences of activities without duration rest on it."""
    order, key = np.array([3, 0, 2, 1, 4]), np.array([5, 1, 1, 5, 0])
    _sort_by(key, order)
    assert order.tolist() == [4, 2, 1, 3, 0]
