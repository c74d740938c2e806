"""On-line instances event by event: what is sent, what comes back, and when it is needed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.evaluators.base import Instance
from gapsmith.evaluators.catalogue import load_problem
from gapsmith.evaluators.running import stepwise
from gapsmith.sandbox import Answer, Array, Ending, Outcome

PROBLEM = load_problem("online_bin_packing")
items = st.lists(st.integers(1, 10), min_size=1, max_size=30)


def instance_of(sizes):
    """An instance of those items."""
    return Instance("some", {"items": np.array(sizes, dtype=np.int64), "capacity": 10})


@given(items)
def test_each_event_is_a_call_of_its_own(sizes):
    """The first call holds the numbers alone; then each call holds one event, in the order of arrival."""
    begin, *steps = stepwise.make_job(PROBLEM, "source", instance_of(sizes)).calls
    assert begin == {"capacity": 10}
    assert steps == [{"items": size} for size in sizes]


@given(items, items)
def test_what_is_sent_before_an_event_does_not_depend_on_it(sizes, others):
    """Two instances that begin alike have equal calls as far as they are alike: nothing of the future is sent."""
    one = stepwise.make_job(PROBLEM, "source", instance_of([*sizes, *others]))
    other = stepwise.make_job(PROBLEM, "source", instance_of([*sizes, *reversed(others)]))
    assert one.calls[: len(sizes) + 1] == other.calls[: len(sizes) + 1]
    assert one.limits == other.limits


@given(items)
def test_the_limits_are_for_all_calls_together(sizes):
    """The time is that of the whole instance, with some for each event."""
    instance = instance_of(sizes)
    limits = stepwise.make_job(PROBLEM, "source", instance).limits
    assert limits.together
    assert limits.cpu_seconds > PROBLEM.cpu_seconds(instance)


def test_only_on_line_programs_of_others_are_run_event_by_event():
    """Rules of the problem are trusted, marked instances are whole, and other problems have no events."""
    instance = instance_of([1, 2])
    assert stepwise.is_stepwise(PROBLEM, "def score(): ...", instance)
    assert not stepwise.is_stepwise(PROBLEM, "def score(): ...", replace(instance, whole=True))
    assert not stepwise.is_stepwise(load_problem("tsp"), "def score(): ...", instance)
    for rule in PROBLEM.rules:
        source = rule.source(PROBLEM.entry.name)
        assert not stepwise.is_stepwise(PROBLEM, source, instance)
        assert stepwise.is_stepwise(PROBLEM, source + "\n", instance)


def test_decisions_are_the_answers_after_the_first():
    """The first call starts the instance and decides nothing; a run without an end has no decisions."""
    answers = tuple(Answer(value, 0.0) for value in (None, 3, 1, 2))
    assert stepwise.list_decisions(Outcome(ending=Ending.OK, answers=answers)) == [3, 1, 2]
    for ending in set(Ending) - {Ending.OK}:
        assert stepwise.list_decisions(Outcome(ending=ending, answers=answers)) is None


@pytest.mark.parametrize("array", [np.arange(6).reshape(2, 3), np.arange(6.0)[::2], np.array([True, False])])
def test_an_array_is_sent_in_the_order_of_its_entries(array):
    """Whatever its memory looks like, the bytes are those of the entries in order, with their type and shape."""
    found = stepwise.convert_datum(array)
    assert isinstance(found, Array)
    back = np.frombuffer(found.data, np.dtype(found.dtype)).reshape(found.shape)
    assert (back == array).all()
    assert back.dtype == array.dtype


def test_numbers_are_sent_as_they_are():
    """A number is no array, and no event."""
    assert stepwise.convert_datum(7) == 7
    assert stepwise.select_arrays({"capacity": 7}) == {}
