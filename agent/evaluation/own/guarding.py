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
from numpy.typing import NDArray

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

EXACT = 1 << 53
"""Beyond it not every integer is a float, as which costs are kept and averaged."""

LARGEST_COST = 1e100
"""Sums of larger costs could be infinite."""

LONGEST_SECONDS = 86_400

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
        cost=watch(problem.cost, "cost", convert_cost),
        baseline=watch(problem.baseline, "baseline", convert_baseline),
        tighten=None if problem.tighten is None else watch(problem.tighten, "tighten", convert_baseline),
        cpu_seconds=watch(problem.cpu_seconds, "cpu_seconds", convert_limit),
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
        except (Exception, SystemExit) as error:
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


def convert_cost(value: Any, where: str) -> Number:
    """Converts a cost: finite, and exact where it is whole. Raises GapsmithError."""
    found = convert_number(value, where)
    if isinstance(found, int) and abs(found) > EXACT:
        raise GapsmithError(
            f"{where}: returns {_shorten(found)}; expected at most {EXACT}, beyond which integers are inexact: "
            "scale it down"
        )
    if not abs(found) <= LARGEST_COST:
        raise GapsmithError(
            f"{where}: returns {found!r}; expected a finite number, or Infeasible to be raised"
        )
    return found


def convert_limit(value: Any, where: str) -> Number:
    """Converts a limit in seconds: above 0, at most a day."""
    found = convert_number(value, where)
    if not 0 < found <= LONGEST_SECONDS:
        raise GapsmithError(
            f"{where}: returns {_shorten(found)}; expected seconds above 0, at most {LONGEST_SECONDS}"
        )
    return found


def _shorten(value: Number) -> str:
    """Writes a number; Python writes no integer of more than 4300 digits."""
    return (
        f"{value:g}"
        if isinstance(value, float) or abs(value) < LARGEST
        else "a number of more than 300 digits"
    )


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
        return _protect(array)
    return convert_number(value, where)


def _protect(array: NDArray[Any]) -> NDArray[Any]:
    """Copies an array so that nothing can change it.

    Functions that sort or subtract in place would change the instance for every later program.
    """
    copy = array.copy()
    copy.setflags(write=False)
    return copy


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
    seconds = float(convert_cost(found.seconds, f"{where}, seconds"))
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
