"""Calls of a program.

The arguments for an instance, and those by which it is compiled.
"""

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import numpy as np

from gapsmith.evaluators.base import BLOCKS, NUMBA, Datum, Instance, Problem
from gapsmith.sandbox import Array, Call, Value


def convert_datum(datum: Datum) -> Value:
    """Converts a datum to the sandbox's form."""
    if isinstance(datum, np.ndarray):
        return Array(datum.dtype.str, datum.shape, np.ascontiguousarray(datum).tobytes())
    return datum


_calls: WeakKeyDictionary[Instance, Call] = WeakKeyDictionary()


def make_call(instance: Instance) -> Call:
    """Returns the arguments in the sandbox's form, made once for each instance."""
    if (known := _calls.get(instance)) is None:
        known = _calls[instance] = {key: convert_datum(datum) for key, datum in instance.data.items()}
    return known


def make_warm_up(problem: Problem, source: str, instance: Instance) -> Call | None:
    """Makes the arguments of the call; None where a program compiles nothing.

    Args:
        problem: generates the tiny instance.
        source: the program.
        instance: one of those that it will solve; it has the types that matter.
    """
    if NUMBA not in problem.packages or not any(word in source for word in (NUMBA, BLOCKS)):
        return None
    return convert_types(problem.generate_tiny(), instance.data)


def convert_types(tiny: Mapping[str, Datum], data: Mapping[str, Datum]) -> Call:
    """Converts data to the sandbox's form, with the types of other data."""
    return {name: convert_datum(_convert(datum, data.get(name, datum))) for name, datum in tiny.items()}


def _convert(datum: Datum, other: Datum) -> Datum:
    if isinstance(datum, np.ndarray):
        return datum.astype(other.dtype) if isinstance(other, np.ndarray) else datum
    return float(datum) if isinstance(other, float) else datum
