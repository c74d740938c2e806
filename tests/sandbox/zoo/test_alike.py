"""No program is told whether it is examined, or how many ran before, and no two can talk."""

import os
import sys

import pytest

from gapsmith.sandbox import Ending, Level

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="of Linux's layers")

SIGHT = """
import resource
def attack(*_):
    names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    limits = {name: list(resource.getrlimit(getattr(resource, name))) for name in names}
    frame, kept = sys._getframe(), {}
    while frame is not None:
        for name in ("job", "settings"):
            if isinstance(frame.f_locals.get(name), dict):
                kept[name] = {key: str(value) for key, value in frame.f_locals[name].items()}
        frame = frame.f_back
    kept["started with"] = str(vars(sys.modules["__main__"]).get("settings"))
    machine = [list(os.uname()), socket.gethostname(), sorted(os.environ), sys.argv, os.path.exists("/proc")]
    return [limits, kept, machine, os.getcwd()]
"""


@pytest.mark.one_mode
@LINUX
def test_a_program_sees_nothing_of_the_job_it_is_in(guest):
    """Neither the number of calls nor the patience of who asks, nor the worker, nor the machine shows from inside."""
    guest.needs(Level.L4)
    one = guest.run(SIGHT, {}, cpu_seconds=1.0)
    other = guest.run(SIGHT, *[{"x": 1}] * 5, cpu_seconds=2.0, together=True)
    assert one.ending is other.ending is Ending.OK
    assert {str(answer.value) for answer in (*one.answers, *other.answers)} == {str(one.answers[0].value)}
    assert one.answers[0].value[1]["settings"] == {}
    assert one.answers[0].value[2][0][1] == one.answers[0].value[2][1] == "sandbox"


@pytest.mark.one_mode
@LINUX
def test_numbers_of_processes_begin_anywhere(guest):
    """The number of a program's process does not say how many ran before it."""
    guest.needs(Level.L4)
    if not os.access("/proc/sys/kernel/ns_last_pid", os.W_OK):
        pytest.skip("this kernel lets nobody choose numbers of processes")
    assert guest.attack("return os.getpid()").answers[0].value > 9_999


@pytest.mark.layered
@LINUX
def test_load_of_the_machine(guest):
    """How busy the machine is, and how much of its memory is free, is not told."""
    assert guest.refuses(
        "room = ctypes.create_string_buffer(256)\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "if libc.sysinfo(room) < 0: raise OSError(ctypes.get_errno(), 'refused')"
    )


FUTEX = """
page = ctypes.cast(ctypes.CDLL(None).getenv, ctypes.c_void_p).value & ~4095
syscall((202, 98), page, {operation}, 1, 0, 0, 0)
"""


@pytest.mark.layered
@LINUX
@pytest.mark.parametrize("operation", [1, 10, 3], ids=["wake", "wake_bitset", "requeue"])
def test_futexes_on_the_pages_of_a_library(guest, operation):
    """Who waits on a page of a file in one sandbox cannot be woken from another."""
    assert guest.refuses(FUTEX.format(operation=operation))


@pytest.mark.one_mode
@LINUX
@pytest.mark.parametrize("threads", [0, 4])
def test_threads_and_locks_of_its_own_work(guest, threads):
    """Locks, events, joined threads and linear algebra work as before."""
    body = """
import numpy
lock = threading.Lock()
with lock: assert not lock.acquire(timeout=0.01)
total = []
def work(k): total.append(float(numpy.linalg.det(numpy.eye(60))) + k)
crew = [threading.Thread(target=work, args=(k,)) for k in range(THREADS)]
[each.start() for each in crew]
[each.join() for each in crew]
return [sorted(total), float((numpy.eye(300) @ numpy.eye(300)).sum())]
""".replace("THREADS", str(threads))
    found = guest.attack(body, threads=threads, cpu_seconds=5.0)
    assert found.ending is Ending.OK, found.message
    assert found.answers[0].value == [[1.0 + k for k in range(threads)], 300.0]
