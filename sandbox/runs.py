"""One job in one child.

The exchange, the cause of its end, and what was observed.
"""

import math
import sys
import time
from dataclasses import replace

from gapsmith.sandbox import frames
from gapsmith.sandbox.conversation import ChannelClosed, Conversation
from gapsmith.sandbox.endings import Stopped, clean, read_status
from gapsmith.sandbox.job import COMPILE_SECONDS, Answer, Ending, Job, Level, Outcome
from gapsmith.sandbox.launch import REAP_SECONDS, Death, Zygote, ZygoteDied

CODE_BYTES = 8_000_000
"""Machine code of one program; what has more compiles in every process anew."""
LINKING_SECONDS = 2.0
"""Further CPU seconds for loading a module whose functions come with machine code."""
_GRACE = 0.25
"""Seconds that a child which closed its channel may take to end: a death closes the channel first."""
_DAY = 86_400
_NEARLY = 0.9
"""Share of its memory limit above which a kill by the kernel counts as the program's own fault."""


class JobRun:
    """One job in one child, from its first frame to its death.

    Args:
        zygote: the process that provides the child.
        job: the program and its calls.
        sealed: whether seccomp is on, so that the program can send no signal, not even to itself.
        code: machine code of the program's functions, made by a `CompileRun`.
    """

    def __init__(self, zygote: Zygote, job: Job, sealed: bool, code: bytes = b"") -> None:
        self._zygote, self._job, self._sealed, self.code = zygote, job, sealed, code
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

    def _exchange(self) -> None:
        self._talk.load(_encode_job(self._job, self.code), LINKING_SECONDS if self.code else 0.0)
        for call in self._job.calls:
            self._answers.append(self._talk.ask(call))

    def _converse(self) -> None:
        try:
            self._exchange()
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


class CompileRun(JobRun):
    """A job that only compiles.

    One call of its warm-up, after which `code` holds what was compiled.
    """

    def __init__(self, zygote: Zygote, job: Job, sealed: bool) -> None:
        limits = replace(job.limits, cpu_seconds=COMPILE_SECONDS, together=False)
        super().__init__(zygote, replace(job, limits=limits, calls=()), sealed)

    def _exchange(self) -> None:
        assert self._job.warm_up is not None
        self._talk.load(_encode_job(self._job, b"", compile_only=True))
        self.code = self._talk.compile(self._job.warm_up, CODE_BYTES)


def _encode_job(job: Job, code: bytes, compile_only: bool = False) -> bytes:
    limits = job.limits
    return frames.encode_job(
        {
            "source": job.source,
            "entry": job.entry,
            "driver": job.driver,
            "cpu_net": _compute_cpu_limit(job),
            "memory_mb": limits.memory_mb,
            "threads": limits.threads,
            "result_bytes": limits.result_bytes,
            "checked": job.checked,
            "compile": compile_only,
            "code_bytes": CODE_BYTES,
        },
        code,
    )


def _compute_cpu_limit(job: Job) -> int:
    """Returns the kernel's own limit of CPU seconds, a safety net.

    A program can read it. Where the host reads the child's clock it is the same for every job, because the
    number of calls or a doubled limit would show a program that it is being audited.
    """
    if sys.platform == "linux":
        return _DAY
    loads_and_calls = 2 if job.limits.together else len(job.calls) + 1
    return math.ceil(job.limits.cpu_seconds * loads_and_calls) + 2
