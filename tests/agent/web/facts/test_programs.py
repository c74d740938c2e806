"""Programs of an archive: pages of them, their results, their ancestors."""

import pytest

from gapsmith.agent.archive import Archive, Candidate
from gapsmith.agent.web.facts import programs
from gapsmith.agent.web.facts.programs import list_programs, list_results, sort_naturally, trace_ancestors
from gapsmith.evaluators.base import Baseline, Instance
from gapsmith.evaluators.scoring import Score
from gapsmith.sandbox import Level


@pytest.fixture
def store(place):
    """A run of five programs, each the child of those before it."""
    store = Archive(place)
    run = store.start("tsp", "offline", 0, {}, "1")
    for slot in range(5):
        program, _ = store.add_program("tsp", f"h{slot}", f"x = {slot}\n", 10 + slot)
        candidate = Candidate(
            run=run, slot=slot, operator="refine" if slot else "rule", program=program,
            outcome="ok" if slot < 4 else "crash",
            parents=[slot, slot - 1] if slot > 1 else [slot] if slot else [],
            train_gap=5.0 - slot if slot < 4 else None,
            gate="passed" if slot == 1 else "",
        )  # fmt: skip
        store.answer(candidate)
    yield store
    store.close()


@pytest.mark.parametrize(
    ("order", "found"),
    [("rank", [1, 3, 2, 0]), ("train", [3, 2, 1, 0]), ("slot", [0, 1, 2, 3, 4]), ("latest", [4, 3, 2, 1, 0])],
)
def test_programs_are_ordered(store, order, found):
    """Ranks leave out what has no gap; slots have all."""
    rows, count = list_programs(store, 1, order, "", "", 1)
    assert [row.slot for row in rows] == found
    assert count == len(found)


def test_outcome_and_operator_narrow_the_list(store):
    """Both are exact, and bound as values."""
    assert [row.slot for row in list_programs(store, 1, "slot", "crash", "", 1)[0]] == [4]
    assert [row.slot for row in list_programs(store, 1, "slot", "", "rule", 1)[0]] == [0]
    assert list_programs(store, 1, "slot", "' OR 1=1 --", "", 1) == ([], 0)


def test_a_page_has_a_limit(store, monkeypatch):
    """The rest is on further pages."""
    monkeypatch.setattr(programs, "PAGE", 2)
    rows, count = list_programs(store, 1, "slot", "", "", 2)
    assert ([row.slot for row in rows], count) == ([2, 3], 5)


def test_operators_and_sizes_are_known(store):
    """Filters offer what there is; sizes come by number."""
    assert programs.list_operators(store, 1) == ["refine", "rule"]
    assert programs.find_sizes(store, [1, 3, 99]) == {1: 10, 3: 12}
    assert programs.find_sizes(store, []) == {}


def test_results_stand_beside_their_bounds(store):
    """With an optimum, with bounds, and without: which is which is known."""
    instances = [Instance(f"train-0-{k}", {"k": k}) for k in (1, 2, 10)]
    scores = {each.digest: Score("ok", "", 10.0 + k, 0.5, Level.L2) for k, each in enumerate(instances)}
    store.add_scores(1, [(each, scores[each.digest]) for each in instances])
    store.add_baseline("tsp", instances[0], Baseline(9.0, 9.0, [0], "exact", 1.0), 60.0)
    store.add_baseline("tsp", instances[1], Baseline(8.0, 12.0, [0], "exact", 1.0), 60.0)
    found = list_results(store, 1, "tsp", "1")
    assert [each.instance for each in found] == ["train-0-1", "train-0-2", "train-0-10"]
    assert [each.baseline and each.baseline.proven for each in found] == [True, False, None]
    assert [each.split for each in found] == ["train"] * 3


def test_ancestors_are_limited(store):
    """A long lineage does not take a query for each of thousands."""
    assert [row.program for row in trace_ancestors(store, 4)] == [4, 3, 2, 1]
    assert len(trace_ancestors(store, 4, most=2)) == 2


def test_names_are_sorted_as_people_do():
    """Number 2 comes before number 10."""
    names = ["train-1-10", "train-1-2", "large-test-1-1", "own"]
    assert sorted(names, key=sort_naturally) == ["large-test-1-1", "own", "train-1-2", "train-1-10"]


def test_events_of_a_slot_are_found(store):
    """Those of this slot alone."""
    store.record(1, 2, "raced", {"met": 3})
    store.record(1, 3, "raced", {"met": 4})
    assert programs.list_slot_events(store, 1, 2) == [("raced", {"met": 3})]
