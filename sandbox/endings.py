"""What happened, in words: from wait statuses and the child's reports to endings and messages."""

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
"""What a child may say of itself. It can lie only to its own loss: none of these is a success."""

_SIGNALS: dict[int, tuple[Ending, str]] = {
    signal.SIGSYS: (Ending.FORBIDDEN_SYSCALL, "it made a system call that is forbidden here"),
    signal.SIGSEGV: (Ending.CRASH_SEGV, "it crashed: invalid memory access, or recursion without end"),
    signal.SIGABRT: (Ending.CRASH_ABORT, "it aborted"),
    signal.SIGBUS: (Ending.CRASH_BUS, "it crashed: bus error"),
    signal.SIGFPE: (Ending.CRASH_FPE, "it crashed: integer division by zero"),
    signal.SIGXCPU: (Ending.TIMEOUT_CPU, "it used up its CPU time"),
}
_RAISED_BY_ITSELF = frozenset({*_SIGNALS, signal.SIGILL, signal.SIGTRAP, signal.SIGPIPE, signal.SIGXFSZ})
"""Signals that a program can bring upon itself although it may send none."""
_OUT_OF_MEMORY = ("bad_alloc", "MemoryError", "Cannot allocate memory", "memory allocation")


class Stopped(Exception):
    """The run is over before its last call was answered."""

    def __init__(self, ending: Ending, message: str) -> None:
        super().__init__(message)
        self.ending = ending


def reported(payload: bytes, trusted: bool) -> Stopped:
    """What the child says went wrong. Only before any candidate code ran may it blame the sandbox."""
    try:
        said: Any = json.loads(payload)
        ending, message = Ending(said["ending"]), clean(str(said["message"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return Stopped(Ending.PROTOCOL_VIOLATION, "its report of an error cannot be read")
    if ending in REPORTED or (trusted and ending is Ending.HARNESS_FAILURE):
        return Stopped(ending, message)
    return Stopped(
        Ending.PROTOCOL_VIOLATION, f"it claimed the ending {ending.value!r}, which is not its to claim"
    )


def of_status(status: int, stderr: str, sealed: bool = False) -> Stopped:
    """How the process ended, from its wait status. Of a sealed one, a signal from outside is no fact about it."""
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
    """Untrusted text made safe to print and to quote: capped, no control or formatting characters."""
    if len(text) <= length and text.replace("\n", "").isprintable():
        return text
    kept = "".join(
        " " if unicodedata.category(letter)[0] == "C" and letter not in "\n\t" else letter
        for letter in text[:length]
    )
    return kept + (" [cut]" if len(text) > length else "")
