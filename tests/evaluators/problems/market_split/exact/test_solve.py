"""Exact methods for market split: symmetries that keep the optimum, planted solutions, descents and limits."""

import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.market_split.exact import solve as exact
from gapsmith.evaluators.problems.market_split.exact.cpsat import solve_with_cpsat
from gapsmith.evaluators.problems.market_split.exact.solve import (
    compute_total_slack,
    flip_while_better,
    solve_market_split,
)


@st.composite
def systems(draw, columns=9):
    """Coefficients and right-hand sides of a small system, seldom feasible."""
    rng = np.random.default_rng(draw(st.integers(0, 99_999)))
    a = rng.integers(
        0, draw(st.sampled_from([3, 40, 200])), (draw(st.integers(1, 3)), draw(st.integers(1, columns)))
    )
    return a, rng.integers(0, 1 + a.sum(axis=1))


def least(a, b):
    """The optimum by full enumeration."""
    points = np.array(list(product((0, 1), repeat=a.shape[1])))
    return int(np.abs(points @ a.T - b).sum(axis=1).min())


@given(systems(), st.integers(0, 999))
def test_planted_solutions_are_found(case, seed):
    """A system that has a solution is solved: the proven slack is 0."""
    a, _ = case
    x = np.random.default_rng(seed).integers(0, 2, a.shape[1])
    found = solve_market_split(a, a @ x, 5.0)
    assert found.lower == found.upper == 0
    assert compute_total_slack(a, a @ x, np.array(found.solution)) == 0


@settings(max_examples=40)
@given(systems())
def test_the_complement_has_the_same_optimum(case):
    """Choosing the columns of the other division asks for the rest of each row, at the same least slack."""
    a, b = case
    assert solve_market_split(a, a.sum(axis=1) - b, 5.0).upper == solve_market_split(a, b, 5.0).upper


@settings(max_examples=40)
@given(systems(), st.integers(0, 999))
def test_order_of_rows_and_columns_does_not_matter(case, seed):
    """Permuted rows and columns have the same least slack, whatever row the search takes first."""
    a, b = case
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(a.shape[0]), rng.permutation(a.shape[1])
    assert solve_market_split(a[rows][:, columns], b[rows], 5.0).upper == least(a, b)


@settings(max_examples=40)
@given(systems(), st.integers(2, 50))
def test_slack_scales_with_the_unit(case, unit):
    """In a smaller unit the least slack is the same amount."""
    a, b = case
    assert solve_market_split(unit * a, unit * b, 5.0).upper == unit * least(a, b)


@given(systems())
def test_a_further_column_never_hurts(case):
    """A column more can be left out, so that the least slack does not rise."""
    a, b = case
    if a.shape[1] > 1:
        assert solve_market_split(a, b, 5.0).upper <= solve_market_split(a[:, 1:], b, 5.0).upper


@settings(max_examples=60)
@given(systems(), st.booleans())
def test_descents_end_in_local_optima(case, single):
    """No flip helps at the end, and no pair of flips unless the system is large; the start is left as it was."""
    a, b = case
    start = np.zeros(a.shape[1], np.int64)
    with pytest.MonkeyPatch.context() as patch:
        if single:
            patch.setattr(exact, "MAX_FOR_PAIR_FLIPS", 0)
        x = flip_while_better(a, b, start)
    assert not start.any()
    for i, j in product(range(len(x)), repeat=2):
        if i == j or not single:
            other = x.copy()
            other[list({i, j})] ^= 1
            assert compute_total_slack(a, b, other) >= compute_total_slack(a, b, x)


def test_a_descent_without_time_changes_nothing():
    """At a deadline in the past the point comes back, as a copy."""
    a, b, x = np.array([[3, 4, 5]]), np.array([9]), np.ones(3, np.int64)
    y = flip_while_better(a, b, x, time.process_time() - 1)
    assert y.tolist() == [1, 1, 1]
    assert y is not x


@settings(max_examples=15)
@given(systems(columns=7))
def test_wide_systems_are_proven_by_the_model(case):
    """Where meet in the middle is out of reach, CP-SAT proves the same optimum."""
    a, b = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "MAX_COLUMNS", 0)
        found = solve_market_split(a, b, 5.0)
    assert found.lower == found.upper == least(a, b)
    assert found.upper == 0 or found.solver == "CP-SAT"


@given(systems())
def test_systems_beyond_all_methods_have_a_bound_of_zero(case):
    """Without any exact method the bound is 0, and the solution costs what is said."""
    a, b = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "MAX_COLUMNS", 0)
        patch.setattr(exact, "MAX_COEFFICIENTS", 0)
        found = solve_market_split(a, b, 5.0)
    assert (found.lower, found.solver) == (0, "descent")
    assert found.upper == compute_total_slack(a, b, np.array(found.solution)) >= least(a, b)


@settings(max_examples=15)
@given(systems(columns=7), st.integers(0, 99))
def test_the_model_never_returns_a_worse_point(case, seed):
    """The point that CP-SAT returns is at least as good as that it starts from, and not below its bound."""
    a, b = case
    x = np.random.default_rng(seed).integers(0, 2, a.shape[1])
    lower, found = solve_with_cpsat(a, b, x, 2.0)
    assert lower <= compute_total_slack(a, b, found) <= compute_total_slack(a, b, x)
