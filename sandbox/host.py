"""The interface of the sandbox: open one, give it jobs, get outcomes."""

import errno
import json
import math
import sys
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from gapsmith.sandbox.conversation import ChannelClosed, Conversation
from gapsmith.sandbox.endings import Stopped, clean, read_status
from gapsmith.sandbox.errors import SandboxError
from gapsmith.sandbox.isolation.levels import Isolation, read_report, require
from gapsmith.sandbox.isolation.lockdown import LAYERS, SECCOMP, LayerFailed
from gapsmith.sandbox.job import Answer, Ending, Job, Level, Outcome, Preload
from gapsmith.sandbox.launch import REAP_SECONDS, Death, Zygote, ZygoteDied

_GRACE = 0.25
"""Seconds that a child which closed its channel may take to end: a death closes the channel first."""
PAUSES = (0.0, 0.1, 0.5, 2.0, 8.0)
"""Seconds before each try of a job: failures of the sandbox itself are retried after growing pauses."""
_DAY = 86_400
_NEARLY = 0.9
"""Share of its memory limit above which a kill by the kernel counts as the program's own fault."""
_PASSING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOBUFS)
"""Errors that mean that the machine lacks a resource for the moment."""


class Sandbox:
    """One zygote that runs one job at a time.

    Threads may share it; a sandbox for each thread is faster.
    """

    def __init__(
        self, preload: str | Preload, minimum: Level, slot: int, layers: Iterable[str] = LAYERS
    ) -> None:
        self.preload = preload if isinstance(preload, Preload) else Preload(preload)
        self.minimum = minimum
        self.slot = slot
        self._layers = frozenset(layers)
        self._broken: dict[str, str] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._spent = 0.0
        self._zygote: Zygote | None = self._start()

    def _start(self) -> Zygote:
        """Starts a zygote and records its isolation. Raises SandboxError."""
        try:
            return self._start_with_layers()
        except OSError as error:
            raise SandboxError(f"the sandbox does not start: {_describe_shortage(error)}") from error

    def _start_with_layers(self) -> Zygote:
        """Starts a zygote with all layers that this machine supports.

        Raises SandboxError if they make a weaker level than the minimum.
        """
        while True:
            try:
                zygote = Zygote(self.preload, self._layers - set(self._broken), self.slot, self._broken)
                break
            except LayerFailed as failure:
                self._broken |= dict([failure.args])
        self.isolation = read_report(zygote.report)
        try:
            require(self.isolation, self.minimum)
        except SandboxError:
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
        """Ends the zygote and all of its processes."""
        self._closing.set()
        self._end_zygote()

    def _end_zygote(self) -> None:
        zygote, self._zygote = self._zygote, None
        if zygote is not None:
            self._spent += zygote.spent_seconds
            zygote.close()

    @property
    def spent_seconds(self) -> float:
        """CPU seconds of all zygotes and children up to the end of the last run."""
        return self._spent + (self._zygote.spent_seconds if self._zygote else 0.0)

    def run(self, job: Job) -> Outcome:
        """Runs one program and returns its outcome.

        If the sandbox itself fails, the job is tried again with a new zygote.

        Raises:
            SandboxError: if the sandbox itself fails time and again, or is closed.
            ValueError: for an argument that cannot travel.
        """
        with self._lock:
            for pause in PAUSES:
                if self._closing.wait(pause):
                    raise SandboxError("this sandbox is closed; open another")
                outcome = self._attempt(job)
                if not outcome.ending.is_sandbox_failure:
                    return outcome
                self._end_zygote()
        raise SandboxError(
            f"the sandbox itself failed {len(PAUSES)} times at one job: "
            f"{outcome.message}; repair that, then continue with: gapsmith resume"
        )

    def _attempt(self, job: Job) -> Outcome:
        try:
            self._zygote = self._zygote or self._start()
            run = JobRun(self._zygote, job, self.isolation.layers.get(SECCOMP, False))
            run.play()
        except ZygoteDied as error:
            message = f"the sandbox's process does not answer: {error}"
            return Outcome(ending=Ending.ZYGOTE_DIED, message=message, level=self.isolation.level)
        except SandboxError as error:
            return Outcome(ending=Ending.ZYGOTE_DIED, message=str(error), level=self.isolation.level)
        except OSError as error:
            if error.errno not in _PASSING:
                raise
            return Outcome(
                ending=Ending.HARNESS_FAILURE, message=_describe_shortage(error), level=self.isolation.level
            )
        return run.build_outcome(self.isolation.level)


class JobRun:
    """One job in one child, from its first frame to its death.

    Args:
        zygote: the process that provides the child.
        job: the program and its calls.
        sealed: whether seccomp is on, so that the program can send no signal, not even to itself.
    """

    def __init__(self, zygote: Zygote, job: Job, sealed: bool) -> None:
        self._zygote, self._job, self._sealed = zygote, job, sealed
        self._answers: list[Answer] = []
        self._begun = time.monotonic()
        self._spare = zygote.take()
        self._start_cpu = self._spare.clock.read()
        self._talk = Conversation(self._spare, job.limits)
        self._death: Death | None = None
        self._stopped: Stopped | None = None

    def play(self) -> None:
        """Runs the job to its end and ensures the child's death."""
        try:
            self._converse()
            self._wall_seconds = time.monotonic() - self._begun
            self._end_child()
        finally:
            if self._death is None:
                self._spare.kill()
            self._spare.close()

    def _converse(self) -> None:
        try:
            self._talk.load(_encode_job(self._job))
            for call in self._job.calls:
                self._answers.append(self._talk.ask(call))
        except Stopped as stopped:
            self._stopped = stopped
            if stopped.ending is Ending.TIMEOUT_WALL and self._sealed and self._spare.clock.is_suspended():
                self._stopped = Stopped(Ending.HARNESS_FAILURE, "a signal from outside suspended the program")
        except ChannelClosed:
            self._death = self._await_death() if self._spare.has_ended(_GRACE) else None
            self._talk.drain_all()
            self._stopped = self._find_cause()

    def _await_death(self) -> Death:
        if (death := self._zygote.await_death(self._spare, REAP_SECONDS)) is None:
            raise ZygoteDied(f"a child that ended was not reaped within {REAP_SECONDS:g} s")
        return death

    def _find_cause(self) -> Stopped:
        if not self._talk.begun:
            return Stopped(Ending.HARNESS_FAILURE, "the child ended before it ran anything")
        if self._death is None:
            return Stopped(Ending.NO_RESULT, "it closed its result channel without an answer")
        if self._death.killed and (found := self._find_own_limit(self._death)):
            return found
        return read_status(self._death.status, self._talk.pipes[1].text, self._sealed)

    def _find_own_limit(self, death: Death) -> Stopped | None:
        """Returns the limit for which the kernel may have killed it.

        It is None where the child was within its limits.
        """
        limits = self._job.limits
        if death.peak_bytes > _NEARLY * limits.memory_mb * 2**20:
            return Stopped(Ending.MEMORY_LIMIT, f"killed at its memory limit of {limits.memory_mb} MB")
        if death.cpu_seconds > limits.cpu_seconds * (len(self._answers) + 2):
            return Stopped(Ending.TIMEOUT_CPU, f"killed after {death.cpu_seconds:.2f} s of CPU time")
        return None

    def _end_child(self) -> None:
        self._end_cpu = self._spare.clock.read() if self._death is None else 0.0
        self._spare.kill()
        self._death = self._death or self._await_death()
        self._talk.drain_all()

    def build_outcome(self, level: Level) -> Outcome:
        """Returns the outcome of the finished run."""
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


def _describe_shortage(error: OSError) -> str:
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return "too many open files; raise the limit, such as with: ulimit -n 1024"
    return f"the machine lacks a resource: {error.strerror or error}"


def _encode_job(job: Job) -> bytes:
    limits = job.limits
    return json.dumps(
        {
            "source": job.source,
            "entry": job.entry,
            "driver": job.driver,
            "cpu_net": _compute_cpu_limit(job),
            "memory_mb": limits.memory_mb,
            "threads": limits.threads,
            "result_bytes": limits.result_bytes,
        }
    ).encode()


def _compute_cpu_limit(job: Job) -> int:
    """Returns the kernel's own limit of CPU seconds, a safety net.

    A program can read it. Where the host reads the child's clock it is the same for every job, because the
    number of calls or a doubled limit would show a program that it is being audited.
    """
    if sys.platform == "linux":
        return _DAY
    loads_and_calls = 2 if job.limits.together else len(job.calls) + 1
    return math.ceil(job.limits.cpu_seconds * loads_and_calls) + 2


def open_sandbox(preload: str | Preload = "numpy", minimum: Level = Level.L2, slot: int = 0) -> Sandbox:
    """Opens a sandbox: starts its zygote and proves its isolation.

    Args:
        preload: what candidates may import apart from the standard library: "numpy", or "ortools" (with
            numpy); a `Preload` adds trusted modules of the caller.
        minimum: the weakest isolation that is accepted.
        slot: the number of the worker; each has its own user id if the host is root.

    Raises:
        SandboxError: if the isolation is weaker than `minimum`, or nothing starts.
    """
    return Sandbox(preload, minimum, slot)


def probe_isolation(preload: str = "numpy") -> Isolation:
    """Returns the proven isolation of this machine, for `gapsmith doctor`."""
    with Sandbox(preload, Level.L0, slot=0) as box:
        return box.isolation
