"""Threads that wait for replies; abandoned when time is up."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from gapsmith.agent.codegen.sanitize import flatten_untrusted
from gapsmith.agent.models.base import Model, ModelError, Reply, Request
from gapsmith.evaluators.base import GapsmithError

P = ParamSpec("P")
T = TypeVar("T")
GLANCE_SECONDS = 0.25
"""Seconds between two checks whether the time is used up."""


class Callers:
    """Calls functions, each in a thread of its own.

    Leaving waits for all calls, but not beyond the time. No server and no model of a user can hold up a process:
    its threads end with it.

    Args:
        out_of_time: whether nothing is waited for any more.
    """

    def __init__(self, out_of_time: Callable[[], bool]) -> None:
        self._out_of_time = out_of_time
        self._open: set[Future[Any]] = set()

    def submit(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> Future[T]:
        """Starts a call; its result or error is in the future."""
        future: Future[T] = Future()
        self._open.add(future)
        future.add_done_callback(self._open.discard)
        threading.Thread(
            target=_set_result, args=(future, lambda: work(*args, **named)), daemon=True, name="model"
        ).start()
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._open and not self._out_of_time():
            wait(set(self._open), GLANCE_SECONDS)


def run_within(work: Callable[[], T], seconds: float) -> T:
    """Runs a call in a thread of its own, within a time.

    Raises TimeoutError where that takes longer; the thread is left behind.
    """
    future: Future[T] = Future()
    threading.Thread(target=_set_result, args=(future, work), daemon=True, name="attempt").start()
    return future.result(seconds)


def ask(model: Model, request: Request) -> Reply:
    """Asks a model. Raises GapsmithError, whatever the model raises.

    A model of a user may raise anything: that becomes one line with the model and the error.
    """
    future: Future[Reply] = Future()
    _set_result(future, lambda: model.reply(request))
    error = future.exception()
    if isinstance(error, Exception) and not isinstance(error, GapsmithError):
        said = flatten_untrusted(str(error)) or "no reason is given"
        raise ModelError(f"{model.name} failed: {type(error).__name__}: {said}") from error
    return future.result()


def _set_result(future: Future[T], work: Callable[[], T]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
        future.set_exception(error)
    else:
        future.set_result(result)
