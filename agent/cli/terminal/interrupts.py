"""Signals that ask the command line to end: Ctrl-C, SIGTERM and SIGHUP.

The first signal lets a run finish and save open requests; a second one exits at once. A signal that is ignored at the
start, as SIGHUP is under `nohup`, stays ignored.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

Handler = Callable[[int, FrameType | None], None]

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE = 2.0
"""Seconds for closing sandboxes and the archive; model requests that take longer are abandoned."""

SAVED_MESSAGE = "interrupted; finished work is saved"


class Interrupted(Exception):
    """An orderly stop by a signal; the message says how to continue."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.code = 128 + number


class ImmediateExit(BaseException):
    """An immediate end by a signal; the message has been printed."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


class StopSignal:
    """The number of the signal that asked for a stop, or None."""

    number: int | None = None


@contextmanager
def exit_on_signal(message: str = SAVED_MESSAGE) -> Iterator[None]:
    """Exits at once on a signal, with that message.

    For work that has no requests under way.
    """
    with _handle_signals(lambda number, _: _exit_now(number, message)):
        yield


@contextmanager
def stop_on_signal(ask_to_stop: Callable[[], None], what: str, resume: str) -> Iterator[StopSignal]:
    """Asks for a stop on the first signal, exits on the second.

    Args:
        ask_to_stop: called in the main thread.
        what: what happens to open requests, as text.
        resume: the command that continues.
    """
    found = StopSignal()

    def stop(number: int, _frame: FrameType | None) -> None:
        found.number = number
        _install(
            lambda again, _: _exit_now(
                again, f"{SAVED_MESSAGE}; replies to open requests are lost; continue with: {resume}"
            )
        )
        _write(f"\nstopping: {what}; Ctrl-C again to exit at once\n")
        ask_to_stop()

    with _handle_signals(stop):
        yield found


@contextmanager
def _handle_signals(handler: Handler) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    _install(handler)
    try:
        yield
    finally:
        for number, usual in before.items():
            signal.signal(number, usual)


def _install(handler: Handler) -> None:
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _exit_now(number: int, message: str) -> None:
    _write(f"\ngapsmith: {message}\n")
    _install(lambda again, _: os._exit(128 + again))
    # The interpreter joins threads that wait for a server when it ends; the timer ends them.
    end = threading.Timer(GRACE, os._exit, [128 + number])
    end.daemon = True
    end.start()
    raise ImmediateExit(number)


def _write(text: str) -> None:
    """Writes to stderr without its buffer.

    The signal may have interrupted a write to that buffer.
    """
    with suppress(OSError):
        os.write(2, text.encode())
