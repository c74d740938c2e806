"""Takes many chains forward side by side.

A chain is a generator that yields what it waits for, step by step.

    call = yield Ask              a question to a model; the chain is sent None where the budget has no room for it
    results = yield Evaluate      work for sandboxes; the chain is sent the results in the order of the work
    yield Turn                    until all earlier chains have come as far

One scheduler serves discovery runs and models from words. Chains are resumed in the driver's thread alone. Where turns
are granted in order, what a chain decides after a turn depends on earlier chains only, whatever the number of workers.
"""

import math
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from queue import Empty, Queue
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from gapsmith.agent.evaluation.executors.base import Executor, Work
from gapsmith.agent.models.base import Reply, Stopped
from gapsmith.agent.models.callers import GLANCE_SECONDS, Callers
from gapsmith.evaluators.base import GapsmithError
from gapsmith.sandbox import SandboxError

T = TypeVar("T")


class Turn(IntEnum):
    """Points that chains pass in order.

    The numbers in between stand for the work after each.
    """

    SCREEN = 1
    NOVELTY = 3
    GATE = 5
    LEARN = 7


OLDEST_ONLY = (Turn.GATE, Turn.LEARN)
"""What follows these reads or changes the state of the search: they are granted to the oldest open chain."""


class Ask(Protocol):
    """A question to a model."""

    def send(self, callers: Callers) -> "Future[Reply] | None":
        """Reserves the bound and sends the question; None without room."""
        ...

    def keep(self, reply: Reply) -> Any:
        """Commits the reply and returns what the chain is sent."""
        ...

    def drop(self) -> None:
        """Releases what was reserved: there will be no room."""
        ...

    def fail(self) -> None:
        """Records that no answer came: refused, or not sent after all."""
        ...


@dataclass(frozen=True)
class Evaluate:
    """Work for sandboxes, done side by side."""

    works: tuple[Work[Any], ...]


Step: TypeAlias = Ask | Evaluate | Turn
Chain: TypeAlias = Generator[Step, Any, T]


@dataclass
class _Open(Generic[T]):
    """A chain under way.

    Attributes:
        number: its place in the run.
        chain: the generator.
        stage: how far it has come: a turn that it waits for, or one more while it works.
        waits: whether it waits for a turn.
        asks: the question whose answer it waits for, and where that will be.
    """

    number: int
    chain: Chain[T]
    stage: int = 0
    waits: bool = False
    asks: "tuple[Ask, Future[Reply]] | None" = None


class Scheduler(Generic[T]):
    """Runs chains, whatever they do.

    Args:
        executor: where work runs.
        callers: threads that wait for models.

    Attributes:
        ended: results of finished chains, in that order; the reader removes them.
        error: the first failure that ends the run; the chain that met it is dropped, `resume` repeats it.
        exhausted: whether a model has no more replies, or was told to stop.
    """

    def __init__(self, executor: Executor, callers: Callers) -> None:
        self._executor, self._callers = executor, callers
        self._open: dict[int, _Open[T]] = {}
        self._arrivals: Queue[Callable[[], None]] = Queue()
        self._held: deque[tuple[_Open[T], Ask]] = deque()
        self.ended: deque[T] = deque()
        self.error: Exception | None = None
        self.exhausted = False

    def __len__(self) -> int:
        return len(self._open)

    @property
    def numbers(self) -> list[int]:
        """Of the open chains, in the order in which they were started."""
        return list(self._open)

    @property
    def held(self) -> int:
        """How many questions wait for room in the budget."""
        return len(self._held)

    def start(self, number: int, chain: Chain[T]) -> None:
        """Takes a new chain to the first point where it waits."""
        self._open[number] = entry = _Open(number, chain)
        self._resume(entry, None)

    def is_due(self, in_order: bool) -> bool:
        """Tells whether `grant_turn` would resume a chain."""
        return self._find_due(in_order) is not None

    def grant_turn(self, in_order: bool) -> None:
        """Resumes the first chain that may have its turn.

        Args:
            in_order: whether a chain waits for those that were started earlier.
        """
        entry = self._find_due(in_order)
        if entry is not None:
            entry.waits, entry.stage = False, entry.stage + 1
            self._resume(entry, None)

    def wait(self, seconds: float | None = None) -> None:
        """Waits briefly for a reply, result or call, and handles it."""
        # A signal that comes just before the wait is heard only after it: so none is long.
        try:
            arrival = self._arrivals.get(
                timeout=min(GLANCE_SECONDS, math.inf if seconds is None else seconds)
            )
        except Empty:
            return
        arrival()

    def drop_questions(self) -> None:
        """Drops chains that wait for a model, once time is used up."""
        for entry in [each for each in self._open.values() if each.asks and not each.asks[1].done()]:
            del self._open[entry.number]
            entry.chain.close()
        self.exhausted = True

    def call_soon(self, task: Callable[[], None]) -> None:
        """Calls a function in the driver's thread; safe from any thread."""
        self._arrivals.put(task)

    def retry_held(self) -> bool:
        """Sends the oldest held question; False without one or without room."""
        if not self._held or not self._send(*self._held[0]):
            return False
        self._held.popleft()
        return True

    def drop_held(self) -> None:
        """Drops the oldest held question; its chain is sent None."""
        entry, ask = self._held.popleft()
        ask.drop()
        self._resume(entry, None)

    def _find_due(self, in_order: bool) -> _Open[T] | None:
        least = Turn.LEARN + 1
        for place, entry in enumerate(self._open.values()):
            first = place == 0 if entry.stage in OLDEST_ONLY else entry.stage < least
            if entry.waits and (first or not in_order):
                return entry
            least = min(least, entry.stage)
        return None

    def _resume(self, entry: _Open[T], value: object) -> None:
        """Sends a chain what it waited for, and starts its next step."""
        entry.asks = None
        try:
            step = entry.chain.send(value)
        except StopIteration as end:
            del self._open[entry.number]
            self.ended.append(end.value)
            return
        if isinstance(step, Turn):
            entry.stage, entry.waits = int(step), True
        elif isinstance(step, Evaluate):
            self._evaluate(entry, step.works)
        elif not self._send(entry, step):
            self._held.append((entry, step))

    def _send(self, entry: _Open[T], ask: Ask) -> bool:
        if (future := ask.send(self._callers)) is None:
            return False
        entry.asks = ask, future
        self._call_when_done(future, partial(self._take_reply, entry, ask))
        return True

    def _take_reply(self, entry: _Open[T], ask: Ask, future: "Future[Reply]") -> None:
        if self._has_result(entry, future):
            self._resume(entry, ask.keep(future.result()))

    def _evaluate(self, entry: _Open[T], works: tuple[Work[Any], ...]) -> None:
        results: dict[int, Any] = {}

        def take(place: int, future: "Future[Any]") -> None:
            if self._has_result(entry, future):
                results[place] = future.result()
                if len(results) == len(works):
                    self._resume(entry, [results[k] for k in range(len(works))])

        for place, work in enumerate(works):
            future = self._executor.submit(work)
            future.add_done_callback(partial(lambda k, done: self.call_soon(partial(take, k, done)), place))

    def _call_when_done(self, future: "Future[Reply]", take: Callable[["Future[Reply]"], None]) -> None:
        """Calls a function as soon as the reply is there.

        Deterministic models have answered already.
        """
        if future.done():
            take(future)
        else:
            future.add_done_callback(lambda done: self.call_soon(partial(take, done)))

    def _has_result(self, entry: _Open[T], future: "Future[Any]") -> bool:
        """Tells whether a chain can go on.

        A failure of the sandbox or of a model drops it and ends the run.
        """
        if entry.number not in self._open:
            return False
        error = future.exception()
        if isinstance(error, (GapsmithError, SandboxError)):
            self._fail(entry, error)
            return False
        return True  # any other error is raised by `result`

    def _fail(self, entry: _Open[T], error: Exception) -> None:
        del self._open[entry.number]
        entry.chain.close()
        if entry.asks:
            entry.asks[0].fail()
        if isinstance(error, Stopped):
            self.exhausted = True
        else:
            self.error = self.error or error
