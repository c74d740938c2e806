"""Attacks by making processes, and on processes that are there."""

import os

import pytest

from gapsmith.sandbox import Ending


@pytest.mark.layered
def test_fork(guest):
    """A program cannot fork."""
    assert guest.refuses("pid = os.fork()\nif pid == 0: os._exit(0)\nreturn pid")


@pytest.mark.layered
def test_vfork_by_flags(guest):
    """A process made with shared memory, which is no thread, is refused."""
    # CLONE_VM | CLONE_VFORK with no stack of its own: the child may only leave.
    body = "return syscall((56, 220), 0x4000 | 17, 0, 0, 0, 0) or os._exit(0)"
    assert guest.refuses(body)


@pytest.mark.layered
def test_clone3(guest):
    """The newer clone, whose flags a filter cannot see, is not there."""
    body = """
arguments = (ctypes.c_uint64 * 8)(0, 0, 0, 0, 17, 0, 0, 0)
return syscall(435, arguments, 64) or os._exit(0)
"""
    assert guest.tries(body) == "ENOSYS"


@pytest.mark.layered(privileged=True)
def test_thread_in_new_namespace(guest):
    """A clone that asks for more than a thread is refused even where threads are allowed."""
    body = """
try:
    return syscall((56, 220), 0x00020000 | 17, 0, 0, 0, 0) or os._exit(0)
except OSError as error:
    return errno.errorcode[error.errno]
"""
    assert guest.attack(body, threads=4).answers[0].value == "EPERM"


def test_daemon(guest):
    """A program cannot leave a daemon behind."""
    body = "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(30)\n    os._exit(0)\nreturn 'left'"
    assert guest.refuses(body)


@pytest.mark.layered
def test_exec(guest):
    """A program cannot become another program."""
    # Where it succeeds the process is gone without an answer: no_result.
    assert guest.refuses("os.execv('/bin/true', ['/bin/true'])")


@pytest.mark.layered
def test_exec_by_descriptor(guest):
    """Nor by a descriptor."""
    body = "return syscall((322, 281), -100, b'/bin/true', 0, 0, 0)"
    assert guest.refuses(body)


@pytest.mark.layered
def test_subprocess(guest):
    """A program cannot start another program."""
    body = "import subprocess\nreturn subprocess.run(['/bin/true']).returncode"
    outcome = guest.attack(body)
    assert outcome.ending is Ending.CANDIDATE_EXCEPTION


@pytest.mark.layered
def test_spawn(guest):
    """Nor by the C library's shortcut."""
    assert guest.refuses("return os.posix_spawn('/bin/true', ['true'], {})")


@pytest.mark.layered
def test_system(guest):
    """Nor by a shell."""
    assert guest.tries("return os.system('true')") != 0


@pytest.mark.layered
def test_probing_a_process_of_the_host(guest):
    """A process of the host's cannot even be asked whether it exists."""
    assert guest.refuses("os.kill(pid, 0)", pid=os.getpid())


@pytest.mark.layered
def test_killing_a_process_of_the_host(guest):
    """A process of the host's survives every signal that a program sends."""
    canary = guest.canary()
    assert guest.refuses("os.kill(pid, signal.SIGTERM)", pid=canary.pid)
    assert canary.poll() is None


@pytest.mark.layered
def test_killing_the_zygote(guest):
    """The parent survives; the next candidate is served by the same zygote."""
    outcome = guest.attack("os.kill(os.getppid(), signal.SIGKILL)")
    assert outcome.ending is Ending.CANDIDATE_EXCEPTION
    assert guest.attack("return 1").ending is Ending.OK


def test_killing_everything(guest):
    """Signals to every process go nowhere."""
    canary = guest.canary()
    assert guest.refuses("os.kill(-1, signal.SIGTERM)")
    assert canary.poll() is None


@pytest.mark.layered
def test_killing_the_group(guest):
    """Signals to the process group go nowhere."""
    assert guest.refuses("os.killpg(os.getpgid(0), signal.SIGWINCH)")


@pytest.mark.layered
def test_signal_with_a_message(guest):
    """The other way to send a signal is refused."""
    body = """
info = ctypes.create_string_buffer(struct.pack('iii', 0, 0, -1), 128)
return syscall((129, 138), os.getppid(), 0, info)
"""
    assert guest.refuses(body)


@pytest.mark.layered
def test_signal_to_a_thread(guest):
    """Signals to threads of other processes are refused."""
    parent = "return syscall((234, 131), os.getppid(), os.getppid(), 0)"
    assert guest.refuses(parent)


@pytest.mark.layered
def test_signal_by_descriptor(guest):
    """Handles on processes are refused."""
    assert guest.refuses("return os.pidfd_open(os.getppid())")


@pytest.mark.layered
def test_priority(guest):
    """A program cannot change its priority."""
    assert guest.refuses("return os.setpriority(os.PRIO_PROCESS, 0, 5)")


@pytest.mark.layered
def test_affinity(guest):
    """A program cannot choose its processors."""
    assert guest.refuses("os.sched_setaffinity(0, os.sched_getaffinity(0))")


@pytest.mark.layered
def test_scheduler(guest):
    """A program cannot change its scheduler."""
    assert guest.refuses("os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))")


@pytest.mark.layered
def test_disk_priority(guest):
    """A program cannot change its priority on the disk."""
    assert guest.refuses("return syscall((251, 30), 1, 0, 0x4000)")


def test_becoming_root(guest):
    """A program cannot become root."""
    body = "return os.setuid(0)"
    assert guest.refuses(body)


@pytest.mark.layered
def test_session(guest):
    """A program cannot leave its session or group."""
    assert guest.refuses("os.setpgid(0, 0)")


@pytest.mark.layered
def test_alarm_clock(guest):
    """A program cannot set an alarm."""
    assert guest.refuses("signal.setitimer(signal.ITIMER_REAL, 1000)")


def test_waiting_for_siblings(guest):
    """A program has no children to wait for, and may not wait."""
    assert guest.tries("return os.waitpid(-1, os.WNOHANG)") in {"EPERM", "ECHILD"}


def test_spare_child_is_out_of_reach(guest):
    """The child that waits for the next job cannot be found among the neighbouring numbers and harmed."""
    body = """
reached = 0
for number in range(os.getpid() + 1, os.getpid() + 40):
    try:
        os.kill(number, signal.SIGKILL)
        reached += 1
    except OSError:
        pass
return reached
"""
    assert guest.attack(body).answers[0].value == 0
    assert guest.attack("return 1").ending is Ending.OK
