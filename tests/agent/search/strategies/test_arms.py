"""Trajectories: the control's share, and who is given up when."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.search.selection.population import Elite
from gapsmith.agent.search.strategies import CONTROL, make_portfolio
from gapsmith.agent.search.strategies.arms import CONTROL_LEAST, CONTROL_MOST, CUTS, Arms, is_fresh

SEARCHING = [strategy.name for strategy in make_portfolio(900) if strategy.name != CONTROL]


def six(gaps=()):
    """All trajectories; the searching ones with an elite of these gaps, in their order."""
    arms = Arms(make_portfolio(900))
    for number, (name, gap) in enumerate(zip(SEARCHING, gaps, strict=False)):
        arms.all[name].population.add(Elite(number, "", 1, gap, (number,)))
    return arms


@pytest.mark.parametrize(
    ("budget", "count"), [(1, 2), (299, 2), (300, 2), (449, 2), (450, 3), (600, 4), (900, 6), (1e9, 6)]
)
def test_a_budget_feeds_so_many_trajectories(budget, count):
    """One for each 150 evaluations, two at least and six at most; names differ, and the control is among them."""
    names = [strategy.name for strategy in make_portfolio(budget)]
    assert len(set(names)) == len(names) == count
    assert CONTROL in names


@pytest.mark.parametrize("budget", [100, 600, 900])
@pytest.mark.parametrize("gainful", [CONTROL, "genetic"])
def test_the_control_has_its_share_whatever_gains(budget, gainful):
    """Between 15 and 20 % of the slots, in a long run in which one gains always and trajectories are given up."""
    arms, asked = Arms(make_portfolio(budget)), 0
    for slot in range(1, 801):
        arm = arms.choose(Random(slot))
        asked += arm.name == CONTROL
        arms.bandit.learn(arm.name, float(arm.name == gainful), 1.0, arm.name == gainful)
        arms.cut(slot / 800)
        assert CONTROL_LEAST - 1 / slot <= asked / slot <= CONTROL_MOST + 1 / slot


def test_nobody_is_given_up_before_a_quarter_of_the_budget():
    """However bad a trajectory is, it has its quarter; then the worse half goes, and at half of the budget again."""
    arms = six([5.0, 4.0, 3.0, 2.0, 1.0])
    assert [arms.cut(share / 100) for share in range(25)] == [[]] * 25
    assert arms.cut(CUTS[0]) == SEARCHING[1::-1]
    assert arms.cut(0.49) == []
    assert arms.cut(CUTS[1]) == SEARCHING[2:3]
    assert set(arms.live) == {CONTROL, *SEARCHING[3:]}
    assert arms.cut(1.0) == []


def test_two_cuts_may_come_at_once():
    """A run that leaps over both cuts gives up as many."""
    slow, leaping = six([1.0, 2.0, 3.0, 4.0, 5.0]), six([1.0, 2.0, 3.0, 4.0, 5.0])
    gone = slow.cut(0.3) + slow.cut(0.6)
    assert leaping.cut(0.6) == gone
    assert leaping.live == slow.live
    assert set(slow.live) == {CONTROL, *SEARCHING[:2]}


@given(
    st.integers(1, 1000),
    st.lists(st.floats(0, 100), max_size=5),
    st.lists(st.floats(0, 1), max_size=9).map(sorted),
)
def test_the_control_and_the_best_stay(budget, gaps, moments):
    """Whenever cuts come, the control is left, and the best of the others."""
    arms = Arms(make_portfolio(budget))
    searching = [name for name in arms.all if name != CONTROL]
    for number, (name, gap) in enumerate(zip(searching, gaps, strict=False)):
        arms.all[name].population.add(Elite(number, "", 1, gap, (number,)))
    for share in moments:
        arms.cut(share)
    best = min(searching, key=lambda name: arms.all[name].gap)
    assert {CONTROL, best} <= set(arms.live)


def test_who_is_given_up_is_not_asked():
    """After a cut only the living are chosen."""
    arms = six([1.0, 2.0, 3.0, 4.0, 5.0])
    gone = arms.cut(0.6)
    chosen = {arms.choose(Random(seed)).name for seed in range(300)}
    assert chosen == set(arms.live)
    assert not chosen & set(gone)


def test_all_start_from_the_same_programs():
    """What is given to the search is given to every trajectory, to each its own copy of the elites."""
    arms = six()
    arms.seed(Elite(7, "", 1, 3.0, (7,), name="EDD"))
    assert [arm.population.best.program for arm in arms.all.values()] == [7] * 6
    arms.all["genetic"].population.add(Elite(8, "", 1, 1.0, (8,)))
    assert (arms.all["genetic"].gap, arms.all["merging"].gap) == (1.0, 3.0)


def test_a_fresh_trajectory_takes_the_place_of_the_worst():
    """Of equally good ones that which was asked most gives way; one that was dropped takes none with it."""
    arms = six([1.0, 4.0, 4.0, 2.0, 3.0])
    arms.all[SEARCHING[2]].asked = 9
    best = Elite(99, "", 1, 0.5, (99,))
    arm, replaced = arms.start_fresh(arms.all["genetic"].strategy, best, "a model")
    assert (arm.name, replaced, arm.avoided) == ("fresh-1", SEARCHING[2], "a model")
    assert arms.live == [name for name in (*list(arms.all)[:6], "fresh-1") if name != SEARCHING[2]]
    assert arms.start_fresh(arms.all["genetic"].strategy, best, "")[1] == SEARCHING[1]


def test_names_of_fresh_trajectories_are_known():
    """Others are not taken for such."""
    assert is_fresh("fresh-12")
    assert not any(map(is_fresh, ("fresh", "fresh-", "fresh-x", "refresh-1", "sequential-2")))


def test_the_control_gives_way_where_it_is_asked_to():
    """Unless nothing else is left."""
    arms = Arms(make_portfolio(100))
    assert CONTROL not in {arms.choose(Random(k), with_control=False).name for k in range(50)}
    arms.live = [CONTROL]
    assert arms.choose(Random(1), with_control=False).name == CONTROL
