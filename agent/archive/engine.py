"""Opens an archive, given as a path or a database URL.

Checks and migrates its schema.
"""

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError
from sqlmodel import SQLModel, create_engine

from gapsmith.agent.archive.migrations import MIGRATIONS, Migration
from gapsmith.agent.archive.safety.cells import remember_engine
from gapsmith.agent.archive.safety.guarding import BUSY_SECONDS
from gapsmith.agent.archive.tables import SCHEMA
from gapsmith.evaluators.base import GapsmithError, UsageError

MAX_TRIES = 100
NO_FILES = ("", ":memory:")


def open_engine(
    location: str, migrations: Mapping[int, Migration] = MIGRATIONS, reading: bool = False
) -> Engine:
    """Opens an archive and brings its schema up to date.

    Raises GapsmithError where it cannot be used.

    Args:
        location: a path (SQLite) or a database URL.
        migrations: migrations from older schemas.
        reading: open for reading only: the archive is neither created nor migrated; its folder may be read-only.
    """
    engine = _open(location, migrations, reading)
    remember_engine(engine, _hide_password(location))
    return engine


def _open(location: str, migrations: Mapping[int, Migration], reading: bool) -> Engine:
    try:
        url = _parse_location(location)
        if reading and url.get_backend_name() == "sqlite":
            return _open_for_reading(Path(str(url.database)), location, migrations)
        engine = create_engine(url)
        with _close_on_error(engine):
            _set_up(engine)
            _bring_up_to_date(engine, location, migrations)
    except (DatabaseError, ArgumentError, NoSuchModuleError, ImportError, OSError, ValueError) as error:
        raise GapsmithError(
            f"archive {_hide_password(location)} cannot be opened: {_format_error(error)}{_explain_failure(location)}"
        ) from None
    return engine


def _parse_location(location: str) -> URL:
    """Returns the URL of a location; any path is taken literally.

    Raises UsageError where the location names no file.
    """
    url = make_url(location) if "://" in location else URL.create("sqlite", database=location)
    if url.get_backend_name() == "sqlite" and (url.database or "").strip() in NO_FILES:
        raise UsageError(
            f"--archive {location!r} names no file, so nothing would be kept; expected a path such as archive.db"
        )
    return url


# Reading


def _open_for_reading(path: Path, location: str, migrations: Mapping[int, Migration]) -> Engine:
    """Opens an archive for reading only.

    An archive with an older schema is copied to a temporary folder and migrated there.
    """
    path = path.absolute()
    ours = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    log = path.with_name(f"{path.name}-wal")
    if (
        not ours and log.is_file() and log.stat().st_size
    ):  # SQLite reads the log only in a folder that it can write
        return _open_migrated_copy(path, location, migrations)
    address = f"file:{quote(str(path))}"
    options = {"uri": "true", "mode": "rw"} if ours else {"uri": "true", "immutable": "1"}
    engine = create_engine(URL.create("sqlite", database=address, query=options))
    with _close_on_error(engine):
        _set_up(engine)
        event.listen(engine, "connect", _query_only)
        with engine.connect() as connection:
            version = _read_version(connection, path)
        if version is None:
            raise GapsmithError(
                f"{location} is empty; expected an archive, which a run makes: gapsmith run PROBLEM"
            )
        _check_known(version, location)
    if version == SCHEMA:
        return engine
    engine.dispose()
    return _open_migrated_copy(path, location, migrations)


def _query_only(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA query_only=ON")


def _open_migrated_copy(path: Path, location: str, migrations: Mapping[int, Migration]) -> Engine:
    folder = TemporaryDirectory(prefix="gapsmith-", ignore_cleanup_errors=True)
    for suffix in ("", "-wal"):
        with suppress(FileNotFoundError):
            shutil.copy2(f"{path}{suffix}", Path(folder.name) / f"archive.db{suffix}")
    engine = create_engine(URL.create("sqlite", database=str(Path(folder.name) / "archive.db")))
    with _close_on_error(engine):
        _set_up(engine)
        _bring_up_to_date(engine, location, migrations)
    event.listen(engine, "engine_disposed", lambda _: folder.cleanup())
    return engine


@contextmanager
def _close_on_error(engine: Engine) -> Iterator[None]:
    try:
        yield
    except BaseException:  # no connection may stay open; the error is raised again
        engine.dispose()
        raise


def _set_up(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def pragmas(connection, _record):  # type: ignore[no-untyped-def]
            connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
            # It survives kill -9; after a power cut the last commit may be missing.
            connection.execute("PRAGMA synchronous=NORMAL")
            # The log is written back every 16 MiB, not after every 40 candidates.
            connection.execute("PRAGMA wal_autocheckpoint=4000")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA trusted_schema=OFF")


def _write_ahead(engine: Engine) -> None:
    """Turns on the write-ahead log, which the file keeps from then on.

    SQLite does not wait while another process does the same; this function does.
    """
    for attempt in range(MAX_TRIES):
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            return
        except OperationalError:
            if attempt == MAX_TRIES - 1:
                raise
            time.sleep(0.05)


def _check_known(version: int, location: str) -> None:
    if version > SCHEMA:
        raise GapsmithError(
            f"archive {location} has schema {version}; this gapsmith knows schemas up to {SCHEMA}: "
            "upgrade gapsmith, or name another archive with --archive"
        )


def _bring_up_to_date(engine: Engine, location: str, migrations: Mapping[int, Migration]) -> None:
    with engine.connect() as connection:
        version = _read_version(connection)
    if version is None:
        version = _create_tables(engine)
    _check_known(version, location)
    if engine.dialect.name == "sqlite":
        _write_ahead(engine)
    if version < SCHEMA:
        _migrate(engine, location, version, migrations)


def _create_tables(engine: Engine) -> int:
    with engine.begin() as connection:
        _begin_immediate(connection)
        if (found := _read_version(connection)) is not None:  # another process made it first
            return found
        SQLModel.metadata.create_all(connection)
        connection.execute(text("INSERT INTO meta (key, value) VALUES ('schema', :v)"), {"v": str(SCHEMA)})
        return SCHEMA


def _begin_immediate(connection: Connection) -> None:
    """Begins the transaction now.

    SQLite's driver would leave changes of the schema out of it.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(engine: Engine, location: str, version: int, migrations: Mapping[int, Migration]) -> None:
    copy = _copy(engine, version)
    with engine.begin() as connection:
        _disable_foreign_keys(connection)
        _begin_immediate(connection)
        for step in range(_read_version(connection) or version, SCHEMA):
            if step not in migrations:
                raise GapsmithError(
                    f"archive {location} has schema {step}, for which there is no migration; {copy}"
                )
            migrations[step](connection)
        connection.execute(text("UPDATE meta SET value = :v WHERE key = 'schema'"), {"v": str(SCHEMA)})
    engine.dispose()  # the next connections check foreign keys again


def _disable_foreign_keys(connection: Connection) -> None:
    """Switches off the check of foreign keys while tables are replaced.

    SQLite accepts this only before a transaction.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")


def _copy(engine: Engine, version: int) -> str:
    if engine.dialect.name != "sqlite" or not (path := Path(str(engine.url.database))).is_file():
        return "make a copy with your database's own tools"
    with engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    names = (f"{path.name}.schema{version}{again}" for again in chain([""], map(".{}".format, count(2))))
    # A link that leads nowhere would be followed, and a file made where it points.
    copy = next(copy for name in names if not os.path.lexists(copy := path.with_name(name)))
    shutil.copy2(path, copy)
    return f"a copy is in {copy}"


def _read_version(connection: Connection, path: Path | None = None) -> int | None:
    place = path or connection.engine.url.database
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if "meta" not in tables:
        raise GapsmithError(f"{place} is a database, but not a gapsmith archive")
    _refuse_code(connection, place)
    found = connection.execute(text("SELECT value FROM meta WHERE key = 'schema'")).scalar()
    if not str(found).isdecimal():
        raise GapsmithError(f"{place} says its schema is {found!r}; expected a number")
    return int(str(found))


def _refuse_code(connection: Connection, place: object) -> None:
    """Refuses triggers and views, which would run within our queries."""
    if connection.dialect.name == "sqlite":
        query = "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view') LIMIT 1"
        if found := connection.execute(text(query)).first():
            raise GapsmithError(
                f"{place} holds a {found.type} named {found.name!r:.60}; expected tables and indexes alone, "
                "as gapsmith makes them"
            )


def _hide_password(location: str) -> str:
    if "://" not in location:
        return location
    try:
        return make_url(location).render_as_string(hide_password=True).removeprefix("sqlite:///")
    except ArgumentError:
        return location


def _explain_failure(location: str) -> str:
    """Explains why a file cannot be opened; empty if unknown."""
    path = Path(location.removeprefix("sqlite:///"))
    if "://" in str(location) and not location.startswith("sqlite:///"):
        return ""
    if path.is_dir():
        return ": it is a folder; expected a file"
    if not path.parent.is_dir():
        return f": folder {path.parent} does not exist; make it, or name another place"
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        return ": it cannot be written here; commands that only read work: gapsmith runs, best, show, explain, export"
    return ""


def _format_error(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__
