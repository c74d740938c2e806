"""Kernels of meet in the middle for market split.

Pairs of partial sums within windows of two rows.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.solvers.compiled import compile_kernel

Integers: TypeAlias = "NDArray[np.int64]"


@compile_kernel
def sum_subsets(columns: Integers, sums: Integers) -> None:
    """Computes the sums of all subsets of columns.

    Subset k holds column j if bit j of k is set.

    Args:
        columns: shape (n, rows).
        sums: output, initially zeros, shape (2 ** n, rows).
    """
    for subset in range(1, sums.shape[0]):
        last = 0
        while not subset >> last & 1:
            last += 1
        without = subset & (subset - 1)
        for i in range(columns.shape[1]):
            sums[subset, i] = sums[without, i] + columns[last, i]


@compile_kernel
def find_nearest_pair(
    left: Integers, right: Integers, values: Integers, begins: Integers, first: int, last: int, best: Integers
) -> None:
    """Finds the pair of partial sums with the least total slack.

    Args:
        left: sums of the first half minus the right-hand sides, shape (many, rows), at least two rows.
        right: sums of the second half, sorted by their first column, then by their second, shape (many, rows).
        values: the different numbers of the first column of `right`, ascending.
        begins: where each begins in `right`, and its length, shape (len(values) + 1,).
        first: index in `left` at which to begin.
        last: index in `left` before which to end.
        best: input and output: the total to beat, the index in `left`, the index in `right`, shape (3,).
    """
    rows = left.shape[1]
    for a in range(first, last):
        if best[0] == 0:
            return
        # The slack of the first row alone must be less than the total to beat, and leaves a window of the second.
        low, high = 0, len(values)
        while low < high:
            middle = (low + high) // 2
            if values[middle] + left[a, 0] <= -best[0]:
                low = middle + 1
            else:
                high = middle
        for k in range(low, len(values)):
            room = best[0] - abs(values[k] + left[a, 0])
            if room <= 0:
                if values[k] + left[a, 0] > 0:
                    break
                continue
            low, high = begins[k], begins[k + 1]
            while low < high:
                middle = (low + high) // 2
                if right[middle, 1] + left[a, 1] <= -room:
                    low = middle + 1
                else:
                    high = middle
            for b in range(low, begins[k + 1]):
                if right[b, 1] + left[a, 1] >= room:
                    break
                total = best[0] - room + abs(right[b, 1] + left[a, 1])
                for i in range(2, rows):
                    total += abs(right[b, i] + left[a, i])
                    if total >= best[0]:
                        break
                if total < best[0]:
                    room -= best[0] - total
                    best[0], best[1], best[2] = total, a, b
