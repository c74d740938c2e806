"""Children that solve models nobody trusts: kept warm, one request each at a time, killed when they overrun."""

import atexit
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from gapsmith.evaluators.base import Trouble

START_SECONDS = 120.0
_COMMAND = "from gapsmith.evaluators.formulations.worker import main; main()"


class Children:
    """As many processes as are needed at once. A child that dies or overruns is replaced by the next request."""

    def __init__(self) -> None:
        self._idle: list[_Child] = []
        self._lock = threading.Lock()
        _POOLS.append(self)

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """The reply; `refused` where the model ended its child, or took longer. Raises Trouble if none starts.

        Args:
            request: see `solving.answer`.
            seconds: of wall time, after which the child is killed.
        """
        child = self._waiting() or _Child()
        reply = child.ask(request, seconds)
        if reply is None:
            return {"refused": f"solving it ended the solver, or took more than {seconds:.0f} s of wall time"}
        with self._lock:
            self._idle.append(child)
        return reply

    def _waiting(self) -> "_Child | None":
        """An idle child that lives: what ended it meanwhile is no fault of the next model."""
        with self._lock:
            while self._idle:
                if (child := self._idle.pop()).lives:
                    return child
                child.end()
        return None

    def close(self) -> None:
        """Ends all that are idle."""
        with self._lock:
            for child in self._idle:
                child.end()
            self._idle.clear()


_POOLS: list[Children] = []


@atexit.register
def close_all() -> None:
    """Ends the idle children of all pools; what is asked later starts new ones."""
    for pool in _POOLS:
        pool.close()


class _Child:
    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self._rest = b""
        if self.ask({"do": "nothing"}, START_SECONDS) is None:
            raise Trouble("the process that solves models does not start; is OR-Tools installed here?")

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any] | None:
        """The reply; None if the child is gone, or was killed for taking too long."""
        try:
            self._write(json.dumps(request).encode() + b"\n")
            line = self._line(seconds)
        except OSError:
            line = None
        if line is None:
            self.end()
            return None
        reply: dict[str, Any] = json.loads(line)
        return reply

    @property
    def lives(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def end(self) -> None:
        """Kills it, and waits until it is gone."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None  # it was asked for
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def _line(self, seconds: float) -> bytes | None:
        assert self._process.stdout is not None  # it was asked for
        output, until = self._process.stdout.fileno(), time.monotonic() + seconds
        waiting = select.poll()  # knows descriptors of any number, as `select` does not
        waiting.register(output, select.POLLIN)
        while b"\n" not in self._rest:
            ready = waiting.poll(max(0.0, 1000 * (until - time.monotonic())))
            piece = os.read(output, 1 << 16) if ready else b""
            if not piece:
                return None
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line
