"""Code of the user's own: what a problem file's functions return is made plain, and what they raise is one line."""

import functools
import math
import numbers
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from gapsmith.evaluators.base import (
    Baseline,
    Datum,
    Infeasible,
    Instance,
    Number,
    Problem,
    Trouble,
    no_reader,
)

LARGEST = 10**300
"""Of exact decimals: floats go no farther."""

PLAIN = "biuf"
"""Kinds of arrays that a candidate can be given: truth values, integers and floats."""


def guarded(problem: Problem, path: Path) -> Problem:
    """Guards every function of the author: numbers plain, faults a Trouble.

    Args:
        problem: as its file defines it.
        path: the file, for the words.
    """

    def watched(function: Callable[..., Any], name: str, made: Callable[[Any, str], Any]) -> Any:
        return _watched(function, f"problem file {path}, {name}", made)

    reader, relabel = problem.read, problem.relabel
    return replace(
        problem,
        generate=watched(problem.generate, "generate", plain_data),
        cost=watched(problem.cost, "cost", plain_number),
        baseline=watched(problem.baseline, "baseline", plain_baseline),
        cpu_seconds=watched(problem.cpu_seconds, "cpu_seconds", plain_number),
        read=reader if reader is no_reader else watched(reader, "read", plain_instances),
        relabel=None if relabel is None else watched(relabel, "relabel", plain_instance),
    )


def _watched(function: Callable[..., Any], where: str, made: Callable[[Any, str], Any]) -> Any:
    @functools.wraps(function)
    def watched(*arguments: Any) -> Any:
        try:
            found = function(*arguments)
        except (Infeasible, Trouble):
            raise
        except Exception as error:
            raise Trouble(f"{where}{_line(error)}: {type(error).__name__}: {error}") from error
        return made(found, where)

    return watched


def _line(error: BaseException) -> str:
    """Describes where in the author's code an exception began."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    return f", line {frames[0].lineno}" if frames else ""


def plain_number(value: Any, where: str) -> Number:
    """Converts any number to an integer or a float. Raises Trouble."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, numbers.Integral | np.bool_):
        return int(value)
    exact = isinstance(value, Decimal) and value.is_finite() and abs(value) < LARGEST
    if exact or isinstance(value, Fraction):
        value = Fraction(value)
        return int(value) if value.denominator == 1 else float(value)
    if isinstance(value, numbers.Real | Decimal) and not math.isnan(value):
        return float(value)
    raise Trouble(f"{where}: returns {value!r:.60}; expected a number")


def plain_data(data: Any, where: str) -> dict[str, Datum]:
    """Converts arguments to arrays and plain numbers. Raises Trouble."""
    if not isinstance(data, Mapping):
        raise Trouble(f"{where}: returns {type(data).__name__}; expected the arguments by name, a dict")
    return {str(name): _datum(value, f"{where}, {name!r}") for name, value in data.items()}


def _datum(value: Any, where: str) -> Datum:
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim):
        try:
            array = np.asarray(value)
        except ValueError:  # rows of unequal lengths
            array = np.empty(0, dtype=object)
        if array.dtype.kind not in PLAIN:
            raise Trouble(
                f"{where}: is an array of {array.dtype}; expected one of integers, floats or truth values"
            )
        return array
    return plain_number(value, where)


def plain_instance(instance: Any, where: str) -> Instance:
    """Converts the data of an instance. Raises Trouble."""
    if not isinstance(instance, Instance):
        raise Trouble(f"{where}: returns {type(instance).__name__}; expected an Instance")
    return replace(instance, data=plain_data(instance.data, where))


def plain_instances(found: Any, where: str) -> list[Instance]:
    """Converts the data of instances. Raises Trouble."""
    if not isinstance(found, list | tuple):
        raise Trouble(f"{where}: returns {type(found).__name__}; expected a list of instances")
    return [plain_instance(instance, where) for instance in found]


def plain_baseline(found: Any, where: str) -> Baseline:
    """Converts a baseline's bounds and solution. Raises Trouble."""
    if not isinstance(found, Baseline):
        raise Trouble(f"{where}: returns {type(found).__name__}; expected a Baseline")
    lower, upper = (plain_number(each, f"{where}, bounds") for each in (found.lower, found.upper))
    if lower > upper:
        raise Trouble(f"{where}: has lower {lower} above upper {upper}; expected lower at most upper")
    solution = _plain_solution(found.solution, f"{where}, solution")
    seconds = float(plain_number(found.seconds, f"{where}, seconds"))
    return Baseline(lower, upper, solution, str(found.solver), seconds)


def _plain_solution(value: Any, where: str) -> Any:
    """Converts a solution to plain data, as a candidate returns it."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.ndarray):
        return _plain_solution(value.tolist(), where)
    if isinstance(value, list | tuple):
        return [_plain_solution(part, where) for part in value]
    if isinstance(value, Mapping):
        return {str(name): _plain_solution(part, where) for name, part in value.items()}
    if isinstance(value, np.bool_):
        return bool(value)
    return plain_number(value, where)
