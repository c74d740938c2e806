"""Starts zygotes and communicates with them: the host's side of `guest/zygote.py`."""

import errno
import importlib.machinery
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gapsmith.sandbox.errors import SandboxError
from gapsmith.sandbox.guest.zygote import BORN, EVENT, PRELOAD, TAKEN, list_modules
from gapsmith.sandbox.isolation.lockdown import LayerFailed
from gapsmith.sandbox.job import Preload
from gapsmith.sandbox.watch import Clock

START_SECONDS = 900.0
"""Loading numba takes 10 s of CPU, and many minutes where a machine has ten times the work of its cores."""
FORK_SECONDS = 120.0
REAP_SECONDS = 15.0
_FEWEST_ENDS = 3 if sys.platform != "linux" else 4

# The guest imports this package's files under their own names, without the package's __init__ and without a path
# to any other module of ours.
_BOOT = """
import json, sys, types
settings = json.loads(sys.argv[1])
for name, path in (("gapsmith", []), ("gapsmith.sandbox", [settings["room"]])):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = path
from gapsmith.sandbox.guest.zygote import main
main(settings["ctl"], settings)
"""


class ZygoteDied(Exception):
    """The zygote ended or no longer answers.

    The sandbox's fault, not the candidate's.
    """


@dataclass(frozen=True)
class Death:
    """The end of a child, as the zygote's `wait4` reported it."""

    status: int
    cpu_seconds: float
    peak_bytes: int

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGKILL


class Spare:
    """A child that waits for its job.

    With the host's ends of its socket and pipes.
    """

    def __init__(self, name: int, descriptors: list[int]) -> None:
        self.name = name
        self.job = socket.socket(fileno=descriptors[0])
        self.job.setblocking(False)
        self.out, self.err = descriptors[1:3]
        self._watch = descriptors[3] if len(descriptors) > 3 else -1
        for pipe in (self.out, self.err):
            os.set_blocking(pipe, False)
        self.clock = Clock(name, self._watch)

    def has_ended(self, patience: float) -> bool:
        """Tells whether the child ends within `patience` seconds, reaped or not.

        Where the system gives no handle on a process it returns True, and the zygote's report of the death is
        awaited.
        """
        if self._watch < 0:
            return True
        watch = select.poll()
        watch.register(self._watch, select.POLLIN)
        return bool(watch.poll(1000 * patience))

    def kill(self) -> None:
        """Ends the child; does nothing if it has ended."""
        try:
            if self._watch >= 0:
                signal.pidfd_send_signal(self._watch, signal.SIGKILL)
            else:
                os.kill(self.name, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def close(self) -> None:
        """Closes the descriptors."""
        self.job.close()
        for descriptor in (self.out, self.err, self._watch):
            if descriptor >= 0:
                os.close(descriptor)


class Zygote:
    """One running zygote.

    Attributes:
        report: its report of the start.
        spent_seconds: CPU seconds of the zygote and all its children, as of the last death.
    """

    def __init__(
        self, preload: Preload, layers: Iterable[str], slot: int, refused: Mapping[str, str]
    ) -> None:
        folders = find_package_folders(preload.name)
        self._process: subprocess.Popen[bytes] | None = None
        self._spares: list[Spare] = []
        self._deaths: dict[int, Death] = {}
        self._children_seconds = 0.0
        self.spent_seconds = 0.0
        self._ctl, theirs = socket.socketpair()
        try:
            with theirs:
                settings = _make_settings(preload, folders, layers, slot, theirs.fileno()) | {
                    "refused": dict(refused)
                }
                self._process = _spawn(settings, theirs.fileno())
            self.report = self._start_report()
        except BaseException:  # no process may be left behind; the error is raised again
            self.close()
            raise

    def _start_report(self) -> dict[str, Any]:
        self._ctl.settimeout(START_SECONDS)
        try:
            (length,) = struct.unpack("!I", self._receive(4))
            report: dict[str, Any] = json.loads(self._receive(length))
        except ZygoteDied as error:
            within = f"within {START_SECONDS:g} s"
            raise SandboxError(f"the sandbox's process did not start {within}: {error}") from error
        if "failed" in report:
            raise LayerFailed(*report["failed"])
        if "trouble" in report:
            raise SandboxError(f"the sandbox's process did not start: {report['trouble']}")
        return report

    def _receive(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                piece = self._ctl.recv(count - len(data))
            except OSError as error:
                raise ZygoteDied(str(error)) from error
            if not piece:
                raise ZygoteDied("it ended")
            data += piece
        return data

    def take(self) -> Spare:
        """Takes the waiting child; the zygote forks the next one at once.

        Raises ZygoteDied.
        """
        while not self._spares:
            if not self._receive_event(FORK_SECONDS):
                raise ZygoteDied(f"it forked no child in {FORK_SECONDS:g} s")
        spare = self._spares.pop(0)
        try:
            self._ctl.sendall(TAKEN)
        except OSError as error:
            spare.close()
            raise ZygoteDied(str(error)) from error
        return spare

    def await_death(self, spare: Spare, patience: float) -> Death | None:
        """Waits for the child's death; returns None after `patience` seconds."""
        while spare.name not in self._deaths:
            if not self._receive_event(patience):
                return None
        return self._deaths.pop(spare.name)

    def _receive_event(self, patience: float) -> bool:
        self._ctl.settimeout(max(patience, 0.001))
        try:
            data, descriptors, _, _ = socket.recv_fds(
                self._ctl, EVENT.size, 4, getattr(socket, "MSG_CMSG_CLOEXEC", 0)
            )
        except TimeoutError:
            return False
        except OSError as error:
            raise ZygoteDied(str(error)) from error
        if len(data) < EVENT.size:
            raise ZygoteDied("it ended")
        self._note(data, descriptors)
        return True

    def _note(self, data: bytes, descriptors: list[int]) -> None:
        kind, name, status, cpu, own_cpu, peak = EVENT.unpack(data)
        if kind == BORN and len(descriptors) < _FEWEST_ENDS:
            # The kernel drops descriptors beyond this process's limit.
            for descriptor in descriptors:
                os.close(descriptor)
            raise OSError(errno.EMFILE, "too many open files")
        if kind == BORN:
            self._spares.append(Spare(name, descriptors))
        else:
            self._children_seconds += cpu
            self.spent_seconds = self._children_seconds + own_cpu
            self._deaths[name] = Death(status, cpu, max(0, peak - self.report["resident"]))

    def close(self) -> None:
        """Ends the zygote and with it every child."""
        self._ctl.close()
        for spare in self._spares:
            spare.close()
        self._spares.clear()
        if self._process is None:
            return
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _make_settings(
    preload: Preload, folders: list[str], layers: Iterable[str], slot: int, ctl: int
) -> dict[str, Any]:
    return {
        "ctl": ctl,
        "room": str(Path(__file__).parent),
        "preload": preload.name,
        "packages": dict(preload.packages),
        "modules": list(preload.modules),
        "files": dict(preload.files),
        "path": folders,
        "layers": sorted(layers),
        "slot": slot,
        "host": os.getpid(),
    }


def _spawn(settings: dict[str, Any], ctl: int) -> "subprocess.Popen[bytes]":
    # -P, -s, -S: only the standard library is on the path. A fixed hash seed: equal programs behave equally.
    flags = ["-P", "-s", "-S", "-B", "-X", "utf8"]
    return subprocess.Popen(
        [sys.executable, *flags, "-c", _BOOT, json.dumps(settings)],
        pass_fds=[ctl],
        env={"PYTHONHASHSEED": "0"},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,  # Only the host handles a Ctrl-C at the terminal.
    )


def find_package_folders(preload: str) -> list[str]:
    """Finds the folders that hold the packages to preload.

    Raises:
        SandboxError: for an unknown name, or a package that is not installed.
    """
    if unknown := [word for word in preload.split("+") if word not in PRELOAD]:
        raise SandboxError(f"unknown preload {unknown[0]!r}; known: {', '.join(PRELOAD)}")
    folders = []
    for name in {module.split(".")[0]: None for module in list_modules(preload)}:
        spec = importlib.machinery.PathFinder.find_spec(name)
        places = list(spec.submodule_search_locations or ()) if spec else []
        if not places:
            raise SandboxError(f"{name} is not installed here; the sandbox needs it: pip install {name}")
        folders += [str(Path(place).parent) for place in places]
    return list(dict.fromkeys(folders))
