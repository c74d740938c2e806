"""Translates wait statuses and the child's reports into endings and messages."""

import json
import os
import signal
import unicodedata
from typing import Any

from gapsmith.sandbox.job import Ending

MESSAGE_CHARACTERS = 1_200

REPORTED = frozenset(
    {
        Ending.SYNTAX_ERROR,
        Ending.NO_ENTRY,
        Ending.CANDIDATE_EXCEPTION,
        Ending.MALFORMED_RESULT,
        Ending.MEMORY_LIMIT,
        Ending.RESULT_TOO_LARGE,
    }
)
"""The endings that a child may report of itself. None is a success, so that a lie gains nothing."""

_SIGNALS: dict[int, tuple[Ending, str]] = {
    signal.SIGSYS: (Ending.FORBIDDEN_SYSCALL, "it made a system call that is forbidden here"),
    signal.SIGSEGV: (Ending.CRASH_SEGV, "it crashed: invalid memory access, or recursion without end"),
    signal.SIGABRT: (Ending.CRASH_ABORT, "it aborted"),
    signal.SIGBUS: (Ending.CRASH_BUS, "it crashed: bus error"),
    signal.SIGFPE: (Ending.CRASH_FPE, "it crashed: integer division by zero"),
    signal.SIGXCPU: (Ending.TIMEOUT_CPU, "it used up its CPU time"),
}
_RAISED_BY_ITSELF = frozenset({*_SIGNALS, signal.SIGILL, signal.SIGTRAP, signal.SIGPIPE, signal.SIGXFSZ})
"""Signals that a program can cause in itself although it may send none."""
_OUT_OF_MEMORY = ("bad_alloc", "MemoryError", "Cannot allocate memory", "memory allocation")


class Stopped(Exception):
    """The run ended before its last call was answered."""

    def __init__(self, ending: Ending, message: str) -> None:
        super().__init__(message)
        self.ending = ending


def read_report(payload: bytes, trusted: bool) -> Stopped:
    """Reads the child's report of an error.

    It may blame the sandbox only before any candidate code has run.
    """
    try:
        said: Any = json.loads(payload)
        ending, message = Ending(said["ending"]), clean(str(said["message"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return Stopped(Ending.PROTOCOL_VIOLATION, "its report of an error cannot be read")
    if ending in REPORTED or (trusted and ending is Ending.HARNESS_FAILURE):
        return Stopped(ending, message)
    return Stopped(
        Ending.PROTOCOL_VIOLATION, f"it claimed the ending {ending.value!r}, which only the sandbox may set"
    )


def read_status(status: int, stderr: str, sealed: bool = False) -> Stopped:
    """Derives the ending of a process from its wait status.

    If the process is sealed by seccomp, a signal from outside says nothing about the program.
    """
    if os.WIFEXITED(status):
        code = os.WEXITSTATUS(status)
        return Stopped(Ending.NO_RESULT, f"the process ended with exit code {code} before it answered")
    number = os.WTERMSIG(status)
    if sealed and number not in _RAISED_BY_ITSELF:
        return Stopped(
            Ending.HARNESS_FAILURE,
            f"signal {number} from outside ended a program (for want of memory on this machine, perhaps)",
        )
    ending, message = _SIGNALS.get(number, (Ending.KILLED, f"it was ended by signal {number}"))
    if ending is Ending.CRASH_ABORT and any(word in stderr for word in _OUT_OF_MEMORY):
        return Stopped(Ending.MEMORY_LIMIT, "it aborted for lack of memory")
    return Stopped(ending, message)


def clean(text: str, length: int = MESSAGE_CHARACTERS) -> str:
    """Makes untrusted text safe to print and to quote.

    It is cut to `length`, and control and formatting characters become spaces.
    """
    if len(text) <= length and text.replace("\n", "").isprintable():
        return text
    kept = "".join(
        " " if unicodedata.category(letter)[0] == "C" and letter not in "\n\t" else letter
        for letter in text[:length]
    )
    return kept + (" [cut]" if len(text) > length else "")
