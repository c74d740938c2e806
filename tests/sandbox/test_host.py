"""The sandbox's own life: opening, working, failing, starting again, and leaving nothing behind."""

import errno
import gc
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gapsmith.sandbox import (
    Array,
    Ending,
    Job,
    Level,
    Limits,
    Sandbox,
    SandboxError,
    host,
    measure_latency,
    open_sandbox,
)
from gapsmith.sandbox import launch as launch_module

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
DEADLINE = 20.0


def double(value, **limits):
    """A job with a known answer."""
    return Job(source="def f(x): return 2 * x", entry="f", calls=({"x": value},), limits=Limits(**limits))


@pytest.fixture
def box():
    """A sandbox of the test's own."""
    with open_sandbox(minimum=Level.L0) as opened:
        yield opened


def test_results_of_calls_that_count_together_have_one_limit(box):
    """An on-line program makes thousands of calls: large answers to each would keep the host busy for minutes."""
    source = "def f(n): return 'x' * n"
    calls = tuple({"n": 400} for _ in range(3))
    for together, answers, ending in ((False, 3, Ending.OK), (True, 2, Ending.RESULT_TOO_LARGE)):
        limits = Limits(result_bytes=1000, together=together)
        outcome = box.run(Job(source=source, entry="f", calls=calls, limits=limits))
        assert (len(outcome.answers), outcome.ending) == (answers, ending)


def eventually(condition):
    """Waits until a condition holds; fails after a generous while."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def processes_of(owner):
    """All processes of the sandboxes that a host process has opened, by their command lines."""
    mark = re.compile(rb'"host": %d\b' % owner)
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark.search((entry / "cmdline").read_bytes()):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def descriptors():
    """How many descriptors this process holds."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_answer(box):
    """An honest program is answered, with its costs."""
    outcome = box.run(double(21))
    assert outcome.ending is Ending.OK
    assert outcome.answers[0].value == 42
    assert outcome.message == ""
    assert 0 < outcome.answers[0].cpu_seconds <= outcome.cpu_seconds < 1
    assert outcome.cpu_seconds < 10 * outcome.wall_seconds


def test_no_calls(box):
    """A job without calls loads the module and nothing else."""
    assert box.run(Job(source="def f(): return 1", entry="f", calls=())).ending is Ending.OK


def test_arguments_by_position(box):
    """Arguments arrive in the order of the call's names, whatever the function calls them."""
    job = Job(
        source="def f(a, b, *rest): return [a, b, *rest]",
        entry="f",
        calls=({"x": 1, "y": "zwei", "z": [3, None]},),
    )
    assert box.run(job).answers[0].value == [1, "zwei", [3, None]]


def test_large_arguments(box):
    """Arguments larger than any buffer arrive whole."""
    data = Array("<i8", (1_000_000,), (7).to_bytes(8, "little") * 1_000_000)
    job = Job(source="def f(x): return int(x.sum())", entry="f", calls=({"x": data},))
    assert box.run(job).answers[0].value == 7_000_000


def test_arguments_that_nobody_reads(box):
    """A program that does not read its next call cannot hold the host, however large the call."""
    data = Array("<i8", (500_000,), bytes(4_000_000))
    source = """
    import os, sys, struct, time
    def f(x):
        frame = sys._getframe()
        while "token" not in frame.f_locals: frame = frame.f_back
        payload = frame.f_locals["token"] + b"1"
        os.write(3, struct.pack("!cI", b"R", len(payload)) + payload)
        time.sleep(600)
    """
    job = Job(
        source=textwrap.dedent(source),
        entry="f",
        calls=({"x": 0}, {"x": data}),
        limits=Limits(cpu_seconds=0.01),
    )
    outcome = box.run(job)
    assert outcome.ending is Ending.TIMEOUT_WALL
    assert len(outcome.answers) == 1


def test_argument_that_cannot_travel(box):
    """A wrong array is the caller's error, and the sandbox goes on."""
    with pytest.raises(ValueError, match="array"):
        box.run(double(Array("O", (1,), bytes(8))))
    assert box.run(double(1)).answers[0].value == 2


def test_peak_memory_is_the_candidates(box):
    """The peak counts what a program uses, not what it finds."""
    small = box.run(double(1))
    large = box.run(Job(source="def f(): return len(bytearray(b'x') * (64 << 20))", entry="f", calls=({},)))
    assert small.peak_memory_mb < 10
    assert 60 < large.peak_memory_mb < 90


@LINUX
def test_dead_zygote_is_replaced(box):
    """A zygote that died is started again, and the job is answered as if nothing had been."""
    for pid in processes_of(os.getpid()):
        os.kill(pid, signal.SIGKILL)
    assert box.run(double(3)).answers[0].value == 6


@LINUX
def test_dead_spare_is_replaced(box):
    """A waiting child that died before its job costs a second try and is not held against the candidate."""
    box.run(double(1))
    spare = box._zygote.take()
    spare.kill()
    box._zygote._spares.insert(0, spare)
    assert box.run(double(3)).answers[0].value == 6


@LINUX
@pytest.mark.parametrize(
    "error",
    [launch_module.ZygoteDied("a test"), OSError(errno.EMFILE, "too many"), OSError(errno.EAGAIN, "")],
)
def test_what_is_ours_is_tried_again(box, monkeypatch, error):
    """A sandbox that fails time and again but for once gives the answer that it would have given."""
    take, left = launch_module.Zygote.take, iter([error] * (len(host.PAUSES) - 1))

    def broken(self):
        for each in left:
            raise each
        return take(self)

    monkeypatch.setattr(host, "PAUSES", (0.0,) * len(host.PAUSES))
    monkeypatch.setattr(launch_module.Zygote, "take", broken)
    assert box.run(double(3)).answers[0].value == 6


@LINUX
def test_what_stays_broken_is_no_verdict(box, monkeypatch):
    """A sandbox that never works says so in one line, in place of a verdict; the next job starts afresh."""

    def broken(self):
        raise launch_module.ZygoteDied("a test")

    with monkeypatch.context() as patch:
        patch.setattr(host, "PAUSES", (0.0,) * len(host.PAUSES))
        patch.setattr(launch_module.Zygote, "take", broken)
        with pytest.raises(SandboxError, match="gapsmith resume") as caught:
            box.run(double(3))
    assert "\n" not in str(caught.value)
    assert box.run(double(3)).answers[0].value == 6


class Assassin(launch_module.Zygote):
    """A zygote of which something outside kills the first children while they work."""

    victims = 2

    def take(self):
        """A child that will be killed, for as long as there are victims."""
        spare = super().take()
        if Assassin.victims:
            Assassin.victims -= 1
            send = spare.job.send

            class Fatal:
                """The socket: as soon as the call is sent, the child dies."""

                def __init__(self, job):
                    self._job = job

                def __getattr__(self, name):
                    return getattr(self._job, name)

                def send(self, data):
                    """Sends, and kills behind the job's frame."""
                    if bytes(data[:1]) == b"C":
                        signal.pidfd_send_signal(spare._watch, Assassin.number)
                    return send(data)

            spare.job = Fatal(spare.job)
        return spare


@LINUX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGSTOP])
def test_a_program_that_is_killed_from_outside_is_run_again(monkeypatch, number):
    """A kill that is not ours, such as for want of memory, costs another try and decides nothing."""
    monkeypatch.setattr(host, "PAUSES", (0.0,) * len(host.PAUSES))
    monkeypatch.setattr(host, "Zygote", Assassin)
    Assassin.victims, Assassin.number = 2, number
    with Sandbox("numpy", Level.L2, slot=5) as box:
        outcome = box.run(double(3, cpu_seconds=0.3))
    assert outcome.answers[0].value == 6
    assert Assassin.victims == 0


@LINUX
@pytest.mark.parametrize(
    ("death", "ending"),
    [
        (launch_module.Death(signal.SIGKILL, 0.1, 500 * 2**20), Ending.MEMORY_LIMIT),
        (launch_module.Death(signal.SIGKILL, 99.0, 0), Ending.TIMEOUT_CPU),
        (launch_module.Death(signal.SIGKILL, 0.1, 0), Ending.HARNESS_FAILURE),
        (launch_module.Death(signal.SIGTERM, 0.1, 500 * 2**20), Ending.HARNESS_FAILURE),
        (launch_module.Death(signal.SIGSEGV, 0.1, 0), Ending.CRASH_SEGV),
    ],
)
def test_a_kill_is_charged_to_whom_it_is_due(box, death, ending):
    """A program at its own limit has itself to thank for it; any other kill came from outside."""
    run = host.JobRun(box._zygote, double(1), sealed=True)
    run._talk.begun, run._death = True, death
    assert run._find_cause().ending is ending
    run._death = None
    run._spare.kill()
    run._await_death()
    run._spare.close()


def test_closed_sandbox(box):
    """A closed sandbox says so, and closing twice is no harm."""
    box.close()
    box.close()
    with pytest.raises(SandboxError, match="closed"):
        box.run(double(1))


@LINUX
def test_nothing_is_left_after_closing():
    """Closing a sandbox ends its processes and gives back its descriptors."""
    before = descriptors()
    with Sandbox("numpy", Level.L0, slot=3) as box:
        box.run(double(1))
        assert processes_of(os.getpid())
    eventually(lambda: not processes_of(os.getpid()))
    assert descriptors() == before


@LINUX
def test_nothing_grows(box):
    """Hundreds of runs, good and bad, leave no descriptor and no process behind."""
    jobs = [
        double(1),
        Job(source="import os; os._exit(1)", entry="f", calls=({},)),
        Job(source="(", entry="f", calls=()),
    ]
    for job in jobs:
        box.run(job)
    eventually(lambda: len(processes_of(os.getpid())) <= 3)
    before = descriptors()
    for k in range(150):
        box.run(jobs[k % 3])
    assert descriptors() <= before + 4  # One spare may have been announced in the meantime.
    eventually(lambda: len(processes_of(os.getpid())) <= 3)


def test_sandboxes_in_threads():
    """Sandboxes of several threads work at once and do not mix up their answers."""

    def work(slot):
        with open_sandbox(minimum=Level.L0, slot=slot) as box:
            return [box.run(double(100 * slot + k)).answers[0].value for k in range(30)]

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(work, range(3)))
    assert found == [[2 * (100 * slot + k) for k in range(30)] for slot in range(3)]


def test_one_sandbox_shared_by_threads(box):
    """Threads that share a sandbox wait for one another."""
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda k: box.run(double(k)).answers[0].value, range(40)))
    assert found == [2 * k for k in range(40)]


def test_opened_in_a_thread_that_ends():
    """A sandbox outlives the thread that opened it."""
    opened = []
    opener = threading.Thread(target=lambda: opened.append(open_sandbox(minimum=Level.L0)))
    opener.start()
    opener.join()
    with opened[0] as box:
        assert box.run(double(4)).answers[0].value == 8
        assert box.run(double(5)).answers[0].value == 10


HOST = """
import sys
from gapsmith.sandbox import Job, Level, Limits, open_sandbox
print("starting", flush=True)
with open_sandbox(sys.argv[1], minimum=Level.L0) as box:
    print("open", flush=True)
    source = "import time\\ndef f():\\n    while True: pass"
    box.run(Job(source=source, entry="f", calls=({},), limits=Limits(cpu_seconds=600)))
"""


@LINUX
@pytest.mark.parametrize("moment", ["spawned", "open", "running"])
@pytest.mark.parametrize("preload", ["numpy", "ortools"])
def test_parent_killed(preload, moment):
    """Killing the host with SIGKILL, while it starts, waits or runs, leaves no process behind."""
    with subprocess.Popen([sys.executable, "-c", HOST, preload], stdout=subprocess.PIPE, text=True) as owner:
        try:
            owner.stdout.readline()
            eventually(lambda: processes_of(owner.pid))
            if moment != "spawned":
                assert owner.stdout.readline() == "open\n"
            if moment == "running":
                eventually(lambda: any(_busy(pid) for pid in processes_of(owner.pid)))
        finally:
            owner.kill()
    eventually(lambda: not processes_of(owner.pid))


def _busy(pid):
    """Whether a process has used so much CPU time that it must be running the loop."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return words[0] == "R" and int(words[11]) + int(words[12]) > 30


def test_latency_is_measured():
    """What doctor reports is there and in order."""
    latency = measure_latency(10)
    assert 0 < latency.latency_ms_p50 <= latency.latency_ms_p95
    assert latency.cpu_ms_p50 > 0


MODEL = """
from ortools.sat.python import cp_model
def f(workers):
    model = cp_model.CpModel()
    a, b = model.new_int_var(0, 10, "a"), model.new_int_var(0, 10, "b")
    model.add(a + b <= 12)
    model.maximize(2 * a + b)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = workers
    solver.solve(model)
    return [solver.value(a), solver.value(b)]
"""


@pytest.fixture(scope="module")
def solver():
    """A sandbox with OR-Tools."""
    with open_sandbox("ortools", minimum=Level.L0) as opened:
        yield opened


def test_solver_model_is_solved(solver):
    """A small model is solved by one worker, without threads."""
    outcome = solver.run(Job(source=MODEL, entry="f", calls=({"workers": 1},)))
    assert outcome.answers[0].value == [10, 2]


def test_solver_workers_without_threads(solver):
    """More workers than threads are the candidate's exception, not a crash of ours."""
    outcome = solver.run(Job(source=MODEL, entry="f", calls=({"workers": 4},)))
    assert outcome.ending in {Ending.CANDIDATE_EXCEPTION, Ending.CRASH_ABORT}


def test_solver_workers_with_threads(solver):
    """With threads allowed several workers solve it."""
    job = Job(source=MODEL, entry="f", calls=({"workers": 4},), limits=Limits(threads=8, cpu_seconds=10))
    assert solver.run(job).answers[0].value == [10, 2]


def test_solver_numpy_is_there(solver):
    """Formulations may use numpy."""
    source = "import numpy\ndef f(x): return numpy.asarray(x) * 2"
    assert solver.run(Job(source=source, entry="f", calls=({"x": [1]},))).answers[0].value == [2]


def test_solver_pandas_is_a_stand_in(solver):
    """Pandas, which the solver imports, is a small stand-in."""
    source = "import pandas\ndef f(x): return hasattr(pandas, 'read_csv')"
    assert solver.run(Job(source=source, entry="f", calls=({"x": 0},))).answers[0].value is False
