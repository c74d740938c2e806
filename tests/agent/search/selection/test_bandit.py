"""Who is asked next: what gained is preferred, cheaply, and nothing is ever forgotten for good."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.search.operators import OPERATORS
from gapsmith.agent.search.selection.bandit import DISCOUNT, FLOOR, Bandit

EVEN = {"a": 1.0, "b": 1.0}


def taught(**rewards):
    """A bandit that saw forty tries of each, at these rewards and a cost of 1."""
    bandit = Bandit()
    for _ in range(40):
        for name, reward in rewards.items():
            bandit.learn(name, reward, 1.0, reward > 0)
    return bandit


def shares(bandit, priors, tries=2000):
    """How often each is chosen, over as many seeds."""
    counts = dict.fromkeys(priors, 0)
    for seed in range(tries):
        counts[bandit.choose(Random(seed), priors)] += 1
    return {name: count / tries for name, count in counts.items()}


def test_before_anything_is_known_priors_decide():
    """The shares of the operators are in the order of their weights, and none is 0."""
    priors = {operator.name: operator.weight for operator in OPERATORS}
    found = shares(Bandit(), priors)
    assert max(found, key=found.get) == "refine"
    assert found["refine"] > found["merge"] > found["simplify"] > 0


def test_what_gains_is_preferred_and_nothing_dies_out():
    """One that always gains is asked nearly always; the other keeps its floor."""
    found = shares(taught(a=0.9, b=0.0), EVEN)
    assert found["a"] > 0.9
    assert 0.6 * FLOOR < found["b"] < 1.8 * FLOOR


def test_what_costs_more_is_asked_less():
    """Of two that gain alike the cheaper one is preferred."""
    bandit = Bandit()
    for _ in range(40):
        bandit.learn("a", 0.5, 1.0, True)
        bandit.learn("b", 0.5, 4.0, True)
    assert shares(bandit, EVEN)["a"] > 0.8


def test_old_gains_fade():
    """What a name gained weighs less by the discount with every later try, and is overtaken by what gains now."""
    bandit = Bandit()
    bandit.learn("a", 1.0, 1.0, True)
    for _ in range(10):
        bandit.learn("b", 0.25, 1.0, True)
    assert bandit.tallies["a"].success == pytest.approx(DISCOUNT**10)
    late = taught(a=1.0, b=0.0)
    for _ in range(120):
        late.learn("a", 0.0, 1.0, False)
        late.learn("b", 0.5, 1.0, True)
    assert shares(late, EVEN)["b"] > 0.8


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 1), st.floats(0.01, 9)), max_size=40))
def test_tallies_count(tries):
    """Tries, gains, rewards and costs are sums; successes and failures are at most as many as tries."""
    bandit = Bandit()
    for name, reward, cost in tries:
        bandit.learn(name, reward, cost, reward > 0)
    for name, tally in bandit.tallies.items():
        mine = [(reward, cost) for other, reward, cost in tries if other == name]
        assert (tally.tries, tally.gains) == (len(mine), sum(reward > 0 for reward, _ in mine))
        assert tally.reward == pytest.approx(sum(reward for reward, _ in mine))
        assert tally.mean_cost == pytest.approx(sum(cost for _, cost in mine) / len(mine))
        assert tally.success + tally.failure <= tally.tries + 1e-9


@given(st.integers(0, 10_000))
def test_chance_comes_from_the_generator_alone(seed):
    """Equal generators and tallies choose alike, and choosing teaches nothing."""
    bandit = taught(a=0.5, b=0.4)
    before = dict(bandit.tallies)
    assert bandit.choose(Random(seed), EVEN) == bandit.choose(Random(seed), EVEN)
    assert bandit.tallies == before
