"""Solves instances exactly by several processes."""

import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from queue import SimpleQueue
from typing import TypeAlias

from gapsmith.evaluators.base import Baseline, Instance, Problem
from gapsmith.evaluators.running.exact import solve_exactly
from gapsmith.evaluators.running.exact_process import ExactMethod, SolverProcess, find_sendable

Results: TypeAlias = Generator[tuple[str, Baseline], None, None]
"""Digests with exact results."""

SECONDS_ALONE = 1.0
"""Wall seconds for which the driver solves alone: most sets of small instances take less than a process to start."""

LOOK_SECONDS = 0.5
"""Wall seconds between two calls of `look` while processes work."""


def solve_all(
    problem: Problem,
    instances: Mapping[str, Instance],
    known: Mapping[str, Baseline],
    seconds: float,
    workers: int,
    look: Callable[[], None],
) -> Results:
    """Yields digests with exact results, as they are found.

    Args:
        problem: its exact method is used.
        instances: by digest.
        known: bounds of earlier solves, by digest, from which the method continues.
        seconds: limit of the exact method for each, in CPU seconds.
        workers: processes at most, each with one instance at a time.
        look: called now and then; what it raises ends the work.
    """
    waiting, began = dict(instances), time.monotonic()
    while waiting and (workers < 2 or len(waiting) < 2 or time.monotonic() - began < SECONDS_ALONE):
        digest = next(iter(waiting))
        yield digest, solve_exactly(problem, waiting.pop(digest), seconds, known.get(digest))
    if waiting and (method := find_sendable(problem)) is not None:
        yield from _solve_beside(method, waiting, known, seconds, min(workers, len(waiting)), look)
    elif waiting:
        yield from solve_all(problem, waiting, known, seconds, 1, look)


def _solve_beside(
    method: ExactMethod,
    instances: Mapping[str, Instance],
    known: Mapping[str, Baseline],
    seconds: float,
    workers: int,
    look: Callable[[], None],
) -> Results:
    children: SimpleQueue[SolverProcess] = SimpleQueue()

    def solve(digest: str) -> Baseline:
        child = children.get()
        try:
            return child.solve(method, instances[digest], seconds, known.get(digest))
        finally:
            children.put(child)

    with ExitStack() as opened:
        threads = opened.enter_context(ThreadPoolExecutor(workers, thread_name_prefix="exact"))
        for child in [SolverProcess() for _ in range(workers)]:
            children.put(child)
            opened.callback(child.close)  # before the threads are waited for
        started = {threads.submit(solve, digest): digest for digest in instances}
        opened.callback(threads.shutdown, wait=False, cancel_futures=True)
        yield from _list_as_done(started, look)


def _list_as_done(started: Mapping["Future[Baseline]", str], look: Callable[[], None]) -> Results:
    left = set(started)
    while left:
        done, left = wait(left, LOOK_SECONDS, FIRST_COMPLETED)
        look()
        for future in done:
            yield started[future], future.result()
