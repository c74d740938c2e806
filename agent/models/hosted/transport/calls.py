"""The concurrent calls to one server: started, retried, stopped."""

import math
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from gapsmith.agent.models.base import Reply, Stopped, allow_repeat
from gapsmith.agent.models.callers import run_within
from gapsmith.agent.models.hosted.account import CostMeter, Options, ProviderReply
from gapsmith.agent.models.hosted.transport.errors import BILLED, BROKEN, TIMED_OUT, Fault, make_late
from gapsmith.agent.models.hosted.transport.rate_limit import AimdLimiter

T = TypeVar("T")
# So often at most a request is sent that fails in such a way: it has taken long, or is billed all the same.
TRIES = {TIMED_OUT: 2, BROKEN: 3}


GRACE_SECONDS = 0.5
"""An attempt that keeps its time itself is to say what became of it."""


class CallQueue:
    """Makes calls until it is closed. Safe in threads.

    Calls that are under way when it is closed still bring their replies, since these have been paid for: no call
    begins, no failed one is repeated, and the last to end closes the connections.
    """

    def __init__(
        self,
        meter: CostMeter,
        options: Options,
        *,
        hang_up: Callable[[], None],
        stop: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._meter = meter
        self._retries, self._seconds = options.retries, options.seconds
        self._hang_up = hang_up
        self._stop = stop or threading.Event()
        self._clock = clock
        self._pace = AimdLimiter(self._has_ended)
        self._lock = threading.Lock()
        self._under_way = 0
        self._closed = False

    def reply(
        self, ask: Callable[[], ProviderReply | Fault], may_repeat: Callable[[], bool] = allow_repeat
    ) -> Reply:
        """Makes one call.

        Raises Stopped when the queue is closed, ModelError when the run cannot go on.

        Args:
            ask: makes an attempt.
            may_repeat: asked before another one where the last may be billed; see `Request`.
        """
        self._begin()
        try:
            started, faults = self._clock(), list[Fault]()
            result = self._repeat(ask, faults, may_repeat)
            return self._meter.settle(result, self._clock() - started, faults)
        finally:
            self._end()

    def fetch(self, ask: Callable[[], T | Fault]) -> T | Fault:
        """Makes a call that is no question, and returns its result.

        Raises Stopped when the queue is closed.
        """
        self._begin()
        try:
            return self._repeat(ask, [])
        finally:
            self._end()

    def close(self) -> None:
        """Closes the queue, at once if no call is under way."""
        with self._lock:
            self._closed = True
            idle = self._under_way == 0
        if idle:
            self._hang_up()

    def _has_ended(self) -> bool:
        return self._closed or self._stop.is_set()

    def _repeat(
        self,
        ask: Callable[[], T | Fault],
        faults: list[Fault],
        may_repeat: Callable[[], bool] = allow_repeat,
    ) -> T | Fault:
        """Returns the answer, or the last failure; earlier failures are recorded."""
        after = -math.inf
        while (sent := self._pace.send(lambda: self._attempt(ask), after, len(faults))) is not None:
            result, after = sent
            if not isinstance(result, Fault) or not self._may_repeat(result, faults):
                return result
            if result.code in BILLED and not may_repeat():
                return result
            faults.append(result)
        raise self._make_stopped()

    def _attempt(self, ask: Callable[[], T | Fault]) -> T | Fault:
        """Makes one attempt within its time.

        One that hangs is left behind in its thread.
        """
        try:
            return run_within(ask, self._seconds + GRACE_SECONDS)
        except TimeoutError:
            return make_late(self._seconds)

    def _may_repeat(self, fault: Fault, faults: list[Fault]) -> bool:
        if not fault.is_transient or len(faults) >= self._retries:
            return False
        times = 1 + sum(each.code == fault.code for each in faults)
        return times < TRIES.get(fault.code, self._retries + 1)

    def _make_stopped(self) -> Stopped:
        """Returns the error of a call that is not sent any more."""
        return Stopped(f"{self._meter.model}: stopped before an answer came; resume asks again")

    def _begin(self) -> None:
        with self._lock:
            if self._has_ended():
                raise self._make_stopped()
            self._under_way += 1

    def _end(self) -> None:
        with self._lock:
            self._under_way -= 1
            last = self._closed and self._under_way == 0
        if last:
            self._hang_up()
