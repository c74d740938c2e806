"""Runs evaluations beside each other: N threads, each with a sandbox of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from statistics import median
from types import TracebackType
from typing import Protocol, Self, TypeVar

from gapsmith.evaluators.assess import Runner
from gapsmith.sandbox import Job, Level, open_sandbox

T = TypeVar("T")
Work = Callable[[Runner, float], T]
"""What a worker does: given its sandbox, and the CPU seconds of a null call in it."""


class Executor(Protocol):
    """Where evaluations run."""

    def submit(self, work: Work[T]) -> Future[T]:
        """Queues work; its result or error is the future's."""
        ...


class LocalExecutor:
    """N sandboxes on this machine, opened as they are first needed.

    Args:
        workers: how many evaluations run at once.
        minimum: the weakest isolation that is accepted.
        preload: what programs may import beside the standard library; see `open_sandbox`.
    """

    def __init__(self, workers: int = 2, minimum: Level = Level.L2, preload: str = "numpy") -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="evaluation")
        self._minimum, self._preload = minimum, preload
        self._local = threading.local()
        self._lock = threading.Lock()
        self._boxes: list[tuple[Runner, Callable[[], None]]] = []

    def submit(self, work: Work[T]) -> Future[T]:
        """Queues work for the next free sandbox."""
        return self._pool.submit(self._do, work)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        for _, close in self._boxes:
            close()

    def _do(self, work: Work[T]) -> T:
        if not hasattr(self._local, "box"):
            box = self._open()
            self._local.null = null_seconds(box)  # May raise: a box that fails here is not taken up half.
            self._local.box = box
        return work(self._local.box, self._local.null)

    def _open(self) -> Runner:
        with self._lock:
            box = open_sandbox(preload=self._preload, minimum=self._minimum, slot=len(self._boxes))
            self._boxes.append((box, box.close))
            return box


def null_seconds(runner: Runner, calls: int = 15) -> float:
    """CPU seconds that a call costs which does nothing: taken off every measurement."""
    outcome = runner.run(Job(source="def null():\n    return []\n", entry="null", calls=({},) * calls))
    return median(answer.cpu_seconds for answer in outcome.answers) if outcome.answers else 0.0
