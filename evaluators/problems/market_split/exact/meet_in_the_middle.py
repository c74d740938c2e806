"""Kernels of meet in the middle for market split: pairs of partial sums within a window of the first row."""

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
def find_nearest_pair(left: Integers, right: Integers, first: int, last: int, best: Integers) -> None:
    """Finds the pair of partial sums with the least total slack.

    Args:
        left: sums of the first half minus the right-hand sides, shape (many, rows).
        right: sums of the second half, sorted by their first column, shape (many, rows).
        first: index in `left` at which to begin.
        last: index in `left` before which to end.
        best: input and output: the total to beat, the index in `left`, the index in `right`, shape (3,).
    """
    rows, many = left.shape[1], right.shape[0]
    for a in range(first, last):
        if best[0] == 0:
            return
        # The slack of the first row alone must be less than the total to beat: a window of the sorted half.
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
