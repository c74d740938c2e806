"""Slots, one by one: written in one transaction each, and read without the rest of the run."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from gapsmith.agent.archive import Archive, CallRow, CandidateRow
from gapsmith.evaluators.base import Instance
from gapsmith.evaluators.scoring import Score
from gapsmith.sandbox import Level

ONE, TWO = Instance("one", {"x": 1}), Instance("two", {"x": 2})


def ok(cost):
    """A score that is none of the sandbox's own failures."""
    return Score("ok", "", cost, 0.1, Level.L3)


@pytest.fixture
def archive(place):
    """An archive with run 1 and programs 1 to 5."""
    return filled(place)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One archive for many examples: each has runs of its own."""
    return filled(str(tmp_path_factory.mktemp("shared") / "archive.db"))


def filled(place, programs="abcde"):
    """An archive with run 1, and a program for each letter."""
    archive = Archive(place)
    archive.start("tiny", "m", 0, {})
    for letter in programs:
        archive.add_program("tiny", letter, f"x = '{letter}'", 1)
    return archive


def add(archive, slot, run=1, parents=(), **values):
    """A slot with its verdict."""
    archive.answer(CandidateRow(run=run, slot=slot, operator="refine", parents=list(parents)))
    archive.settle(run, slot, {"outcome": "ok", **values})


# Reading one slot


def test_a_slot_is_read_alone(archive):
    """A slot's candidate and call are there as soon as they are written; other slots have none."""
    call = CallRow(run=1, slot=4, model="m", operator="o", template="t", system="s", prompt="p", reply="r")
    archive.answer(CandidateRow(run=1, slot=4, operator="o", parents=[1, 2]), call)
    add(archive, 2)
    assert archive.find_candidate(1, 4).parents == [1, 2]
    assert archive.call(1, 4) == call
    assert archive.call(1, 2) is archive.call(2, 4) is archive.find_candidate(1, 3) is None


def test_slots_are_recorded_up_to_the_highest(archive):
    """A run's slots are counted to the highest one that is recorded, in that run alone."""
    assert archive.count_slots(1) == 0
    add(archive, 0)
    add(archive, 6)
    assert archive.count_slots(1) == 7
    assert archive.count_slots(archive.start("tiny", "m", 0, {})) == 0


verdicts = st.fixed_dictionaries(
    {
        "program": st.sampled_from([1, 2, None]),
        "outcome": st.sampled_from(["ok", "duplicate", "asked", "raced"]),
        "behaviour": st.sampled_from(["", "u", "v"]),
        "train_gap": st.sampled_from([None, 1.5]),
    }
)


@settings(max_examples=30)
@given(rows=st.lists(verdicts, max_size=12))
def test_claims_are_the_earliest_of_their_run(shared, rows):
    """A program is claimed by its first slot that ended and is no duplicate."""
    run, other = shared.start("tiny", "m", 0, {}), shared.start("tiny", "m", 0, {})
    for slot, row in enumerate(rows):
        add(shared, slot, run, **row)
        add(shared, slot, other, program=1, behaviour="v", train_gap=0.0)
    for before in range(len(rows) + 1):
        earlier = list(enumerate(rows[:before]))
        for program in (1, 2):
            claims = (s for s, r in earlier if r["program"] == program and r["outcome"] in ("ok", "raced"))
            assert shared.find_first_slot(run, program, before) == next(claims, None)


def test_questions_about_one_slot_search_and_do_not_scan(archive):
    """What the loop asks for each slot is found by an index: it takes as long in an archive of any size."""
    asked = []
    event.listen(archive.engine, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
    add(archive, 0, program=1, behaviour="u", train_gap=1.0)
    asked.clear()
    archive.find_candidate(1, 0), archive.call(1, 0), archive.count_slots(1), archive.find(1)
    archive.find_first_slot(1, 1, 9), archive.add_program("tiny", "a", "", 0)
    (
        archive.read_score_table([1, 2], ["d", "e"]),
        archive.rank_candidates(run=1),
        archive.read_elites("tiny", 3, run=1),
    )
    asked = [(words, values) for words, values in asked if words.startswith("SELECT")]
    assert len(asked) == 12
    with closing(sqlite3.connect(archive.location)) as connection:
        rows = [connection.execute(f"EXPLAIN QUERY PLAN {words}", values) for words, values in asked]
        plans = [plan for row in rows for *_, plan in row]
    assert [plan for plan in plans if not plan.startswith("SEARCH")] == []


# Writing one slot


def test_a_verdict_its_scores_and_its_events_are_one_commit(archive):
    """Where one event cannot be written, neither the verdict nor a score is there."""
    archive.answer(CandidateRow(run=1, slot=0, operator="o"))
    verdict = {"program": 1, "outcome": "ok", "train_gap": 1.0}
    with pytest.raises(Exception, match="not JSON serializable"):
        archive.settle(
            1, 0, verdict, [(ONE, ok(5))], events=[("raced", {}), ("gate", {"not JSON": object()})]
        )
    assert (archive.find_candidate(1, 0).outcome, archive.read_scores(1, [ONE.digest])) == ("asked", {})
    assert archive.read_events(1) == []
    archive.settle(1, 0, verdict, [(ONE, ok(5))], events=[("raced", {}), ("gate", {})])
    assert (archive.find_candidate(1, 0).outcome, archive.read_scores(1, [ONE.digest])) == (
        "ok",
        {ONE.digest: ok(5)},
    )
    assert [each.kind for each in archive.read_events(1)] == ["raced", "gate"]


def test_the_facts_of_a_slot_are_kept(archive):
    """Arm, model, behaviour, time and evaluations of a slot are those that were settled."""
    facts = {"arm": "a", "model": "m", "behaviour": "u", "cpu_seconds": 0.5, "evaluated": 36, "charged": 12}
    add(archive, 0, **facts)
    assert facts.items() <= archive.find_candidate(1, 0).model_dump().items()


def test_one_event_of_a_kind_for_a_slot(archive):
    """The first event of a kind stays, however it comes; slot -1 has those of the run."""
    add(archive, 0)
    for slot in (0, -1):
        archive.record(1, slot, "arms", {"n": slot})
        archive.record(1, slot, "arms", {"n": 9})
    archive.settle(1, 0, {"outcome": "ok"}, events=[("arms", {"n": 9}), ("gate", {})])
    found = [(each.slot, each.kind, each.detail) for each in archive.read_events(1)]
    assert found == [(-1, "arms", {"n": -1}), (0, "arms", {"n": 0}), (0, "gate", {})]


@pytest.mark.parametrize(
    "write",
    [
        lambda archive: archive.record(9, 0, "gate", {}),
        lambda archive: archive.answer(CandidateRow(run=9, slot=0, operator="o")),
        lambda archive: archive.settle(1, 0, {"program": 99}),
        lambda archive: archive.add_scores(99, [(ONE, ok(1))]),
        lambda archive: archive.record_tallies(9, [{"kind": "arm", "name": "a"}]),
    ],
)
def test_what_belongs_to_nothing_is_refused(archive, write):
    """A row of a run or a program that is not there cannot be written."""
    archive.answer(CandidateRow(run=1, slot=0, operator="o"))
    with pytest.raises(Exception, match="FOREIGN KEY"):
        write(archive)


def test_a_tally_is_the_last_one_of_its_kind_and_name(archive):
    """Tallies replace those of the same kind and name, of their own run only."""
    archive.start("tiny", "m", 0, {})
    first = {"kind": "operator", "name": "x", "tries": 1, "gains": 1, "reward": 0.5, "cost": 2.0}
    archive.record_tallies(1, [first, {**first, "kind": "model"}])
    archive.record_tallies(2, [first])
    archive.record_tallies(1, [{**first, "tries": 7}])
    found = [(row.kind, row.name, row.tries, row.reward) for row in archive.read_tallies(1)]
    assert found == [("model", "x", 1, 0.5), ("operator", "x", 7, 0.5)]
    assert [row.tries for row in archive.read_tallies(2)] == [1]


def test_two_who_share_an_archive_share_its_programs(archive):
    """A program or a score that another process wrote in the meantime is no error; the first stays."""
    other = Archive(archive.location)
    assert archive.add_program("tiny", "new", "", 1) == (6, True)
    assert other.add_program("tiny", "new", "", 1) == (6, False)
    other.add_scores(1, [(ONE, ok(5))])
    archive.answer(CandidateRow(run=1, slot=0, operator="o"))
    archive.settle(1, 0, {"program": 1}, [(ONE, ok(6)), (TWO, ok(7))])
    assert archive.read_scores(1, [ONE.digest, TWO.digest]) == {ONE.digest: ok(5), TWO.digest: ok(7)}


# Programs in bulk


def test_costs_are_those_of_each_program(archive):
    """Scores of many programs come at once, each program with those that are known and asked for."""
    archive.add_scores(1, [(ONE, ok(1)), (TWO, ok(2))])
    archive.add_scores(3, [(TWO, ok(3))])
    many = [f"absent {k}" for k in range(1200)]
    found = archive.read_score_table([1, 2, 3, *range(10, 1400)], [*many, TWO.digest])
    assert {program: known for program, known in found.items() if known} == {
        1: {TWO.digest: ok(2)},
        3: {TWO.digest: ok(3)},
    }
    assert len(found) == 1393
    assert archive.read_score_table([], []) == {}


ranked = st.tuples(
    st.sampled_from(["passed", "held back", ""]),
    st.none() | st.integers(0, 3).map(float),
    st.none() | st.integers(0, 3).map(float),
    st.sampled_from([1, 2, 3, 4, 5]),
    st.sampled_from([1, 2, 3]),
)


@settings(max_examples=30)
@example(rows=[("", 1.0, 1.0, 1, 1), ("passed", 2.0, 2.0, 2, 2)], limit=2)
@given(rows=st.lists(ranked, max_size=20), limit=st.integers(0, 6))
def test_elites_are_the_best_distinct_programs(shared, rows, limit):
    """Passed the gate, then validated, then by gap; one row for a program; of one run, or of all of the problem."""
    problem = f"problem {shared.run().id}"
    first, second, other = (shared.start(name, "m", 0, {}) for name in (problem, problem, "tiny"))
    numbers = {1: first, 2: second, 3: other}
    rows = [(*row[:4], numbers[row[4]]) for row in rows]
    for slot, (gate, validation, train, program, run) in enumerate(rows):
        add(shared, slot, run, gate=gate, validation_gap=validation, train_gap=train, program=program)
    for runs, run in (({first, second}, None), ({second}, second), (set(), other)):
        scored = sorted(
            (row[0] != "passed", row[1] is None, row[1] or 0.0, row[2], row[4], slot, row[3])
            for slot, row in enumerate(rows)
            if row[2] is not None and row[4] in runs
        )
        programs = list(dict.fromkeys(row[-1] for row in scored))[:limit]
        elites = shared.read_elites(problem, limit, run)
        assert [row.program for _, row in elites] == [program.id for program, _ in elites] == programs


# Fingerprints


def run_of(archive, run=1, change=(), slots=510):
    """A run over programs a, b and c, and its fingerprint; `change` is a slot and other values for it."""
    number = {letter: archive.add_program("tiny", letter, "", 1)[0] for letter in "abc"}
    row = {"run": run, "operator": "o", "parents": [number["a"]], "program": number["b"], "arm": "x"}
    rows = [{**row, "slot": slot} for slot in range(slots)]
    changed, values = change or (0, {})
    rows[changed] |= {key: value for key, value in values.items() if key != "detail"}
    with archive.engine.begin() as connection:
        connection.execute(
            CandidateRow.__table__.insert(), [CandidateRow(**row).model_dump() for row in rows]
        )
    archive.record(run, changed, "gate", values.get("detail", {"gain": 1}))
    return archive.compute_fingerprint(run)


def test_a_fingerprint_does_not_depend_on_what_else_the_archive_holds(tmp_path):
    """Programs are known by their hashes: other numbers of the same programs give the same fingerprint."""
    other = filled(str(tmp_path / "other.db"), programs="xcyzba")
    assert run_of(filled(str(tmp_path / "one.db"))) == run_of(other)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"arm": "y"}, False),
        ({"behaviour": "u"}, False),
        ({"charged": 1}, False),
        ({"train_gap": 1.0}, False),
        ({"parents": [2]}, False),
        ({"parents": [1, 1]}, False),
        ({"program": None}, False),
        ({"detail": {"gain": 2}}, False),
        ({"cpu_seconds": 1.0}, True),
        ({"message": "0.3 s"}, True),
    ],
)
@pytest.mark.parametrize("slot", [0, 509])
def test_a_fingerprint_is_of_every_decision_and_of_no_time(tmp_path, change, same, slot):
    """Any decision, in the first slot or the last, changes the fingerprint; a measured time does not."""
    plain = run_of(filled(str(tmp_path / "plain.db")), change=(slot, {}))
    changed = run_of(filled(str(tmp_path / "changed.db")), change=(slot, change))
    assert (changed == plain) == same


def test_a_fingerprint_does_not_depend_on_the_order_of_writing(tmp_path):
    """A run that was broken off and resumed may write the events of a slot in another order."""
    one, other = filled(str(tmp_path / "one.db")), filled(str(tmp_path / "other.db"))
    for archive, kinds in ((one, "ab"), (other, "ba")):
        for kind in kinds:
            archive.record(1, 0, kind, {})
    assert one.compute_fingerprint(1) == other.compute_fingerprint(1)


def test_a_fingerprint_loads_no_program_of_another_run(archive):
    """Only hashes of the run's own programs are read, however many the archive holds."""
    asked = []
    run_of(archive, slots=3)
    event.listen(archive.engine, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
    archive.compute_fingerprint(1)
    programs = [(words, values) for words, values in asked if "FROM programs" in words]
    assert [values for _, values in programs] == [(1, 2)]
    assert "source" not in programs[0][0]


def test_the_best_costs_are_those_of_the_first_best_program(archive):
    """The least cost, or the largest when maximising; a failure is none, and what nobody solved has no entry."""
    archive.add_scores(1, [(ONE, ok(5)), (TWO, ok(2))])
    archive.add_scores(2, [(ONE, ok(3)), (TWO, ok(2))])
    archive.add_scores(3, [(ONE, ok(3)), (TWO, Score("infeasible", "no", None, 0.1))])
    problem, digests = archive.find(1).problem, [ONE.digest, TWO.digest, "f" * 32]
    assert archive.read_best_costs(problem, digests) == {ONE.digest: (2, 3), TWO.digest: (1, 2)}
    assert archive.read_best_costs(problem, digests, maximise=True) == {
        ONE.digest: (1, 5),
        TWO.digest: (1, 2),
    }
    assert archive.read_best_costs(problem, digests, "another version") == {}
    assert archive.read_best_costs("another", digests) == {}
