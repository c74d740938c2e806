"""Word problems: the last answer of each sample is its vote."""

from gapsmith.agent.archive import Archive, Call, Candidate
from gapsmith.agent.web.facts import words
from gapsmith.agent.web.facts.words import REPAIRS, SampleRow, count_votes


def row(slot, objective, status="optimal"):
    """A program and its answer; without a status it has none."""
    verdict = {"status": status, "objective": objective} if status else {}
    return SampleRow(slot, "formulate", 1, "answered", "", verdict)


def test_votes_are_counted_once_a_sample():
    """A repair replaces the answer of its sample, and does not vote besides."""
    rows = [
        row(0, 70.0),
        row(1, None, ""),
        row(REPAIRS + 1, 70.0),
        row(2, 5.0),
        row(REPAIRS + 2, 70.0),
        row(3, 5.0),
    ]
    assert count_votes(rows) == [("optimal", 70.0, 3), ("optimal", 5.0, 1)]


def test_no_answer_is_no_vote():
    """Programs that failed elect nothing."""
    assert count_votes([row(0, None, ""), SampleRow(1, "formulate", None, "crash", "", None)]) == []


def test_samples_stand_with_their_repairs(place):
    """The programs of a sample follow each other; all are counted."""
    store = Archive(place)
    run = store.start("modelling", "m", 0, {"verb": "model"}, "1")
    for slot in (0, 1, REPAIRS + 1, 2):
        call = Call(
            run=run,
            slot=slot,
            model="m",
            operator="formulate",
            template="",
            system="",
            prompt=f"Q{slot}",
            reply="",
        )
        store.answer(Candidate(run=run, slot=slot, operator="formulate", outcome="answered"), call)
    store.record(run, 0, "verdict", {"status": "optimal", "objective": 7.0})
    rows, count = words.list_samples(store, run, 1)
    assert [each.slot for each in rows] == [0, 1, REPAIRS + 1, 2]
    assert (count, rows[0].objective, rows[1].objective) == (4, 7.0, None)
    assert words.read_question(store, run) == "Q0"
    store.close()
