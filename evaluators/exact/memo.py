"""A hash table from (set of jobs, start time) to (value, choice) whose keys are compared in full.

A row is `[hash, time, value, choice, word, word, …]`, the words being the set as a bit per job. Two different
keys of equal hash stay two rows, so that whatever is proven with the table is proven strictly.
"""

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.exact.compiled import compiled

Integers = NDArray[np.int64]

HASH, TIME, VALUE, CHOICE, KEY = 0, 1, 2, 3, 4
MISSING = -1


@compiled
def slot_of(hash_: int, time: int, mask: int) -> int:
    """The first slot to look at for a key: its low bits after a multiplication has mixed both halves."""
    mixed = (hash_ + time * 0x1E3779B97F4A7C15) * 0x2545F4914F6CDD1D
    return (mixed ^ (mixed >> 32)) & mask


@compiled
def find(table: Integers, slots: NDArray[np.int32], words: Integers, hash_: int, time: int) -> int:
    """The row of a key, or MISSING.

    Args:
        table: rows, shape (capacity, KEY + number of words).
        slots: row numbers plus one, zero where free; the length is a power of two above the capacity.
        words: the set of the key, one bit per job.
        hash_: any function of the set.
        time: start time of the key.
    """
    mask = slots.size - 1
    slot = slot_of(hash_, time, mask)
    while slots[slot] != 0:
        row = slots[slot] - 1
        if table[row, HASH] == hash_ and table[row, TIME] == time:
            word = 0
            while word < words.size and table[row, KEY + word] == words[word]:
                word += 1
            if word == words.size:
                return row
        slot = (slot + 1) & mask
    return MISSING


@compiled
def place(table: Integers, slots: NDArray[np.int32], row: int) -> None:
    """Enters a filled row into the slots; its key must not be there yet."""
    mask = slots.size - 1
    slot = slot_of(table[row, HASH], table[row, TIME], mask)
    while slots[slot] != 0:
        slot = (slot + 1) & mask
    slots[slot] = row + 1


@compiled
def place_all(table: Integers, slots: NDArray[np.int32], count: int) -> None:
    """Enters the first `count` rows into empty slots."""
    for row in range(count):
        place(table, slots, row)
