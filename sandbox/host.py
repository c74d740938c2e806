"""The interface of the sandbox: open one, give it jobs, get outcomes."""

import errno
import hashlib
import struct
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from gapsmith.sandbox import frames
from gapsmith.sandbox.errors import SandboxError
from gapsmith.sandbox.isolation.levels import Isolation, read_report, require
from gapsmith.sandbox.isolation.lockdown import LAYERS, SECCOMP, LayerFailed
from gapsmith.sandbox.job import Ending, Job, Level, Outcome, Preload
from gapsmith.sandbox.launch import Zygote, ZygoteDied
from gapsmith.sandbox.runs import CompileRun, JobRun

PAUSES = (0.0, 0.1, 0.5, 2.0, 8.0)
"""Seconds before each try of a job: failures of the sandbox itself are retried after growing pauses."""
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
            sealed = self.isolation.layers.get(SECCOMP, False)
            compiled = self._compile(job, self._zygote, sealed)
            if compiled.failure is not None:
                return compiled.failure
            run = JobRun(self._zygote, job, sealed, compiled.code)
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
        return replace(run.build_outcome(self.isolation.level), compile_seconds=compiled.seconds)

    def _compile(self, job: Job, zygote: Zygote, sealed: bool) -> "Compiled":
        """Returns a program's machine code, made once for all sandboxes."""
        if job.warm_up is None or not self.preload.compiles:
            return Compiled()
        key = _digest_program(self.preload, job)
        if (known := _MADE.find(key)) is None:
            run = CompileRun(zygote, job, sealed)
            run.play()
            known = _describe_compiled(run.code, run.build_outcome(self.isolation.level))
            if known.failure is None or not known.failure.ending.is_sandbox_failure:
                _MADE.add(key, known)
        return known


@dataclass(frozen=True)
class Compiled:
    """The result of compiling a program.

    Its machine code, its CPU seconds, and the outcome where it failed.
    """

    code: bytes = b""
    seconds: float = 0.0
    failure: Outcome | None = None


def _describe_compiled(code: bytes, outcome: Outcome) -> Compiled:
    seconds = outcome.cpu_seconds
    if outcome.ending is Ending.OK:
        return Compiled(code, seconds)
    message = f"in the warm-up call on a tiny instance, which compiles it: {outcome.message}"
    return Compiled(b"", seconds, replace(outcome, message=message, compile_seconds=seconds))


def _digest_program(preload: Preload, job: Job) -> bytes:
    """Hashes all that machine code depends on."""
    assert job.warm_up is not None
    parts = (repr(preload), job.source, job.entry, job.driver, repr(job.checked), repr(job.limits.memory_mb))
    texts = [*(part.encode("utf-8", "surrogatepass") for part in parts), frames.encode_call(job.warm_up)]
    return hashlib.sha256(b"".join(struct.pack("!Q", len(text)) + text for text in texts)).digest()


class _Store:
    """Programs compiled by this process, the latest only.

    Shared by its threads.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._size, self._lock = limit, 0, threading.Lock()
        self._kept: OrderedDict[bytes, Compiled] = OrderedDict()

    def find(self, key: bytes) -> Compiled | None:
        """Returns what was kept under a key; None where nothing was."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def add(self, key: bytes, compiled: Compiled) -> None:
        """Adds a result, and removes the oldest beyond the limit."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = compiled
                self._size += len(compiled.code) + _OVERHEAD
            while self._size > self._limit:
                self._size -= len(self._kept.popitem(last=False)[1].code) + _OVERHEAD


_OVERHEAD = 10_000
_MADE = _Store(64_000_000)


def _describe_shortage(error: OSError) -> str:
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return "too many open files; raise the limit, such as with: ulimit -n 1024"
    return f"the machine lacks a resource: {error.strerror or error}"


def open_sandbox(preload: str | Preload = "numpy", minimum: Level = Level.L2, slot: int = 0) -> Sandbox:
    """Opens a sandbox: starts its zygote and proves its isolation.

    Args:
        preload: what candidates may import apart from the standard library, as in `Preload.name`, for example
            "numba+scipy"; a `Preload` adds trusted modules of the caller.
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
