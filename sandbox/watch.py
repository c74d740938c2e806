"""Reads the kernel's clocks of another process."""

import contextlib
import sys
import time
from pathlib import Path

_CPU_OF_PROCESS = 2


class Clock:
    """CPU seconds of a child, all its threads together.

    The child may live in a process namespace of its own, where its number has no meaning here: the true one is
    read from the kernel's description of its pidfd.
    """

    def __init__(self, name: int, watch: int) -> None:
        pid = _read_pid(watch) if watch >= 0 else name
        self._clock = ~pid << 3 | _CPU_OF_PROCESS
        self._schedule = Path(f"/proc/{pid}/schedstat")
        self._status = Path(f"/proc/{pid}/stat")
        self._last = 0.0

    def read(self) -> float:
        """Reads the CPU seconds so far; the last known value after death."""
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                self._last = max(self._last, time.clock_gettime(self._clock))
        return self._last

    def is_suspended(self) -> bool:
        """Tells whether a signal has suspended the process; False where unknown."""
        with contextlib.suppress(OSError, IndexError):
            return self._status.read_text().rpartition(")")[2].split()[0] == "T"
        return False

    def read_starved_seconds(self) -> float:
        """Returns the seconds for which its first thread waited for a core.

        0 where the kernel does not report them.
        """
        with contextlib.suppress(OSError, IndexError, ValueError):
            return int(self._schedule.read_text().split()[1]) / 1e9
        return 0.0


def _read_pid(watch: int) -> int:
    for line in Path(f"/proc/self/fdinfo/{watch}").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == "Pid":
            return int(value)
    raise OSError(f"descriptor {watch} is no pidfd")
