"""The exact method of quadratic assignment: bounds, descents, and what must not change an optimum."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.quadratic_assignment.exact import solve
from gapsmith.evaluators.problems.quadratic_assignment.exact.solve import (
    bound_gilmore_lawler,
    bound_scalar_product,
    branch_and_bound,
    compute_cost,
    descend_by_swaps,
    find_assignment,
    find_cost_step,
    solve_quadratic_assignment,
)


@st.composite
def matrices(draw, most=5):
    """Two small matrices, symmetric or not, with zero diagonals or not."""
    n, seed = draw(st.integers(1, most)), draw(st.integers(0, 2**32 - 1))
    rng, symmetric, hollow = np.random.default_rng(seed), draw(st.booleans()), draw(st.booleans())
    flow, distance = (rng.integers(0, draw(st.sampled_from([1, 4, 40])), (n, n), endpoint=True) for _ in "ab")
    if symmetric:
        flow, distance = flow + flow.T, distance + distance.T
    if hollow:
        np.fill_diagonal(flow, 0)
        np.fill_diagonal(distance, 0)
    return flow, distance


def cheapest(flow, distance):
    """The least cost over all assignments."""
    orders = itertools.permutations(range(len(flow)))
    return min(compute_cost(flow, distance, order) for order in orders)


@settings(max_examples=60, deadline=None)
@given(matrices())
def test_quick_bounds_are_never_above_the_optimum(drawn):
    """Gilmore and Lawler's bound lies between the scalar product and the least cost, up to the step."""
    optimum = cheapest(*drawn)
    assert bound_scalar_product(*drawn) <= bound_gilmore_lawler(*drawn) <= optimum
    assert bound_gilmore_lawler(*drawn) % find_cost_step(*drawn) == 0


@settings(max_examples=40, deadline=None)
@given(matrices())
def test_a_descent_ends_where_no_swap_helps(drawn):
    """After the descent every exchange of two locations costs as much or more."""
    flow, distance = drawn
    n = len(flow)
    place = np.random.default_rng(n).permutation(n)
    before = compute_cost(flow, distance, place)
    descend_by_swaps(flow, distance, place)
    after = compute_cost(flow, distance, place)
    assert after <= before
    for i, k in itertools.combinations(range(n), 2):
        other = place.copy()
        other[[i, k]] = other[[k, i]]
        assert compute_cost(flow, distance, other) >= after


def test_a_descent_stops_at_its_deadline():
    """After the deadline one pass at most is made, and what it leaves is an assignment."""
    rng = np.random.default_rng(0)
    flow, distance = rng.integers(0, 9, (2, 12, 12))
    place = rng.permutation(12)
    descend_by_swaps(flow, distance, place, deadline=-1.0)
    assert sorted(place.tolist()) == list(range(12))


@settings(max_examples=30, deadline=None)
@given(matrices(), st.integers(0, 30))
def test_kicks_are_repeatable_and_never_worsen(drawn, kicks):
    """Equal matrices give equal assignments, and more kicks never a dearer one."""
    flow, distance = drawn
    found = find_assignment(flow, distance, kicks)
    assert found == find_assignment(flow, distance, kicks)
    assert sorted(found) == list(range(len(flow)))
    assert compute_cost(flow, distance, find_assignment(flow, distance, kicks + 10)) <= compute_cost(
        flow, distance, found
    )


@settings(max_examples=30, deadline=None)
@given(matrices(), st.randoms(use_true_random=False))
def test_labels_do_not_matter(drawn, random):
    """Facilities and locations under other numbers have the same least cost."""
    flow, distance = drawn
    names, places = (random.sample(range(len(flow)), len(flow)) for _ in "ab")
    found = solve_quadratic_assignment(flow[np.ix_(names, names)], distance[np.ix_(places, places)], 9.0)
    assert found.lower == found.upper == cheapest(flow, distance)


@settings(max_examples=30, deadline=None)
@given(matrices())
def test_flows_and_distances_can_change_roles(drawn):
    """The two matrices exchanged, or both transposed, have the same least cost."""
    flow, distance = drawn
    optimum = cheapest(flow, distance)
    assert solve_quadratic_assignment(distance, flow, 9.0).upper == optimum
    assert solve_quadratic_assignment(flow.T, distance.T, 9.0).upper == optimum


@settings(max_examples=30, deadline=None)
@given(matrices(most=4), st.integers(2, 9), st.integers(2, 9))
def test_common_factors_scale_the_optimum(drawn, a, b):
    """Flows and distances multiplied by numbers multiply the least cost by both."""
    flow, distance = drawn
    found = solve_quadratic_assignment(flow * a, distance * b, 9.0)
    assert found.lower == found.upper == a * b * cheapest(flow, distance)


@settings(max_examples=20, deadline=None)
@given(matrices())
def test_a_bad_start_is_no_hindrance(drawn):
    """Branch and bound finds the optimum from the dearest assignment too."""
    flow, distance = drawn
    orders = itertools.permutations(range(len(flow)))
    worst = max(orders, key=lambda order: compute_cost(flow, distance, order))
    bound, place, nodes = branch_and_bound(flow, distance, list(worst), 9.0)
    assert bound == compute_cost(flow, distance, place) == cheapest(flow, distance)
    assert nodes >= 1


def test_costs_beyond_the_range_are_refused():
    """Matrices whose products could leave 64 bits are an error, not a wrong bound."""
    large = np.full((3, 3), 2**31, np.int64)
    with pytest.raises(ValueError, match="too large"):
        solve_quadratic_assignment(large, large, 1.0)


def test_more_facilities_than_the_search_takes_are_bounded(monkeypatch):
    """Beyond the limit of facilities the quick bound is used, and it is still true."""
    monkeypatch.setattr(solve, "MOST_FACILITIES", 3)
    rng = np.random.default_rng(5)
    flow, distance = rng.integers(0, 9, (2, 5, 5))
    found = solve_quadratic_assignment(flow, distance, 1.0)
    assert found.lower == bound_gilmore_lawler(flow, distance)
    assert found.lower <= cheapest(flow, distance) <= found.upper


def test_late_and_large_ones_get_the_quickest_bound(monkeypatch):
    """Where even the linear assignment would take too long, the scalar product is the bound."""
    monkeypatch.setattr(solve, "LARGE", 3)
    rng = np.random.default_rng(6)
    flow, distance = rng.integers(1, 9, (2, 5, 5))
    found = solve_quadratic_assignment(flow, distance, 0.0)
    assert found.lower == bound_scalar_product(flow, distance) <= cheapest(flow, distance)
