"""The table of solved blocks against a dictionary."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.single_machine_tardiness.exact.memo import (
    CHOICE,
    MISSING,
    ROW_SIZE,
    SET,
    TIME,
    VALUE,
    Memo,
    find,
    find_slot,
    place_all,
    place_row,
)

KEYS = st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)), unique=True, max_size=30)


def table(keys, slots=64):
    """A memo that holds these keys, with their places as values."""
    memo = Memo(np.zeros((max(1, len(keys)), ROW_SIZE), np.int64), np.zeros(slots, np.int32))
    for row, (set_, time) in enumerate(keys):
        memo.rows[row, [SET, TIME, VALUE, CHOICE]] = set_, time, 7 * row, row
    return memo


@settings(max_examples=60, deadline=None)
@given(KEYS, KEYS)
def test_a_key_is_found_exactly_if_it_was_entered(keys, others):
    """The row of each key is found, and no row of a key that differs in set or time."""
    memo = table(keys)
    for row in range(len(keys)):
        assert find(memo, *keys[row]) == MISSING
        place_row(memo, row)
    assert [find(memo, *key) for key in keys] == list(range(len(keys)))
    for key in set(others) - set(keys):
        assert find(memo, *key) == MISSING


@settings(max_examples=40, deadline=None)
@given(KEYS, st.sampled_from([64, 128, 1024]))
def test_all_rows_can_be_entered_anew(keys, slots):
    """Into slots of any size the same keys go, and only as many rows as are counted."""
    memo = table(keys, slots)
    place_all(memo, len(keys))
    assert [find(memo, *key) for key in keys] == list(range(len(keys)))
    part = table(keys, slots)
    place_all(part, len(keys) // 2)
    assert [find(part, *key) for key in keys[len(keys) // 2 :]] == [MISSING] * (len(keys) - len(keys) // 2)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**62), st.integers(0, 2**62), st.integers(0, 20))
def test_first_slots_are_inside_the_table(set_, time, bits):
    """The first slot of any key is between 0 and the mask."""
    assert 0 <= find_slot(set_, time, (1 << bits) - 1) < 1 << bits


def test_keys_with_one_first_slot_are_told_apart():
    """In a table that is almost full keys that collide are still found."""
    keys = [(k, k * k) for k in range(15)]
    memo = table(keys, 16)
    place_all(memo, 15)
    assert [find(memo, *key) for key in keys] == list(range(15))
    assert find(memo, 99, 99) == MISSING
