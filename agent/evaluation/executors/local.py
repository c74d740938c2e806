"""Runs evaluations in parallel on this machine.

N threads, each with a sandbox of its own.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from statistics import median
from types import TracebackType
from typing import Self

from gapsmith.agent.evaluation.executors.base import T, Work
from gapsmith.evaluators.base import Runner
from gapsmith.sandbox import Job, Level, Preload, open_sandbox


class LocalExecutor:
    """N sandboxes on this machine, opened as they are first needed.

    Args:
        workers: how many evaluations run at once.
        minimum: the weakest isolation that is accepted.
        preload: what programs may import beside the standard library; see `open_sandbox`.
    """

    def __init__(self, workers: int = 2, minimum: Level = Level.L2, preload: str | Preload = "numpy") -> None:
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
            self._local.null = measure_null_seconds(
                box
            )  # May raise: a box that fails here is not taken up half.
            self._local.box = box
        return work(self._local.box, self._local.null)

    def _open(self) -> Runner:
        with self._lock:
            box = open_sandbox(preload=self._preload, minimum=self._minimum, slot=len(self._boxes))
            self._boxes.append((box, box.close))
            return box


def open_executor(workers: int, minimum: Level, preload: str | Preload) -> LocalExecutor:
    """Opens the executor for use in a `with` statement."""
    return LocalExecutor(workers, minimum, preload)


def measure_null_seconds(runner: Runner, calls: int = 15) -> float:
    """Measures the CPU seconds of a call that does nothing.

    They are subtracted from every measurement.
    """
    outcome = runner.run(Job(source="def null():\n    return []\n", entry="null", calls=({},) * calls))
    return median(answer.cpu_seconds for answer in outcome.answers) if outcome.answers else 0.0
