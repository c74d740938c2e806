"""Handles failures of an archive in use.

Waits for locks and reports all other errors in one line.

SQLite itself waits some seconds for a lock. The guard lets it wait again, and informs the user once.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import chain, count
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

from gapsmith.evaluators.base import GapsmithError

LineWriter = Callable[[str], None]
"""Takes a line for the user."""

BUSY_SECONDS, MAX_WAITS = 5, 24
"""Seconds of one wait for a lock and number of waits: two minutes in total."""

CHECKPOINT_SECONDS = 3.0
"""Seconds between two copies of the write-ahead log into the database file, which is nearly complete alone."""

PRIMARY = 0xFF
REMEDIES = {
    sqlite3.SQLITE_BUSY: "another program has locked it for minutes, such as a sqlite3 shell or a backup; end that",
    sqlite3.SQLITE_FULL: "its disk is full; make room",
    sqlite3.SQLITE_IOERR: "its disk cannot be read or written; check it",
    sqlite3.SQLITE_READONLY: "it cannot be written; check its permissions",
    sqlite3.SQLITE_CORRUPT: "it is damaged; restore a copy, or recover what is readable with: sqlite3 FILE .recover",
    sqlite3.SQLITE_NOTADB: "it is damaged; restore a copy",
}


class Guard:
    """Guard of an open archive.

    Args:
        engine: the open archive.
        location: as the user wrote it.
        tell: takes the line about a lock.
    """

    def __init__(self, engine: Engine, location: str, tell: LineWriter) -> None:
        self._location, self._tell = location, tell
        self._turns, self._checkpoint = MAX_WAITS, 0.0
        self._copy: Path | None = None
        self._path = _find_path(engine)
        self._identity = _read_identity(self._path)
        event.listen(engine, "handle_error", self._handle_error)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "do_connect", self._check_connection)
            event.listen(engine, "do_execute", self._execute)
            event.listen(engine, "do_executemany", self._execute_many)
            event.listen(engine, "do_execute_no_params", self._execute_plain)

    # Waiting

    def _execute(self, cursor: Any, statement: str, values: Any, _context: Any = None) -> bool:
        return self._wait_for_lock(lambda: cursor.execute(statement, values))

    def _execute_many(self, cursor: Any, statement: str, values: Any, _context: Any = None) -> bool:
        return self._wait_for_lock(lambda: cursor.executemany(statement, values))

    def _execute_plain(self, cursor: Any, statement: str, _context: Any = None) -> bool:
        return self._wait_for_lock(lambda: cursor.execute(statement))

    def _wait_for_lock(self, execute: Callable[[], Any]) -> bool:
        """Executes a statement and waits while the archive is locked.

        After a wait without success the next waits are short.
        """
        for turn in range(self._turns):
            try:
                execute()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
                if turn == self._turns - 1:
                    self._turns = 1
                    raise
                if turn == 0:
                    self._tell(f"archive {self._location} is locked by another program; waiting for it")
            else:
                self._turns = MAX_WAITS
                break
        return True

    # Words

    def _handle_error(self, context: ExceptionContext) -> None:
        error = context.original_exception
        database = getattr(context.dialect.dbapi, "DatabaseError", sqlite3.DatabaseError)
        if isinstance(error, database) and type(error).__name__ != "ProgrammingError":
            raise GapsmithError(self._explain_error(error)) from None

    def _explain_error(self, error: BaseException) -> str:
        said = " ".join(str(error).split())
        remedy = REMEDIES.get(getattr(error, "sqlite_errorcode", 0) & PRIMARY)
        if remedy is None:
            return f"archive {self._location}: {said}"
        return f"archive {self._location}: {said}: {remedy}, then: gapsmith resume"

    # The file

    def _check_connection(self, _dialect: Any, _record: Any, _arguments: Any, _options: Any) -> None:
        """Refuses to connect once the file was deleted or replaced.

        SQLite would make a new file in its place.
        """
        if self._gone:
            raise GapsmithError(f"archive {self._location} was deleted or replaced while it was in use")

    @property
    def _gone(self) -> bool:
        return self._identity is not None and _read_identity(self._path) != self._identity

    def check_write(self, connection: Connection) -> None:
        """Checks the file after each write, and copies the log back.

        Raises GapsmithError where the file was deleted or replaced.

        Args:
            connection: the connection that wrote it, still open.
        """
        if self._identity is None:
            return
        if self._gone:
            raise GapsmithError(
                f"archive {self._location} was deleted or replaced while it was in use"
                f"{self._rescue_content(connection)}"
            )
        if time.monotonic() - self._checkpoint > CHECKPOINT_SECONDS:
            self._checkpoint = time.monotonic()
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

    def _rescue_content(self, connection: Connection) -> str:
        """Copies the content of the deleted file; returns where the copy is.

        The content is available as long as the file is open.
        """
        driver = connection.connection.driver_connection
        folders = (self._path.parent, Path.cwd(), Path.home())
        places = (_find_free_name(folder / f"{self._path.name}.rescued") for folder in folders)
        for copy in [self._copy] if self._copy else places:
            with suppress(OSError, sqlite3.Error):
                with closing(sqlite3.connect(copy)) as target:
                    assert isinstance(driver, sqlite3.Connection)  # as the identity of a file says
                    driver.backup(target)
                self._copy = copy
                return f"; its content is in {copy}: move it back, then: gapsmith resume"
        return "; its content could not be saved"


def _find_free_name(path: Path) -> Path:
    names: Iterator[str] = chain([path.name], map(f"{path.name}.{{}}".format, count(2)))
    return next(found for name in names if not os.path.lexists(found := path.with_name(name)))


def _find_path(engine: Engine) -> Path:
    return Path(os.path.abspath(engine.url.database or ""))


def _read_identity(path: Path) -> tuple[int, int] | None:
    """Returns device and inode of a file; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
