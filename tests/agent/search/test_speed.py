"""CPU time as the goal: when it begins, what it asks, and when it is over."""

from random import Random
from types import SimpleNamespace

import numpy as np
import pytest

from gapsmith.agent.search.choice import Choice
from gapsmith.agent.search.operators import ACCELERATE, BY_NAME, RULE
from gapsmith.agent.search.selection.population import Elite, Population
from gapsmith.agent.search.state import SearchState
from gapsmith.agent.search.strategies import CONTROL
from gapsmith.evaluators.base import Baseline, Instance
from gapsmith.evaluators.scoring import Scale

SCALE = Scale([Instance(str(k), {}) for k in range(8)], [Baseline(9, 9, None, "hand", 0.0)] * 8)
BENCH = SimpleNamespace(scale=SCALE, classes=("all",) * 8, find_worst_stratum=lambda losses: "")
OPTIMAL = (9.0,) * 8


def elite(program, cpu_seconds, gap=0.0, name=""):
    """A program that is optimal, unless it has a gap."""
    losses = (gap / 8,) * 8
    costs = OPTIMAL if not gap else tuple(9 + loss for loss in losses)
    return Elite(program, "pass", 5, gap, costs, cpu_seconds, name, losses)


def solved(**options):
    """A search whose first rule is optimal, and takes a second; its second rule is not."""
    splits = SimpleNamespace(train=BENCH, validation=BENCH, crossed=False)
    state = SearchState(
        splits, (), 100, **{"whole_budget": False, "patience": 3, "seeks_speed": True, **options}
    )
    for rule in (elite(1, 1.0, name="optimal"), elite(2, 0.1, gap=4.0, name="EDD")):
        state.add_candidate(Choice(RULE), rule)
        state.validate(rule, rule.costs)
    return state


def test_speed_begins_where_training_is_solved():
    """Once, for models whose runs need not repeat; every question then asks for a faster best program."""
    state = solved()
    assert (state.is_solved, state.begin_speed(), state.begin_speed()) == (False, True, False)
    choices = [state.choose(Random(seed), may_tune=True) for seed in range(30)]
    assert {(choice.operator, *choice.programs) for choice in choices} == {(ACCELERATE, 1)}
    assert CONTROL not in {choice.arm for choice in choices}


@pytest.mark.parametrize(
    ("options", "ends"), [({"seeks_speed": False}, True), ({"whole_budget": True}, False)]
)
def test_speed_is_no_goal_elsewhere(options, ends):
    """A deterministic model ends, since measured times would make equal seeds unequal; a whole budget goes on."""
    state = solved(**options)
    assert not state.begin_speed()
    assert state.is_solved is ends


def test_of_optimal_programs_a_clearly_faster_one_is_the_best():
    """By a tenth at least; it becomes champion if it is no worse in validation, and the reward is whole."""
    state = solved()
    state.begin_speed()
    asked = Choice(ACCELERATE, (state.best,), arm="sequential")
    for program, seconds, leads in ((3, 0.95, False), (4, 0.5, True), (5, 0.6, False)):
        faster = elite(program, seconds)
        assert state.is_leading(faster) is leads
        assert state.add_candidate(asked, faster) == float(leads)
    assert state.best.program == 4
    assert state.validate(state.best, tuple(np.add(OPTIMAL, 1))).passed is False
    assert state.champion.program == 1
    assert state.validate(state.best, OPTIMAL).passed
    assert state.champion.program == 4


def test_a_search_ends_when_nothing_was_faster_for_long():
    """A faster program begins the count anew; what is merely as good does not."""
    state = solved()
    state.begin_speed()
    asked = Choice(ACCELERATE, (state.best,), arm="sequential")
    state.record_failure()
    state.add_candidate(asked, elite(3, 1.0))
    state.add_candidate(asked, elite(4, 0.5))
    for slots in range(3):
        assert (state.speed.slots, state.is_solved) == (slots, False)
        state.record_failure()
    assert state.is_solved
    assert state.start_fresh() is None


def test_only_where_time_is_the_goal_a_population_goes_by_it():
    """Else a run would not repeat: the shorter of equal ones stays."""
    for by_time, kept in ((False, 1), (True, 2)):
        population = Population(by_time=by_time)
        population.add(elite(1, 1.0))
        population.add(elite(2, 0.2))
        assert population.best.program == kept


def test_nothing_else_asks_for_speed():
    """The operator has no weight of its own."""
    assert BY_NAME["accelerate"].weight == 0
