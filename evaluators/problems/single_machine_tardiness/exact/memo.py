"""A hash table of 64-bit integers.

From (block's set, start time) to (value, choice), keys compared in full.

The set is given by its place in the store of `job_sets`, where each set stands once, so that two integers are
the whole key and whatever is proven with the table is proven strictly.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.solvers.compiled import compile_kernel

Integers = NDArray[np.int64]

SET, TIME, VALUE, CHOICE, ROW_SIZE = 0, 1, 2, 3, 4
MISSING = -1


class Memo(NamedTuple):
    """The table.

    Attributes:
        rows: shape (capacity, ROW_SIZE).
        slots: row numbers plus one, zero where free; the length is a power of two above the capacity.
    """

    rows: Integers
    slots: NDArray[np.int32]


@compile_kernel
def find_slot(set_: int, time: int, mask: int) -> int:
    """Returns the first slot to look at for a key."""
    mixed = (set_ * 0x1E3779B97F4A7C15) ^ (time * 0x2545F4914F6CDD1D)
    slot: int = (mixed ^ (mixed >> 32) ^ (mixed >> 17)) & mask
    return slot


@compile_kernel
def find(memo: Memo, set_: int, time: int) -> int:
    """Returns the row of a key, or MISSING.

    Args:
        memo: the table.
        set_: the set's place in its store.
        time: start time of the block.
    """
    rows, slots = memo.rows, memo.slots
    mask = slots.size - 1
    slot = find_slot(set_, time, mask)
    while slots[slot] != 0:
        row: int = slots[slot] - 1
        if rows[row, SET] == set_ and rows[row, TIME] == time:
            return row
        slot = (slot + 1) & mask
    return MISSING


@compile_kernel
def place_row(memo: Memo, row: int) -> None:
    """Enters a filled row into the slots.

    Its key must not be there yet.
    """
    rows, slots = memo.rows, memo.slots
    mask = slots.size - 1
    slot = find_slot(rows[row, SET], rows[row, TIME], mask)
    while slots[slot] != 0:
        slot = (slot + 1) & mask
    slots[slot] = row + 1


@compile_kernel
def place_all(memo: Memo, count: int) -> None:
    """Enters the first `count` rows into empty slots."""
    for row in range(count):
        place_row(memo, row)
