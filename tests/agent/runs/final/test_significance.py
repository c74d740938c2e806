"""Whether a program is surely better than a rule: when looking goes on, and what it says in the end."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import tiny

from gapsmith.agent.runs.final.significance import LOOKS, decide, find_worse_subgroup
from gapsmith.evaluators.running.assess import Assessment
from gapsmith.evaluators.scoring import Score

INSTANCES = tiny().generate_instances("train", 1, 80)
FIRST, MORE = INSTANCES[:5], INSTANCES[5:]
ERROR = 0.05
RULE = SimpleNamespace(program=0, source="", name="rule")
PROGRAM = SimpleNamespace(program=1, source="", name="")


@dataclass
class Measured:
    """Says what the program gains on the instance of each place; the rule costs 10 everywhere."""

    gain: object
    looks: tuple = ()
    failing: object = None

    problem = tiny()

    def run(self, programs, instances):
        """The costs of both; None is a failure."""
        self.looks = (*self.looks, len(instances))
        gains = [self.gain(place) for place in range(len(instances))]
        return [self._result(each, gains) for each in programs]

    def _result(self, program, gains):
        if program is self.failing or (program is PROGRAM and None in gains):
            return Assessment("error", "it fails", ())
        costs = [10 - gain if program is PROGRAM else 10 for gain in gains]
        return Assessment("ok", "", tuple(Score("ok", "", cost, 0.0) for cost in costs))


def decided(gain, more=MORE, failing=None):
    """The decision, and how many instances each look met."""
    by = Measured(gain, failing=failing)
    return decide(PROGRAM, RULE, FIRST, lambda count: more[:count], by, ERROR), by.looks


def test_a_sure_gain_is_seen_at_once():
    """Who is better on every instance is surely better, by the share of the rule's cost, at the first look."""
    found, looks = decided(lambda place: 1)
    assert found.sure
    assert found.gain == pytest.approx(10)
    assert looks == (5,)


@pytest.mark.parametrize("gain", [0, -1])
def test_who_gains_nothing_is_not_looked_at_again(gain):
    """More instances are for those who gain."""
    found, looks = decided(lambda place: gain)
    assert not found.sure
    assert looks == (5,)


def test_an_open_gain_is_looked_at_on_twice_as_many():
    """Looks double until the gain is sure."""
    found, looks = decided(lambda place: 1 if place % 5 == 0 else 0)
    assert found.sure
    assert looks == (5, 10, 20, 40)
    assert found.instances == 40


def test_looks_end():
    """A gain that comes and goes is given up after the last look, whatever more there are."""
    found, looks = decided(lambda place: 9 if place == 0 else 0)
    assert not found.sure
    assert looks == tuple(5 * 2**k for k in range(LOOKS))


def test_without_more_instances_there_is_one_look():
    """The user's own instances are not added to; what is there decides."""
    assert decided(lambda place: 9 if place == 0 else 0, more=[])[1] == (5,)


def test_who_fails_later_is_not_better():
    """A failure on an added instance ends it."""
    found, looks = decided(lambda place: None if place == 7 else 9 if place == 0 else 0)
    assert found == replace(found, instances=10, gain=-float("inf"))
    assert not found.sure
    assert looks == (5, 10)


def test_a_rule_that_fails_is_beaten():
    """Who solves what the rule fails on is surely better, however it compares elsewhere; who fails itself is not."""
    found, looks = decided(lambda place: -1, failing=RULE)
    assert found.sure
    assert found.gain == found.low == float("inf")
    assert looks == (5,)
    assert not decided(lambda place: 1, failing=PROGRAM)[0].sure


def test_who_is_worse_in_a_class_is_not_better():
    """A large gain elsewhere does not make up for a class in which the rule is surely better; it is named."""
    classes = [replace(each, stratum="ab"[place % 4 == 0]) for place, each in enumerate(INSTANCES[:40])]
    by = Measured(lambda place: -0.5 - place % 3 / 10 if place % 4 == 0 else 3)
    found = decide(PROGRAM, RULE, classes, lambda _: (), by, ERROR)
    assert found.low > 0
    assert found.worse_in == "b"
    assert not found.sure


def test_chance_in_a_class_is_no_harm():
    """Losses in a class that are within its scatter, or in a class of few instances, do not count."""
    classes = [replace(each, stratum="ab"[place % 4 == 0]) for place, each in enumerate(INSTANCES[:40])]
    by = Measured(lambda place: (-2 if place % 8 == 0 else 1.5) if place % 4 == 0 else 3)
    assert decide(PROGRAM, RULE, classes, lambda _: (), by, ERROR).sure
    few = [replace(each, stratum="ab"[place % 16 == 0]) for place, each in enumerate(INSTANCES[:40])]
    assert decide(
        PROGRAM, RULE, few, lambda _: (), Measured(lambda p: -0.5 if p % 16 == 0 else 3), ERROR
    ).sure


@pytest.mark.parametrize(("small", "named"), [(2, "a, large"), (4, "")])
def test_small_instances_do_not_make_up_for_large_ones(small, named):
    """Where sizes differ by a factor of two, who is surely worse on the large ones is named; else they are one kind."""
    cut = [
        replace(each, data={"p": np.ones(small if k % 4 else 6)}, stratum="a")
        for k, each in enumerate(INSTANCES)
    ]
    by = Measured(lambda place: 3 if place % 4 else -0.5 - place % 3 / 10)
    assert find_worse_subgroup(PROGRAM, RULE, cut, by) == named
    assert decide(PROGRAM, RULE, cut, lambda _: (), by, ERROR).sure == (not named)


def test_rounding_is_no_harm():
    """What differs by less than the last digits that count is equal."""
    alike = [replace(each, stratum="a") for each in INSTANCES]
    assert find_worse_subgroup(PROGRAM, RULE, alike, Measured(lambda _: -1e-12)) == ""
    assert find_worse_subgroup(PROGRAM, RULE, alike, Measured(lambda _: -1e-6)) == "a"


def test_where_one_of_them_fails_no_harm_is_seen():
    """A failure is told elsewhere."""
    assert (
        find_worse_subgroup(PROGRAM, RULE, INSTANCES, Measured(lambda place: None if place == 3 else -1))
        == ""
    )
