"""An archive of schema 1 becomes one of today, and nothing in it is lost."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from gapsmith.agent import Archive
from gapsmith.agent.archive.findings import find_compile_seconds, format_compilation
from gapsmith.agent.archive.migrations import MIGRATIONS
from gapsmith.evaluators.base import Instance
from gapsmith.evaluators.scoring import Score
from gapsmith.sandbox import Level

SCHEMA_1 = (Path(__file__).parent / "schema1.sql").read_text()


@pytest.fixture
def old(place):
    """Where an archive of schema 1 is."""
    with closing(sqlite3.connect(place)) as connection:
        connection.executescript(SCHEMA_1)
    return place


def lifted_to(version, place):
    """Makes the archive of schema 1 one of a later version, as the gapsmith of its day did."""
    engine = create_engine(f"sqlite:///{place}")
    with engine.begin() as connection:
        for step in range(1, version):
            MIGRATIONS[step](connection)
        connection.exec_driver_sql(f"UPDATE meta SET value = '{version}'")
    engine.dispose()


def shape(place):
    """Tables with their columns (name, type, whether it must be there, place in the key), and indexes."""
    with closing(sqlite3.connect(place)) as connection:
        found = connection.execute(
            "SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL"
        ).fetchall()
        tables = [name for name, kind, _ in found if kind == "table"]
        columns = {
            table: [
                (name, kind, needed, key)
                for _, name, kind, needed, _, key in connection.execute(f"PRAGMA table_info({table})")
            ]
            for table in tables
        }
        keys = {
            table: sorted(row[2:5] for row in connection.execute(f"PRAGMA foreign_key_list({table})"))
            for table in tables
        }
    indexes = {name: words for name, kind, words in found if kind == "index"}
    by_key = [name for name, kind, words in found if "WITHOUT ROWID" in words]
    return columns, keys, indexes, by_key


def test_a_lifted_archive_has_the_shape_of_a_new_one(old, tmp_path):
    """After the migration all tables, keys and indexes are those that a new archive gets."""
    Archive(old).close()
    Archive(str(tmp_path / "new.db")).close()
    assert shape(old) == shape(str(tmp_path / "new.db"))


def test_programs_of_before_were_compiled_for_no_known_time(old):
    """The time of compilation of older scores is 0; that of new ones is kept, and the longest is shown."""
    with closing(Archive(old)) as archive:
        archive.add_scores(1, [(Instance("new", {"k": 1}), Score("ok", "", 1.0, 0.1, Level.L4, 2.5))])
        digest = Instance("new", {"k": 1}).digest
        assert archive.read_scores(1, ["d1"])["d1"].compile_seconds == 0.0
        assert archive.read_scores(1, [digest])[digest].compile_seconds == 2.5
        assert [find_compile_seconds(archive, program) for program in (1, 2, 99)] == [2.5, 0.0, 0.0]
    assert format_compilation(0.0) == ""
    assert format_compilation(2.5).startswith("compiled in 2.50 s")


def test_nothing_is_lost_on_the_way_up(old):
    """Runs, candidates, replies, scores, optima, tallies and decisions are those of before."""
    archive = Archive(old)
    assert (archive.run(1).config, archive.run(1).seconds) == ({"a": 1}, 2.5)
    assert [row.program for row in archive.read_candidates(1).values()] == [1, 2, None]
    first = archive.find_candidate(1, 0)
    assert (first.name, first.train_gap, first.validation_gap, first.gate) == ("EDD", 4.0, 5.0, "passed")
    assert (first.arm, first.model, first.behaviour, first.charged) == ("", "", "", 0)
    assert (archive.call(1, 1).reply, archive.call(1, 1).detail) == ("the reply", {"k": "v"})
    assert archive.read_scores(1, ["d1", "d2"]) == {"d1": Score("ok", "", 7.0, 0.1, Level.L4)}
    assert archive.read_scores(2, ["d1", "d2"]) == {"d2": Score("ok", "", 8.0, 0.1, Level.L4)}
    assert archive.read_baselines("tiny", ["d1"])["d1"].solution == [1]
    tallies = [(row.kind, row.name, row.tries, row.gains) for row in archive.read_tallies(1)]
    assert tallies == [("operator", "refine", 5, 2)]


def test_of_two_events_of_a_kind_the_first_stays(old):
    """Schema 2 has one event of a kind for a slot."""
    archive = Archive(old)
    kept = [(event.slot, event.kind, event.detail) for event in archive.read_events(1)]
    assert kept == [(0, "gate", {"passed": True}), (1, "raced", {"points_behind": 1})]


def test_a_lifted_archive_goes_on(old):
    """What is written after the migration stands beside what was there."""
    archive = Archive(old)
    assert archive.add_program("tiny", "abc", "x = 1", 3) == (1, False)
    archive.settle(1, 2, {"program": 2, "outcome": "duplicate", "charged": 0}, events=[("raced", {})])
    assert archive.count_slots(1) == 3
    assert archive.find_candidate(1, 2).outcome == "duplicate"
    assert len(archive.read_events(1)) == 3


@pytest.mark.parametrize("version", [2, 3, 4])
def test_an_archive_of_a_later_schema_gets_what_it_lacks(old, tmp_path, version):
    """The steps from 2 on add tables and columns, which can be written then."""
    lifted_to(version, old)
    archive = Archive(old)
    assert archive.list_counterexamples("tiny") == []
    archive.add_counterexample("tiny", "d", [1], 2)
    assert archive.add_program("tiny", "abc", "x = 1", 3) == (1, False)
    assert archive.add_program("tiny", "abc", "x = 1", 3, "another version")[1]
    Archive(str(tmp_path / "new.db")).close()
    assert shape(old) == shape(str(tmp_path / "new.db"))


def test_a_lifted_archive_still_checks_what_refers_to_what(old):
    """Tables are replaced on the way up with the checks off; afterwards no row refers to nothing."""
    archive = Archive(old)
    with pytest.raises(Exception, match="FOREIGN KEY"):
        archive.settle(1, 0, {"program": 77})
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
