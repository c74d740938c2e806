"""Executors and their work."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

from gapsmith.evaluators.base import Runner

T = TypeVar("T")
Work = Callable[[Runner, float], T]
"""What a worker does: given its sandbox, and the CPU seconds of a null call in it."""


class Executor(Protocol):
    """Where evaluations run."""

    def submit(self, work: Work[T]) -> Future[T]:
        """Queues work; its result or error is the future's."""
        ...
