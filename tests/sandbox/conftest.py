"""A guest to attack from: every attack runs under all layers and under fewer, and must fail where it can do harm.

The negative control: a test marked `layered` runs once more with every layer off, and is then expected to
fail (strictly: if it passes, the suite fails). So each of them is known to be able to fail. Where a normal
user could do no harm anyway, `layered(privileged=True)`, the control runs as root only.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gapsmith.sandbox import Call, Ending, Job, Level, Limits, Outcome, Sandbox, SandboxError
from gapsmith.sandbox.isolation.lockdown import LANDLOCK, LAYERS, NAMESPACES

MODES = {
    "full": LAYERS,
    "no_namespaces": LAYERS - {NAMESPACES},
    "seccomp_only": LAYERS - {NAMESPACES, LANDLOCK},
    "off": frozenset[str](),
    "numba": LAYERS,
}
COMPILES = "numba"
"""The mode whose guest has numba, warmed before it was locked."""

PREAMBLE = """
import ctypes, errno, os, platform, signal, socket, struct, sys, threading, time

def syscall(numbers, *words):
    '''Makes a system call; `numbers` are those of x86-64 and of the generic table.'''
    number = numbers[platform.machine() != "x86_64"] if isinstance(numbers, tuple) else numbers
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(w) if isinstance(w, int) else w for w in words))
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result

def send(kind, payload=b"", length=None):
    '''Writes a frame on the result channel behind the harness's back.'''
    os.write(3, struct.pack("!cI", kind, len(payload) if length is None else length) + payload)

def token():
    '''The token of the present call, stolen from the harness.'''
    frame = sys._getframe()
    while "token" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["token"]
"""


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line("markers", "layered: only the layers stop this (or, if privileged, being nobody)")
    config.addinivalue_line("markers", "one_mode: fewer layers make no difference; runs in both guests")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs every attack in every mode; `layered` ones with the layers off too."""
    if "guest" not in metafunc.fixturenames:
        return
    once = metafunc.definition.get_closest_marker("one_mode")
    modes = [
        pytest.param(mode)
        for mode in (["full", COMPILES] if once else ["full", "no_namespaces", "seccomp_only", COMPILES])
    ]
    layered = metafunc.definition.get_closest_marker("layered")
    if layered and (os.geteuid() == 0 or not layered.kwargs.get("privileged")):
        control = pytest.mark.xfail(
            strict=True,
            raises=(AssertionError, SandboxError),
            reason="negative control: the layers are off",
        )
        modes.append(pytest.param("off", marks=control))
    metafunc.parametrize("guest", modes, indirect=True)


class Guest:
    """A place to attack from, and what there is to be harmed."""

    REFUSED = frozenset(
        {"EPERM", "EACCES", "ENOENT", "EROFS", "ENOSYS", "ENETUNREACH", "ESRCH", "EAGAIN", "gaierror"}
    )

    def __init__(self, box: Sandbox, folder: Path) -> None:
        self.box = box
        self.folder = folder
        self.secret = folder / "secret"
        self._canaries: list[subprocess.Popen[bytes]] = []

    def run(
        self, source: str, *calls: Call, entry: str = "attack", driver: str = "", **limits: float
    ) -> Outcome:
        """Runs a module."""
        job = Job(
            source=PREAMBLE + source,
            entry=entry,
            calls=calls or ({},),
            limits=Limits(**limits),  # type: ignore[arg-type]
            driver=driver,
        )
        return self.box.run(job)

    def attack(self, body: str, *, given: dict[str, object] | None = None, **limits: float) -> Outcome:
        """Runs statements as the body of the entry point."""
        names = "".join(f"{name} = {value!r}\n" for name, value in (given or {}).items())
        lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
        return self.run(f"{names}def attack():\n{lines}", **limits)

    def tries(self, body: str, **given: object) -> object:
        """What the statements return, or the name of the error that stopped them."""
        lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
        guard = (
            "except OSError as error:\n    return errno.errorcode.get(error.errno, type(error).__name__)\n"
        )
        outcome = self.attack(f"try:\n{lines}{guard}return 'done'", given=given)
        return outcome.answers[0].value if outcome.ending is Ending.OK else outcome.ending.value

    def refuses(self, body: str, **given: object) -> bool:
        """Whether the kernel refuses what the statements do, or kills for it."""
        said = self.tries(body, **given)
        return isinstance(said, str) and said in self.REFUSED | {Ending.FORBIDDEN_SYSCALL.value}

    def canary(self) -> "subprocess.Popen[bytes]":
        """A process of the host's that must survive."""
        self._canaries.append(subprocess.Popen(["sleep", "600"]))
        return self._canaries[-1]

    def close(self) -> None:
        """Ends the canaries."""
        for canary in self._canaries:
            canary.kill()
            canary.wait()

    def needs(self, level: Level) -> None:
        """Skips where the isolation is not meant to hold this."""
        if Level.L2 <= self.box.level < level:
            pytest.skip(f"holds from {level.name} on; this is {self.box.level.name}")


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder of the host's that everybody may read and write, with a secret in it."""
    path = Path(tempfile.mkdtemp(prefix="zoo-"))
    path.chmod(0o777)
    (path / "secret").write_text("the optimum is 42")
    (path / "secret").chmod(0o666)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def boxes() -> Iterator[dict[str, Sandbox]]:
    """Sandboxes by mode, opened when first wanted."""
    opened: dict[str, Sandbox] = {}
    yield opened
    for box in opened.values():
        box.close()


@pytest.fixture
def guest(request: pytest.FixtureRequest, boxes: dict[str, Sandbox], folder: Path) -> Iterator[Guest]:
    """A guest in the mode that the test was given; in the full one if it was given none."""
    mode = getattr(request, "param", "full")
    if mode not in boxes:
        preload = COMPILES if mode == COMPILES else "numpy"
        boxes[mode] = Sandbox(preload, Level.L0, slot=list(MODES).index(mode), layers=MODES[mode])
    if mode != "off" and boxes[mode].level < Level.L2:
        pytest.skip(f"no isolation here: {boxes[mode].isolation.word}")
    visitor = Guest(boxes[mode], folder)
    yield visitor
    visitor.close()


@pytest.fixture
def full_guest(boxes: dict[str, Sandbox], folder: Path) -> Iterator[Guest]:
    """A guest under all layers only: for attacks that take seconds, and for what does not depend on layers."""
    if "full" not in boxes:
        boxes["full"] = Sandbox("numpy", Level.L0, slot=0)
    visitor = Guest(boxes["full"], folder)
    yield visitor
    visitor.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A TCP server of the host's on the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server
