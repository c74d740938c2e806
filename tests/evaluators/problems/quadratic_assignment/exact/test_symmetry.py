"""Symmetries of matrices against all permutations."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gapsmith.evaluators.problems.quadratic_assignment.exact import symmetry
from gapsmith.evaluators.problems.quadratic_assignment.exact.symmetry import list_automorphisms

MATRICES = st.integers(1, 5).flatmap(lambda n: arrays(np.int64, (n, n), elements=st.integers(0, 1)))


def listed(matrix):
    """The symmetries found, as a set."""
    return {tuple(each) for each in list_automorphisms(matrix).tolist()}


@settings(max_examples=80, deadline=None)
@given(MATRICES)
def test_all_symmetries_are_found_and_no_others(matrix):
    """They are the permutations of rows and columns alike that leave the matrix as it is."""
    orders = itertools.permutations(range(len(matrix)))
    assert listed(matrix) == {s for s in orders if (matrix[np.ix_(s, s)] == matrix).all()}


@settings(max_examples=40, deadline=None)
@given(MATRICES)
def test_symmetries_are_a_group(matrix):
    """With two symmetries their composition is one, and each has its inverse among them."""
    found = listed(matrix)
    for s, t in itertools.product(found, repeat=2):
        assert tuple(s[t[i]] for i in range(len(s))) in found
    assert {tuple(np.argsort(s).tolist()) for s in found} == found


def test_of_many_the_first_are_listed(monkeypatch):
    """Where there are more than the limit, the first in lexicographic order are given, the identity first."""
    monkeypatch.setattr(symmetry, "MOST", 4)
    assert list_automorphisms(np.zeros((4, 4), np.int64)).tolist() == [
        list(order) for order in itertools.islice(itertools.permutations(range(4)), 4)
    ]


def test_without_a_budget_the_identity_is_left(monkeypatch):
    """Where nothing may be looked at, the one symmetry that always is one is returned."""
    monkeypatch.setattr(symmetry, "ATTEMPTS", 0)
    assert list_automorphisms(np.zeros((5, 5), np.int64)).tolist() == [[0, 1, 2, 3, 4]]
