"""Leases: only one process at a time works on a run.

A process refreshes its lease while it works. A lease ends when it is released, expires, or when its process, if it
ran on this machine, is gone.
"""

import os
import platform
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from gapsmith.agent.archive.tables import LeaseRow
from gapsmith.evaluators.base import GapsmithError

LASTS, REFRESH_SECONDS = 60.0, 10.0
"""Seconds that a lease lasts, and after which it is refreshed."""

LONGEST_SECONDS = 3600.0
"""No lease ends later, whatever the clocks of two machines say: one that does was written by hand."""

_active_tokens: set[str] = set()
"""Tokens of this process's active leases; others of this process, such as those it could not release, have ended."""

BOOT = Path("/proc/sys/kernel/random/boot_id")


class LeaseKeeper(Protocol):
    """The store of leases: the archive."""

    def take_lease(self, row: LeaseRow) -> None:
        """Takes a lease. Raises GapsmithError if another process has the run."""
        ...

    def refresh_lease(self, row: LeaseRow, expires: float) -> bool:
        """Extends a lease; returns False if another process has the run."""
        ...

    def end_lease(self, row: LeaseRow) -> None:
        """Releases a lease."""
        ...


class Lease:
    """A lease on a run; use it in a `with` statement.

    Args:
        archive: the archive that has the run.
        run: its number.
        stop: called if another process took over the run because this one had not refreshed its lease.
        every: seconds between two refreshes.

    Attributes:
        lost: whether another process took over the run.
    """

    def __init__(
        self, archive: LeaseKeeper, run: int, stop: Callable[[], None], every: float = REFRESH_SECONDS
    ) -> None:
        self._archive, self._stop, self._every, self.lost = archive, stop, every, False
        self._row = make_lease(run)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._refresh, name=f"lease of run {run}", daemon=True)

    def __enter__(self) -> Self:
        """Takes the lease. Raises GapsmithError where another process has it."""
        self._archive.take_lease(self._row)
        _active_tokens.add(self._row.token)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _active_tokens.discard(self._row.token)
        self._over.set()
        self._thread.join()
        with suppress(GapsmithError):  # then it expires
            self._archive.end_lease(self._row)

    def _refresh(self) -> None:
        while not self._over.wait(self._every):
            with suppress(GapsmithError):  # it is tried again
                if not self._archive.refresh_lease(self._row, time.time() + LASTS):
                    self.lost = True
                    self._stop()
                    return

    def check(self) -> None:
        """Raises GapsmithError where another process took the run over."""
        if self.lost:
            raise GapsmithError(
                f"run {self._row.run} was taken over by another process: this one had not refreshed its lease for "
                f"{LASTS:.0f} seconds; the other process continues it"
            )


def make_lease(run: int) -> LeaseRow:
    """Makes a lease on a run that is not taken yet."""
    return LeaseRow(
        run=run,
        token=secrets.token_hex(8),
        host=platform.node(),
        pid=os.getpid(),
        birth=f"{_identify_machine()} {_read_start_time(os.getpid())}".strip(),
        expires=time.time() + LASTS,
    )


def is_over(row: LeaseRow, now: float) -> bool:
    """Tells whether a lease has expired or its process is gone."""
    return not now < row.expires <= now + LONGEST_SECONDS or _is_gone(row)


def describe_lease(row: LeaseRow) -> str:
    """Says which process works on a run."""
    return (
        f"run {row.run} is being worked on by process {row.pid} on {row.host}; wait until it ends, or end it; "
        f"a lease that is not refreshed expires after {LASTS:.0f} seconds"
    )


def _is_gone(row: LeaseRow) -> bool:
    """Tells whether the process ran on this machine and has ended."""
    *machine, started = row.birth.split(" ")
    if not machine or " ".join(machine) != _identify_machine():
        return False
    return _read_start_time(row.pid) != started or (
        row.pid == os.getpid() and row.token not in _active_tokens
    )


def _identify_machine() -> str:
    """Returns the boot and the PID namespace; empty where unknown."""
    try:
        return f"{BOOT.read_text().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _read_start_time(pid: int) -> str:
    """Returns the start time of a process in clock ticks.

    It is empty where there is no such process, or only a zombie.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode()
