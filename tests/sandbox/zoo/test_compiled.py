"""Attacks by machine code: what numba compiles is locked like any other code, and lies like any other."""

import pytest

from gapsmith.sandbox import Ending, Job, Level, Limits, Sandbox, runs

HEAD = """
import ctypes
from numba import njit
libc = ctypes.CDLL(None, use_errno=True)
call = libc.syscall
call.restype = ctypes.c_long
call.argtypes = [ctypes.c_long] * 4
"""


@pytest.fixture
def attacker(boxes: dict[str, Sandbox]) -> Sandbox:
    """A guest that compiles, under all layers."""
    if "numba" not in boxes:
        boxes["numba"] = Sandbox("numba", Level.L0, slot=4)
    if boxes["numba"].level < Level.L2:
        pytest.skip("no isolation here")
    return boxes["numba"]


def run(box: Sandbox, source: str, **limits: float) -> "tuple[Ending, object]":
    """How an attack ends, and what it returns; it is compiled in a process of its own first."""
    job = Job(
        source=HEAD + source,
        entry="attack",
        calls=({"k": 3},),
        limits=Limits(**limits),  # type: ignore[arg-type]
        warm_up={"k": 1},
    )
    outcome = box.run(job)
    return outcome.ending, outcome.answers[0].value if outcome.answers else outcome.message


@pytest.mark.parametrize(
    ("number", "words"),
    [(41, "a socket"), (57, "a process"), (85, "a file"), (425, "io_uring"), (101, "ptrace")],
)
def test_system_calls_of_machine_code_are_filtered(attacker: Sandbox, number: int, words: str) -> None:
    """A compiled function that makes a forbidden call is refused, or killed for it."""
    source = f"@njit\ndef attack_(k): return call({number}, 2, 1, 0)\ndef attack(k): return attack_(k)\n"
    ending, value = run(attacker, source)
    assert ending is Ending.FORBIDDEN_SYSCALL or value == -1, words


def test_writes_out_of_bounds_end_no_one_else(attacker: Sandbox) -> None:
    """A compiled function that writes all over its process ends that process; the next program is served."""
    source = (
        "import numpy as np\n@njit\ndef wild(a, k):\n    for j in range(k):\n        a[j * 4096] = 7\n"
        "def attack(k):\n    wild(np.zeros(8, dtype=np.int64), 1 if k == 1 else 10**9)\n    return 0\n"
    )
    assert run(attacker, source)[0] in (Ending.CRASH_SEGV, Ending.CRASH_BUS, Ending.PROTOCOL_VIOLATION)
    assert run(attacker, "def attack(k): return k\n") == (Ending.OK, 3)


def test_machine_code_has_no_more_time(attacker: Sandbox) -> None:
    """A compiled loop without end is stopped by the kernel's account of its time, whatever it says of itself."""
    source = (
        "@njit\ndef spin(k):\n    n = 0\n    while n >= 0:\n        n = (n + k) % 7\n    return n\n"
        "def attack(k): return 0 if k == 1 else spin(k)\n"
    )
    assert run(attacker, source, cpu_seconds=0.3)[0] is Ending.TIMEOUT_CPU


def test_nothing_is_left_for_the_next_program(attacker: Sandbox) -> None:
    """What a program writes into numba's modules, in its warm-up too, is gone with its processes."""
    taint = "import numba\ndef attack(k):\n    numba.tainted = numba.njit.tainted = 1\n    return 0\n"
    look = "import numba\ndef attack(k): return hasattr(numba, 'tainted') or hasattr(numba.njit, 'tainted')\n"
    assert run(attacker, taint)[0] is Ending.OK
    assert run(attacker, look) == (Ending.OK, False)


def test_numba_cannot_write_a_cache(attacker: Sandbox) -> None:
    """A program that asks for a cache on disk fails: nothing can be written."""
    ending, words = run(attacker, "@njit(cache=True)\ndef f(k): return k\ndef attack(k): return f(k)\n")
    assert ending is Ending.CANDIDATE_EXCEPTION
    assert "cache" in str(words)


def test_numba_cannot_start_threads(attacker: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parallel machine code finds no threads: it fails, or waits for them until it is stopped."""
    monkeypatch.setattr(runs, "COMPILE_SECONDS", 3.0)
    source = (
        "import numpy as np\nfrom numba import prange\n@njit(parallel=True)\ndef f(k):\n    t = np.zeros(99)\n"
        "    for j in prange(99):\n        t[j] = k\n    return t.sum()\ndef attack(k): return f(k)\n"
    )
    assert run(attacker, source)[0] is not Ending.OK


def test_the_modes_include_a_guest_that_compiles(guest) -> None:
    """Every attack of the zoo is run in it, too."""
    assert guest.attack("return 1").answers[0].value == 1
