"""Proofs of isolation.

A layer counts only after a process under it has tried the forbidden action and failed.

A probe runs in a child of the zygote, before any candidate exists. The layers are tried one by one, seccomp
last, because it would hide whether the others hold.
"""

import errno
import json
import mmap
import os
import signal
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from gapsmith.sandbox.isolation import kernel, rlimits
from gapsmith.sandbox.isolation.lockdown import LANDLOCK, NAMESPACES, RLIMITS, SECCOMP, Enclosure, Lockdown

Proof = tuple[bool, str]
_JOB = {"threads": 0, "memory_mb": 64, "cpu_net": 30}
_HUGE = 1 << 40


def prove(enclosure: Enclosure, lockdown: Lockdown, room: str) -> dict[str, Proof]:
    """Proves every layer but seccomp, which must not be on yet."""
    probes: dict[str, Callable[[], Proof]] = {
        "network": _probe_network,
        "processes": _probe_processes,
        "ipc": lambda: _probe_ipc(enclosure),
        "private_root": lambda: _probe_files(room),
        LANDLOCK: _probe_landlock,
        "privileges": _probe_privileges,
        RLIMITS: lambda: _probe_rlimits(lockdown),
    }
    return _run_in_child(probes)


def prove_seccomp(lockdown: Lockdown) -> dict[str, Proof]:
    """Proves the filters; to be called once the zygote has them."""
    proofs = _run_in_child({SECCOMP: lambda: _probe_denied_calls(lockdown)})
    holds, text = proofs[SECCOMP]
    killed = _is_killed(lockdown)
    return {SECCOMP: (holds and killed, f"{text}; ptrace: {'killed' if killed else 'survived'}")}


def combine_proofs(proofs: dict[str, Proof], refused: dict[str, str]) -> dict[str, Proof]:
    """Adds the combined proof of the namespaces, and the reasons of refusals."""
    parts = ("network", "processes", "ipc", "private_root")
    holds = all(proofs[part][0] for part in parts)
    whole = (holds, refused.get(NAMESPACES) or "; ".join(proofs[part][1] for part in parts))
    reasons = {
        layer: (False, f"{proofs[layer][1]} ({why})") for layer, why in refused.items() if layer in proofs
    }
    return {**proofs, **reasons, NAMESPACES: whole}


def _run_in_child(probes: dict[str, Callable[[], Proof]]) -> dict[str, Proof]:
    """Runs the probes in a forked child; their effects end with it."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _report(writer, probes)
    os.close(writer)
    said = b""
    while piece := os.read(reader, 65_536):
        said += piece
    os.close(reader)
    os.waitpid(pid, 0)
    found = dict(json.loads(line) for line in said.splitlines())
    silent = (False, "the probe died")
    return {name: tuple(found.get(name, silent)) for name in probes}


def _report(writer: int, probes: dict[str, Callable[[], Proof]]) -> NoReturn:
    try:
        for name, probe in probes.items():
            os.write(writer, json.dumps([name, probe()]).encode() + b"\n")
    finally:
        os._exit(0)


def _expect_refusal(attempt: Callable[[], Any], name: str, *expected: int) -> Proof:
    """Tells whether an attempt fails with one of the expected errors.

    If none is named, every OSError counts.
    """
    try:
        attempt()
    except OSError as error:
        word = errno.errorcode.get(error.errno or 0, str(error))
        return (not expected or error.errno in expected), f"{name}: {word}"
    return False, f"{name}: succeeded"


def _probe_network() -> Proof:
    def connect() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("127.0.0.1", 9))

    return _expect_refusal(connect, "connecting to the loopback", errno.ENETUNREACH)


def _probe_processes() -> Proof:
    """Tells whether the number of the host's session is hidden.

    It is if the session began outside this process namespace.
    """
    session = os.getsid(0)
    return session == 0, f"number of the host's session: {session or 'none'}"


def _probe_ipc(enclosure: Enclosure) -> Proof:
    """Compares the kernel's names of the namespaces; an attempt would leave traces."""
    inside, outside = enclosure.inside.get("ipc", "unknown"), enclosure.outside.get("ipc", "unknown")
    return inside != outside, f"{inside}, outside {outside}"


def _probe_files(room: str) -> Proof:
    outcomes = [
        _expect_refusal(partial(os.stat, path), "stat", errno.ENOENT) for path in ("/etc", "/proc", room)
    ]
    return all(holds for holds, _ in outcomes), "stat of /etc, /proc and the project: " + outcomes[-1][
        1
    ].split()[-1]


def _probe_landlock() -> Proof:
    return _expect_refusal(lambda: os.listdir("/"), "listing /", errno.EACCES)


def _probe_privileges() -> Proof:
    """Tells whether there is no capability and no way to one.

    A new namespace for the host name and user 0 must both be refused.
    """
    attempts = [_expect_refusal(lambda: kernel.call("unshare", 0x04000000), "unshare", errno.EPERM)]
    if os.getuid() != 0:
        attempts.append(_expect_refusal(lambda: os.setuid(0), "setuid 0", errno.EPERM, errno.EINVAL))
    else:
        attempts.append((False, "runs as uid 0"))
    return all(holds for holds, _ in attempts), "; ".join(text for _, text in attempts)


def _probe_rlimits(lockdown: Lockdown) -> Proof:
    rlimits.apply(_JOB, lockdown.base, lockdown.own_uid)
    if not lockdown.base.addresses:
        return _expect_refusal(lambda: os.open(os.devnull, 0) and os.fork(), "fork", errno.EAGAIN)
    return _expect_refusal(lambda: mmap.mmap(-1, _HUGE), "mapping a terabyte", errno.ENOMEM)


def _probe_denied_calls(lockdown: Lockdown) -> Proof:
    lockdown.apply_before_candidate(_JOB)
    attempts = [
        _expect_refusal(socket.socket, "socket", errno.EPERM),
        _expect_refusal(os.fork, "fork", errno.EPERM),
        _expect_refusal(lambda: os.open("/x", os.O_WRONLY | os.O_CREAT), "open to write", errno.EPERM),
        _expect_refusal(lambda: os.kill(os.getppid(), 0), "kill", errno.EPERM),
    ]
    return all(holds for holds, _ in attempts), "; ".join(text for _, text in attempts)


def _is_killed(lockdown: Lockdown) -> bool:
    """Tells whether a forbidden call kills the process."""
    pid = os.fork()
    if pid == 0:
        try:
            lockdown.apply_before_candidate(_JOB)
            kernel.call("ptrace", 0, 0, 0, 0)
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSYS
