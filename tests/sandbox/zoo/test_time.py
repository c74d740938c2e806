"""Attacks on time: programs that never end, or hide how long they take."""

import subprocess
import sys

import pytest

from gapsmith.sandbox import Ending

pytestmark = pytest.mark.one_mode

LOOPS = {
    "module": "while True: pass",
    "call": "def attack():\n    while True: pass",
    "swallowing": """
def attack():
    while True:
        try:
            while True: pass
        except BaseException:
            pass
""",
    "regex": "import re\ndef attack(): return re.match(r'(a+)+$', 'a' * 60 + 'b')",
    "power": "def attack(): return 7 ** 10 ** 9 % 3",
    "numpy": """
import numpy
def attack():
    big = numpy.ones((300, 300))
    while True: big = big @ big / 300.0
""",
    "signals": """
def attack():
    for number in range(1, 65):
        try: signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError): pass
    while True: pass
""",
    "exception_text": """
class Slow(Exception):
    def __str__(self):
        while True: pass
def attack(): raise Slow
""",
    "trace": """
def trace(*_):
    while True: pass
def attack():
    sys.settrace(trace)
    return len([])
""",
    "generator_close": """
def endless():
    try: yield 1
    finally:
        while True: pass
def attack():
    next(endless())
    return 1
""",
    "deletion": """
class Slow:
    def __del__(self):
        while True: pass
def attack():
    Slow()
    return 1
""",
    "hash": """
class Slow:
    def __hash__(self):
        while True: pass
def attack(): return {Slow(): 1}
""",
    "encoding": """
class Slow(dict):
    def items(self):
        while True: pass
def attack(): return Slow(a=1)
""",
}


def _never_ends(guest, name):
    outcome = guest.run(LOOPS[name], cpu_seconds=0.1)
    assert outcome.ending is Ending.TIMEOUT_CPU
    assert 0.1 < outcome.cpu_seconds < 2.0
    assert "0.1 s" in outcome.message


def test_loop_at_module_level(guest):
    """A module that never finishes loading is stopped by its CPU time."""
    _never_ends(guest, "module")


def test_loop_in_a_call(guest):
    """A call that never returns is stopped by its CPU time."""
    _never_ends(guest, "call")


def test_loop_that_swallows_every_exception(guest):
    """Catching everything does not keep a loop alive."""
    _never_ends(guest, "swallowing")


def test_catastrophic_regular_expression(guest):
    """A loop inside the C code of `re` is stopped as well."""
    _never_ends(guest, "regex")


def test_huge_power(guest):
    """A loop inside the C code of integers, which checks no signal, is stopped as well."""
    _never_ends(guest, "power")


def test_endless_linear_algebra(guest):
    """A loop inside BLAS is stopped as well."""
    _never_ends(guest, "numpy")


def test_loop_that_ignores_every_signal(guest):
    """A program that ignores all signals is stopped as well."""
    _never_ends(guest, "signals")


def test_exception_whose_text_never_ends(guest):
    """The text of an exception is made on the candidate's time."""
    _never_ends(guest, "exception_text")


def test_trace_function_that_never_ends(guest):
    """A trace function cannot hold the harness."""
    _never_ends(guest, "trace")


def test_generator_that_never_closes(guest):
    """A generator's clean-up is the candidate's time."""
    _never_ends(guest, "generator_close")


def test_deletion_that_never_ends(guest):
    """A destructor is the candidate's time."""
    _never_ends(guest, "deletion")


def test_hash_that_never_ends(guest):
    """A hash function is the candidate's time."""
    _never_ends(guest, "hash")


def test_result_whose_encoding_never_ends(guest):
    """A result that loops while it is encoded is stopped, or is no JSON."""
    outcome = guest.run(LOOPS["encoding"], cpu_seconds=0.1)
    assert outcome.ending in (Ending.TIMEOUT_CPU, Ending.OK)
    assert outcome.ending is Ending.TIMEOUT_CPU or outcome.answers[0].value == {"a": 1}


def test_loop_in_a_later_call_keeps_the_answers_before(guest):
    """What was answered before a timeout is kept, in order, and nothing after it."""
    source = "def attack(k):\n    while k == 2: pass\n    return k * 10"
    outcome = guest.run(source, *({"k": k} for k in range(5)), cpu_seconds=0.1)
    assert outcome.ending is Ending.TIMEOUT_CPU
    assert [answer.value for answer in outcome.answers] == [0, 10]


def test_every_call_has_the_whole_limit(guest):
    """The limit is one call's: many calls may take longer together."""
    source = "def attack(k):\n    for _ in range(2_000_000): pass\n    return k"
    outcome = guest.run(source, *({"k": k} for k in range(30)), cpu_seconds=0.5)
    assert outcome.ending is Ending.OK
    assert outcome.cpu_seconds > 0.5
    assert all(0.0 < answer.cpu_seconds < 0.5 for answer in outcome.answers)


def test_clocks_of_the_candidate_are_not_believed(guest):
    """A program that makes time stand still is charged what the kernel counted."""
    source = """
def attack():
    for name in ("time", "process_time", "monotonic", "perf_counter", "thread_time"): setattr(time, name, lambda: 0.0)
    for _ in range(4_000_000): pass
    return 1
"""
    outcome = guest.run(source)
    assert outcome.ending is Ending.OK
    assert outcome.answers[0].cpu_seconds > 0.02


def test_exit_handlers_do_not_run(guest):
    """What a program registers for its exit delays nothing: it is killed."""
    source = "import atexit\natexit.register(time.sleep, 600)\ndef attack(): return 1"
    outcome = guest.run(source)
    assert outcome.ending is Ending.OK


def test_threads_left_running_end_with_the_answer(guest):
    """A thread that spins on does not outlive the last answer."""
    body = """
def spin():
    while True: pass
threading.Thread(target=spin, daemon=True).start()
return 1
"""
    assert guest.attack(body, threads=1, cpu_seconds=2.0).ending is Ending.OK
    assert guest.attack("return 2").answers[0].value == 2


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("time.sleep(600)", id="sleep"),
        pytest.param("os.write(3, b'R\\x00'); time.sleep(600)", id="half_a_frame"),
        pytest.param("lock = threading.Lock(); lock.acquire(); lock.acquire()", id="deadlock"),
    ],
)
def test_idle_programs_meet_the_wall(full_guest, body):
    """A program that uses no CPU time and does not answer is stopped by the clock on the wall."""
    outcome = full_guest.attack(body, cpu_seconds=0.01)
    assert outcome.ending is Ending.TIMEOUT_WALL
    assert outcome.cpu_seconds < 1.0


def test_input_is_empty(guest):
    """Reading the standard input ends at once: it waits for nobody."""
    assert guest.attack("return os.read(0, 10).decode()").answers[0].value == ""


def test_a_runnable_process_is_not_taken_for_a_sleeper():
    """The kernel's account of a process that sleeps shows next to no waiting for a core; of a crowd, it does."""
    from gapsmith.sandbox.watch import Clock

    children = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(8)]
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        clocks = [Clock(child.pid, -1) for child in children]
        while sum(clock.read() for clock in clocks) < 0.4:
            pass
        assert max(clock.read_starved_seconds() for clock in clocks) > 0.01
        assert Clock(sleeper.pid, -1).read_starved_seconds() < 5.0
        assert Clock(999_999_999, -1).read_starved_seconds() == 0.0
    finally:
        for child in (*children, sleeper):
            child.kill()
            child.wait()
