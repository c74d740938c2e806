"""The zygote: imports once, locks itself down, forks one child per candidate, and reads no candidate's byte.

It talks to the host over one stream. Up: a start report, then events of fixed size. Down: one byte, TAKEN,
whenever the host takes a spare child; the end of the stream is the end of the zygote.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import traceback
import types
from typing import Any, NoReturn

from gapsmith.sandbox import child, rlimits
from gapsmith.sandbox.lockdown import Lockdown

EVENT = struct.Struct("!ciidq")
"""Kind, pid, wait status, CPU seconds, peak memory in bytes. With BORN come three or four descriptors."""
BORN, DIED = b"S", b"D"
TAKEN = b"T"

PRELOAD = {
    "numpy": ("numpy", "numpy.linalg", "numpy.random"),
    "ortools": ("numpy", "numpy.linalg", "numpy.random", "ortools.sat.python.cp_model"),
}
_COMMON = (
    "bisect", "collections", "copy", "dataclasses", "enum", "fractions", "functools", "heapq", "itertools",
    "math", "operator", "random", "re", "statistics", "string", "time", "typing",
)  # fmt: skip


def main(descriptor: int, settings: dict[str, Any]) -> NoReturn:
    """Runs until the host hangs up."""
    ctl = socket.socket(fileno=child.keep_open(descriptor))
    os.dup2(
        os.open(os.devnull, os.O_RDONLY), child.CHANNEL
    )  # Keeps the number free of anything a child must keep.
    try:
        lockdown, report = prepare(settings)
    except BaseException:  # noqa: BLE001 - whatever it is, the host must be told, since stderr leads nowhere
        send_report(ctl, {"trouble": traceback.format_exc()})
        os._exit(1)
    send_report(ctl, report)
    Nursery(ctl, lockdown).serve()
    os._exit(0)


def send_report(ctl: socket.socket, report: dict[str, Any]) -> None:
    """Tells the host how the start went."""
    text = json.dumps(report).encode()
    ctl.sendall(struct.pack("!I", len(text)) + text)


def prepare(settings: dict[str, Any]) -> tuple[Lockdown, dict[str, Any]]:
    """Imports, then locks this process down. Returns what children do, and the start report."""
    preload(settings["preload"], settings["path"])
    base = rlimits.footprint()
    lockdown = Lockdown(layers=frozenset(settings["layers"]), base=base)
    gc.collect()
    gc.freeze()  # A collection in a child would write to every object, and so copy every page.
    return lockdown, {"resident": base.resident}


def preload(name: str, path: list[str]) -> None:
    """Imports what children share."""
    # A BLAS that starts threads at import makes every later fork unsafe.
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    sys.path[:] = [*sys.path, *path]
    if name == "ortools":
        sys.modules["pandas"] = _pandas()
    for module in (*_COMMON, *PRELOAD[name]):
        importlib.import_module(module)
    os.environ.clear()


def _pandas() -> types.ModuleType:
    """A stand-in: cp_model imports pandas for helpers that few use, and it trebles the cost of a fork."""
    module = types.ModuleType("pandas")
    module.__dict__.update(Index=type("Index", (), {}), Series=type("Series", (), {}))
    return module


class Nursery:
    """The children: one waits ready while another runs."""

    def __init__(self, ctl: socket.socket, lockdown: Lockdown) -> None:
        self._ctl = ctl
        self._lockdown = lockdown
        self._watches: dict[int, int] = {}
        self._poll = select.poll()
        self._poll.register(ctl, select.POLLIN)

    def serve(self) -> None:
        """Forks and reaps until the host hangs up."""
        self._bear()
        while True:
            ready = [descriptor for descriptor, _ in self._poll.poll(self._patience())]
            if self._ctl.fileno() in ready:
                if self._ctl.recv(1) != TAKEN:
                    break
                self._bear()
            self._reap()
        for pid in self._watches:
            os.kill(pid, signal.SIGKILL)

    def _patience(self) -> int | None:
        """Where no descriptor tells of a death (macOS), children are looked after every few milliseconds."""
        return 5 if -1 in self._watches.values() else None

    def _bear(self) -> None:
        ours, theirs = socket.socketpair()
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            child.main((theirs.fileno(), out_end, err_end), self._lockdown)
        self._announce(pid, [ours.fileno(), out, err])
        ours.close()
        theirs.close()
        for descriptor in (out, out_end, err, err_end):
            os.close(descriptor)

    def _announce(self, pid: int, descriptors: list[int]) -> None:
        watch = os.pidfd_open(pid) if sys.platform == "linux" else -1
        self._watches[pid] = watch
        if watch >= 0:
            self._poll.register(watch, select.POLLIN)
            descriptors.append(watch)
        socket.send_fds(self._ctl, [EVENT.pack(BORN, pid, 0, 0.0, 0)], descriptors)

    def _reap(self) -> None:
        while self._watches:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            watch = self._watches.pop(pid, -1)
            if watch >= 0:
                self._poll.unregister(watch)
                os.close(watch)
            unit = 1 if sys.platform == "darwin" else 1024
            cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit
            self._ctl.sendall(EVENT.pack(DIED, pid, status, cpu, peak))
