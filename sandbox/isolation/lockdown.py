"""Applies the layers of isolation.

Once to the zygote, and the rest to each child.
"""

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
"""Above the ids that distributions and containers assign, below the end of signed numbers."""
_UIDS_OF_A_HOST = 64
_SMALL_UID = 60_001
"""For a root user in a namespace with few ids."""


class LayerFailed(Exception):
    """A layer broke half-way: the zygote must be started again without it."""


@dataclass(kw_only=True)
class Enclosure:
    """The layers of the zygote, and reasons for missing ones.

    Attributes:
        applied: the layers that are on.
        refused: the reasons why others are off, by name.
        outside: the host's namespaces, by name.
        inside: the zygote's own.
        own_uid: whether all processes of this uid, in this user namespace, belong to the zygote.
    """

    applied: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    outside: dict[str, str] = field(default_factory=dict)
    inside: dict[str, str] = field(default_factory=dict)
    own_uid: bool = False

    def attempt(self, layer: str, wanted: frozenset[str], work: Callable[[], None]) -> None:
        """Applies a layer if it is wanted; records a refusal."""
        if layer not in wanted:
            self.refused.setdefault(layer, "switched off")
            return
        try:
            work()
            self.applied.add(layer)
        except OSError as error:
            self.refused[layer] = str(error)


def leave_namespaces(enclosure: Enclosure, wanted: frozenset[str], ctl: int) -> None:
    """Forks into new namespaces.

    The caller continues in the child; the parent only watches it and the host.

    Raises:
        LayerFailed: if the kernel changed its mind half-way.
    """
    enclosure.outside = namespaces.read_identities()
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
    """Ends the zygote when the host closes the stream, during imports too.

    It ends itself with the zygote.
    """
    watch = select.poll()
    watch.register(os.pidfd_open(pid), select.POLLIN)
    watch.register(ctl, 0)  # No event requested: the end of the stream is always reported.
    watch.poll()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os._exit(0)


def enclose(enclosure: Enclosure, wanted: frozenset[str], folders: list[str], number: int) -> None:
    """Applies all layers that children inherit, except seccomp. Raises LayerFailed."""
    enclosure.inside = namespaces.read_identities()
    if NAMESPACES in enclosure.applied:
        namespaces.look_like_any_other()
        try:
            namespaces.enter_private_root(folders)
        except OSError as error:
            raise LayerFailed(NAMESPACES, str(error)) from error
    # Before the change of user: the new one may have no access to a Python in a home folder.
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
            kernel.die_with_parent(signal.SIGKILL)  # The change of user has cleared it.


def _drop_user(number: int) -> None:
    """Changes to a user that owns nothing.

    Raises OSError, also where there is no privilege to do so.
    """
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


def derive_user_number(host: int, slot: int) -> int:
    """Returns a number that differs between slots and between running hosts.

    The kernel counts processes per user.
    """
    return host % 2**21 * _UIDS_OF_A_HOST + slot % _UIDS_OF_A_HOST


def forbid_system_calls(enclosure: Enclosure, wanted: frozenset[str]) -> None:
    """Applies the zygote's seccomp filter, which children inherit.

    Without a layer that guards files, none can be opened.
    """

    def work() -> None:
        if not syscalls.HERE.allowed:
            raise OSError(f"no table of system calls for {syscalls.HERE.name}")
        files = bool({NAMESPACES, LANDLOCK} & enclosure.applied)
        seccomp.Filter(seccomp.build_zygote_filter(files)).install()

    enclosure.attempt(SECCOMP, wanted, work)


@dataclass(frozen=True, kw_only=True)
class Lockdown:
    """The restrictions of each child.

    Decided once, in the zygote.

    Attributes:
        layers: the layers that are on.
        base: the zygote's footprint.
        own_uid: whether only this zygote has processes of the uid.
        filters: the filters of system calls, without and with threads.
        zygote: the process number of the child's parent.
    """

    layers: frozenset[str]
    base: rlimits.Footprint
    own_uid: bool
    filters: tuple[seccomp.Filter, ...] = ()
    zygote: int = field(default_factory=os.getpid)

    def apply_at_birth(self) -> None:
        """Makes the child end with the zygote. Raises OSError.

        Its descendants share its process group where no filter keeps it from forking.
        """
        if sys.platform == "linux":
            kernel.die_with_parent(signal.SIGKILL)
            if os.getppid() != self.zygote:
                os._exit(0)
        if SECCOMP not in self.layers:
            os.setpgid(0, 0)

    def apply_before_candidate(self, job: dict[str, Any]) -> None:
        """Applies everything that depends on the job. Raises OSError."""
        if RLIMITS in self.layers:
            rlimits.apply(job, self.base, self.own_uid)
        if SECCOMP in self.layers:
            self.filters[job["threads"] > 0].install()
