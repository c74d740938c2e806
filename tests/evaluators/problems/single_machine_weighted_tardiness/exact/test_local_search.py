"""The moves of weighted tardiness: prices of moves against prices of sequences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.local_search import (
    Jobs,
    compute_cost,
    descend,
    find_best_insertion,
    iterate,
    move_job,
    price_exchange,
    write_completions,
)
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.solve import (
    compute_weighted_tardiness,
)

JOBS = st.lists(
    st.tuples(st.integers(1, 12), st.integers(0, 9), st.integers(-10, 60)), min_size=1, max_size=8
)


def jobs_of(rows):
    """Jobs of rows of length, weight and due date."""
    return Jobs(*(np.array(column, np.int64) for column in zip(*rows, strict=True)))


def cost(jobs, order):
    """What a sequence costs."""
    return compute_weighted_tardiness(*jobs, list(order))


def moved(order, source, target):
    """A sequence with one job at another place."""
    rest = order[:source] + order[source + 1 :]
    return [*rest[:target], order[source], *rest[target:]]


@settings(max_examples=50, deadline=None)
@given(JOBS, st.randoms(use_true_random=False))
def test_completions_and_costs_are_those_of_the_sequence(rows, random):
    """The completion times are sums of processing times, and the cost is the sum of the jobs' prices."""
    jobs = jobs_of(rows)
    order = np.array(random.sample(range(len(rows)), len(rows)))
    completion = np.empty_like(order)
    total = write_completions(jobs, order, completion)
    assert completion.tolist() == np.cumsum(jobs.processing[order]).tolist()
    assert (
        total
        == cost(jobs, order)
        == sum(compute_cost(jobs, j, t) for j, t in zip(order, completion, strict=True))
    )


@settings(max_examples=50, deadline=None)
@given(JOBS, st.data())
def test_an_exchange_changes_the_cost_by_its_gain(rows, data):
    """For every two places the gain is the difference of the two sequences' costs."""
    jobs, n = jobs_of(rows), len(rows)
    order = np.array(data.draw(st.permutations(range(n))))
    completion = np.empty_like(order)
    before = write_completions(jobs, order, completion)
    for first in range(n):
        for second in range(first + 1, n):
            other = order.copy()
            other[[first, second]] = other[[second, first]]
            assert price_exchange(jobs, order, completion, first, second) == cost(jobs, other) - before


@settings(max_examples=50, deadline=None)
@given(JOBS, st.data())
def test_the_best_insertion_is_the_best_of_all(rows, data):
    """Its change is the least over all places, and the move of the job there has it."""
    jobs, n = jobs_of(rows), len(rows)
    order = data.draw(st.permutations(range(n)))
    array, completion = np.array(order), np.empty(n, np.int64)
    before = write_completions(jobs, array, completion)
    for place in range(n):
        change, target = find_best_insertion(jobs, array, completion, place)
        assert change == min(cost(jobs, moved(order, place, other)) for other in range(n)) - before
        assert cost(jobs, moved(order, place, target)) == before + change


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(7)), st.integers(0, 6), st.integers(0, 6))
def test_a_move_shifts_what_lies_between(order, source, target):
    """The job stands at its target, and the others keep their order."""
    array = np.array(order)
    move_job(array, source, target)
    assert array.tolist() == moved(list(order), source, target)


@settings(max_examples=40, deadline=None)
@given(JOBS)
def test_a_descent_ends_where_neither_move_helps(rows):
    """In the end no insertion and no exchange improves, and the cost returned is that of the sequence."""
    jobs, n = jobs_of(rows), len(rows)
    array = np.arange(n)
    found = descend(jobs, array, np.empty(n, np.int64), 10**6)
    order = array.tolist()
    assert found == cost(jobs, order) <= cost(jobs, range(n))
    for place in range(n):
        for other in range(n):
            exchanged = order.copy()
            exchanged[place], exchanged[other] = exchanged[other], exchanged[place]
            assert cost(jobs, exchanged) >= found
            assert cost(jobs, moved(order, place, other)) >= found


@pytest.mark.parametrize("seed", range(5))
def test_kicks_are_repeatable_and_never_worsen(seed):
    """Equal seeds give equal sequences, and more rounds never a worse one."""
    rng, costs = np.random.default_rng(seed), []
    jobs = Jobs(rng.integers(1, 50, 20), rng.integers(1, 10, 20), rng.integers(0, 500, 20))
    for rounds in (0, 10, 10, 60):
        best = np.arange(20)
        costs.append(iterate(jobs, best, np.empty_like(best), np.empty_like(best), rounds, seed, 10**6))
        assert costs[-1] == cost(jobs, best)
    assert costs[1] == costs[2]
    assert costs == sorted(costs, reverse=True)


def test_without_attempts_nothing_moves():
    """A limit of nothing leaves the sequence as it is, with its cost."""
    jobs, order = jobs_of([(5, 1, 0), (1, 9, 0)]), np.array([0, 1])
    assert descend(jobs, order, np.empty(2, np.int64), 0) == 5 + 9 * 6
    assert order.tolist() == [0, 1]
