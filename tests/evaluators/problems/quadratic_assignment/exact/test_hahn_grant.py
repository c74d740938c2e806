"""The kernels of Hahn and Grant's bound: what each takes out of the costs it adds to the bound."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gapsmith.evaluators.problems.quadratic_assignment.exact.hahn_grant import (
    solve_assignment,
    subtract_minima,
)

COSTS = st.integers(1, 5).flatmap(lambda n: arrays(np.int64, (n, n), elements=st.integers(0, 40)))


def total(costs, order):
    """The sum of one cost in each row and column."""
    return int(sum(costs[i, j] for i, j in enumerate(order)))


@settings(max_examples=60, deadline=None)
@given(COSTS)
def test_reductions_take_the_same_from_every_assignment(costs):
    """What is subtracted from rows and columns is the value returned, and no cost falls below 0."""
    n, reduced = len(costs), costs.copy()
    value = subtract_minima(reduced, n)
    assert (reduced >= 0).all()
    for order in itertools.permutations(range(n)):
        assert total(costs, order) == value + total(reduced, order)
    assert (reduced.min(axis=0) == 0).all()


@settings(max_examples=60, deadline=None)
@given(COSTS)
def test_a_settled_matrix_keeps_all_differences(costs):
    """The value is the least assignment, and the reduced costs tell how much more each other one costs."""
    n, reduced = len(costs), costs.copy()
    value = solve_assignment(reduced, n, np.zeros((7, n), np.int64))
    orders = list(itertools.permutations(range(n)))
    assert value == min(total(costs, order) for order in orders)
    assert (reduced >= 0).all()
    assert all(total(costs, order) == value + total(reduced, order) for order in orders)


@settings(max_examples=40, deadline=None)
@given(COSTS, st.integers(0, 3))
def test_only_the_first_rows_and_columns_are_used(costs, more):
    """A matrix with room to spare is settled as one without, and the rest is left alone."""
    n = len(costs)
    wide = np.full((n + more, n + more), 99, np.int64)
    wide[:n, :n] = costs
    narrow = costs.copy()
    work = np.zeros((7, n + more), np.int64)
    assert solve_assignment(wide, n, work) == solve_assignment(narrow, n, np.zeros((7, n), np.int64))
    assert (wide[n:] == 99).all()
    assert (wide[:, n:] == 99).all()
