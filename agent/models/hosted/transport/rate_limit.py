"""Limits the concurrent requests to one server.

The limit is learnt from its refusals: additive increase, multiplicative decrease.
"""

import math
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from gapsmith.agent.models.hosted.transport.errors import Fault

T = TypeVar("T")
FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS = 0.5, 8.0
# Seconds between two checks of waiting calls whether the run was stopped.
GLANCE_SECONDS = 0.25
# This many faults in a row, for each request under way, mean that the server has failed.
ROW = 2

now: Callable[[], float] = time.monotonic
pause: Callable[[threading.Condition, float], object] = threading.Condition.wait


class AimdLimiter:
    """Says when a request may be sent.

    Shared by all threads that ask one server.

    As long as nothing is refused, no call waits. When the server is overloaded, nothing at all is sent until
    the wait that it asks for is over, and then half as many requests at a time; each answer makes room for a
    little more, one for a round of answers (additive increase, multiplicative decrease: Chiu & Jain 1989).
    Requests that were under way together are one round, and slow the pace down once. A fault that is no sign of
    load makes only its own call wait, unless no call is answered any more.

    Args:
        ended: whether nothing may be sent any more.
    """

    def __init__(self, ended: Callable[[], bool]) -> None:
        self._ended = ended
        self._changed = threading.Condition()
        self._limit = math.inf
        self._under_way = 0
        self._waiting = 0
        self._open_at = -math.inf
        self._round = 0
        self._row = 0
        self._level = 0

    def send(self, ask: Callable[[], T | Fault], after: float, tries: int) -> tuple[T | Fault, float] | None:
        """Sends a request when its turn comes.

        Returns the result, and the moment after which a failed one may be repeated.

        Args:
            ask: sends the request.
            after: the moment before which it is not sent.
            tries: how often this call has failed already.

        Returns:
            None when all has ended before it was sent.
        """
        if (entered := self._enter(after)) is None:
            return None
        result: T | Fault | None = None
        try:
            result = ask()
        finally:
            after = self._leave(entered, result if isinstance(result, Fault) else None, tries)
        return result, after

    def _enter(self, after: float) -> int | None:
        """Waits for a turn.

        Returns the number of its round, or None when the calls have ended.
        """
        with self._changed:
            self._waiting += 1
            while not self._ended() and (seconds := self._seconds(after)) > 0:
                pause(self._changed, min(seconds, GLANCE_SECONDS))
            self._waiting -= 1
            if self._ended():
                return None
            self._under_way += 1
            return self._round

    def _leave(self, entered: int, fault: Fault | None, tries: int) -> float:
        with self._changed:
            after = self._learn(entered, fault, tries)
            self._under_way -= 1
            self._changed.notify_all()
        return after

    def _learn(self, entered: int, fault: Fault | None, tries: int) -> float:
        if fault is None:
            self._increase()
        if fault is None or not fault.is_transient:
            return now()
        self._row += 1
        wait = fault.wait if fault.wait is not None else _compute_backoff(self._level)
        if not fault.load and fault.wait is None and self._row <= ROW * self._under_way:
            return now() + _compute_backoff(tries)
        if entered == self._round:
            self._decrease()
        self._open_at = max(self._open_at, now() + wait)
        return self._open_at

    def _increase(self) -> None:
        self._row = self._level = 0
        if self._waiting:  # else it was not the limit that held anybody back
            self._limit += 1.0 / self._limit

    def _decrease(self) -> None:
        self._limit = max(1.0, min(self._limit, self._under_way) / 2)
        self._round += 1
        self._level += 1

    def _seconds(self, after: float) -> float:
        closed = max(self._open_at, after) - now()
        if closed > 0:
            return closed
        return 0.0 if self._under_way + 1 <= self._limit else math.inf


def _compute_backoff(times: int) -> float:
    """Doubles with each attempt, reduced a little at random.

    So not all waiting calls return at once.
    """
    return min(LAST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(times, 10)) * random.uniform(0.75, 1.0)
