"""Puts the layers on: once on the zygote, and what is left on each child."""

import os
import select
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from gapsmith.sandbox.isolation import kernel, landlock, namespaces, rlimits, seccomp, syscalls

NAMESPACES, LANDLOCK, SECCOMP, UID, RLIMITS = "namespaces", "landlock", "seccomp", "uid", "rlimits"
LAYERS = frozenset({NAMESPACES, LANDLOCK, SECCOMP, UID, RLIMITS})

_UIDS = 1_879_100_000
"""Above what distributions and containers hand out, below the end of signed numbers."""
_UIDS_OF_A_HOST = 64
_SMALL_UID = 60_001
"""For a root whose user namespace knows few ids."""


class LayerFailed(Exception):
    """A layer broke half-way: the zygote must be started again without it."""


@dataclass(kw_only=True)
class Enclosure:
    """What was put on the zygote, and why the rest was not.

    Attributes:
        applied: the layers that are on.
        refused: why others are not, by name.
        outside: the host's namespaces, by name.
        inside: the zygote's own.
        own_uid: whether every process of this uid, in this user namespace, is the zygote's.
    """

    applied: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    outside: dict[str, str] = field(default_factory=dict)
    inside: dict[str, str] = field(default_factory=dict)
    own_uid: bool = False

    def attempt(self, layer: str, wanted: frozenset[str], work: Callable[[], None]) -> None:
        """Puts a layer on if it is wanted; notes the reason if the kernel refuses."""
        if layer not in wanted:
            self.refused.setdefault(layer, "switched off")
            return
        try:
            work()
            self.applied.add(layer)
        except OSError as error:
            self.refused[layer] = str(error)


def leave_namespaces(enclosure: Enclosure, wanted: frozenset[str], ctl: int) -> None:
    """Forks into new namespaces. The caller goes on in the child; the parent only watches it and the host.

    Raises:
        LayerFailed: if the kernel changed its mind half-way.
    """
    enclosure.outside = namespaces.identities()
    user = os.getuid(), os.getgid()
    enclosure.attempt(NAMESPACES, wanted, namespaces.enter)
    if NAMESPACES not in enclosure.applied:
        return
    try:
        namespaces.map_user(*user)
        pid = os.fork()
    except OSError as error:
        raise LayerFailed(NAMESPACES, str(error)) from error
    if pid:
        _guard(pid, ctl)
    kernel.die_with_parent(signal.SIGKILL)


def _guard(pid: int, ctl: int) -> NoReturn:
    """Ends the zygote when the host hangs up, even in the middle of an import, and itself with the zygote."""
    watch = select.poll()
    watch.register(os.pidfd_open(pid), select.POLLIN)
    watch.register(ctl, 0)  # Asks for nothing: a hang-up is always told.
    watch.poll()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os._exit(0)


def enclose(enclosure: Enclosure, wanted: frozenset[str], folders: list[str], number: int) -> None:
    """Puts on the zygote what children inherit, all but seccomp. Raises LayerFailed."""
    enclosure.inside = namespaces.identities()
    if NAMESPACES in enclosure.applied:
        namespaces.look_like_any_other()
        try:
            namespaces.enter_private_root(folders)
        except OSError as error:
            raise LayerFailed(NAMESPACES, str(error)) from error
    # Before the user changes: the new one may not be able to reach a Python in somebody's home.
    enclosure.attempt(LANDLOCK, wanted, lambda: landlock.restrict(folders))
    guarded = sys.platform == "linux" and bool(wanted - {RLIMITS})
    if guarded:
        kernel.drop_bounding_set()
    enclosure.attempt(UID, wanted, lambda: _drop_user(number))
    enclosure.own_uid = NAMESPACES in enclosure.applied or UID in enclosure.applied
    if guarded:
        kernel.drop_capabilities()
        kernel.forbid_new_privileges()
        kernel.hide_memory()
        if NAMESPACES in enclosure.applied:
            kernel.die_with_parent(signal.SIGKILL)  # A change of user has cleared it.


def _drop_user(number: int) -> None:
    """Becomes a user that owns nothing. Raises OSError, also where there is no privilege to do so."""
    if os.getuid() != 0:
        raise OSError(f"not root: runs as uid {os.getuid()}, with no capability")
    os.setgroups([])
    for uid in (_UIDS + number, _SMALL_UID + number % _UIDS_OF_A_HOST):
        try:
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            return
        except OSError as error:
            refusal = error
    raise refusal


def user_number(host: int, slot: int) -> int:
    """Different for every slot of every running host: limits on processes are counted per user."""
    return host % 2**21 * _UIDS_OF_A_HOST + slot % _UIDS_OF_A_HOST


def forbid_system_calls(enclosure: Enclosure, wanted: frozenset[str]) -> None:
    """The zygote's own filter, inherited by children. Without a guard of files, none opens."""

    def work() -> None:
        if not syscalls.HERE.allowed:
            raise OSError(f"no table of system calls for {syscalls.HERE.name}")
        files = bool({NAMESPACES, LANDLOCK} & enclosure.applied)
        seccomp.Filter(seccomp.zygote_filter(files)).install()

    enclosure.attempt(SECCOMP, wanted, work)


@dataclass(frozen=True, kw_only=True)
class Lockdown:
    """What each child puts on itself; decided once, in the zygote.

    Attributes:
        layers: the layers that are on.
        base: the zygote's footprint.
        own_uid: whether the uid's processes are this zygote's alone.
        filters: of system calls, without and with threads.
        zygote: the parent to be.
    """

    layers: frozenset[str]
    base: rlimits.Footprint
    own_uid: bool
    filters: tuple[seccomp.Filter, ...] = ()
    zygote: int = field(default_factory=os.getpid)

    def at_birth(self) -> None:
        """Ties the child's life to the zygote's, and its descendants' to its own. Raises OSError."""
        if sys.platform == "linux":
            kernel.die_with_parent(signal.SIGKILL)
            if os.getppid() != self.zygote:
                os._exit(0)
        if SECCOMP not in self.layers:
            os.setpgid(0, 0)

    def before_candidate(self, job: dict[str, Any]) -> None:
        """Puts on everything that depends on the job. Raises OSError."""
        if RLIMITS in self.layers:
            rlimits.apply(job, self.base, self.own_uid)
        if SECCOMP in self.layers:
            self.filters[job["threads"] > 0].install()
