"""Knapsacks over the patterns of one bin: the kernel of cutting-stock bounds."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.solvers.compiled import compile_kernel

Integers: TypeAlias = "NDArray[np.int64]"


@compile_kernel
def fill_table(
    sizes: Integers, values: Integers, copies: Integers, best: Integers, counts: NDArray[np.int32]
) -> None:
    """Fills a bounded knapsack by dynamic programming over all capacities.

    Args:
        sizes: of the types, at least 1, shape (m,).
        values: of the types, at least 0, shape (m,).
        copies: the number of items of each type, shape (m,).
        best: zeros, shape (capacity + 1,); becomes the greatest value within each capacity.
        counts: zeros, shape (m, capacity + 1); becomes how often type i is taken in the best filling of each
            capacity by the types 0..i.
    """
    capacity = best.size - 1
    for i in range(sizes.size):
        if values[i] == 0:
            continue
        size, value, row = sizes[i], values[i], counts[i]
        # Downwards over capacities, so that `best` still holds the types before i.
        for room in range(capacity, size - 1, -1):
            found = best[room]
            taken = 0
            most = min(copies[i], room // size)
            for k in range(1, most + 1):
                other = best[room - k * size] + k * value
                if other > found:
                    found, taken = other, k
            best[room] = found
            row[room] = taken


class Knapsack:
    """Best patterns of one bin for changing values of its types.

    Args:
        sizes: of the types, positive, distinct or not, shape (m,).
        copies: the demand of each type, shape (m,).
        capacity: of the bin.
    """

    def __init__(self, sizes: Integers, copies: Integers, capacity: int) -> None:
        self._sizes, self._capacity = sizes, capacity
        self._copies = np.minimum(copies, capacity // sizes)
        self._best = np.zeros(capacity + 1, np.int64)
        self._counts = np.zeros((sizes.size, capacity + 1), np.int32)

    def solve(self, values: Integers) -> tuple[int, Integers]:
        """Returns the greatest value of a pattern, and the pattern."""
        self._best[:] = 0
        self._counts[:] = 0
        fill_table(self._sizes, values, self._copies, self._best, self._counts)
        pattern, room = np.zeros(self._sizes.size, np.int64), self._capacity
        for i in range(self._sizes.size - 1, -1, -1):
            pattern[i] = self._counts[i, room]
            room -= int(pattern[i] * self._sizes[i])
        return int(self._best[-1]), pattern


@compile_kernel
def correct_values(
    sizes: Integers,
    demand: Integers,
    values: NDArray[np.float64],
    best: NDArray[np.float64],
    counts: NDArray[np.int32],
    left: Integers,
    plan: Integers,
    state: Integers,
) -> int:
    """Makes one pass of sequential value correction: fills bin after bin.

    The method is Mukhacheva's; see Belov and Scheithauer (2007). Each bin gets the most valuable pattern of
    what is left. Types that ended in a wasteful bin gain value, so that the next pass packs them earlier.

    Args:
        sizes: of the types, at least 1, shape (m,).
        demand: how many there are of each, shape (m,).
        values: of the types, changed, shape (m,).
        best: scratch, shape (capacity + 1,).
        counts: scratch, shape (m, capacity + 1).
        left: scratch, shape (m,).
        plan: the patterns, one after another, shape (items, m).
        state: of the generator of random numbers, positive, changed, shape (1,).

    Returns:
        The number of bins.
    """
    capacity, m, bins = best.size - 1, sizes.size, 0
    total = 0
    for i in range(m):  # `_nrt` is off: no slices here
        left[i] = demand[i]
        total += demand[i]
    while total > 0:
        for room in range(capacity + 1):
            best[room] = 0
        for i in range(m):
            size, value = sizes[i], values[i]
            for room in range(capacity, -1, -1):
                counts[i, room] = 0
                found = best[room]
                for k in range(1, min(left[i], room // size) + 1):
                    other = best[room - k * size] + k * value
                    if other > found:
                        found, counts[i, room] = other, k
                best[room] = found
        room = capacity
        for i in range(m - 1, -1, -1):
            plan[bins, i] = counts[i, room]
            room -= counts[i, room] * sizes[i]
        for i in range(m):
            taken = plan[bins, i]
            if taken > 0:
                # Park and Miller's generator: numba's own is shared by all of its users.
                state[0] = state[0] * 48271 % 2147483647
                share = taken / (taken + left[i]) * (0.5 + state[0] / 2147483647)
                fair = sizes[i] ** 1.02 * capacity / (capacity - room)
                values[i] += min(share, 1.0) * (fair - values[i])
            left[i] -= taken
            total -= taken
        bins += 1
    return bins


class ValueCorrection:
    """Packs types of items into few bins by value correction.

    In passes that learn from the earlier ones.

    Args:
        sizes: of the types, 1 to capacity, distinct, shape (m,).
        demand: how many of each type there are, shape (m,).
        capacity: of a bin.
    """

    def __init__(self, sizes: Integers, demand: Integers, capacity: int) -> None:
        self._sizes, self._demand = sizes, demand
        self._values = sizes.astype(np.float64) ** 1.02
        self._best, self._left = np.zeros(capacity + 1), np.zeros(sizes.size, np.int64)
        self._counts = np.zeros((sizes.size, capacity + 1), np.int32)
        self._plan = np.zeros((int(demand.sum()), sizes.size), np.int64)
        self._state = np.ones(1, np.int64)

    def best(self, passes: int, enough: int, late: Callable[[], bool]) -> Integers:
        """Returns the best packing of several passes, one pattern a row.

        It stops at `enough` bins, or when the time is up.
        """
        found = self._pass()
        for _ in range(passes - 1):
            if len(found) <= enough or late():
                break
            found = min(found, self._pass(), key=len)
        return found

    def _pass(self) -> Integers:
        scratch = (self._best, self._counts, self._left, self._plan, self._state)
        bins = correct_values(self._sizes, self._demand, self._values, *scratch)
        return self._plan[:bins].copy()
