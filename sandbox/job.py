"""The data that goes into the sandbox and comes out.

Frozen values without behaviour.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


COMPILE_SECONDS = 20.0
"""CPU seconds in which a program must be loaded and compiled."""


class Ending(StrEnum):
    """How a run ended.

    All but the last two are caused by the candidate.
    """

    OK = "ok"
    TIMEOUT_CPU = "timeout_cpu"
    TIMEOUT_WALL = "timeout_wall"
    MEMORY_LIMIT = "memory_limit"
    FORBIDDEN_SYSCALL = "forbidden_syscall"
    CRASH_SEGV = "crash_segv"
    CRASH_ABORT = "crash_abort"
    CRASH_BUS = "crash_bus"
    CRASH_FPE = "crash_fpe"
    KILLED = "killed"
    SYNTAX_ERROR = "syntax_error"
    NO_ENTRY = "no_entry"
    CANDIDATE_EXCEPTION = "candidate_exception"
    NO_RESULT = "no_result"
    MALFORMED_RESULT = "malformed_result"
    RESULT_TOO_LARGE = "result_too_large"
    OUTPUT_FLOOD = "output_flood"
    PROTOCOL_VIOLATION = "protocol_violation"
    HARNESS_FAILURE = "harness_failure"
    ZYGOTE_DIED = "zygote_died"

    @property
    def is_sandbox_failure(self) -> bool:
        """Whether the sandbox failed, not the candidate: retried and never charged."""
        return self in (Ending.HARNESS_FAILURE, Ending.ZYGOTE_DIED)


class Level(IntEnum):
    """The level of isolation, proven by probes.

    It is stored with every evaluation.
    """

    L0 = 0
    L1 = 1
    L2 = 2
    L3 = 3
    L4 = 4


@dataclass(frozen=True)
class Array:
    """A dense array as bytes in C order.

    Instances travel so without pickle, and this package needs no numpy.
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes


Value: TypeAlias = "bool | int | float | str | Array | list[Value] | dict[str, Value] | None"
Call: TypeAlias = Mapping[str, Value]
"""The arguments of one call of the entry point, in the order of its parameters; passed by position."""


@dataclass(frozen=True)
class Preload:
    """The packages that a zygote imports before its lockdown.

    Attributes:
        name: words joined by "+": "numpy", "numba", "scipy", "ortools", or "solvers" (OR-Tools with MathOpt and
            protobuf). Numpy is always there.
        packages: folders of the caller's trusted packages, by name; their `__init__` is not run.
        modules: those of their modules that are imported. A job's source may import them, too.
        files: trusted modules that are a file each, by the name under which a job's source may import them. The
            function `warm_up` of such a module is called once; what numba compiles for it is cached on disk.
    """

    name: str
    packages: Mapping[str, str] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def compiles(self) -> bool:
        """Whether programs may compile functions."""
        return "numba" in self.name.split("+")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of one call.

    CPU time decides; the wall-clock limit is a generous backstop.

    Attributes:
        together: whether the limits of time, results and output are for all calls of a job together; loading the
            module is counted apart.
    """

    cpu_seconds: float = 1.0
    memory_mb: int = 512
    threads: int = 0
    result_bytes: int = 1_000_000
    output_bytes: int = 64_000
    together: bool = False

    @property
    def wall_seconds(self) -> float:
        """The wall-clock limit of a call that uses no CPU time.

        A call that does gets more; see `conversation.CROWD`.
        """
        return 3.0 * self.cpu_seconds + 2.0


@dataclass(frozen=True, kw_only=True)
class Job:
    """One program and its calls, in order, in one process.

    Loading the module (its top-level code) has the limits of one call. A call is sent only when the one before
    is answered; the run stops at the first failure.

    Attributes:
        source: the candidate's module, Python source.
        entry: the function of that module that is called.
        calls: the arguments, one mapping per call.
        limits: the limits of every single call, or of all together.
        driver: source of trusted code that runs in the candidate's process, in a module of its own in which
            the candidate's entry point is the global `candidate`; if given, its function `drive` is called
            in place of the entry point. It saves round trips; it proves nothing, since the candidate can
            change it.
        warm_up: the arguments of a call by which the program's functions are compiled, in a process of its own
            with a limit of `COMPILE_SECONDS`; the machine code is given to every process of that program. None
            where nothing is compiled.
        checked: whether compiled functions check that indices are within bounds.
    """

    source: str
    entry: str
    calls: tuple[Call, ...]
    limits: Limits = field(default_factory=Limits)
    driver: str = ""
    warm_up: Call | None = None
    checked: bool = False


@dataclass(frozen=True)
class Answer:
    """The value of one call and its CPU seconds.

    As the kernel measured them.
    """

    value: Json
    cpu_seconds: float


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The observed outcome of a job.

    `answers` holds the calls answered before the end, in order.

    `wall_seconds` runs from the request to the last answer, or to the moment that ended the run.

    `message` explains the ending in words for people and for the next prompt. Text of the candidate's inside it
    is untrusted: cut to a length, control characters removed.

    `compile_seconds` is the CPU time for which the program was compiled, by this run or an earlier one of the same
    host; it is no part of `cpu_seconds`.
    """

    ending: Ending
    message: str = ""
    answers: tuple[Answer, ...] = ()
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    peak_memory_mb: float = 0.0
    stdout: str = ""
    stderr: str = ""
    level: Level = Level.L0
    compile_seconds: float = 0.0
