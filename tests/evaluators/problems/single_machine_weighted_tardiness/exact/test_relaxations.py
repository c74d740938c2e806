"""Relaxations of weighted tardiness: bounds, what pruning keeps, and room."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact import relaxations
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.local_search import Jobs
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.relaxations import (
    NoRoom,
    StartTimes,
    States,
)
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.solve import (
    compute_weighted_tardiness,
)


def drawn(seed, n):
    """Jobs in the order that the relaxations expect."""
    rng = np.random.default_rng(seed)
    p, w, d = rng.integers(1, 15, n), rng.integers(1, 10, n), rng.integers(0, 60, n)
    order = np.lexsort((-w, d, p))
    return Jobs(p[order], w[order], d[order])


def optimum(jobs):
    """The least cost over all sequences."""
    return min(
        compute_weighted_tardiness(*jobs, list(order))
        for order in itertools.permutations(range(len(jobs[0])))
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_each_refinement_bounds_at_least_as_well(seed, n):
    """Without multipliers the price rises from times to states to pairs, and never beyond the optimum."""
    jobs, nothing = drawn(seed, n), np.zeros(n, np.int64)
    times = StartTimes(jobs, 1)
    prices = [times.find_shortest_walk(nothing)]
    states = States.build_after(times)
    prices.append(states.find_shortest_walk(nothing))
    prices.append(states.pair_states().find_shortest_walk(nothing))
    assert prices == sorted(prices)
    assert prices[-1] <= optimum(jobs)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_walks_fill_the_time_and_are_counted(seed, n):
    """The walk's jobs take exactly the time of all jobs, none twice running, and visits count them."""
    jobs, nothing = drawn(seed, n), np.zeros(n, np.int64)
    times = StartTimes(jobs, 1)
    for relaxation in (times, States.build_after(times)):
        relaxation.find_shortest_walk(nothing)
        order = relaxation.order()
        assert jobs.processing[order].sum() == jobs.processing.sum()
        assert all(a != b for a, b in itertools.pairwise(order))
        assert np.bincount(order, minlength=n).tolist() == relaxation.visits.tolist()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_an_optimal_sequence_survives_pruning(seed, n):
    """After pruning at the optimum the relaxation still has a walk that costs no more."""
    jobs, nothing = drawn(seed, n), np.zeros(n, np.int64)
    best, times = optimum(jobs), StartTimes(jobs, 1)
    times.find_shortest_walk(nothing)
    size = times.size
    times.prune(nothing, best)
    assert times.size <= size
    assert times.find_shortest_walk(nothing) <= best
    states = States.build_after(times)
    states.find_shortest_walk(nothing)
    states.prune(nothing, best)
    assert states.find_shortest_walk(nothing) <= best


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(2, 9))
def test_the_scale_multiplies_all_prices(seed, n, scale):
    """Costs in a finer unit give the same walks at a multiple of the price."""
    jobs, nothing = drawn(seed, n), np.zeros(n, np.int64)
    assert StartTimes(jobs, scale).find_shortest_walk(nothing) == scale * StartTimes(
        jobs, 1
    ).find_shortest_walk(nothing)


def test_spans_are_shares():
    """The share of the states between a job's first and last one is between 0 and 1."""
    jobs = drawn(4, 6)
    states = States.build_after(StartTimes(jobs, 1))
    spans = states.compute_spans()
    assert spans.shape == (6,)
    assert ((spans >= 0) & (spans <= 1)).all()


def test_what_takes_too_much_memory_is_refused(monkeypatch):
    """A relaxation that would be larger than its share is not built."""
    monkeypatch.setattr(relaxations, "MEMORY_BYTES", 100)
    with pytest.raises(NoRoom):
        StartTimes(drawn(1, 5), 1)
