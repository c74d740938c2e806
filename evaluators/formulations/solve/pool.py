"""Solves models of candidates in sandboxes, with the isolation that candidates have.

One child for each request.

The child runs only `solver.answer`: without network, files, environment or capabilities, under seccomp, as a separate
user. OR-Tools parses the candidate's text there, so that a model that crashes it does no harm; and since the reply may
then be forged, it is checked like a candidate's.
"""

import atexit
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gapsmith.evaluators
from gapsmith.evaluators.base import GapsmithError
from gapsmith.evaluators.formulations.solve.replies import ForgedReply, check_reply
from gapsmith.sandbox import (
    Ending,
    Job,
    Level,
    Limits,
    Outcome,
    Preload,
    Sandbox,
    SandboxError,
    open_sandbox,
    probe_isolation,
)

MEMORY_MB = 4096
"""Limit of address space and of data, in addition to OR-Tools and its libraries."""
REPLY_BYTES = 8_000_000
"""Enough for the values of all variables of the largest model, and for all listed solutions."""
FIRST_SLOT = 32
"""Lower slots belong to sandboxes of candidates; no two sandboxes share a user id."""

_ROOM = "gapsmith.evaluators.formulations"
_FOLDER = Path(gapsmith.evaluators.__path__[0])
_SOLVERS = Preload(
    "solvers",
    {"gapsmith.evaluators": str(_FOLDER), _ROOM: str(_FOLDER / "formulations")},
    (f"{_ROOM}.solve.solver", f"{_ROOM}.solve.mip"),
)
_SOURCE = f"from {_ROOM}.solve.solver import answer\n"


class SolverPool:
    """Sandboxes that solve models, opened as they are needed.

    A fresh child for each request.
    """

    def __init__(self) -> None:
        self._idle: list[Sandbox] = []
        self._opened = 0
        self._lock = threading.Lock()
        _POOLS.append(self)

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Solves a request in a child.

        The reply has `refused` where the model ended its child or took too long. Raises GapsmithError if no
        child starts.

        Args:
            request: see `solver.answer`.
            seconds: CPU limit of the child, for each worker.
        """
        return self.ask_all([request], seconds)[0]

    def ask_all(self, requests: Sequence[Mapping[str, Any]], seconds: float) -> list[dict[str, Any]]:
        """Solves requests in one child, until one of them ends it.

        This is cheaper for requests of one origin. The last reply may be that of the request that ended the child.

        Args:
            requests: not empty; each with as many workers as the first.
            seconds: CPU limit of each.
        """
        outcome = self.run(_make_job(requests, seconds))
        if outcome.ending.is_sandbox_failure:
            raise GapsmithError(
                f"the sandbox that solves models failed: {outcome.message}; run the command again"
            )
        pairs = zip(requests, outcome.answers, strict=False)
        replies = [_check_reply(request, answer.value) for request, answer in pairs]
        return replies if outcome.ending is Ending.OK else [*replies, {"refused": _describe_ending(outcome)}]

    def run(self, job: Job) -> Outcome:
        """Runs a job in a sandbox. Raises GapsmithError if none opens."""
        try:
            box = self._take_box()
            outcome = box.run(job)
        except SandboxError as reason:
            raise GapsmithError(f"models cannot be solved here: {reason}") from None
        with self._lock:
            self._idle.append(box)
        return outcome

    def _take_box(self) -> Sandbox:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            slot = FIRST_SLOT + self._opened
            self._opened += 1
        return _open_box(slot)

    def close(self) -> None:
        """Closes all idle sandboxes."""
        with self._lock:
            for box in self._idle:
                box.close()
            self._idle.clear()


_POOLS: list[SolverPool] = []


@atexit.register
def close_all() -> None:
    """Closes the idle sandboxes of all pools.

    Later requests open new ones.
    """
    for pool in _POOLS:
        pool.close()


def _open_box(slot: int) -> Sandbox:
    """Opens a sandbox of level L2 or stronger.

    Where candidates have a weaker level on this machine, theirs is enough.
    """
    try:
        return open_sandbox(_SOLVERS, Level.L2, slot)
    except SandboxError:
        weak = probe_isolation("ortools").level
        if weak >= Level.L2:
            raise
        return open_sandbox(_SOLVERS, weak, slot)


def _check_reply(request: Mapping[str, Any], value: Any) -> dict[str, Any]:
    try:
        return check_reply(request, value)
    except ForgedReply as reason:
        return {"refused": f"solving it gave no valid reply: {reason}"}


def _make_job(requests: Sequence[Mapping[str, Any]], seconds: float) -> Job:
    """Makes the job of some requests.

    CP-SAT with one worker starts no thread; other solvers may.
    """
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


def _describe_ending(outcome: Outcome) -> str:
    """Gives the reason for refusing a model that ended its child."""
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
