"""CP-SAT's schedules of shops and projects: feasible, and as long as the best of all sequences."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.solvers import makespan

SECONDS = 10.0


def sequence_length(p, sequence):
    """The makespan of a permutation schedule."""
    ends = [0] * p.shape[1]
    for job in sequence:
        now = 0
        for k, length in enumerate(p[job]):
            ends[k] = now = max(now, ends[k]) + int(length)
    return ends[-1]


@settings(deadline=None, max_examples=15)
@given(st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=2, max_size=4))
def test_a_flow_shop_is_as_short_as_the_best_sequence(rows):
    """The bound is the optimum, and the sequence has it."""
    p = np.array(rows)
    optimum = min(sequence_length(p, order) for order in permutations(range(len(p))))
    found, sequence = makespan.solve_permutation_flow_shop(p, 0, SECONDS)
    assert sorted(sequence) == list(range(len(p)))
    assert found.lower == optimum == sequence_length(p, sequence)


def job_shop_of(seed, jobs=3, machines=3):
    """A random job shop, and a schedule that has no two operations at once."""
    rng = np.random.default_rng(seed)
    order = np.array([rng.permutation(machines) for _ in range(jobs)])
    p = rng.integers(1, 9, (jobs, machines))
    starts = np.concatenate(([0], np.cumsum(p.ravel())[:-1])).reshape(p.shape)
    return order, p, starts


def dispatched(order, p):
    """The least makespan over all orders in which jobs are asked for their next operation."""
    jobs, steps = p.shape
    best = int(p.sum())

    def extend(done, ready, free):
        nonlocal best
        if max(*ready, *free) >= best:
            return
        if sum(done) == jobs * steps:
            best = max(ready)
            return
        for job in range(jobs):
            if done[job] < steps:
                machine = order[job, done[job]]
                end = max(ready[job], free[machine]) + int(p[job, done[job]])
                extend(
                    [d + (k == job) for k, d in enumerate(done)],
                    [end if k == job else r for k, r in enumerate(ready)],
                    [end if k == machine else f for k, f in enumerate(free)],
                )

    extend([0] * jobs, [0] * jobs, [0] * (int(order.max()) + 1))
    return best


@pytest.mark.parametrize("seed", range(4))
def test_a_job_shop_is_as_short_as_the_best_schedule(seed):
    """Semi-active schedules hold an optimum: the least of all of them is the bound."""
    order, p, starts = job_shop_of(seed)
    found = makespan.solve_job_shop(order, p, starts, SECONDS)
    assert found.starts is not None
    begin = np.array(found.starts).reshape(p.shape)
    assert found.lower == int((begin + p).max()) == dispatched(order, p)
    assert (begin[:, 1:] >= (begin + p)[:, :-1]).all()
    for machine in range(order.max() + 1):
        spans = sorted(zip(begin[order == machine], (begin + p)[order == machine], strict=True))
        assert all(one[1] <= other[0] for one, other in pairwise(spans))


def project_of():
    """Four activities, two of which share a resource that only one can have."""
    p, precedence = np.array([3, 2, 2, 1]), np.array([[0, 3], [1, 3]])
    demand, capacity = np.array([[1], [1], [0], [0]]), np.array([1])
    return p, precedence, demand, capacity, np.array([0, 3, 0, 5])


def test_a_project_waits_for_its_resource():
    """Activities that share a unit follow each other, and the rest runs beside them."""
    p, precedence, demand, capacity, starts = project_of()
    found = makespan.solve_project(p, precedence, demand, capacity, starts, 0, SECONDS)
    assert found.lower == 6
    assert found.starts is not None
    ends = [start + int(length) for start, length in zip(found.starts, p, strict=True)]
    assert all(found.starts[after] >= ends[before] for before, after in precedence)
    assert ends[0] <= found.starts[1] or ends[1] <= found.starts[0]


def test_more_units_make_a_project_shorter():
    """With two units nothing waits but for its predecessors."""
    p, precedence, demand, _, starts = project_of()
    assert makespan.solve_project(p, precedence, demand, np.array([2]), starts, 0, SECONDS).lower == 4


def test_a_proven_bound_is_never_given_up():
    """Without time the bound is the one that was known, or better."""
    order, p, starts = job_shop_of(1, 6, 6)
    loads = [int(p[order == k].sum()) for k in range(6)]
    found = makespan.solve_job_shop(order, p, starts, 0.0)
    assert found.lower >= max(*loads, int(p.sum(axis=1).max()))
    assert found.lower <= int((starts + p).max())


def test_a_run_is_reproducible():
    """One worker and a fixed seed: equal instances have equal schedules."""
    order, p, starts = job_shop_of(2)
    one, two = (makespan.solve_job_shop(order, p, starts, SECONDS) for _ in range(2))
    assert (one.lower, one.starts) == (two.lower, two.starts)
