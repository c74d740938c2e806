"""The course of a run: what was best when, and at what price."""

import pytest

from gapsmith.agent.archive import Archive, Call, Candidate
from gapsmith.agent.web.facts.course import list_failures, trace_course

SLOTS = (
    # operator, training gap, validation gap, gate, charged, dollars
    ("rule", 9.0, 9.5, "passed", 0, None),
    ("rule", 8.0, None, "", 0, None),
    ("refine", None, None, "", 1, 0.5),
    ("refine", 8.5, None, "", 1, 0.25),
    ("merge", 5.0, 6.0, "passed", 1, 0.25),
    ("merge", 5.0, None, "", 1, 1.0),
)


@pytest.fixture
def store(place):
    """A run of six slots, of which four were asked for."""
    store = Archive(place)
    run = store.start("tsp", "offline", 0, {}, "1")
    for slot, (operator, train, checked, gate, charged, usd) in enumerate(SLOTS):
        program, _ = store.add_program("tsp", f"h{slot}", f"x = {slot}\n", 1)
        candidate = Candidate(
            run=run, slot=slot, operator=operator, program=program, outcome="ok", train_gap=train,
            validation_gap=checked, gate=gate, charged=charged,
        )  # fmt: skip
        call = Call(
            run=run, slot=slot, model="m", operator=operator, template="", system="", prompt="", reply="",
            usd=usd, seconds=2.0,
        )  # fmt: skip
        store.answer(candidate, call if usd is not None else None)
    yield store
    store.close()


def test_steps_are_new_bests_alone(store):
    """An equal gap is no step; the best rule is known."""
    course = trace_course(store, 1)
    assert [(step.slot, step.gap) for step in course.training] == [(0, 9.0), (1, 8.0), (4, 5.0)]
    assert [(step.slot, step.gap) for step in course.validation] == [(0, 9.5), (4, 6.0)]
    assert course.rule == 8.0


def test_steps_tell_what_had_been_used(store):
    """Evaluations, calls, dollars and waiting, up to and with the slot."""
    step = trace_course(store, 1).training[-1]
    assert (step.evaluations, step.calls, step.usd, step.waited) == (3, 3, 1.0, 6.0)


def test_the_last_point_is_where_the_run_stands(store):
    """The best gap holds until now."""
    last = trace_course(store, 1).last
    assert (last.slot, last.gap, last.evaluations, last.usd) == (5, 5.0, 4, 2.0)


def test_a_run_without_scores_has_no_course(store):
    """Nothing has happened yet."""
    course = trace_course(store, 99)
    assert (course.training, course.validation, course.last, course.rule) == ((), (), None, None)


def test_failures_are_grouped_with_their_latest_messages(store):
    """The most frequent first; what is no failure is left out."""
    for slot, outcome in enumerate(["crash", "crash", "raced", "infeasible", "duplicate", "crash"], 10):
        store.answer(
            Candidate(run=1, slot=slot, operator="refine", outcome=outcome, message=f"message {slot}")
        )
    found = list_failures(store, 1, limit=2)
    assert [(kind.outcome, kind.count) for kind in found] == [("crash", 3), ("infeasible", 1)]
    assert [row[0] for row in found[0].latest] == [15, 11]
    assert found[0].latest[0][-1] == "message 15"
