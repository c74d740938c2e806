"""The descent for total tardiness: each move is the best one, and the end is a local optimum."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.single_machine_tardiness.exact.descent import descend_by_insertion
from gapsmith.evaluators.problems.single_machine_tardiness.exact.solve import compute_total_tardiness

JOBS = st.lists(st.tuples(st.integers(1, 12), st.integers(-10, 60)), min_size=1, max_size=9)


def arrays(jobs):
    """Processing times and due dates."""
    return np.array([p for p, _ in jobs]), np.array([d for _, d in jobs])


def improved(p, d, order, attempts):
    """The sequence after a descent."""
    order = np.array(order)
    descend_by_insertion(p, d, order, np.empty_like(order), attempts)
    return order.tolist()


def moved(order, source, target):
    """A sequence with one job at another place."""
    rest = order[:source] + order[source + 1 :]
    return [*rest[:target], order[source], *rest[target:]]


@settings(max_examples=60, deadline=None)
@given(JOBS)
def test_a_descent_ends_where_no_insertion_helps(jobs):
    """The result is a sequence of all jobs, no worse than the start, that no move of one job improves."""
    p, d = arrays(jobs)
    order = improved(p, d, range(len(p)), 10**6)
    cost = compute_total_tardiness(p, d, order)
    assert sorted(order) == list(range(len(p)))
    assert cost <= compute_total_tardiness(p, d, list(range(len(p))))
    for source in range(len(p)):
        for target in range(len(p)):
            assert compute_total_tardiness(p, d, moved(order, source, target)) >= cost


@settings(max_examples=60, deadline=None)
@given(JOBS)
def test_one_attempt_makes_the_best_move_of_the_first_job(jobs):
    """The first job goes where the total is least over all places."""
    p, d = arrays(jobs)
    start = list(range(len(p)))
    costs = [compute_total_tardiness(p, d, moved(start, 0, target)) for target in range(len(p))]
    assert compute_total_tardiness(p, d, improved(p, d, start, 1)) == min(costs)


@settings(max_examples=30, deadline=None)
@given(JOBS, st.integers(0, 20))
def test_more_attempts_never_worsen(jobs, attempts):
    """A descent that may try more jobs ends with a total that is as good or better."""
    p, d = arrays(jobs)
    few, more = (improved(p, d, range(len(p)), count) for count in (attempts, attempts + 5))
    assert compute_total_tardiness(p, d, more) <= compute_total_tardiness(p, d, few)


def test_without_attempts_nothing_moves():
    """A limit of nothing leaves the sequence as it is."""
    assert improved(np.array([5, 1]), np.array([0, 0]), [0, 1], 0) == [0, 1]
