"""The zygote.

Imports once, locks itself down, forks one child per candidate, and reads none of its bytes.

It communicates with the host over one stream. Up: a start report, then events of fixed size. Down: one byte,
TAKEN, whenever the host takes a spare child; the end of the stream ends the zygote.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
import types
from dataclasses import replace
from typing import Any, NoReturn

from gapsmith.sandbox.guest import child, compiler
from gapsmith.sandbox.isolation import probes, rlimits
from gapsmith.sandbox.isolation.lockdown import (
    NAMESPACES,
    RLIMITS,
    SECCOMP,
    Enclosure,
    LayerFailed,
    Lockdown,
    derive_user_number,
    enclose,
    forbid_system_calls,
    leave_namespaces,
)
from gapsmith.sandbox.isolation.seccomp import Filter, build_child_filter

EVENT = struct.Struct("!ciiddq")
"""Kind, pid, wait status, CPU seconds of the child and of the zygote, peak memory in bytes.

BORN carries three or four descriptors."""
BORN, DIED = b"S", b"D"
TAKEN = b"T"

_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024

PRELOAD = {
    "numpy": ("numpy", "numpy.linalg", "numpy.random"),
    "ortools": ("numpy", "numpy.linalg", "numpy.random", "ortools.sat.python.cp_model"),
    "numba": ("numpy", "numpy.linalg", "numpy.random", "numba"),
    "scipy": (
        *("numpy", "numpy.linalg", "numpy.random", "scipy", "scipy.optimize", "scipy.sparse"),
        *("scipy.sparse.csgraph", "scipy.spatial", "scipy.special"),
    ),
}
PRELOAD["solvers"] = (
    *PRELOAD["ortools"], "google.protobuf.text_format", "ortools.sat.cp_model_pb2", "ortools.math_opt.python.mathopt",
)  # fmt: skip
_COMMON = (
    "bisect", "collections", "copy", "dataclasses", "enum", "fractions", "functools", "heapq", "itertools",
    "math", "operator", "random", "re", "statistics", "string", "time", "typing",
)  # fmt: skip
_BROAD = (
    "array", "ast", "base64", "calendar", "cmath", "concurrent.futures", "contextlib", "csv", "datetime",
    "decimal", "difflib", "graphlib", "hashlib", "inspect", "io", "logging", "numbers", "pathlib", "pprint",
    "queue", "secrets", "struct", "textwrap", "threading", "timeit", "traceback", "unicodedata", "uuid",
    "warnings", "weakref", "numpy.fft", "numpy.ma", "numpy.polynomial",
)  # fmt: skip


def main(descriptor: int, settings: dict[str, Any]) -> NoReturn:
    """Runs until the host hangs up."""
    ctl = socket.socket(fileno=child.keep_open(descriptor))
    os.close(descriptor)
    os.dup2(
        os.open(os.devnull, os.O_RDONLY), child.CHANNEL
    )  # Reserves the number, so that nothing that a child needs gets it.
    try:
        lockdown, report = prepare(ctl.fileno(), settings)
        settings.clear()  # A child could read them in this frame: the slot, the host's number, its folders.
    except LayerFailed as failure:
        send_report(ctl, {"failed": failure.args})
        os._exit(1)
    except BaseException:  # noqa: BLE001 - the host must learn of any error, since stderr is discarded
        send_report(ctl, {"trouble": traceback.format_exc()})
        os._exit(1)
    with contextlib.suppress(OSError):  # The host may end at any moment.
        send_report(ctl, report)
        Nursery(ctl, lockdown).serve()
    os._exit(0)


def send_report(ctl: socket.socket, report: dict[str, Any]) -> None:
    """Sends the host the report of the start."""
    text = json.dumps(report).encode()
    ctl.sendall(struct.pack("!I", len(text)) + text)


def prepare(ctl: int, settings: dict[str, Any]) -> tuple[Lockdown, dict[str, Any]]:
    """Imports, locks this process down, and proves the isolation.

    Returns what each child has to apply, and the start report.
    """
    wanted, enclosure = frozenset(settings["layers"]), Enclosure(refused=settings["refused"])
    leave_namespaces(enclosure, wanted, ctl)
    own = _select_outermost([folder for folder in sys.path if os.path.isdir(folder)])
    preload(settings["preload"], settings["path"], lazily=NAMESPACES in enclosure.applied)
    preload_trusted(settings["packages"], settings["modules"])
    for name, file in settings["files"].items():
        compiler.load_blocks(name, file)
    gc.collect()
    gc.freeze()  # A collection in a child would write to every object, and so copy every page.
    base = rlimits.measure_footprint()
    enclose(
        enclosure,
        wanted,
        own + list_package_folders(settings["room"], own),
        derive_user_number(settings["host"], settings["slot"]),
    )
    enclosure.attempt(RLIMITS, wanted, rlimits.apply_fixed)
    lockdown = Lockdown(layers=frozenset(enclosure.applied), base=base, own_uid=enclosure.own_uid)
    proofs = probes.prove(enclosure, lockdown, settings["room"])
    forbid_system_calls(enclosure, wanted)
    if SECCOMP in enclosure.applied:
        filters = (Filter(build_child_filter(threads=False)), Filter(build_child_filter(threads=True)))
        lockdown = replace(lockdown, layers=lockdown.layers | {SECCOMP}, filters=filters)
    proofs |= probes.prove_seccomp(lockdown)
    return lockdown, {
        "resident": _measure_resident(),
        "proofs": probes.combine_proofs(proofs, enclosure.refused),
    }


def _measure_resident() -> int:
    """Returns the bytes in memory of a child that has done nothing.

    No candidate is charged for them.
    """
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    _, _, usage = os.wait4(pid, 0)
    return usage.ru_maxrss * _MAXRSS_UNIT


def _select_outermost(folders: list[str]) -> list[str]:
    return [folder for folder in folders if not any(folder.startswith(other + os.sep) for other in folders)]


def list_package_folders(room: str, own: list[str]) -> list[str]:
    """Lists the folders of imported packages outside the standard library.

    Shared libraries of wheels are included. A folder that holds several packages is never listed: a candidate
    may read what was named, and what that needs.
    """
    tops = set()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.startswith("gapsmith."):
            continue  # Code of ours is in memory; no candidate may read its folders.
        if file and not file.startswith(room) and not any(os.path.dirname(file) == folder for folder in own):
            tops.add(_find_top_folder(name, file))
    folders = [top + suffix for top in tops if top for suffix in ("", ".libs")]
    return sorted(folder for folder in folders if os.path.isdir(folder) and not _is_within(folder, own))


def _find_top_folder(name: str, file: str) -> str:
    """Returns the folder of a module's outermost package.

    It is empty for a module that is a single file.
    """
    first, *inner = name.split(".")
    folder = os.path.dirname(file)
    for _ in range(len(inner) - (0 if os.path.basename(file).startswith("__init__.") else 1)):
        folder = os.path.dirname(folder)
    return folder if os.path.basename(folder) == first else ""


def _is_within(folder: str, own: list[str]) -> bool:
    """Tells whether one of the standard library's folders holds a folder.

    Folders of installed packages inside them do not count.
    """
    return "-packages" not in folder and any(folder.startswith(parent + os.sep) for parent in own)


def preload(name: str, path: list[str], lazily: bool) -> None:
    """Imports what children share, and more where they may not open files."""
    # A BLAS that starts threads at import makes every later fork unsafe.
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    own = list(sys.path)
    sys.path[:] = [*own, *path]
    words = name.split("+")
    if {"ortools", "solvers"} & {*words}:
        sys.modules["pandas"] = _make_pandas()
    if "numba" in words:
        compiler.set_environment()
    for module in (*_COMMON, *list_modules(name), *(() if lazily else _BROAD)):
        importlib.import_module(module)
    if "numba" in words:
        compiler.load()
    sys.modules["numpy"].random.seed(0)  # Equal programs must behave equally in every zygote.
    sys.path[:] = own  # Imported packages find their own parts; no other package can be imported.
    os.environ.clear()
    compiler.forget_environment()
    sys.argv[:], sys.orig_argv[:] = [""], []


def list_modules(name: str) -> list[str]:
    """Lists the modules that a preload imports.

    Raises KeyError for an unknown word.
    """
    return list(dict.fromkeys(module for word in name.split("+") for module in PRELOAD[word]))


def preload_trusted(packages: dict[str, str], modules: list[str]) -> None:
    """Imports modules of ours beside the preload.

    Nothing else of their packages can be imported later.
    """
    for name, folder in packages.items():
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [folder]
    for module in modules:
        importlib.import_module(module)
    for name in packages:
        sys.modules[name].__path__ = []


def _make_pandas() -> types.ModuleType:
    """Makes a stand-in for pandas.

    `cp_model` imports it for helpers that few programs use, and it triples the cost of a fork.
    """
    module = types.ModuleType("pandas")
    module.__dict__.update(Index=type("Index", (), {}), Series=type("Series", (), {}))
    return module


def _open_handle(pid: int) -> int:
    """Opens a handle on a child; -1 where the system has none.

    That is macOS, or a container with an old filter.
    """
    if sys.platform != "linux":
        return -1
    try:
        return os.pidfd_open(pid)
    except OSError:
        return -1


class Nursery:
    """The children: one waits ready while another runs."""

    def __init__(self, ctl: socket.socket, lockdown: Lockdown) -> None:
        self._ctl = ctl
        self._lockdown = lockdown
        self._watches: dict[int, int] = {}
        self._poll = select.poll()
        self._poll.register(ctl, select.POLLIN)

    def serve(self) -> None:
        """Forks and reaps children until the host closes the stream."""
        self._fork_child()
        while True:
            ready = [descriptor for descriptor, _ in self._poll.poll(self._choose_timeout())]
            if self._ctl.fileno() in ready:
                if self._ctl.recv(1) != TAKEN:
                    break
                self._fork_child()
            self._reap()
        for pid in self._watches:
            os.kill(pid, signal.SIGKILL)

    def _choose_timeout(self) -> int | None:
        """Returns the milliseconds between two looks at the children.

        None where a descriptor reports every death.
        """
        return 5 if -1 in self._watches.values() else None

    def _fork_child(self) -> None:
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
        watch = _open_handle(pid)
        self._watches[pid] = watch
        if watch >= 0:
            self._poll.register(watch, select.POLLIN)
            descriptors.append(watch)
        socket.send_fds(self._ctl, [EVENT.pack(BORN, pid, 0, 0.0, 0.0, 0)], descriptors)

    def _end_group(self, pid: int) -> None:
        """Ends processes that a child left behind.

        With seccomp there are none: the filter keeps a child from forking.
        """
        if SECCOMP not in self._lockdown.layers:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)

    def _reap(self) -> None:
        while self._watches:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            self._end_group(pid)
            watch = self._watches.pop(pid, -1)
            if watch >= 0:
                self._poll.unregister(watch)
                os.close(watch)
            cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _MAXRSS_UNIT
            self._ctl.sendall(EVENT.pack(DIED, pid, status, cpu, time.process_time(), peak))
