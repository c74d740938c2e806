"""Rules of the knapsack and the blocks that generalise them."""

import numpy as np
import pytest
from helpers import filled_block
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.multidimensional_knapsack.problem import problem

GRAMMAR = problem.grammar


@st.composite
def packings(draw):
    """Instances of up to 25 items, drawn as the generator draws them, with ties in small ones."""
    n, m = draw(st.integers(1, 25)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 99_999)))
    weight = rng.integers(0, draw(st.sampled_from([4, 1000])), (m, n), endpoint=True)
    profit = rng.integers(1, 1000, n)
    return profit, weight, (draw(st.sampled_from([0.25, 0.5, 0.75])) * weight.sum(axis=1)).astype(np.int64)


def chosen_by(name, case):
    """The items that a rule packs, in their order."""
    return sorted(int(item) for item in problem.find_rule(name).function(*case))


@pytest.mark.parametrize("rule", problem.rules, ids=lambda rule: rule.name)
@settings(max_examples=10)
@given(packings())
def test_every_rule_leaves_no_room_for_a_further_item(rule, case):
    """A rule stops only when nothing that is left out fits."""
    _, weight, capacity = case
    chosen = chosen_by(rule.name, case)
    left = capacity - weight[:, chosen].sum(axis=1)
    assert (left >= 0).all()
    outside = np.setdiff1d(np.arange(weight.shape[1]), chosen)
    assert not (weight[:, outside] <= left[:, None]).all(axis=0).any()


@settings(max_examples=20)
@given(packings())
def test_adding_by_profit_is_the_rule_profit(case):
    """The block `add` with the priority `-value` packs what the greedy rule packs."""
    profit, weight, capacity = case
    block = filled_block(GRAMMAR, "construct", "add", "-value")
    chosen = np.flatnonzero(block(profit, weight, capacity, np.ones(len(capacity))))
    assert chosen.tolist() == chosen_by("Profit", case)


@settings(max_examples=20)
@given(packings())
def test_exchanges_of_the_rule_only_gain(case):
    """The multipliers' packing improved by exchanges is worth no less than before."""
    profit = case[0]
    assert profit[chosen_by("DualExchange", case)].sum() >= profit[chosen_by("DualMultiplier", case)].sum()


@settings(max_examples=15)
@given(packings(), st.sampled_from(GRAMMAR.priorities))
def test_blocks_pack_within_every_capacity(case, priority):
    """With every price of the capacities and every priority, both constructions return a packing."""
    _, weight, capacity = case
    for price in GRAMMAR.blocks["price"]:
        rates = price(*case)
        assert (rates >= 0).all()
        for name in GRAMMAR.sources("construct"):
            with np.errstate(all="ignore"):  # a priority may divide by 0
                chosen = filled_block(GRAMMAR, "construct", name, priority)(*case, rates)
            assert (weight[:, chosen].sum(axis=1) <= capacity).all()


@settings(max_examples=15)
@given(packings(), st.integers(0, 99))
def test_improvements_stay_feasible_and_never_lose(case, seed):
    """From any packing an improvement returns one of at least its profit, and leaves the first as it was."""
    profit, weight, capacity = case
    start = np.zeros(len(profit), dtype=bool)
    for item in np.random.default_rng(seed).permutation(len(profit))[: len(profit) // 2]:
        start[item] = (weight[:, start].sum(axis=1) + weight[:, item] <= capacity).all()
    for block in GRAMMAR.blocks["improve"]:
        kept = start.copy()
        improved = block(profit, weight, capacity, start)
        assert (start == kept).all()
        assert (weight[:, improved].sum(axis=1) <= capacity).all()
        assert profit[improved].sum() >= profit[start].sum()
