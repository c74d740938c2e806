"""Signals that ask the command line to end: Ctrl-C, SIGTERM and SIGHUP.

The first one lets a run finish and keep what is under way; a second one leaves at once. A signal that is ignored when
the program starts, as SIGHUP is under `nohup`, stays ignored.
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
"""Seconds in which sandboxes and the archive are closed; model requests that take longer are not waited for."""

KEPT = "interrupted; what was finished is kept"


class Interrupted(Exception):
    """A signal stopped the work in order; the message says what is kept and how to go on."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.code = 128 + number


class Left(BaseException):
    """A signal ends the work at once; what to say has been said."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


class Stopping:
    """Whether a signal has asked for a stop: its number, else None."""

    number: int | None = None


@contextmanager
def leaving(message: str = KEPT) -> Iterator[None]:
    """Exits at once on a signal, with that message.

    For work that has no requests under way.
    """
    with _handled(lambda number, _: _leave(number, message)):
        yield


@contextmanager
def interruptible(ask_to_stop: Callable[[], None], what: str, resume: str) -> Iterator[Stopping]:
    """Asks for a stop on the first signal, exits on the second.

    Args:
        ask_to_stop: called in the main thread.
        what: becomes of what is under way, in words.
        resume: the command that goes on.
    """
    found = Stopping()

    def stop(number: int, _frame: FrameType | None) -> None:
        found.number = number
        _install(lambda again, _: _leave(again, f"{KEPT}; replies under way are lost; go on with: {resume}"))
        _write(f"\nstopping: {what}; Ctrl-C again to leave at once\n")
        ask_to_stop()

    with _handled(stop):
        yield found


@contextmanager
def _handled(handler: Handler) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # signals are not for other threads
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


def _leave(number: int, message: str) -> None:
    _write(f"\ngapsmith: {message}\n")
    _install(lambda again, _: os._exit(128 + again))
    # Threads that wait for a server are joined when the interpreter ends: this ends them.
    end = threading.Timer(GRACE, os._exit, [128 + number])
    end.daemon = True
    end.start()
    raise Left(number)


def _write(text: str) -> None:
    """Writes to stderr without its buffer.

    The signal may have interrupted a write to that buffer.
    """
    with suppress(OSError):
        os.write(2, text.encode())
