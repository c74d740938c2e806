"""The kernel of market split by halves: pairs of partial sums, looked up in a window of the first row."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.solvers.compiled import compiled

Integers: TypeAlias = "NDArray[np.int64]"


@compiled
def subset_sums(columns: Integers, sums: Integers) -> None:
    """Writes the sums of all subsets of columns; subset k holds column j where bit j of k is set.

    Args:
        columns: shape (n, rows).
        sums: zeros, shape (2 ** n, rows).
    """
    for subset in range(1, sums.shape[0]):
        last = 0
        while not subset >> last & 1:
            last += 1
        without = subset & (subset - 1)
        for i in range(columns.shape[1]):
            sums[subset, i] = sums[without, i] + columns[last, i]


@compiled
def nearest_pair(left: Integers, right: Integers, first: int, last: int, best: Integers) -> None:
    """Finds the pair of rows whose sum has the least total of absolute values, and whose first row is within it.

    Args:
        left: what the first half leaves of the right-hand sides, negated, shape (many, rows).
        right: sums of the second half, rows rising in their first column, shape (many, rows).
        first: where to begin in `left`.
        last: where to end in `left`.
        best: total, row of left, row of right; the total is what has to be beaten; changed, shape (3,).
    """
    rows, many = left.shape[1], right.shape[0]
    for a in range(first, last):
        if best[0] == 0:
            return
        # The first row alone must not exceed what is to be beaten: a window of the sorted half.
        low, high = 0, many
        while low < high:
            middle = (low + high) // 2
            if right[middle, 0] + left[a, 0] <= -best[0]:
                low = middle + 1
            else:
                high = middle
        for b in range(low, many):
            total = right[b, 0] + left[a, 0]
            if total >= best[0]:
                break
            total = abs(total)
            for i in range(1, rows):
                total += abs(right[b, i] + left[a, i])
                if total >= best[0]:
                    break
            if total < best[0]:
                best[0], best[1], best[2] = total, a, b
