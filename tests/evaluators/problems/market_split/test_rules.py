"""Rules of market split and the blocks that generalise them."""

import numpy as np
from helpers import filled_block
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.market_split.exact.solve import compute_total_slack
from gapsmith.evaluators.problems.market_split.problem import problem

GRAMMAR = problem.grammar


@st.composite
def systems(draw):
    """A system of up to twelve columns."""
    rng = np.random.default_rng(draw(st.integers(0, 99_999)))
    a = rng.integers(0, 100, (draw(st.integers(1, 4)), draw(st.integers(1, 12))))
    return a, a.sum(axis=1) // 2


def rule(name, a, b):
    """What a reference rule returns."""
    return np.asarray(problem.find_rule(name).function(a, b))


def least(a, b):
    """The least slack by all points at once."""
    points = np.arange(1 << a.shape[1])[:, None] >> np.arange(a.shape[1]) & 1
    return int(np.abs(points @ a.T - b).sum(axis=1).min())


@settings(max_examples=40)
@given(systems())
def test_one_pass_by_weight_is_the_greedy_rule(case):
    """The block with the rule's own order takes the same columns."""
    block = filled_block(GRAMMAR, "construct", "one_pass", "weight")
    assert block(*case).tolist() == rule("Greedy slack", *case).tolist()


@settings(max_examples=40)
@given(systems())
def test_enumeration_solves_what_fits_into_it(case):
    """Of up to twelve columns nothing is rounded: the rule finds the optimum that the exact method proves."""
    a, b = case
    assert compute_total_slack(a, b, rule("Rounding+enumeration", a, b)) == least(a, b)


@settings(max_examples=30)
@given(systems())
def test_rules_that_begin_with_another_are_never_worse(case):
    """Flips after the greedy rule, and enumeration after rounding, only lower the slack."""
    a, b = case
    assert compute_total_slack(a, b, rule("Greedy+flips", a, b)) <= compute_total_slack(
        a, b, rule("Greedy slack", a, b)
    )
    assert compute_total_slack(a, b, rule("Many starts", a, b)) >= least(a, b)


@settings(max_examples=20)
@given(systems(), st.sampled_from(GRAMMAR.priorities))
def test_constructions_are_no_worse_than_where_they_begin(case, priority):
    """`include` begins with no column and `exclude` with all: the best selection on the way counts."""
    a, b = case
    none, every = np.zeros(a.shape[1], int), np.ones(a.shape[1], int)
    for name, start in (("include", none), ("exclude", every), ("one_pass", none)):
        with np.errstate(all="ignore"):
            x = filled_block(GRAMMAR, "construct", name, priority)(a, b)
        assert set(x.tolist()) <= {0, 1}
        assert compute_total_slack(a, b, x) <= compute_total_slack(a, b, start)
