"""Attacks on memory: in the process, in the kernel, and behind the limit's back."""

import pytest

from gapsmith.sandbox import Ending

OUT_OF_MEMORY = {Ending.MEMORY_LIMIT, Ending.TIMEOUT_CPU}
"""Filling memory takes time; which limit is met first is the machine's affair."""


@pytest.mark.layered
def test_one_huge_bytearray(guest):
    """A block beyond the budget is refused, and named as what it is."""
    outcome = guest.attack("data = bytearray(600 << 20); return len(data)", memory_mb=128)
    assert outcome.ending is Ending.MEMORY_LIMIT
    assert "MemoryError" in outcome.message


@pytest.mark.layered
def test_one_huge_array(guest):
    """A numpy array beyond the budget is refused."""
    outcome = guest.run("import numpy\ndef attack(): return numpy.empty(2 << 30).size", memory_mb=128)
    assert outcome.ending is Ending.MEMORY_LIMIT


def test_growing_list(guest):
    """A list that grows without end stays within the budget."""
    outcome = guest.attack("data = []\nwhile True: data.append(bytes(1 << 20))", memory_mb=64, cpu_seconds=5)
    assert outcome.ending in OUT_OF_MEMORY
    assert outcome.peak_memory_mb <= 80


def test_swallowed_memory_errors(guest):
    """A program that swallows MemoryError gains nothing by it."""
    body = """
data = []
while True:
    try: data.append(bytes(1 << 20))
    except MemoryError: pass
"""
    outcome = guest.attack(body, memory_mb=64, cpu_seconds=0.3)
    assert outcome.ending in OUT_OF_MEMORY
    assert outcome.peak_memory_mb <= 80


@pytest.mark.layered
def test_anonymous_mapping(guest):
    """A mapping beyond the budget is refused, touched or not."""
    body = "import mmap\nreturn len(mmap.mmap(-1, 8 << 30))"
    assert guest.tries(body) == "ENOMEM"


@pytest.mark.layered
def test_file_in_memory(guest):
    """Memory behind a descriptor, which no limit counts, is refused."""
    assert guest.refuses("return os.memfd_create('hoard')")


@pytest.mark.layered
def test_shared_memory_segment(guest):
    """System V shared memory, which outlives its process, is refused."""
    body = "number = syscall((29, 194), 0, 4096, 0o1600); syscall((31, 195), number, 0, 0); return number"
    assert guest.refuses(body)


@pytest.mark.layered
def test_message_queue(guest):
    """System V message queues are refused."""
    assert guest.refuses(
        "number = syscall((68, 186), 0, 0o1600); syscall((71, 187), number, 0, 0); return number"
    )


@pytest.mark.layered
def test_semaphores(guest):
    """System V semaphores are refused."""
    body = "number = syscall((64, 190), 0, 1, 0o1600); syscall((66, 191), number, 0, 0, 0); return number"
    assert guest.refuses(body)


@pytest.mark.layered
def test_file_in_dev_shm(guest):
    """A file in the memory file system cannot be made."""
    body = "path = '/dev/shm/zoo'; os.close(os.open(path, os.O_CREAT | os.O_WRONLY)); os.unlink(path)"
    assert guest.refuses(body)


@pytest.mark.layered
def test_pipe(guest):
    """Pipes, whose buffers are the kernel's memory, are refused."""
    assert guest.refuses("return os.pipe()")


@pytest.mark.layered
def test_enlarged_pipe(guest):
    """The buffer of the output pipe cannot be enlarged."""
    assert guest.refuses("import fcntl\nreturn fcntl.fcntl(1, 1031, 1 << 20)")


@pytest.mark.layered
def test_event_descriptor(guest):
    """Event descriptors are refused."""
    assert guest.refuses("return os.eventfd(0)")


@pytest.mark.layered
def test_inotify(guest):
    """Watches on files are refused."""
    assert guest.refuses("return syscall((294, 26), 0)")


@pytest.mark.layered
def test_epoll(guest):
    """Poll sets in the kernel are refused."""
    assert guest.refuses("return syscall((291, 20), 0)")


@pytest.mark.layered
def test_timer_descriptor(guest):
    """Timers behind descriptors are refused."""
    assert guest.refuses("return syscall((283, 85), 1, 0)")


@pytest.mark.layered
def test_posix_timer(guest):
    """Timers in the kernel are refused."""
    assert guest.refuses("out = ctypes.create_string_buffer(8)\nreturn syscall((222, 107), 1, 0, out)")


@pytest.mark.layered
def test_locked_memory(guest):
    """Memory cannot be nailed down."""
    body = (
        "page = ctypes.create_string_buffer(8192)\nreturn syscall((149, 228), ctypes.addressof(page), 4096)"
    )
    assert guest.refuses(body)


@pytest.mark.layered
@pytest.mark.parametrize("name", ["RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_CPU"])
def test_changing_limits(guest, name):
    """A limit cannot be changed by the program it binds."""
    body = f"""
import resource
try:
    resource.setrlimit(resource.{name}, resource.getrlimit(resource.{name}))
except ValueError:
    return 'EPERM'
return 'changed'
"""
    assert guest.tries(body) == "EPERM"


@pytest.mark.layered
def test_thread_bomb_without_threads(guest):
    """Where no thread is allowed, none starts, and the error is a clean one."""
    body = """
try:
    threading.Thread(target=print).start()
except RuntimeError as error:
    return str(error)
return 'started'
"""
    assert guest.tries(body) == "can't start new thread"


@pytest.mark.layered
def test_thread_bomb_with_threads(guest):
    """Where two threads are allowed, a bomb starts few."""
    body = """
gate, count = threading.Event(), 0
try:
    for _ in range(600):
        threading.Thread(target=gate.wait, args=(5,), daemon=True).start()
        count += 1
except (RuntimeError, MemoryError):
    pass
return count
"""
    outcome = guest.attack(body, threads=2, memory_mb=64, cpu_seconds=5)
    assert outcome.ending is Ending.OK
    assert outcome.answers[0].value <= 100


def test_allowed_threads_work(guest):
    """Threads that are allowed do start and join."""
    body = """
found = []
workers = [threading.Thread(target=found.append, args=(k,)) for k in range(2)]
for worker in workers: worker.start()
for worker in workers: worker.join()
return sorted(found)
"""
    assert guest.attack(body, threads=2).answers[0].value == [0, 1]


def test_endless_recursion(guest):
    """Recursion without end is the candidate's exception."""
    outcome = guest.run("def attack(): return attack()")
    assert outcome.ending is Ending.CANDIDATE_EXCEPTION
    assert "RecursionError" in outcome.message


def test_endless_recursion_with_the_guard_off(guest):
    """Recursion that overruns the stack is a crash of the candidate's alone."""
    body = """
sys.setrecursionlimit(10**9)
class Deep:
    def __getattr__(self, name): return getattr(self, name + 'x')
    def __repr__(self): return repr(self)
import functools
call = lambda: 0
for _ in range(10**6): call = functools.partial(call)
return call()
"""
    outcome = guest.attack(body, cpu_seconds=5)
    assert outcome.ending in {Ending.CRASH_SEGV, Ending.CANDIDATE_EXCEPTION, Ending.MEMORY_LIMIT, Ending.OK}
    assert guest.attack("return 1").ending is Ending.OK
