"""Seccomp filters, written as raw BPF.

Which system calls a process may make.

The zygote's filter is an allow-list and is inherited. A child adds a short one that forbids what only the
zygote needs and checks arguments. The kernel runs both, and the stricter answer holds.
"""

import ctypes
import errno
import os
import signal
import struct

from gapsmith.sandbox.isolation import kernel
from gapsmith.sandbox.isolation.syscalls import HERE, Table

Instruction = tuple[int, int, int, int]

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE = 0, 4
_X32 = 0x40000000

OWN_PID = 0xFFFF_FFF1
"""Placeholder for the number of the process that installs the filter; no process has this number."""

_THREAD_FLAGS = (0x3D0F00, 0x7D0F00)
"""The flags of pthread_create in glibc and musl, compared exactly: other flags make a process."""
_OPEN_FORBIDDEN = 0o3 | 0o100 | 0o1000 | 0o2000 | 0o20000 | 0o20000000
"""Write, read-write, create, truncate, append, async, temporary file."""
_FCNTL_ALLOWED = (0, 1, 2, 3, 1030)
"""Duplicate, get and set close-on-exec, get flags. Enlarging a pipe would use kernel memory."""
_CRASHES = (
    0,
    *sorted({signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV}),
)
_PRIVATE = 128
"""The flag of a futex private to this process. Any other is identified by the file behind the page: a library's page
is the same in all sandboxes of a machine, which would be a channel between them."""
_JOINING = (0, 9, 9 | 256)
"""Waits for the end of a thread, which the kernel signals by a futex that is not private."""
_ADVICE = (0, 1, 2, 4, 8, 14, 15, 16, 17)
"""Advice about a process's own memory. Reading a file ahead, releasing its pages or merging pages is visible to other
processes."""


def _load_low(argument: int) -> Instruction:
    return (_LOAD, 0, 0, 16 + 8 * argument)


def _load_high(argument: int) -> Instruction:
    return (_LOAD, 0, 0, 20 + 8 * argument)


def _return_answer(verdict: int) -> Instruction:
    return (_RETURN, 0, 0, verdict)


def _return_error(number: int) -> Instruction:
    return _return_answer(_ERRNO | number)


def _guard_number(number: int, block: list[Instruction]) -> list[Instruction]:
    """Guards a block by the number of a system call.

    Every block ends in an answer.
    """
    return [(_EQUAL, 0, len(block), number), *block]


def _allow_one_of(values: tuple[int, ...], otherwise: int) -> list[Instruction]:
    """Allows the loaded word if it is among the values."""
    count = len(values)
    tests = [(_EQUAL, count - place, 0, value) for place, value in enumerate(values)]
    return [*tests, _return_error(otherwise), _return_answer(_ALLOW)]


def _build_prologue(table: Table) -> list[Instruction]:
    check = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, table.architecture), _return_answer(_KILL)]
    number: list[Instruction] = [(_LOAD, 0, 0, _NUMBER)]
    if table.name == "x86_64":
        number += [(_AT_LEAST, 0, 1, _X32), _return_answer(_KILL)]
    return check + number


def _build_tree(verdicts: list[tuple[int, int]], otherwise: int) -> list[Instruction]:
    """Builds a binary search for the answer to a system call's number.

    The kernel runs the filter once for every number when it is installed.
    """
    if not verdicts:
        return [_return_answer(otherwise)]
    if len(verdicts) == 1:
        number, verdict = verdicts[0]
        return [(_EQUAL, 0, 1, number), _return_answer(verdict), _return_answer(otherwise)]
    middle = len(verdicts) // 2
    lower, upper = _build_tree(verdicts[:middle], otherwise), _build_tree(verdicts[middle:], otherwise)
    return [*_skip_from(verdicts[middle][0], len(lower)), *lower, *upper]


def _skip_from(number: int, skip: int) -> list[Instruction]:
    """Skips `skip` instructions for numbers from `number` on.

    A conditional jump reaches 255 instructions; for more an unconditional one follows.
    """
    if skip <= 255:
        return [(_AT_LEAST, skip, 0, number)]
    return [(_AT_LEAST, 0, 1, number), (0x05, 0, 0, skip)]


def build_zygote_filter(files: bool, table: Table = HERE) -> list[Instruction]:
    """Builds the allow-list.

    Without `files`, no file can be opened or looked up by name.
    """
    program = _build_prologue(table)
    for name, flags in (("openat", 2), ("open", 1)):
        if files and name in table.files:
            block = [
                _load_low(flags),
                (_ANY_BIT, 0, 1, _OPEN_FORBIDDEN),
                _return_error(errno.EPERM),
                _return_answer(_ALLOW),
            ]
            program += _guard_number(table.files[name], block)
    allowed = {**table.allowed, **table.zygote, **table.conditional, **(table.files if files else {})}
    verdicts = dict.fromkeys(allowed.values(), _ALLOW) | dict.fromkeys(table.deadly.values(), _KILL)
    return program + _build_tree(sorted(verdicts.items()), _ERRNO | errno.EPERM)


def build_child_filter(threads: bool, table: Table = HERE) -> list[Instruction]:
    """Builds the filter that denies a child what only its zygote needs.

    It ends in `allow`: the zygote's filter decides the rest.
    """
    # A program may crash, but send no other signal even to itself: any other signal that ends it came from outside.
    crash = _allow_one_of(_CRASHES, errno.EPERM)
    own = [(_EQUAL, 1, 0, OWN_PID), _return_error(errno.EPERM)]
    # Threads that are not allowed fail as if there were too many: with a clean RuntimeError.
    thread = _allow_one_of(_THREAD_FLAGS, errno.EPERM) if threads else _refuse_threads()
    waits = _JOINING if threads else ()
    null = [
        _load_high(2),
        (_EQUAL, 0, 2, 0),
        _load_low(2),
        (_EQUAL, 1, 0, 0),
        _return_error(errno.EPERM),
        _return_answer(_ALLOW),
    ]
    rules = {
        "clone": [_load_low(0), *thread],
        "clone3": [_return_error(errno.ENOSYS)],  # A filter cannot read its flags; glibc falls back to clone.
        "kill": [_load_low(0), *own, _load_low(1), *crash],
        "tgkill": [_load_low(0), *own, _load_low(2), *crash],
        "tkill": [_load_low(0), *own, _load_low(1), *crash],
        "futex": [
            _load_low(1),
            (_ANY_BIT, 0, 1, _PRIVATE),
            _return_answer(_ALLOW),
            *_allow_one_of(waits, errno.EPERM),
        ],
        "madvise": [_load_low(2), *_allow_one_of(_ADVICE, errno.EPERM)],
        "fcntl": [_load_low(1), *_allow_one_of(_FCNTL_ALLOWED, errno.EPERM)],
        "prlimit64": null,
    }
    program = _build_prologue(table)
    for name, block in rules.items():
        program += _guard_number(table.conditional[name], block)
    denied = [(number, _ERRNO | errno.EPERM) for number in sorted(table.zygote.values())]
    return program + _build_tree(denied, _ALLOW)


def _refuse_threads() -> list[Instruction]:
    count = len(_THREAD_FLAGS)
    tests = [(_EQUAL, count - place, 0, flags) for place, flags in enumerate(_THREAD_FLAGS)]
    return [*tests, _return_error(errno.EPERM), _return_error(errno.EAGAIN)]


class Filter:
    """A filter in the kernel's format.

    Made beforehand, so that installing it is cheap.
    """

    def __init__(self, program: list[Instruction]) -> None:
        code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
        self._owners = [place * 8 + 4 for place, (*_, word) in enumerate(program) if word == OWN_PID]
        self._code = ctypes.create_string_buffer(code, len(code))
        self._header = ctypes.create_string_buffer(
            struct.pack("HxxxxxxP", len(program), ctypes.addressof(self._code))
        )

    def install(self) -> None:
        """Installs the filter on this process and its forks for good.

        Raises OSError.
        """
        for place in self._owners:
            struct.pack_into("I", self._code, place, os.getpid())
        kernel.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(self._header))
