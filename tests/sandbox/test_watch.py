"""The kernel's clock of another process."""

import os
import signal
import subprocess
import sys
import time

import pytest

from gapsmith.sandbox.watch import Clock

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="other systems have no clock of another process"
)
BUSY = "while True: pass"
IDLE = "import time; time.sleep(600)"


@pytest.fixture
def child():
    """Starts processes, and ends them after the test."""
    started = []

    def start(code):
        started.append(subprocess.Popen([sys.executable, "-S", "-c", code]))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def until(condition, seconds=20.0):
    """Waits until a condition holds; tells whether it did."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_a_busy_process_uses_time(child):
    """Its clock advances, and never goes back."""
    clock = Clock(child(BUSY).pid, -1)
    before = clock.read()
    assert until(lambda: clock.read() > before + 0.05)


def test_the_last_reading_outlives_the_process(child):
    """After the death the clock says what it said last."""
    process = child(BUSY)
    clock = Clock(process.pid, -1)
    assert until(lambda: clock.read() > 0.05)
    last = clock.read()
    process.kill()
    process.wait()
    assert clock.read() >= last
    assert clock.read() == clock.read()
    assert not clock.is_suspended()
    assert clock.read_starved_seconds() == 0.0


def test_a_handle_and_a_number_give_one_clock(child):
    """The number behind a handle is found, whatever the child is called in its own namespace."""
    process = child(BUSY)
    handle = os.pidfd_open(process.pid)
    try:
        clock, other = Clock(-1, handle), Clock(process.pid, -1)
        assert until(lambda: clock.read() > 0.05)
        assert abs(clock.read() - other.read()) < 1.0
    finally:
        os.close(handle)


def test_a_suspended_process_is_seen(child):
    """A stop signal is no sleep: the host must be able to tell them apart."""
    process = child(IDLE)
    clock = Clock(process.pid, -1)
    assert not clock.is_suspended()
    process.send_signal(signal.SIGSTOP)
    assert until(clock.is_suspended)
    process.send_signal(signal.SIGCONT)
    assert until(lambda: not clock.is_suspended())


def test_no_handle_is_an_error():
    """A descriptor that belongs to no process is refused, not read as some other process."""
    descriptor = os.open(os.devnull, os.O_RDONLY)
    try:
        with pytest.raises(OSError, match="pidfd"):
            Clock(1, descriptor)
    finally:
        os.close(descriptor)
