"""The calls to one server that are under way: how they begin, and how they end when the run does."""

import threading
import time
from collections.abc import Callable

from gapsmith.agent.models.base import Reply, Stopped
from gapsmith.agent.models.faults import Fault
from gapsmith.agent.models.hosted import Account, Heard


class Line:
    """Makes calls until it is closed; those that are under way then still bring their replies. Safe in threads.

    A reply on its way has been paid for, so closing cuts nobody off: no call begins, no failed one is repeated,
    and the last to end hangs up.
    """

    def __init__(
        self,
        account: Account,
        *,
        hang_up: Callable[[], None],
        stop: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._account = account
        self._hang_up = hang_up
        self._stop = stop or threading.Event()
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way = 0
        self._closed = False

    @property
    def ended(self) -> bool:
        """Whether no request may be sent any more."""
        return self._closed or self._stop.is_set()

    def reply(self, ask: Callable[[], Heard | Fault]) -> Reply:
        """Makes one call. Raises Stopped when the line is closed, ModelTrouble when the run cannot go on."""
        self._begin()
        try:
            started = self._clock()
            return self._account.settle(ask(), self._clock() - started)
        finally:
            self._end()

    def close(self) -> None:
        """Closes the line, at once if nothing is under way."""
        with self._lock:
            self._closed = True
            idle = self._under_way == 0
        if idle:
            self._hang_up()

    def stopped(self) -> Stopped:
        """What a call ends with that was not sent, or not again."""
        return Stopped(f"{self._account.model}: stopped before an answer came; resume asks again")

    def _begin(self) -> None:
        with self._lock:
            if self.ended:
                raise self.stopped()
            self._under_way += 1

    def _end(self) -> None:
        with self._lock:
            self._under_way -= 1
            last = self._closed and self._under_way == 0
        if last:
            self._hang_up()
