"""Decisions of a run, a page at a time."""

import pytest

from gapsmith.agent.archive import Archive, Candidate
from gapsmith.agent.web.facts import decisions


@pytest.fixture
def store(place):
    """Three slots: two came to the gate, one was dropped."""
    store = Archive(place)
    run = store.start("tsp", "offline", 0, {}, "1")
    for slot in range(3):
        store.answer(Candidate(run=run, slot=slot, operator="refine", outcome="ok", validation_gap=3.0))
    store.record_gate(run, 0, True, 1.0, 0.5, 1.5)
    store.record_gate(run, 2, False, -1.0, -1.5, -0.5)
    store.record(run, 1, "raced", {"met": 4, "points_behind": 2.0})
    store.record(run, -1, "claim", {})
    yield store
    store.close()


def test_the_gates_decisions_come_in_order(store):
    """With the program's gap and the gain's interval."""
    found = decisions.list_gate_decisions(store, 1, 1)
    assert [(each.slot, each.detail["passed"], each.gap) for each in found] == [
        (0, True, 3.0),
        (2, False, 3.0),
    ]


def test_kinds_are_counted_without_the_end(store):
    """The end of a run belongs to no slot."""
    assert decisions.count_kinds(store, 1) == {"gate": 2, "raced": 1}


def test_the_latest_decisions_come_first(store, monkeypatch):
    """A page at a time."""
    assert [each.slot for each in decisions.list_latest(store, 1, 1)] == [2, 1, 0]
    monkeypatch.setattr(decisions, "PAGE", 2)
    assert [each.slot for each in decisions.list_latest(store, 1, 2)] == [0]
