"""Cells that gapsmith did not write: whatever stands there, a reader works or ends in one named error."""

import shutil
import sqlite3
from contextlib import closing, suppress

import pytest
from helpers import Inline, finish, job
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gapsmith.agent.archive import Archive, Event
from gapsmith.agent.archive.safety.cells import DamagedCell, find_types
from gapsmith.agent.cli.app import main
from gapsmith.agent.reports.export.module import export
from gapsmith.evaluators.base import GapsmithError, UsageError

WRONG = (
    "x", "", None, b"\x00\xff", -1, -0.5, 2**62, float("inf"), "[", "[]", "{}", "null", '{"best": []}', '{"seed": "x"}',
    '{"gain": "x", "low": [], "high": 1}', "[1e999]", "[" * 3000,
)  # fmt: skip
"""Values that stand in no cell, or only in cells of another kind."""

REPORT = {
    "best": {"id": 4, "name": "4", "pooled_gap_percent": 0.25, "ci95": [0.1, 0.4]},
    "front": [{"id": 4, "name": "", "pooled_gap_percent": 0.25, "cpu_seconds": 0.004, "size": 90}],
    "together": [{"id": 4, "name": "", "runs": 1, "pooled_gap_percent": 0.25}],
}
CELLS = (
    ("evaluations", "cpu_seconds", "x", "a number from 0 on"),
    ("evaluations", "cpu_seconds", b"\xff", "a number from 0 on"),
    ("evaluations", "isolation", 9, "a whole number from 0 to 4"),
    ("evaluations", "outcome", b"ok", "text"),
    ("evaluations", "cost", "", "a number"),
)
COMMANDS = (
    ["runs"], ["runs", "--json"], ["best"], ["best", "--json"], ["best", "--front"], ["best", "--set"], ["explain"],
    ["explain", "--json"], ["explain", "--verbose"], ["show", "4"], ["show", "4", "--prompt"], ["lineage", "4"],
    ["record"],
)  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The path of an archive with a finished run, whose columns accept NULL, too."""
    path = tmp_path_factory.mktemp("cells") / "kept.db"
    run = finish(job(str(path), executor=Inline(), calls=3))
    run.archive.finish(1, "done", 1.0, REPORT)
    run.archive.record(1, -1, "last instances, drawn after slot 3", {"seed": 5})
    run.archive.close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA writable_schema=ON")
        database.execute("UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '') WHERE type = 'table'")
        database.commit()
    return path


@pytest.fixture(scope="module")
def cells(kept):
    """The table and column of every cell, and the values of the columns that hold JSON objects."""
    with closing(sqlite3.connect(kept)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        filled = [
            name for name in tables if name != "meta" and database.execute(f"SELECT * FROM {name}").fetchone()
        ]
        return [
            (name, column[1]) for name in filled for column in database.execute(f"PRAGMA table_info({name})")
        ]


def write(path, table, column, value, turn=0):
    """Puts a value into one cell."""
    with closing(sqlite3.connect(path)) as database:
        key = ", ".join(row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[5])
        count = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        row = f"({key}) IN (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1 OFFSET {turn % count})"
        with suppress(sqlite3.IntegrityError):  # SQLite keeps numbers of rows itself
            database.execute(f"UPDATE {table} SET {column} = ? WHERE {row}", (value,))
        database.commit()


@pytest.mark.parametrize(("table", "column", "value", "expected"), CELLS)
def test_a_wrong_cell_is_named(kept, tmp_path, table, column, value, expected):
    """The error says archive, table, row, column, what was found, what is expected and what to do."""
    place = tmp_path / "wrong.db"
    shutil.copy(kept, place)
    write(place, table, column, value)
    with closing(sqlite3.connect(place)) as database:
        program, digest = database.execute("SELECT program, digest FROM evaluations ORDER BY 1, 2").fetchone()
    with closing(Archive(str(place), True)) as store, pytest.raises(DamagedCell) as caught:
        store.read_scores(program, [digest])
    where = f"archive {place}: evaluations row program {program}, digest {digest}, {column}"
    assert str(caught.value).startswith(f"{where}: found {value!r}, expected {expected};")
    assert "restore a copy" in str(caught.value)


def test_an_event_of_another_shape_is_named(kept, tmp_path):
    """Events are checked by their kind, since some decide what a resumed run does."""
    place = tmp_path / "wrong.db"
    shutil.copy(kept, place)
    with closing(sqlite3.connect(place)) as database:
        database.execute("UPDATE events SET detail = '{\"seed\": -3}' WHERE kind LIKE 'last instances%'")
        database.commit()
    with (
        closing(Archive(str(place), True)) as store,
        pytest.raises(DamagedCell, match=r"kind 'last instances.*seed"),
    ):
        store.read_events(1)


READERS = {
    "runs": lambda store: store.list_runs(),
    "programs": lambda store: store.find(1),
    "candidates": lambda store: store.read_candidates(1),
    "calls": lambda store: store.read_calls(1),
    "events": lambda store: store.read_events(1),
    "arms": lambda store: store.read_tallies(1),
}
"""Reads all rows of a table, or the first one."""

ODD = [
    ("runs", "seed", -1, "a whole number from 0 on"),
    ("runs", "seed", 1.5, "a whole number from 0 on"),
    ("runs", "seconds", -0.5, "a number from 0 on"),
    ("runs", "seconds", float("inf"), "a number from 0 on"),
    ("runs", "started", 10**18, "a number from 0 to 2.53402e+11"),
    ("runs", "started", "", "a number from 0 to 2.53402e+11"),
    ("runs", "problem", b"tsp", "text"),
    ("runs", "config", "{", "JSON"),
    ("runs", "config", None, "JSON of another shape"),
    ("runs", "config", "[]", "JSON of another shape"),
    ("runs", "report", "[" * 100_000, "JSON"),
    ("runs", "report", '{"best": 3}', "JSON of another shape (best: "),
    ("programs", "source", b"\x00", "text"),
    ("programs", "source", None, "text"),
    ("programs", "size", -4, "a whole number from 0 on"),
    ("candidates", "parents", "3", "JSON of another shape"),
    ("candidates", "parents", '["x"]', "JSON of another shape (0: "),
    ("candidates", "evaluated", -1, "a whole number from 0 on"),
    ("candidates", "evaluated", "x", "a whole number from 0 on"),
    ("candidates", "charged", 0.5, "a whole number from 0 on"),
    ("candidates", "train_gap", "x", "a number"),
    ("candidates", "cpu_seconds", -1, "a number from 0 on"),
    ("calls", "usd", -304_000, "a number from 0 on"),
    ("calls", "tokens_in", -1, "a whole number from 0 on"),
    ("calls", "tokens_out", 1e300, "a whole number from 0 on"),
    ("calls", "detail", '{"finish": []}', "JSON of another shape (finish: "),
    ("calls", "reply", b"\xff", "text"),
    ("events", "kind", b"gate", "text"),
    ("events", "detail", '"x"', "JSON of another shape"),
    ("arms", "tries", -1, "a whole number from 0 on"),
    ("arms", "reward", "x", "a number"),
]


@pytest.mark.parametrize(("table", "column", "value", "expected"), ODD)
def test_every_table_is_checked(kept, tmp_path, table, column, value, expected):
    """Whichever table is read: the error names it with the column, and says what belongs there."""
    place = tmp_path / "wrong.db"
    shutil.copy(kept, place)
    write(place, table, column, value)
    with closing(Archive(str(place), True)) as store, pytest.raises(DamagedCell) as caught:
        READERS[table](store)
    words = str(caught.value)
    assert words.startswith(f"archive {place}: {table} row ")
    assert f", {column}: found " in words
    assert f", expected {expected}" in words
    assert len(words) < 600


@pytest.mark.parametrize(
    ("column", "value"), [("train_gap", None), ("train_gap", 3), ("cpu_seconds", None), ("message", "")]
)
def test_what_gapsmith_writes_is_read(kept, tmp_path, column, value):
    """Empty gaps and times are no damage, nor are whole numbers where numbers belong."""
    place = tmp_path / "right.db"
    shutil.copy(kept, place)
    write(place, "candidates", column, value)
    with closing(Archive(str(place), True)) as store:
        assert getattr(store.read_candidates(1)[0], column) == value


def test_types_for_queries_in_sql(kept):
    """A query in SQL reads with the columns' types; a join may leave them empty."""
    query = text("SELECT NULL AS slot, 'x' AS detail")
    with closing(Archive(str(kept), True)) as store, store.engine.connect() as connection:
        with pytest.raises(DamagedCell, match="events, slot: found nothing"):
            connection.execute(query.columns(**find_types(Event, "slot"))).all()
        rows = connection.execute(query.columns(**find_types(Event, "slot", optional=True))).all()
        assert rows == [(None, "x")]
        with pytest.raises(DamagedCell, match="events, detail: found 'x', expected JSON;"):
            connection.execute(query.columns(**find_types(Event, "detail"))).all()


def test_a_run_of_another_problem_does_not_go_on(kept, tmp_path):
    """Where a run and its settings name two problems, nothing is searched."""
    place = tmp_path / "wrong.db"
    shutil.copy(kept, place)
    write(place, "runs", "problem", "tsp")
    with pytest.raises(UsageError, match=r"run 1 is of the problem 'tsp'.*'tiny_tardiness'"):
        job(str(place), executor=Inline(), number=1, calls=3)


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_readers_end_in_named_errors(kept, cells, tmp_path_factory, capsys, data):
    """Whatever a cell holds: a command that reads answers, or says in one line what is wrong; it never breaks."""
    folder = tmp_path_factory.mktemp("wrong")
    place = folder / "wrong.db"
    shutil.copy(kept, place)
    table, column = data.draw(st.sampled_from(cells))
    write(place, table, column, data.draw(st.sampled_from(WRONG)), data.draw(st.integers(0, 99)))
    command = data.draw(st.sampled_from(COMMANDS))
    output = ["-o", str(folder / "run.jsonl")] if command == ["record"] else []
    with pytest.raises(SystemExit) as left:
        main([*command, *output, "--archive", str(place)])
    said = capsys.readouterr().err.splitlines()
    assert left.value.code in (0, 1, 2)
    assert not left.value.code or (len(said) == 1 and said[0].startswith("gapsmith: ")), said
    with closing(Archive(str(place), True)) as store, suppress(GapsmithError):
        export(4, store, Inline())
