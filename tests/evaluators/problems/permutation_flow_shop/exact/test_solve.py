"""The exact method of the flow shop: bounds, symmetries of the problem, and limits."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gapsmith.evaluators.problems.permutation_flow_shop.exact import solve
from gapsmith.evaluators.problems.permutation_flow_shop.exact.solve import (
    bound_by_machine,
    bound_by_two_machines,
    compute_completion_times,
    makespan,
    solve_flow_shop,
)


def shops(most_jobs=5, most_machines=4, largest=20):
    """Small shops, operations of no length included."""
    shapes = st.tuples(st.integers(1, most_jobs), st.integers(1, most_machines))
    return shapes.flatmap(lambda shape: arrays(np.int64, shape, elements=st.integers(0, largest)))


def shortest(p):
    """The least makespan over all sequences."""
    return min(makespan(p, np.array(order)) for order in itertools.permutations(range(len(p))))


@settings(max_examples=50, deadline=None)
@given(shops(), st.randoms(use_true_random=False))
def test_completion_times_obey_the_recursion(p, random):
    """No operation starts before its job and its machine are ready, and one of the two waits for it."""
    order = np.array(random.sample(range(len(p)), len(p)))
    done = compute_completion_times(p, order)
    start = done - p[order]
    ready = np.zeros_like(done)
    ready[:, 1:] = done[:, :-1]
    ready[1:] = np.maximum(ready[1:], done[:-1])
    assert (start == ready).all()
    assert makespan(p, order) == done[-1, -1]


def test_makespans_beyond_64_bits_are_exact():
    """Times whose sum leaves int64 are added without overflow."""
    p = np.full((3, 2), 2**62, dtype=np.int64)
    assert makespan(p, np.arange(3)) == 4 * 2**62


@settings(max_examples=60, deadline=None)
@given(shops())
def test_bounds_are_never_above_the_optimum(p):
    """Neither the bound of one machine nor that of two exceeds the least makespan."""
    optimum = shortest(p)
    assert bound_by_machine(p) <= optimum
    assert bound_by_two_machines(p) <= optimum


@settings(max_examples=40, deadline=None)
@given(shops(most_machines=2))
def test_two_machines_are_solved_by_their_bound(p):
    """On two machines Johnson's optimum is the bound; on one the sum of the times is."""
    bound = bound_by_two_machines(p) if p.shape[1] == 2 else bound_by_machine(p)
    assert bound == shortest(p)


def test_the_two_machine_bound_keeps_its_deadline():
    """After the deadline no pair is looked at, which leaves the trivial bound."""
    assert bound_by_two_machines(np.ones((4, 3), np.int64), deadline=-1.0) == 0


@settings(max_examples=25, deadline=None)
@given(shops(most_jobs=6))
def test_a_shop_read_backwards_has_the_same_optimum(p):
    """Machines in the opposite order give the same least makespan: each sequence is mirrored."""
    assert solve_flow_shop(p, 9.0).upper == solve_flow_shop(p[:, ::-1], 9.0).upper


@settings(max_examples=25, deadline=None)
@given(shops(most_jobs=6), st.integers(2, 7))
def test_another_unit_of_time_scales_the_optimum(p, factor):
    """All times multiplied by a number multiply the least makespan."""
    assert solve_flow_shop(p * factor, 9.0).upper == factor * shortest(p)


@settings(max_examples=25, deadline=None)
@given(shops(most_jobs=5), st.randoms(use_true_random=False))
def test_labels_of_jobs_do_not_matter(p, random):
    """Jobs under other numbers have the same least makespan, and the sequence returned has it."""
    order = np.array(random.sample(range(len(p)), len(p)))
    found = solve_flow_shop(p[order], 9.0)
    assert found.lower == found.upper == shortest(p)
    assert makespan(p[order], np.array(found.solution)) == found.upper


@settings(max_examples=25, deadline=None)
@given(shops(most_jobs=4), st.integers(0, 20))
def test_one_more_job_never_shortens_the_optimum(p, length):
    """A further job, even of no length, gives no shorter schedule."""
    more = np.vstack([p, np.full((1, p.shape[1]), length)])
    assert solve_flow_shop(more, 9.0).upper >= shortest(p) + (length if p.shape[1] == 1 else 0)


@pytest.mark.parametrize("size", [1, 7, 30])
def test_without_time_the_bounds_bracket_the_optimum(size):
    """A limit of nothing still gives a feasible sequence, its true makespan, and a bound below it."""
    p = np.random.default_rng(size).integers(1, 99, (size, 5))
    hurried, patient = solve_flow_shop(p, 0.0), solve_flow_shop(p, 0.5)
    assert hurried.lower <= patient.upper
    assert patient.lower <= hurried.upper
    assert sorted(hurried.solution) == list(range(size))
    assert makespan(p, np.array(hurried.solution)) == hurried.upper


def test_shops_that_are_too_large_are_bounded_only(monkeypatch):
    """Beyond the limit of jobs no tree is searched, and bound and sequence are still true."""
    monkeypatch.setattr(solve, "MOST_JOBS", 4)
    p = np.random.default_rng(3).integers(1, 99, (5, 4))
    found = solve_flow_shop(p, 5.0)
    assert found.solver == "flow-shop bounds"
    assert found.lower <= shortest(p) <= found.upper == makespan(p, np.array(found.solution))


def test_large_shops_skip_the_first_heuristic(monkeypatch):
    """Where building a sequence would take too long, jobs stand in the order of their work, and bounds are true."""
    monkeypatch.setattr(solve, "FIRST_INSERTIONS", 1)
    p = np.array([[1, 2], [5, 5], [3, 3]])
    assert solve._run_greedy(p, 0, 0.0).tolist() == [1, 2, 0]
    found = solve_flow_shop(p, 5.0)
    assert found.lower == found.upper == shortest(p)
