"""Lists of runs: filtered, sorted, a page at a time, at little cost."""

import pytest

from gapsmith.agent.archive import Archive, Candidate
from gapsmith.agent.web.facts import runs
from gapsmith.agent.web.facts.runs import Chosen, list_runs


def report(gap, usd):
    """The part of a report that lists show."""
    best = {"id": 1, "pooled_gap_percent": gap}
    return {"best": best, "usd": usd, "evaluations": 5, "calls": 7, "seconds": 1.0}


@pytest.fixture
def store(place):
    """Four runs: two finished, one searching, one in words."""
    store = Archive(place)
    config = {"budget": {"evaluations": 10, "calls": None, "usd": 2.0, "seconds": None}, "scale": "small"}
    first = store.start("tsp", "openai:gpt-5", 1, config, "1")
    second = store.start("job_shop", "offline", 2, config, "1")
    store.start("tsp", "offline", 3, config, "1")
    store.start("modelling", "manual:x", 4, {"verb": "model"}, "1")
    store.finish(first, "done", 30.0, report(2.5, 1.5))
    store.finish(second, "done", 10.0, report(0.5, 0.0))
    yield store
    store.close()


def numbers(store, **chosen):
    """The numbers of the runs that are wanted, in order."""
    return [row.id for row in list_runs(store, Chosen(**chosen))[0]]


def test_the_latest_come_first(store):
    """Whoever looks wants to see what is going on."""
    assert numbers(store) == [4, 3, 2, 1]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("tsp", [3, 1]),
        ("TSP offline", [3]),
        ("gpt", [1]),
        ("nothing", []),
        ("%", []),
        ("_", [2]),
        ("' OR 1=1", []),
    ],
)
def test_every_word_must_be_in_problem_or_model(store, search, found):
    """Signs that mean something in SQL mean themselves."""
    assert numbers(store, search=search) == found


def test_problem_and_status_narrow_the_list(store):
    """Both are exact."""
    assert numbers(store, problem="tsp") == [3, 1]
    assert numbers(store, status="done") == [2, 1]
    assert numbers(store, problem="tsp", status="done") == [1]


@pytest.mark.parametrize(
    ("order", "down", "first"),
    [
        ("gap", False, 2),
        ("gap", True, 4),
        ("cost", True, 1),
        ("seconds", True, 1),
        ("problem", False, 2),
        ("run", False, 1),
    ],
)
def test_runs_are_sorted(store, order, down, first):
    """By what stands in reports, too; runs without a gap come behind all others."""
    assert numbers(store, order=order, down=down)[0] == first


def test_a_page_has_a_limit_and_all_are_counted(store, monkeypatch):
    """An archive of thousands of runs is paged by the database."""
    monkeypatch.setattr(runs, "PAGE", 3)
    rows, count = list_runs(store, Chosen(page=2))
    assert ([row.id for row in rows], count) == ([1], 4)
    assert list_runs(store, Chosen(page=9)) == ([], 4)


def test_a_report_says_what_was_used(store):
    """A finished run is not added up again."""
    spent = runs.sum_spent(store, store.run(1))
    assert (spent.evaluations, spent.calls, spent.usd, spent.seconds) == (5, 7, 1.5, 1.0)


def test_slots_say_what_was_used_so_far(store):
    """A run in progress has no report: its slots are counted."""
    for slot in range(3):
        store.answer(Candidate(run=3, slot=slot, operator="refine", outcome="ok", charged=slot > 0))
    spent = runs.sum_spent(store, store.run(3))
    assert (spent.evaluations, spent.calls, spent.usd) == (2, 0, 0.0)
    assert runs.count_outcomes(store, 3) == {"ok": 3}


def test_champions_are_those_that_passed_the_gate(store):
    """In the order of their slots, with the gap that counts."""
    program, _ = store.add_program("tsp", "h", "def f(): pass\n", 1)
    for slot, (gate, train, checked) in enumerate(
        [("passed", 5.0, 6.0), ("held back", 4.0, 5.5), ("passed", 3.0, None)]
    ):
        store.answer(
            Candidate(
                run=3, slot=slot, operator="refine", outcome="ok", program=program,
                gate=gate, train_gap=train, validation_gap=checked,
            )
        )  # fmt: skip
    found = runs.list_champions(store, 3)
    assert [each.slot for each in found] == [0, 2]
    assert runs.select_champion_gaps(found) == [6.0, 3.0]


def test_limits_are_those_that_were_set(store):
    """A limit of nothing is none."""
    assert runs.list_limits(store.run(1)) == [("evaluations", 10), ("usd", 2.0)]
    assert runs.list_limits(store.run(4)) == []


def test_final_events_come_in_order(store):
    """Those of the end, and none of a slot."""
    store.record(1, -1, "second", {"b": 1})
    store.record(1, -1, "third", {"c": 1})
    store.record(1, 5, "raced", {})
    assert runs.list_final_events(store, 1) == [("second", {"b": 1}), ("third", {"c": 1})]


def test_names_are_those_of_the_archive(store):
    """Filters offer what there is."""
    assert runs.list_names(store) == (["job_shop", "modelling", "tsp"], ["done", "running"])
