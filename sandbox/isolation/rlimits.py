"""Resource limits of a child.

The host watches CPU time; its limit here is a safety net.
"""

import resource
import sys
from dataclasses import dataclass
from typing import Any

DESCRIPTORS = 32
_MIB = 1 << 20
_THREAD_ADDRESSES = 72 * _MIB
"""A glibc thread reserves an 8 MiB stack and an arena of 64 MiB; the arena is not data until it is used."""
_THREAD_DATA = 10 * _MIB


@dataclass(frozen=True)
class Footprint:
    """The memory of the zygote before any candidate, in bytes.

    A child starts with the same.
    """

    addresses: int
    data: int


def measure_footprint() -> Footprint:
    """Reads the footprint of this process; needs /proc."""
    if sys.platform != "linux":
        return Footprint(0, 0)
    page = resource.getpagesize()
    with open("/proc/self/statm") as file:
        size, _, _, _, _, data, _ = (int(word) * page for word in file.read().split())
    return Footprint(size, data)


def apply(job: dict[str, Any], base: Footprint, own_uid: bool) -> None:
    """Sets the limits of one job on this process for good.

    Raises OSError.
    """
    threads = job["threads"]
    budget = job["memory_mb"] * _MIB
    _set_limit("RLIMIT_AS", base.addresses + budget + threads * _THREAD_ADDRESSES if base.addresses else None)
    _set_limit("RLIMIT_DATA", base.data + budget + threads * _THREAD_DATA if base.data else None)
    _set_limit("RLIMIT_CPU", job["cpu_net"], job["cpu_net"] + 1)
    _set_limit("RLIMIT_NPROC", _choose_process_limit(threads, own_uid))


def apply_fixed() -> None:
    """Sets the limits that do not depend on a job.

    The zygote works under them, too. Raises OSError.
    """
    for name, value in _FIXED.items():
        _set_limit(name, value)


_FIXED = {
    "RLIMIT_FSIZE": 0,
    "RLIMIT_CORE": 0,
    "RLIMIT_NOFILE": DESCRIPTORS,
    "RLIMIT_MEMLOCK": 0,
    "RLIMIT_MSGQUEUE": 0,
}


def _choose_process_limit(threads: int, own_uid: bool) -> int | None:
    """Returns the limit of processes, if there can be one.

    It is None where the kernel would count all processes of the user; then the memory limit bounds the threads.
    """
    if threads == 0:
        return 0
    return threads + 8 if own_uid else None


def _set_limit(name: str, soft: int | None, hard: int | None = None) -> None:
    kind = getattr(resource, name, None)
    if kind is None or soft is None:
        return
    _, ceiling = resource.getrlimit(kind)
    if ceiling != resource.RLIM_INFINITY:
        soft = min(soft, ceiling)
    try:
        resource.setrlimit(
            kind, (soft, max(soft, hard or soft) if ceiling == resource.RLIM_INFINITY else soft)
        )
    except ValueError as error:  # CPython raises it for EINVAL and EPERM.
        raise OSError(f"{name}: {error}") from error
