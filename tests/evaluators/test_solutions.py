"""Solutions that are none: each mutant of a permutation is told apart, with the reason in words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.evaluators.base import Infeasible
from gapsmith.evaluators.solutions import permutation, subset

permutations = st.integers(1, 12).flatmap(lambda n: st.permutations(range(n)))
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 6) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
)


def reason(solution, n):
    """Why it is none."""
    with pytest.raises(Infeasible) as caught:
        permutation(solution, n, "job")
    return str(caught.value)


@given(permutations)
def test_permutations_pass(order):
    """What is a permutation comes back as it is."""
    assert permutation(list(order), len(order), "job").tolist() == list(order)


@given(anything, st.integers(1, 6))
def test_nothing_else_passes(solution, n):
    """Whatever JSON may hold: it is a permutation, or there is a reason in one line."""
    if (
        isinstance(solution, list)
        and all(type(v) is int for v in solution)
        and sorted(solution) == list(range(n))
    ):
        return
    assert "expected" in reason(solution, n) or "go from 0 to" in reason(solution, n)


@given(permutations, st.data())
def test_mutants_are_caught(order, data):
    """One element dropped, repeated, moved out of range, or made a float, a string or a boolean."""
    n, solution = len(order), list(order)
    k = data.draw(st.integers(0, n - 1))
    assert "indices" in reason(solution[:k] + solution[k + 1 :], n)
    assert f"returned {n + 1} indices" in reason([*solution, solution[k]], n)
    for wrong in (n, -1, 10**30):
        assert f"position {k} holds {wrong}" in reason([*solution[:k], wrong, *solution[k + 1 :]], n)
    for wrong in (float(order[k]), str(order[k]), bool(order[k]), None, [order[k]], float("nan")):
        assert f"position {k} holds {wrong!r}" in reason([*solution[:k], wrong, *solution[k + 1 :]], n)
    if n > 1:
        twin = [*solution[:k], solution[k - 1], *solution[k + 1 :]]
        assert f"job {order[k]} is missing and another appears twice" in reason(twin, n)


def test_the_reason_is_short():
    """A string of any length does not fill the archive."""
    assert len(reason(["x" * 10_000], 1)) < 200
    assert json.dumps(reason(["\ud83d"], 1)).isascii()


@given(st.sets(st.integers(0, 8)).map(list))
def test_subsets_pass(chosen):
    """Distinct indices in any order come back as they are, none of them included."""
    assert subset(chosen, 9, "item").tolist() == chosen


@pytest.mark.parametrize(
    ("solution", "words"),
    [
        ([0, 0], "item 0 appears twice"),
        ([3], "item indices go from 0 to 2"),
        ([-1], "item indices go from 0 to 2"),
        ([True], "position 0 holds True"),
        ([1.0], "position 0 holds 1.0"),
        ((0, 1), "returned tuple"),
    ],
)
def test_what_is_no_subset_is_infeasible(solution, words):
    """Repetitions, indices out of range and what is no list of integers are told apart."""
    with pytest.raises(Infeasible, match=words):
        subset(solution, 3, "item")
