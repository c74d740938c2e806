"""A process that solves instances exactly, one after another.

Exact methods hold the interpreter's lock, and their limits are in CPU seconds of their process: only processes make
use of several cores. The child is started by a command of its own, not by `multiprocessing`, which would run the
main module of a caller's script again.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from inspect import unwrap
from threading import Lock
from typing import IO

from gapsmith.evaluators.base import Baseline, GapsmithError, Instance, Problem, Reference

MODULE = "gapsmith.evaluators.running.exact_process"

ExactMethod = Callable[[Instance, float], Baseline]
"""Solves an instance within CPU seconds, as `Problem.baseline` does."""


@dataclass(frozen=True)
class ReferredMethod:
    """The exact method of a problem that the child makes again."""

    reference: Reference

    def __call__(self, instance: Instance, seconds: float) -> Baseline:
        """Solves an instance. Raises GapsmithError where the problem is gone."""
        return self.reference.resolve().baseline(instance, seconds)


def find_sendable(problem: Problem) -> ExactMethod | None:
    """Finds a problem's exact method in a form that can be pickled.

    Returns:
        The function of ours, or a reference to the user's; None where another process would use another method,
        since the problem has no reference or its method was replaced. Formulations have processes of their own.
    """
    method: ExactMethod = problem.baseline
    module = str(getattr(method, "__module__", ""))
    named: ExactMethod | None = getattr(sys.modules.get(module), getattr(method, "__name__", ""), None)
    if module.startswith("gapsmith.") and named is method:
        return named
    if problem.reference is None or problem.expensive:
        return None
    try:
        again = problem.reference.resolve()
    except GapsmithError:  # its file is gone, or was edited meanwhile
        return None
    found, given = (getattr(unwrap(each), "__code__", None) for each in (again.baseline, method))
    return ReferredMethod(problem.reference) if found is not None and found == given else None


class SolverProcess:
    """A child that solves instances; started by its first."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._lock, self._closed = Lock(), False

    def solve(self, method: ExactMethod, instance: Instance, seconds: float) -> Baseline:
        """Solves an instance exactly in the child.

        Args:
            method: see `find_sendable`.
            instance: the one to solve.
            seconds: limit of the exact method.

        Raises:
            GapsmithError: where the method fails, or the child ends.
        """
        child = self._start()
        try:
            pickle.dump((method, instance, seconds), _get_pipe(child.stdin))
            _get_pipe(child.stdin).flush()
            found: Baseline | GapsmithError = pickle.load(_get_pipe(child.stdout))
        except (OSError, EOFError, pickle.UnpicklingError):
            raise GapsmithError(
                f"the process that solved {instance.name} ended with code {child.wait()}; expected bounds "
                "(is there memory enough for all workers?): use fewer --workers"
            ) from None
        if isinstance(found, GapsmithError):
            raise found
        return found

    def close(self) -> None:
        """Ends the child at once."""
        with self._lock:
            self._closed = True
            if self._child is not None:
                self._child.kill()
                self._child.wait()
                with suppress(OSError):  # a request that was not sent to its end
                    _get_pipe(self._child.stdin).close()
                _get_pipe(self._child.stdout).close()

    def _start(self) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._closed:
                raise GapsmithError("the exact solver was stopped; finished results are saved")
            if self._child is None:
                self._child = subprocess.Popen(
                    # -P: no module of the current folder hides one of a library
                    [sys.executable, "-P", "-c", f"from {MODULE} import serve; serve()"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                    start_new_session=True,  # an interrupt is for the driver, which ends its children
                )
            return self._child


def _get_pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:  # both are asked for where the child is started
        raise RuntimeError("a child without pipes")
    return pipe


def serve() -> None:
    """Answers requests on stdin until it ends.

    What solvers print goes to stderr.
    """
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            method, instance, seconds = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(_solve(method, instance, seconds), replies)
        replies.flush()


def _solve(method: ExactMethod, instance: Instance, seconds: float) -> Baseline | GapsmithError:
    try:
        return method(instance, seconds)
    except GapsmithError as error:
        return error
