"""Programs that compile: once for all of their processes, in one of its own, and for no other program."""

import subprocess
import sys
from pathlib import Path

import pytest

from gapsmith.sandbox import Array, Ending, Job, Level, Limits, Outcome, Preload, Sandbox, runs
from gapsmith.sandbox import host as host_module
from gapsmith.sandbox.guest.compiler import load_blocks

WHOLE = Array("<i8", (4,), b"".join(k.to_bytes(8, "little") for k in (3, 1, 2, 5)))
TINY = Array("<i8", (1,), (7).to_bytes(8, "little"))
SUM = """
import numpy as np
from numba import njit

@njit
def add(a):
    total = 0
    for k in range(a.shape[0]):
        total += a[k]
    return total

calls = []

def solve(a):
    calls.append(len(a))
    return [int(add(a)), len(calls), len(add.signatures)]
"""
BLOCKS = '''
"""Trusted functions."""
import numpy as np
from numba import njit

@njit
def twice(a):
    return 2 * a

def warm_up():
    twice(np.arange(3))
'''


@pytest.fixture(scope="module")
def box(boxes: dict[str, Sandbox], tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A sandbox whose guest has numba, and a module of trusted functions."""
    if "blocks" not in boxes:
        file = tmp_path_factory.mktemp("blocks") / "compiled.py"
        file.write_text(BLOCKS)
        preload = Preload("numba", files={"blocks_of_ours": str(file)})
        boxes["blocks"] = Sandbox(preload, Level.L0, slot=9)
    return boxes["blocks"]


def run(box: Sandbox, source: str, *calls: Array, checked: bool = False, **limits: float) -> Outcome:
    """A program's calls, after a warm-up with one number."""
    job = Job(
        source=source,
        entry="solve",
        calls=tuple({"a": call} for call in calls or (WHOLE,)),
        limits=Limits(**limits),  # type: ignore[arg-type]
        warm_up={"a": TINY},
        checked=checked,
    )
    return box.run(job)


def test_a_program_is_compiled_before_its_first_call(box: Sandbox) -> None:
    """Machine code is there when the first instance comes, and the warm-up left no other trace in the module."""
    outcome = run(box, SUM, WHOLE, TINY)
    assert outcome.ending is Ending.OK, outcome.message
    assert [answer.value for answer in outcome.answers] == [[11, 1, 1], [7, 2, 1]]
    assert outcome.compile_seconds > 0


def test_it_is_compiled_once_for_all_of_its_processes(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second job of the same program compiles nothing and tells the first one's seconds."""
    first = run(box, SUM)
    monkeypatch.setattr(host_module, "CompileRun", None)
    assert run(box, SUM).compile_seconds == first.compile_seconds


def test_no_program_gets_the_machine_code_of_another(box: Sandbox) -> None:
    """A program with functions of the same names has its own."""
    run(box, SUM)
    assert run(box, SUM.replace("total += a[k]", "total -= a[k]")).answers[0].value == [-11, 1, 1]


def test_what_cannot_be_compiled_is_told_by_the_compiler(box: Sandbox) -> None:
    """An error in the warm-up is the program's, with numba's reason."""
    outcome = run(box, SUM.replace("total = 0", "total = open('x')"))
    assert outcome.ending is Ending.CANDIDATE_EXCEPTION
    assert "warm-up call on a tiny instance" in outcome.message
    assert "open" in outcome.message
    assert outcome.answers == ()


def test_compiling_has_a_limit_of_its_own(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warm-up that does not end is stopped, and is not tried again."""
    monkeypatch.setattr(runs, "COMPILE_SECONDS", 0.2)
    endless = "def solve(a):\n    while len(a) == 1:\n        pass\n    return 0\n"
    assert run(box, endless, cpu_seconds=30.0).ending is Ending.TIMEOUT_CPU
    monkeypatch.setattr(host_module, "CompileRun", None)
    assert "stopped after" in run(box, endless, cpu_seconds=30.0).message


def test_a_program_that_compiles_nothing_needs_no_warm_up(boxes: dict[str, Sandbox], box: Sandbox) -> None:
    """Neither a job without one nor a guest without numba has a second process."""
    plain = Job(source="def solve(a): return 1", entry="solve", calls=({"a": TINY},))
    assert box.run(plain).compile_seconds == 0.0


def test_trusted_functions_are_compiled_before_any_program(box: Sandbox) -> None:
    """A program calls them as they were compiled for the sandbox, from Python and from its own machine code."""
    source = (
        "from blocks_of_ours import twice\nfrom numba import njit\n"
        "@njit\ndef both(a): return twice(a) + 1\n"
        "def solve(a): return [len(twice.signatures), twice(a), both(a)]\n"
    )
    outcome = run(box, source)
    assert outcome.ending is Ending.OK, outcome.message
    assert outcome.answers[0].value == [1, [6, 2, 4, 10], [7, 3, 5, 11]]


def test_trusted_functions_are_cached_on_disk(box: Sandbox) -> None:
    """The next sandbox finds their machine code beside the file."""
    folder = Path(box.preload.files["blocks_of_ours"]).parent
    assert list(folder.rglob("*.nbi"))


def test_trusted_functions_from_the_cache_are_used_beside_own_ones(box: Sandbox) -> None:
    """A sandbox that finds them on disk runs programs that import them, and compile functions that call them."""
    source = SUM + "from blocks_of_ours import twice\n\ndef solve(a):\n    return [int(add(twice(a)))]\n"
    with Sandbox(Preload("numba", files=box.preload.files), Level.L0, slot=8) as second:
        outcome = run(second, source)
    assert (outcome.ending, outcome.message) == (Ending.OK, "")
    assert [answer.value for answer in outcome.answers] == [[22]]


def test_machine_code_kept_under_another_name_is_compiled_anew(tmp_path, monkeypatch) -> None:
    """Code that was cached when the file was another module names that module; it is no failure."""
    path = tmp_path / "blocks.py"
    path.write_text(BLOCKS)
    code = f"import numba\nfrom {load_blocks.__module__} import load_blocks\nload_blocks('one_name', {str(path)!r})"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert list(tmp_path.rglob("*.nbi"))
    monkeypatch.setitem(sys.modules, "another_name", None)
    load_blocks("another_name", str(path))
    assert sys.modules["another_name"].twice(3) == 6


def test_equal_programs_draw_equal_random_numbers(box: Sandbox) -> None:
    """Numba's own generator starts the same in every process."""
    source = (
        "import numpy as np\nfrom numba import njit\n"
        "@njit\ndef draw(n): return np.random.random(n)\n"
        "def solve(a): return draw(3)\n"
    )
    first, second = run(box, source).answers[0].value, run(box, source).answers[0].value
    assert first == second


def test_indices_are_checked_on_demand(box: Sandbox) -> None:
    """A checked run names an index that is out of bounds."""
    source = SUM.replace("total += a[k]", "total += a[k + a.shape[0] - 1]")
    outcome = run(box, source, checked=True)
    assert outcome.ending is Ending.CANDIDATE_EXCEPTION
    assert "index is out of bounds" in outcome.message


FORGED = """
import os, struct, sys
def solve(a):
    frame = sys._getframe()
    while "token" not in frame.f_locals:
        frame = frame.f_back
    payload = frame.f_locals["token"] + {code}
    if len(a) == 1:
        os.write(3, struct.pack("!cI", {kind}, {length}) + payload)
    return 1
"""


@pytest.mark.parametrize(
    ("kind", "length", "code", "endings"),
    [
        ("b'M'", "2**31", "b''", {Ending.RESULT_TOO_LARGE}),
        ("b'R'", "len(payload)", "b'1'", {Ending.PROTOCOL_VIOLATION}),
        # The host may have gone before the second frame came: then the program's own children cannot use the first.
        ("b'M'", "len(payload)", "b'no pickle'", {Ending.PROTOCOL_VIOLATION, Ending.CANDIDATE_EXCEPTION}),
    ],
)
def test_forged_machine_code_harms_nobody(
    box: Sandbox, kind: str, length: str, code: str, endings: set[Ending]
) -> None:
    """Frames that a program writes itself end it; machine code is bounded, and never read by the host."""
    assert run(box, FORGED.format(kind=kind, length=length, code=code)).ending in endings


def test_false_machine_code_is_its_program_s_own_fault(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is handed what it cannot use fails there, and no other program does."""
    made = host_module._MADE
    before = set(made._kept)
    run(box, SUM + "# another\n")
    (key,) = set(made._kept) - before
    made._kept[key] = host_module.Compiled(b"no machine code", 1.0)
    assert run(box, SUM + "# another\n").ending is Ending.CANDIDATE_EXCEPTION
    assert run(box, SUM).ending is Ending.OK


def test_what_is_kept_is_bounded() -> None:
    """The oldest machine code goes first."""
    store = host_module._Store(40_000)
    for k in range(9):
        store.add(bytes([k]), host_module.Compiled(bytes(5_000)))
    assert [k for k in range(9) if store.find(bytes([k]))] == [7, 8]
