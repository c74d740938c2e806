"""Tells open pages that the archive has changed, by server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator

from sqlalchemy import Connection, Engine, text

INTERVAL = 0.25
"""Seconds between two looks at the archive while a page is open."""
QUIET = 0.5
"""Seconds between two events at least; a run commits many times a second."""
HEARTBEAT = 15.0
"""Seconds after which a comment shows that the connection is alive."""

TRACES = text(
    "SELECT (SELECT max(id) FROM runs), (SELECT max(id) FROM programs), (SELECT max(id) FROM events), "
    "(SELECT count(*) FROM runs WHERE status = 'running'), (SELECT sum(seconds) FROM runs)"
)
"""What changes when a run goes on, for databases that count no changes themselves."""


class Changes:
    """Looks whether an archive has changed since it was last asked.

    SQLite counts the commits of other connections, which needs one connection that stays open; other databases are
    asked for their highest numbers.

    Args:
        engine: of the archive, for reading.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def read(self) -> str:
        """Returns a mark that differs after a change."""
        if self._connection is None:
            self._connection = self._engine.connect()
        query = text("PRAGMA data_version") if self._engine.dialect.name == "sqlite" else TRACES
        found = str(tuple(self._connection.execute(query).one()))
        self._connection.rollback()  # a transaction that stays open would see no changes
        return found

    def close(self) -> None:
        """Gives the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Watcher:
    """Watches an archive while pages are open.

    Args:
        engine: of the archive, for reading.
        interval: seconds between two looks.

    Attributes:
        number: the count of changes seen.
        seen: the time of the last change, seconds since the epoch; that of the start if none was seen.
    """

    def __init__(self, engine: Engine, interval: float = INTERVAL) -> None:
        self._engine, self._interval = engine, interval
        self._watching: asyncio.Task[None] | None = None
        self._changed, self._ready = asyncio.Event(), asyncio.Event()
        self._open, self._stopped = 0, False
        self.number = 0
        self.seen = time.time()

    async def listen(self) -> AsyncIterator[str]:
        """Yields server-sent events: one for each change, and comments between."""
        self._open += 1
        if self._watching is None or self._watching.done():
            self._ready = asyncio.Event()
            self._watching = asyncio.create_task(self._watch())
        try:
            await self._ready.wait()  # whatever is committed from here on is seen
            number = self.number
            yield "retry: 2000\n\n"
            while not self._stopped:
                if number == self.number:
                    await self._wait()
                if number != self.number:
                    number = self.number
                    yield f"event: change\ndata: {number}\n\n"
                    await asyncio.sleep(QUIET)
                else:
                    yield ": alive\n\n"
        finally:
            self._open -= 1
            if not self._open and self._watching is not None:
                self._watching.cancel()
                self._watching = None

    def stop(self) -> None:
        """Ends all open connections, so that the server can end."""
        self._stopped = True
        self._changed.set()

    async def _wait(self) -> None:
        changed = self._changed
        try:
            await asyncio.wait_for(changed.wait(), HEARTBEAT)
        except TimeoutError:
            return

    async def _watch(self) -> None:
        changes = Changes(self._engine)
        try:
            before = await asyncio.to_thread(changes.read)
            self._ready.set()
            while True:
                await asyncio.sleep(self._interval)
                now = await asyncio.to_thread(changes.read)
                if now != before:
                    before, self.number, self.seen = now, self.number + 1, time.time()
                    changed, self._changed = self._changed, asyncio.Event()
                    changed.set()
        finally:
            self._ready.set()
            changes.close()
