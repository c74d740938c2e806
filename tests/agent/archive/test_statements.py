"""Statements given to the driver as text: they write what SQLAlchemy itself would write."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import bindparam, create_engine, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg2
from sqlmodel import col

from gapsmith.agent.archive.statements import Statement
from gapsmith.agent.archive.tables import Event

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
DETAILS = st.dictionaries(
    WORDS,
    st.one_of(st.none(), st.integers(-9, 9), st.floats(allow_nan=False), WORDS, st.lists(st.booleans())),
)
COLUMNS = ("run", "slot", "kind", "detail")


class Listening:
    """A connection that keeps what its driver is given."""

    def exec_driver_sql(self, text, values):
        """Carries nothing out."""
        self.text, self.values = text, values


@pytest.fixture(scope="module")
def engine():
    """A database with the table of events."""
    found = create_engine("sqlite://")
    Event.__table__.create(found)
    return found


def rows_of(details, kind):
    """An event for each detail."""
    return [{"run": 1, "slot": slot, "kind": kind, "detail": each} for slot, each in enumerate(details)]


@given(st.lists(DETAILS, min_size=1, max_size=3))
def test_one_row_or_several_are_written_as_sqlalchemy_writes_them(engine, details):
    """Whatever JSON holds comes back as it was, in the same words."""
    with engine.connect() as connection:
        Statement(engine, insert(Event), COLUMNS)(connection, *rows_of(details, "ours"))
        connection.execute(insert(Event), rows_of(details, "theirs"))
        found = connection.exec_driver_sql("SELECT kind, slot, detail FROM events").fetchall()
        assert connection.execute(select(Event.detail).where(Event.kind == "ours")).scalars().all() == details
    ours, theirs = ([row[1:] for row in found if row[0] == kind] for kind in ("ours", "theirs"))
    assert ours == theirs


def test_an_update_changes_its_row_alone(engine):
    """Values and places are told apart by their names."""
    change = update(Event).where(col(Event.slot) == bindparam("of_slot")).values(kind=bindparam("kind"))
    with engine.connect() as connection:
        Statement(engine, insert(Event), COLUMNS)(connection, *rows_of([{}, {}], "old"))
        Statement(engine, change)(connection, {"kind": "new", "of_slot": 1})
        assert connection.execute(select(Event.slot, Event.kind)).fetchall() == [(0, "old"), (1, "new")]


def test_a_driver_that_wants_names_gets_them():
    """Some drivers take values by name; what a column writes in its own way is so written there, too."""
    connection = Listening()
    statement = postgresql.insert(Event).on_conflict_do_nothing()
    Statement(SimpleNamespace(dialect=psycopg2.dialect()), statement, COLUMNS)(
        connection, {"run": 1, "slot": 2, "kind": "a", "detail": {"b": 3}}
    )
    assert "ON CONFLICT DO NOTHING" in connection.text
    assert connection.values == {"run": 1, "slot": 2, "kind": "a", "detail": '{"b": 3}'}


def test_what_is_there_already_may_stay(engine):
    """A clause of the dialect's own is kept."""
    statement = Statement(engine, sqlite.insert(Event).on_conflict_do_nothing(), COLUMNS)
    with engine.connect() as connection:
        for detail in ({"a": 1}, {"a": 2}):
            statement(connection, *rows_of([detail], "once"))
        assert connection.execute(select(Event.detail)).scalars().all() == [{"a": 1}]
