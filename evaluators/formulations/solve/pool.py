"""Solves models of candidates in sandboxes, at the level of isolation that candidates have: a child for each request.

The child runs `solver.answer` alone: without network, files, environment or capabilities, under seccomp, as a user of
its own. OR-Tools reads the candidate's text there, so that a model that breaks it harms nothing; and since the reply
may then be forged, it is checked like a candidate's.
"""

import atexit
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gapsmith.evaluators
from gapsmith.evaluators.base import Trouble
from gapsmith.evaluators.formulations.solve.replies import Forged, checked
from gapsmith.sandbox import (
    Ending,
    Job,
    Level,
    Limits,
    Outcome,
    Preload,
    Sandbox,
    SandboxTrouble,
    open_sandbox,
    probe_isolation,
)

MEMORY_MB = 4096
"""Of addresses and of data, beside what OR-Tools and its libraries take."""
REPLY_BYTES = 8_000_000
"""Enough for the values of all variables that a model may have, and for all solutions that are listed."""
FIRST_SLOT = 32
"""Slots of sandboxes below are those of candidates: a user id is shared by none of them."""

_ROOM = "gapsmith.evaluators.formulations"
_FOLDER = Path(gapsmith.evaluators.__path__[0])
_SOLVERS = Preload(
    "solvers",
    {"gapsmith.evaluators": str(_FOLDER), _ROOM: str(_FOLDER / "formulations")},
    (f"{_ROOM}.solve.solver", f"{_ROOM}.solve.mip"),
)
_SOURCE = f"from {_ROOM}.solve.solver import answer\n"


class Children:
    """As many sandboxes as are needed at once, opened as they are first needed; a fresh child for each request."""

    def __init__(self) -> None:
        self._idle: list[Sandbox] = []
        self._opened = 0
        self._lock = threading.Lock()
        _POOLS.append(self)

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """The reply; `refused` where the model ended its child, or took longer. Raises Trouble if none starts.

        Args:
            request: see `solver.answer`.
            seconds: of CPU time, after which the child is killed; for each worker where several are asked for.
        """
        return self.ask_all([request], seconds)[0]

    def ask_all(self, requests: Sequence[Mapping[str, Any]], seconds: float) -> list[dict[str, Any]]:
        """Replies from one child, up to and with the first that ended it: cheaper for requests of one origin.

        Args:
            requests: not empty; as many workers each as the first.
            seconds: of CPU time for each.
        """
        outcome = self.run(_job(requests, seconds))
        if outcome.ending.ours:
            raise Trouble(f"the sandbox that solves models broke: {outcome.message}; run the command again")
        pairs = zip(requests, outcome.answers, strict=False)
        replies = [_reply(request, answer.value) for request, answer in pairs]
        return replies if outcome.ending is Ending.OK else [*replies, {"refused": _words(outcome)}]

    def run(self, job: Job) -> Outcome:
        """Runs a job where models are solved. Raises Trouble if no sandbox opens."""
        try:
            box = self._waiting()
            outcome = box.run(job)
        except SandboxTrouble as reason:
            raise Trouble(f"models cannot be solved here: {reason}") from None
        with self._lock:
            self._idle.append(box)
        return outcome

    def _waiting(self) -> Sandbox:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            slot = FIRST_SLOT + self._opened
            self._opened += 1
        return _opened(slot)

    def close(self) -> None:
        """Ends all that are idle."""
        with self._lock:
            for box in self._idle:
                box.close()
            self._idle.clear()


_POOLS: list[Children] = []


@atexit.register
def close_all() -> None:
    """Ends the idle sandboxes of all pools; what is asked later opens new ones."""
    for pool in _POOLS:
        pool.close()


def _opened(slot: int) -> Sandbox:
    """A sandbox of level L2 at least; where candidates have less on this machine, of their level at least."""
    try:
        return open_sandbox(_SOLVERS, Level.L2, slot)
    except SandboxTrouble:
        weak = probe_isolation("ortools").level
        if weak >= Level.L2:
            raise
        return open_sandbox(_SOLVERS, weak, slot)


def _reply(request: Mapping[str, Any], value: Any) -> dict[str, Any]:
    try:
        return checked(request, value)
    except Forged as reason:
        return {"refused": f"solving it gave no valid reply: {reason}"}


def _job(requests: Sequence[Mapping[str, Any]], seconds: float) -> Job:
    """CP-SAT with one worker starts no thread; other solvers may."""
    workers = requests[0].get("workers", 1)
    threads = workers if workers > 1 or "solver" in requests[0] else 0
    limits = Limits(
        cpu_seconds=seconds * max(1, threads),
        memory_mb=MEMORY_MB,
        threads=threads,
        result_bytes=REPLY_BYTES,
    )
    calls = tuple({"request": dict(request)} for request in requests)
    return Job(source=_SOURCE, entry="answer", calls=calls, limits=limits)


def _words(outcome: Outcome) -> str:
    """Why a model is not taken whose solving ended its child."""
    what = _ENDINGS.get(outcome.ending, "it ended the solver")
    return f"{outcome.ending}: {what}; expected a model that CP-SAT can solve"


_ENDINGS = {
    Ending.TIMEOUT_CPU: "solving it takes too long",
    Ending.TIMEOUT_WALL: "solving it takes too long",
    Ending.MEMORY_LIMIT: f"it needs more than {MEMORY_MB} MB to be solved",
    Ending.CRASH_ABORT: "the solver aborted on it",
    Ending.CRASH_SEGV: "the solver crashed on it",
    Ending.RESULT_TOO_LARGE: "its solution is too large",
}
