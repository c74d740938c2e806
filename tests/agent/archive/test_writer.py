"""The archive: opened, lifted, read while it is written, and holding every fact once."""

import sqlite3
import threading
from dataclasses import replace
from functools import partial, reduce
from pathlib import Path

import pytest
from helpers import crash, dying, finish, job, tiny
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from gapsmith.agent import Archive
from gapsmith.agent.archive.bounds import merge_bounds
from gapsmith.agent.archive.engine import open_engine
from gapsmith.agent.archive.tables import SCHEMA, CallRow, CandidateRow
from gapsmith.agent.evaluation.baselines import find_baselines
from gapsmith.evaluators.base import Baseline, GapsmithError, Instance
from gapsmith.evaluators.scoring import Score
from gapsmith.sandbox import Level


def sql(place, statement):
    """Runs a statement behind the archive's back; returns all rows."""
    connection = sqlite3.connect(place)
    with connection:
        rows = connection.execute(statement).fetchall()
    connection.close()
    return rows


def trouble(place, **options):
    """The words with which an archive is refused: one line."""
    with pytest.raises(GapsmithError) as caught:
        open_engine(place, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_new_archive_writes_ahead_and_knows_its_schema(place):
    """SQLite keeps a write-ahead log, so that readers and the writer do not wait for each other."""
    Archive(place).close()
    assert sql(place, "PRAGMA journal_mode") == [("wal",)]
    assert sql(place, "SELECT value FROM meta WHERE key = 'schema'") == [(str(SCHEMA),)]


def test_an_archive_can_be_opened_again(place):
    """What was kept is there for the next one who opens it, by path or by URL."""
    archive = Archive(place)
    run = archive.start("tiny", "offline", 3, {"a": 1})
    archive.close()
    assert Archive(place).run(run).config == {"a": 1}
    assert Archive(f"sqlite:///{place}").run().seed == 3


def test_a_newer_schema_is_refused(place):
    """An archive of a later gapsmith is not touched; the message says what to do."""
    Archive(place).close()
    sql(place, f"UPDATE meta SET value = '{SCHEMA + 1}' WHERE key = 'schema'")
    before = Path(place).read_bytes()
    said = trouble(place)
    assert f"has schema {SCHEMA + 1}; this gapsmith knows schemas up to {SCHEMA}" in said
    assert "upgrade gapsmith" in said
    assert Path(place).read_bytes() == before


def older(place):
    """An archive of the schema before this one, with something in it."""
    archive = Archive(place)
    archive.start("tiny", "offline", 3, {})
    archive.close()
    sql(place, f"UPDATE meta SET value = '{SCHEMA - 1}' WHERE key = 'schema'")


def add_column(connection):
    """A migration."""
    connection.execute(text("ALTER TABLE runs ADD COLUMN mood TEXT DEFAULT 'good'"))


def test_an_older_schema_is_lifted_and_a_copy_is_kept(place):
    """The migration runs, the version is the new one, and the archive as it was stands beside it."""
    older(place)
    open_engine(place, {SCHEMA - 1: add_column}).dispose()
    assert sql(place, "SELECT mood FROM runs") == [("good",)]
    assert sql(place, "SELECT value FROM meta") == [(str(SCHEMA),)]
    copy = f"{place}.schema{SCHEMA - 1}"
    assert sql(copy, "SELECT value FROM meta") == [(str(SCHEMA - 1),)]
    assert sql(copy, "SELECT count(*) FROM runs") == [(1,)]
    Archive(place).close()


def test_a_migration_that_fails_changes_nothing(place):
    """A migration that breaks off is undone, and the copy of before is not overwritten by the next attempt."""

    def breaks(connection):
        add_column(connection)
        connection.execute(text("INSERT INTO nowhere VALUES (1)"))

    older(place)
    assert "nowhere" in trouble(place, migrations={SCHEMA - 1: breaks})
    assert "mood" not in str(sql(place, "SELECT sql FROM sqlite_master"))
    assert sql(place, "SELECT value FROM meta") == [(str(SCHEMA - 1),)]
    open_engine(place, {SCHEMA - 1: add_column}).dispose()
    assert sql(place, "SELECT mood FROM runs") == [("good",)]
    for copy in (f"{place}.schema{SCHEMA - 1}", f"{place}.schema{SCHEMA - 1}.2"):
        assert sql(copy, "SELECT count(*) FROM runs") == [(1,)]


def test_a_schema_with_no_way_up_is_refused(place):
    """Where a migration is missing, the message names the copy."""
    older(place)
    assert f"has schema {SCHEMA - 1}, for which there is no migration; a copy is in" in trouble(
        place, migrations={}
    )


def test_what_is_no_archive_is_refused(tmp_path):
    """Another database, a file of another kind, a folder and a place that is not there are named, not touched."""
    other = str(tmp_path / "other.db")
    sql(other, "CREATE TABLE cats (name TEXT)")
    before = Path(other).read_bytes()
    assert trouble(other) == f"{other} is a database, but not a gapsmith archive"
    assert Path(other).read_bytes() == before  # its journal's mode, too, is in the file
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.db"]
    noise = tmp_path / "noise.db"
    noise.write_bytes(bytes(range(256)) * 20)
    assert trouble(str(noise)) == f"archive {noise} cannot be opened: file is not a database"
    assert noise.read_bytes() == bytes(range(256)) * 20
    assert "unable to open database file" in trouble(str(tmp_path))
    assert "unable to open database file" in trouble(str(tmp_path / "no" / "where.db"))
    assert "cannot be opened" in trouble("oracle+nothing://here")
    odd = str(tmp_path / "odd.db")
    Archive(odd).close()
    sql(odd, "UPDATE meta SET value = 'banana' WHERE key = 'schema'")
    assert "banana" in trouble(odd)


def test_a_password_is_not_shown():
    """The message on a database that does not answer hides the password of its URL."""
    assert "secret" not in trouble("postgresql+nothing://me:secret@localhost/x")


def test_two_who_open_a_new_archive_at_once_both_can(tmp_path):
    """Runs started side by side share one new archive."""
    for attempt in range(5):
        place, failed = str(tmp_path / f"{attempt}.db"), []
        gate = threading.Barrier(4)

        def enter(place=place, gate=gate, failed=failed):
            gate.wait()
            try:
                Archive(place).close()
            except GapsmithError as error:
                failed.append(str(error))

        threads = [threading.Thread(target=enter) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []


# What it holds


INSTANCE = Instance("one", {"x": 1})


def test_a_baseline_is_solved_once_ever(place):
    """An instance is solved when it is first met, whatever its name, and never again in this archive."""
    solved = []

    def baseline(instance, seconds):
        solved.append(instance.digest)
        return Baseline(3, 3, [1], "hand", seconds)

    problem = tiny(baseline=baseline)
    instances = problem.generate_instances("train", 0, 5)
    first = find_baselines(problem, [*instances, *instances], Archive(place), 7.0)
    renamed = [Instance(f"other {k}", i.data, "another class") for k, i in enumerate(instances)]
    again = find_baselines(problem, renamed, Archive(place))
    assert len(solved) == 5
    assert first == again == {digest: Baseline(3, 3, [1], "hand", 7.0) for digest in solved}


class Solver:
    """An exact method whose bounds are as far apart as it has few seconds; `limits` are those it was given."""

    def __init__(self):
        self.limits = []

    def __call__(self, instance, seconds):
        """Proves the optimum in ten seconds."""
        self.limits.append(seconds)
        open_ = max(0.0, 10 - seconds)
        return Baseline(10 - open_, 10 + open_, [seconds], "hand", seconds)


def test_what_is_not_proven_is_solved_again_with_more_seconds(place):
    """A bound of one second gives way to a proof of sixty; the same or fewer seconds solve nothing anew."""
    archive, solver = Archive(place), Solver()
    problem = tiny(baseline=solver)
    one = problem.generate_instances("train", 0, 1)
    bounds = []
    for seconds in (1.0, 1.0, 0.5, 4.0, 60.0, 600.0):
        found = find_baselines(problem, one, archive, seconds)[one[0].digest]
        bounds.append((found.lower, found.upper))
    assert solver.limits == [1.0, 4.0, 60.0]
    assert bounds == [(1, 19), (1, 19), (1, 19), (4, 16), (10, 10), (10, 10)]


def test_what_takes_less_time_than_it_is_given_is_not_tried_again(place):
    """The limit that a method had counts, not what it used of it."""
    calls = []

    def baseline(instance, seconds):
        calls.append(seconds)
        return Baseline(0, 9, None, "a bound", 0.01)

    problem = tiny(baseline=baseline)
    for _ in range(2):
        find_baselines(problem, problem.generate_instances("train", 0, 1), Archive(place), 5.0)
    assert calls == [5.0]


finite = st.integers(-50, 50)
bounds = st.tuples(finite, finite).map(sorted)


@given(st.lists(bounds, min_size=1, max_size=6), st.booleans())
def test_bounds_are_only_ever_tightened(found, maximise):
    """Whatever comes in whatever order, the bounds are the best of all, and a contradiction is said."""
    low, high = max(pair[0] for pair in found), min(pair[1] for pair in found)
    several = [Baseline(a, b, [a if maximise else b], "hand", 1.0) for a, b in found]
    merged = partial(reduce, lambda kept, new: merge_bounds(kept, new, maximise, "one"), several)
    if low > high:
        with pytest.raises(GapsmithError, match="one of them is wrong"):
            merged()
    else:
        kept = merged()
        assert (kept.lower, kept.upper, kept.solution) == (low, high, [low if maximise else high])
        assert kept.seconds == len(found)


def test_the_archive_tightens_what_it_has(place):
    """A looser result given later, such as a shorter try of another process, leaves the tighter one."""
    archive = Archive(place)
    for low, high in ((1, 5), (0, 99), (2, 7)):
        kept = archive.add_baseline("tiny", INSTANCE, Baseline(low, high, [high], "hand", 1.0), 1.0)
    assert (kept.lower, kept.upper, kept.solution) == (2, 5, [5])
    assert archive.read_baselines("tiny", [INSTANCE.digest]) == {INSTANCE.digest: kept}


def test_a_run_keeps_the_bounds_it_met_first(place):
    """What is proven later changes nothing for a run that is resumed: same seed, same archive."""
    exact = tiny().baseline

    def half_proven(instance, seconds):
        found = exact(instance, seconds)
        return replace(found, lower=found.lower / 2 - 1)

    problem, whole, half = tiny(baseline=half_proven), f"{place}.whole", f"{place}.half"
    expected = finish(job(whole, problem=problem, calls=12)).archive.compute_fingerprint(1)
    assert crash(job(half, problem=problem, archive=dying(Archive(half), 60), calls=12))
    find_baselines(tiny(), problem.generate_instances("train", 3), Archive(half), 600.0)
    assert finish(job(half, problem=problem, number=1, calls=12)).archive.compute_fingerprint(1) == expected
    assert finish(job(half, problem=problem, calls=12)).archive.compute_fingerprint(2) != expected


def test_a_run_after_another_solves_nothing(place):
    """The second run of a seed takes all optima from the archive."""
    finish(job(place, calls=1))

    def refuse(instance, seconds):
        raise AssertionError(instance.name)

    finish(job(place, problem=tiny(baseline=refuse), calls=1))


def test_a_program_is_kept_once_and_its_scores_too(place):
    """A program has one number for one problem; of its scores the first stays."""
    archive = Archive(place)
    assert archive.add_program("tiny", "abc", "x = 1", 3) == (1, True)
    assert archive.add_program("tiny", "abc", "y = 1", 3) == (1, False)
    assert archive.add_program("other", "abc", "x = 1", 3) == (2, True)
    assert archive.find(1).source == "x = 1"
    for cost in (5, 6):
        archive.add_scores(1, [(INSTANCE, Score("ok", "", cost, 0.1, Level.L3))])
    assert archive.read_scores(1, [INSTANCE.digest]) == {INSTANCE.digest: Score("ok", "", 5, 0.1, Level.L3)}


def test_what_the_sandbox_broke_is_no_fact_about_a_program(place):
    """Failures of our own are not kept, so that the program is run again."""
    archive = Archive(place)
    number, _ = archive.add_program("tiny", "abc", "x = 1", 3)
    archive.add_scores(number, [(INSTANCE, Score("zygote_died", "", None, 0.0))])
    assert archive.read_scores(number, [INSTANCE.digest]) == {}


def test_a_reply_and_its_candidate_are_one_commit(place):
    """Where the call cannot be written, the candidate is not either: no reply is half there."""
    archive = Archive(place)
    run = archive.start("tiny", "m", 0, {})
    call = CallRow(run=run, slot=0, model="m", operator="o", template="t", system="", prompt="", reply="r")
    archive.answer(CandidateRow(run=run, slot=0, operator="o"), call)
    wrong = call.model_copy(update={"slot": 9})
    with pytest.raises(Exception, match="FOREIGN KEY"):
        archive.answer(CandidateRow(run=run, slot=1, operator="o"), wrong)
    assert list(archive.read_candidates(run)) == list(archive.read_calls(run)) == [0]


@pytest.mark.parametrize("ask", ["run", "find", "trace_lineage"])
@pytest.mark.parametrize("number", [99, -1, 10**30])
def test_a_number_that_is_not_there_is_said_so(place, ask, number):
    """An unknown run or program, however large its number, is one clear line."""
    archive = Archive(place)
    archive.start("tiny", "m", 0, {})
    with pytest.raises(GapsmithError, match=f"holds no (run|program) {number}"):
        getattr(archive, ask)(number)


def test_best_and_lineage(place):
    """The best have gaps in order, and a line of ancestors leads back to the rules."""
    run = finish(job(place, calls=20))
    rows = run.archive.rank_candidates(limit=8)
    assert rows
    assert len({row.program for row in rows}) == len(rows)
    passed = [row.gate == "passed" for row in rows]
    assert passed == sorted(passed, reverse=True)
    made = next(
        row for row in run.archive.read_candidates(1).values() if row.slot > 2 and row.outcome == "ok"
    )
    line = run.archive.trace_lineage(made.program)
    assert line[0].program == made.program
    assert {row.operator for row in line if not row.parents} == {"rule"}


def test_a_counterexample_is_kept_once(place):
    """Of equal instances the first stays; those of other formulations are others; the order is that of finding."""
    archive = Archive(place)
    program, _ = archive.add_program("tiny", "abc", "x = 1", 3)
    archive.add_counterexample("flow", "d1", {"p": [1, 2]}, 7, program)
    archive.add_counterexample("flow", "d0", {"p": [3]}, 3.5)
    archive.add_counterexample("flow", "d1", {"p": []}, 8)
    archive.add_counterexample("tour", "d1", [4], 9)
    found = [(row.digest, row.data, row.optimum, row.program) for row in archive.list_counterexamples("flow")]
    assert found == [("d1", {"p": [1, 2]}, 7.0, program), ("d0", {"p": [3]}, 3.5, None)]
    assert archive.list_counterexamples("unknown") == []
