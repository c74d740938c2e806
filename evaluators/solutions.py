"""Checks of solutions that several problems share.

Plain data becomes a trusted array, or Infeasible.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Infeasible

LARGEST_SUM = (1 << 63) - 1


def make_exact(array: NDArray[Any], times: int = 1) -> NDArray[Any]:
    """Returns the array in a type in which sums are exact.

    Its entries become Python integers where the sum of all entries, each `times` times, may leave 64 bits.
    """
    largest = max(abs(int(array.max())), abs(int(array.min()))) if array.size else 0
    return array if largest * array.size * times <= LARGEST_SUM else array.astype(object)


def permutation(solution: Any, n: int, thing: str) -> NDArray[np.int64]:
    """Checks a list of the integers 0..n-1, each once.

    Raises Infeasible with what was found instead.
    """
    if not isinstance(solution, list):
        raise Infeasible(
            f"returned {type(solution).__name__}; expected a sequence of the {n} {thing} indices"
        )
    # Called often for every candidate: a correct list is accepted fast. Neither True nor 2.0 is an index.
    if set(map(type, solution)) - {int} or sorted(solution) != list(range(n)):
        raise Infeasible(_explain_error(solution, n, thing))
    return np.array(solution, dtype=np.int64)


def _explain_error(solution: list[Any], n: int, thing: str) -> str:
    """Explains why a list is not a permutation."""
    for position, value in enumerate(solution):
        if type(value) is not int:
            return f"position {position} holds {value!r:.40}; expected an integer {thing} index"
        if not 0 <= value < n:
            return f"position {position} holds {value}; {thing} indices go from 0 to {n - 1}"
    if len(solution) != n:
        return f"returned {len(solution)} indices; expected {n}, one for each {thing}"
    missing = min(set(range(n)).difference(solution))
    return f"{thing} {missing} is missing and another appears twice; expected each {thing} once"


def subset(solution: Any, n: int, thing: str) -> NDArray[np.int64]:
    """Checks a list of distinct integers from 0 to n - 1.

    Raises Infeasible with what was found instead.
    """
    if not isinstance(solution, list):
        raise Infeasible(f"returned {type(solution).__name__}; expected a list of {thing} indices")
    seen = set()
    for position, value in enumerate(solution):
        if type(value) is not int:  # neither True nor 2.0 is an index
            raise Infeasible(f"position {position} holds {value!r:.40}; expected an integer {thing} index")
        if not 0 <= value < n:
            raise Infeasible(f"position {position} holds {value}; {thing} indices go from 0 to {n - 1}")
        if value in seen:
            raise Infeasible(f"{thing} {value} appears twice; expected each {thing} at most once")
        seen.add(value)
    return np.array(solution, dtype=np.int64)
