"""A process that solves instances exactly, one after another.

Exact methods hold the interpreter's lock, and their limits are in CPU seconds of their process: only processes make
use of several cores. The child is started by a command of its own, not by `multiprocessing`, which would run the
main module of a caller's script again.
"""

import importlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from inspect import unwrap
from threading import Lock
from types import CodeType
from typing import IO, Protocol

from gapsmith.evaluators.base import Baseline, GapsmithError, Instance, Problem, Reference
from gapsmith.evaluators.running.exact import solve_exactly

MODULE = "gapsmith.evaluators.running.exact_process"
OURS = "gapsmith.evaluators.problems."


class ExactMethod(Protocol):
    """An exact method that can be sent to another process."""

    def solve(self, instance: Instance, seconds: float, known: Baseline | None) -> Baseline:
        """Solves an instance; see `exact.solve_exactly`."""
        ...


@dataclass(frozen=True)
class BuiltInMethod:
    """The exact method of a problem of ours, by its module."""

    module: str

    def solve(self, instance: Instance, seconds: float, known: Baseline | None) -> Baseline:
        """Solves an instance; imports nothing but the problem."""
        problem: Problem = importlib.import_module(self.module).problem
        return solve_exactly(problem, instance, seconds, known)


@dataclass(frozen=True)
class ReferredMethod:
    """The exact method of a user's problem, which the child makes again."""

    reference: Reference

    def solve(self, instance: Instance, seconds: float, known: Baseline | None) -> Baseline:
        """Solves an instance. Raises GapsmithError where the problem is gone."""
        return solve_exactly(self.reference.resolve(), instance, seconds, known)


def find_sendable(problem: Problem) -> ExactMethod | None:
    """Finds a problem's exact method in a form that can be pickled.

    None where another process would use another method, since the problem has no reference or its method was
    replaced. Formulations have processes of their own.
    """
    module = str(getattr(problem.baseline, "__module__", ""))
    ours: Problem | None = getattr(sys.modules.get(module), "problem", None)
    if module.startswith(OURS) and ours is not None and _has_method_of(ours, problem):
        return BuiltInMethod(module)
    if problem.reference is None or problem.expensive:
        return None
    try:
        again = problem.reference.resolve()
    except GapsmithError:  # its file is gone, or was edited meanwhile
        return None
    return ReferredMethod(problem.reference) if _has_method_of(again, problem) else None


def _has_method_of(one: Problem, other: Problem) -> bool:
    """Tells whether two problems have the same code for solving exactly."""
    code = _get_code(one.baseline)
    return (
        code is not None
        and code == _get_code(other.baseline)
        and _get_code(one.tighten) == _get_code(other.tighten)
    )


def _get_code(function: Callable[..., Baseline] | None) -> CodeType | None:
    return None if function is None else getattr(unwrap(function), "__code__", None)


class SolverProcess:
    """A child that solves instances; started by its first."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._lock, self._closed = Lock(), False

    def solve(
        self, method: ExactMethod, instance: Instance, seconds: float, known: Baseline | None = None
    ) -> Baseline:
        """Solves an instance exactly in the child.

        Args:
            method: see `find_sendable`.
            instance: the one to solve.
            seconds: limit of the exact method.
            known: bounds of an earlier solve; see `exact.solve_exactly`.

        Raises:
            GapsmithError: where the method fails, or the child ends.
        """
        child = self._start()
        try:
            pickle.dump((method, instance, seconds, known), _get_pipe(child.stdin))
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
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(_solve(*request), replies)
        replies.flush()


def _solve(
    method: ExactMethod, instance: Instance, seconds: float, known: Baseline | None
) -> Baseline | GapsmithError:
    try:
        return method.solve(instance, seconds, known)
    except GapsmithError as error:
        return error
