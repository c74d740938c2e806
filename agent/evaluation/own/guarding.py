"""Code of the user's own.

What a problem file's functions return is made plain, and what they raise is one line.
"""

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
    GapsmithError,
    Infeasible,
    Instance,
    Number,
    Problem,
    refuse_to_read,
)

LARGEST = 10**300
"""Of exact decimals: floats go no farther."""

PLAIN = "biuf"
"""Kinds of arrays that a candidate can be given: truth values, integers and floats."""


def guard_problem(problem: Problem, path: Path) -> Problem:
    """Guards every function of the author: numbers plain, faults a GapsmithError.

    Args:
        problem: as its file defines it.
        path: the file, for the words.
    """

    def watch(function: Callable[..., Any], name: str, made: Callable[[Any, str], Any]) -> Any:
        return _guard_function(function, f"problem file {path}, {name}", made)

    reader, relabel = problem.read, problem.relabel
    return replace(
        problem,
        generate=watch(problem.generate, "generate", convert_data),
        cost=watch(problem.cost, "cost", convert_number),
        baseline=watch(problem.baseline, "baseline", convert_baseline),
        cpu_seconds=watch(problem.cpu_seconds, "cpu_seconds", convert_number),
        read=reader if reader is refuse_to_read else watch(reader, "read", convert_instances),
        relabel=None if relabel is None else watch(relabel, "relabel", convert_instance),
    )


def _guard_function(function: Callable[..., Any], where: str, made: Callable[[Any, str], Any]) -> Any:
    @functools.wraps(function)
    def watch(*arguments: Any) -> Any:
        try:
            found = function(*arguments)
        except (Infeasible, GapsmithError):
            raise
        except Exception as error:
            raise GapsmithError(f"{where}{_find_line(error)}: {type(error).__name__}: {error}") from error
        return made(found, where)

    return watch


def _find_line(error: BaseException) -> str:
    """Describes where in the author's code an exception began."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    return f", line {frames[0].lineno}" if frames else ""


def convert_number(value: Any, where: str) -> Number:
    """Converts any number to an integer or a float. Raises GapsmithError."""
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
    raise GapsmithError(f"{where}: returns {value!r:.60}; expected a number")


def convert_data(data: Any, where: str) -> dict[str, Datum]:
    """Converts arguments to arrays and plain numbers. Raises GapsmithError."""
    if not isinstance(data, Mapping):
        raise GapsmithError(f"{where}: returns {type(data).__name__}; expected the arguments by name, a dict")
    return {str(name): _convert_datum(value, f"{where}, {name!r}") for name, value in data.items()}


def _convert_datum(value: Any, where: str) -> Datum:
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim):
        try:
            array = np.asarray(value)
        except ValueError:  # rows of unequal lengths
            array = np.empty(0, dtype=object)
        if array.dtype.kind not in PLAIN:
            raise GapsmithError(
                f"{where}: is an array of {array.dtype}; expected one of integers, floats or truth values"
            )
        return array
    return convert_number(value, where)


def convert_instance(instance: Any, where: str) -> Instance:
    """Converts the data of an instance. Raises GapsmithError."""
    if not isinstance(instance, Instance):
        raise GapsmithError(f"{where}: returns {type(instance).__name__}; expected an Instance")
    return replace(instance, data=convert_data(instance.data, where))


def convert_instances(found: Any, where: str) -> list[Instance]:
    """Converts the data of instances. Raises GapsmithError."""
    if not isinstance(found, list | tuple):
        raise GapsmithError(f"{where}: returns {type(found).__name__}; expected a list of instances")
    return [convert_instance(instance, where) for instance in found]


def convert_baseline(found: Any, where: str) -> Baseline:
    """Converts a baseline's bounds and solution. Raises GapsmithError."""
    if not isinstance(found, Baseline):
        raise GapsmithError(f"{where}: returns {type(found).__name__}; expected a Baseline")
    lower, upper = (convert_number(each, f"{where}, bounds") for each in (found.lower, found.upper))
    if lower > upper:
        raise GapsmithError(f"{where}: has lower {lower} above upper {upper}; expected lower at most upper")
    solution = _convert_solution(found.solution, f"{where}, solution")
    seconds = float(convert_number(found.seconds, f"{where}, seconds"))
    return Baseline(lower, upper, solution, str(found.solver), seconds)


def _convert_solution(value: Any, where: str) -> Any:
    """Converts a solution to plain data, as a candidate returns it."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.ndarray):
        return _convert_solution(value.tolist(), where)
    if isinstance(value, list | tuple):
        return [_convert_solution(part, where) for part in value]
    if isinstance(value, Mapping):
        return {str(name): _convert_solution(part, where) for name, part in value.items()}
    if isinstance(value, np.bool_):
        return bool(value)
    return convert_number(value, where)
