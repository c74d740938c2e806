"""The sandbox as the rest of the system sees it: open one, give it jobs, get outcomes."""

import json
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from gapsmith.sandbox.conversation import ChannelClosed, Conversation
from gapsmith.sandbox.endings import Stopped, clean, of_status
from gapsmith.sandbox.errors import SandboxTrouble
from gapsmith.sandbox.job import Answer, Ending, Job, Level, Outcome, Preload
from gapsmith.sandbox.launch import REAP_SECONDS, Death, Zygote, ZygoteDied
from gapsmith.sandbox.levels import Isolation, of_report, require
from gapsmith.sandbox.lockdown import LAYERS, LayerFailed

_GRACE = 0.25
"""How long a child that closed its channel may take to be gone: a death closes the channel first."""


class Sandbox:
    """One zygote, one job at a time. Threads may share it, but each had better open its own."""

    def __init__(
        self, preload: str | Preload, minimum: Level, slot: int, layers: Iterable[str] = LAYERS
    ) -> None:
        self.preload = preload if isinstance(preload, Preload) else Preload(preload)
        self.minimum = minimum
        self.slot = slot
        self._layers = frozenset(layers)
        self._broken: dict[str, str] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._zygote = self._start()

    def _start(self) -> Zygote:
        """A zygote with as many layers as this machine gives, not fewer than are asked for."""
        while True:
            try:
                zygote = Zygote(self.preload, self._layers - set(self._broken), self.slot, self._broken)
                break
            except LayerFailed as failure:
                self._broken |= dict([failure.args])
        self.isolation = of_report(zygote.report)
        try:
            require(self.isolation, self.minimum)
        except SandboxTrouble:
            zygote.close()
            raise
        return zygote

    @property
    def level(self) -> Level:
        """The proven isolation level."""
        return self.isolation.level

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the zygote and every process of it."""
        self._closed = True
        self._zygote.close()

    @property
    def spent_seconds(self) -> float:
        """CPU seconds that the zygote and its children have used, as of the end of the last run."""
        return self._zygote.spent_seconds

    def run(self, job: Job) -> Outcome:
        """Runs one program and says what was seen. What is the sandbox's own fault is tried twice.

        Raises:
            SandboxTrouble: if the zygote cannot be started again, or the sandbox is closed.
            ValueError: for an argument that cannot travel.
        """
        with self._lock:
            if self._closed:
                raise SandboxTrouble("this sandbox is closed; open another")
            outcome = self._attempt(job)
            if outcome.ending.ours:
                self._zygote.close()
                self._zygote = self._start()
                outcome = self._attempt(job)
            return outcome

    def _attempt(self, job: Job) -> Outcome:
        try:
            run = Run(self._zygote, job)
            run.play()
        except ZygoteDied as error:
            message = f"the sandbox's process does not answer: {error}"
            return Outcome(ending=Ending.ZYGOTE_DIED, message=message, level=self.level)
        return run.outcome(self.level)


class Run:
    """One job in one child, from the first frame to the last breath."""

    def __init__(self, zygote: Zygote, job: Job) -> None:
        self._zygote = zygote
        self._job = job
        self._answers: list[Answer] = []
        self._begun = time.monotonic()
        self._spare = zygote.take()
        self._start_cpu = self._spare.clock.read()
        self._talk = Conversation(self._spare, job.limits)
        self._death: Death | None = None
        self._stopped: Stopped | None = None

    def play(self) -> None:
        """Talks to the child until all calls are answered or something ends it, and sees it dead."""
        try:
            self._converse()
            self._wall_seconds = time.monotonic() - self._begun
            self._bury()
        finally:
            if self._death is None:
                self._spare.kill()
            self._spare.close()

    def _converse(self) -> None:
        try:
            self._talk.load(_job_frame(self._job))
            for call in self._job.calls:
                self._answers.append(self._talk.ask(call))
        except Stopped as stopped:
            self._stopped = stopped
        except ChannelClosed:
            self._death = self._zygote.death(self._spare, _GRACE)
            self._talk.drain_all()
            self._stopped = self._cause()

    def _cause(self) -> Stopped:
        if not self._talk.begun:
            return Stopped(Ending.HARNESS_FAILURE, "the child ended before it ran anything")
        if self._death is None:
            return Stopped(Ending.NO_RESULT, "it closed its result channel without an answer")
        return of_status(self._death.status, self._talk.pipes[1].text)

    def _bury(self) -> None:
        self._end_cpu = self._spare.clock.read() if self._death is None else 0.0
        self._spare.kill()
        if self._death is None:
            self._death = self._zygote.death(self._spare, REAP_SECONDS)
        if self._death is None:
            raise ZygoteDied(f"a killed child was not reaped within {REAP_SECONDS:g} s")
        self._talk.drain_all()

    def outcome(self, level: Level) -> Outcome:
        """What was seen."""
        assert self._death is not None
        ended = self._end_cpu if self._stopped is None else max(self._end_cpu, self._death.cpu_seconds)
        return Outcome(
            ending=self._stopped.ending if self._stopped else Ending.OK,
            message=clean(str(self._stopped)) if self._stopped else "",
            answers=tuple(self._answers),
            cpu_seconds=max(0.0, ended - self._start_cpu),
            wall_seconds=self._wall_seconds,
            peak_memory_mb=self._death.peak_bytes / 2**20,
            stdout=clean(self._talk.pipes[0].text, self._job.limits.output_bytes),
            stderr=clean(self._talk.pipes[1].text, self._job.limits.output_bytes),
            level=level,
        )


def _job_frame(job: Job) -> bytes:
    limits = job.limits
    return json.dumps(
        {
            "source": job.source,
            "entry": job.entry,
            "driver": job.driver,
            "calls": len(job.calls),
            "cpu_seconds": limits.cpu_seconds,
            "memory_mb": limits.memory_mb,
            "threads": limits.threads,
            "result_bytes": limits.result_bytes,
        }
    ).encode()


def open_sandbox(preload: str | Preload = "numpy", minimum: Level = Level.L2, slot: int = 0) -> Sandbox:
    """Opens a sandbox: starts its zygote and proves what isolation it has.

    Args:
        preload: what candidates may import beside the standard library: "numpy", or "ortools" (with numpy);
            a `Preload` adds trusted modules of the caller's.
        minimum: the weakest isolation that will do.
        slot: the number of the worker; each has a user id of its own where the host is root.

    Raises:
        SandboxTrouble: if the isolation is weaker than `minimum`, or nothing starts.
    """
    return Sandbox(preload, minimum, slot)


def isolation(preload: str = "numpy") -> Isolation:
    """What this machine offers, proven: for `gapsmith doctor`."""
    with Sandbox(preload, Level.L0, slot=0) as box:
        return box.isolation
