"""Calls system calls for which Python has no function.

Linux only; importing it does nothing.
"""

import ctypes
import errno
import functools
import os
import sys

from gapsmith.sandbox.isolation.syscalls import HERE

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITIES = 64
_CAPABILITY_VERSION = 0x20080522


@functools.cache
def load_libc() -> ctypes.CDLL:
    """Returns the C library of this process."""
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "linux":
        library.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    return library


def call(name: str, *arguments: "int | bytes | ctypes.Array[ctypes.c_char] | None") -> int:
    """Makes a system call. Raises OSError."""
    if sys.platform != "linux" or name not in HERE.numbers:
        raise OSError(errno.ENOSYS, f"{name}: {sys.platform} on {HERE.name} is not known to have it")
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    result: int = load_libc().syscall(ctypes.c_long(HERE.numbers[name]), *words)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int = 0, third: int = 0, fourth: int = 0) -> None:
    """Changes a property of this process. Raises OSError."""
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "prctl: only Linux has it")
    if load_libc().prctl(option, value, third, fourth, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl {option}: {os.strerror(number)}")


def die_with_parent(signal_number: int) -> None:
    """Requests a signal for the end of the parent's thread.

    A fork and a change of user clear the request.
    """
    prctl(_PR_SET_PDEATHSIG, signal_number)


def forbid_new_privileges() -> None:
    """Keeps `exec` from granting privileges; seccomp and Landlock require it."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def hide_memory() -> None:
    """Keeps processes of the same user from reading this one's memory."""
    prctl(_PR_SET_DUMPABLE, 0)


def drop_bounding_set() -> None:
    """Drops every capability from the bounding set, so that `exec` restores none.

    It must come before the change of user, which ends the right to do so. A process without that right keeps
    its set: it has no capability. Raises OSError.
    """
    for capability in range(_CAPABILITIES):
        try:
            prctl(_PR_CAPBSET_DROP, capability)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EPERM):  # No such capability; no right to drop it.
                raise


def drop_capabilities() -> None:
    """Drops every capability for good. Raises OSError."""
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if load_libc().capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "capset")
