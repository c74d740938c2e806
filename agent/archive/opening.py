"""Opens an archive: a plain path or any database URL; checks and lifts its schema."""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path

from sqlalchemy import Connection, Engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError
from sqlmodel import SQLModel, create_engine

from gapsmith.agent.archive.migrations import MIGRATIONS, Migration
from gapsmith.agent.archive.tables import SCHEMA
from gapsmith.evaluators.base import Trouble

TRIES = 100


def open_engine(location: str, migrations: Mapping[int, Migration] = MIGRATIONS) -> Engine:
    """An engine on an archive of the current schema, made if absent. Raises Trouble where it cannot be used."""
    url = location if "://" in location else f"sqlite:///{location}"
    try:
        engine = create_engine(url)
        with _closed_on_error(engine):
            _set_up(engine)
            _lift(engine, location, migrations)
    except (DatabaseError, ArgumentError, NoSuchModuleError, ImportError, OSError) as error:
        raise Trouble(f"archive {_shown(url)} cannot be opened: {_first_line(error)}") from None
    return engine


@contextmanager
def _closed_on_error(engine: Engine) -> Iterator[None]:
    try:
        yield
    except BaseException:  # whatever it was, no connection may stay open; it is raised again
        engine.dispose()
        raise


def _set_up(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def pragmas(connection, _record):  # type: ignore[no-untyped-def]
            connection.execute("PRAGMA busy_timeout=10000")
            # It survives kill -9; a power cut may take the last commit.
            connection.execute("PRAGMA synchronous=NORMAL")
            # The log of 16 MiB is written back at once, not every 40 candidates.
            connection.execute("PRAGMA wal_autocheckpoint=4000")
            connection.execute("PRAGMA foreign_keys=ON")


def _write_ahead(engine: Engine) -> None:
    """Turns the mode on; it stays with the file, so that this is for archives only.

    SQLite does not wait by itself while another process does the same: so we do.
    """
    for attempt in range(TRIES):
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            return
        except OperationalError:
            if attempt == TRIES - 1:
                raise
            time.sleep(0.05)


def _lift(engine: Engine, location: str, migrations: Mapping[int, Migration]) -> None:
    with engine.connect() as connection:
        version = _version(connection)
    if version is None:
        version = _make(engine)
    if version > SCHEMA:
        raise Trouble(
            f"archive {location} has schema {version}; this gapsmith knows schemas up to {SCHEMA}: "
            "upgrade gapsmith, or name another archive with --archive"
        )
    if engine.dialect.name == "sqlite":
        _write_ahead(engine)
    if version < SCHEMA:
        _migrate(engine, location, version, migrations)


def _make(engine: Engine) -> int:
    with engine.begin() as connection:
        _lock(connection)
        if (found := _version(connection)) is not None:  # another process was quicker
            return found
        SQLModel.metadata.create_all(connection)
        connection.execute(text("INSERT INTO meta (key, value) VALUES ('schema', :v)"), {"v": str(SCHEMA)})
        return SCHEMA


def _lock(connection: Connection) -> None:
    """Has the transaction begin now: SQLite's driver would leave changes of the schema out of it."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(engine: Engine, location: str, version: int, migrations: Mapping[int, Migration]) -> None:
    copy = _copy(engine, version)
    with engine.begin() as connection:
        _unchecked(connection)
        _lock(connection)
        for step in range(_version(connection) or version, SCHEMA):
            if step not in migrations:
                raise Trouble(f"archive {location} has schema {step}, from which there is no way up; {copy}")
            migrations[step](connection)
        connection.execute(text("UPDATE meta SET value = :v WHERE key = 'schema'"), {"v": str(SCHEMA)})
    engine.dispose()  # the next connections check foreign keys again


def _unchecked(connection: Connection) -> None:
    """Lets a table be replaced that others refer to; SQLite takes this before a transaction only."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")


def _copy(engine: Engine, version: int) -> str:
    if engine.dialect.name != "sqlite" or not (path := Path(str(engine.url.database))).is_file():
        return "make a copy with your database's own tools"
    with engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    names = (f"{path.name}.schema{version}{again}" for again in chain([""], map(".{}".format, count(2))))
    copy = next(copy for name in names if not (copy := path.with_name(name)).exists())
    shutil.copy2(path, copy)
    return f"a copy is in {copy}"


def _version(connection: Connection) -> int | None:
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if "meta" not in tables:
        raise Trouble(f"{connection.engine.url.database} is a database, but not a gapsmith archive")
    found = connection.execute(text("SELECT value FROM meta WHERE key = 'schema'")).scalar()
    if not str(found).isdecimal():
        raise Trouble(f"{connection.engine.url.database} says its schema is {found!r}; expected a number")
    return int(str(found))


def _shown(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True).removeprefix("sqlite:///")
    except ArgumentError:
        return url


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__
