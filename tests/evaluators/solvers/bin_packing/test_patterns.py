"""Patterns of one bin: the knapsack is exact, and packings hold every item once."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.solvers.bin_packing.patterns import Knapsack, ValueCorrection

types = st.lists(
    st.tuples(st.integers(1, 12), st.integers(0, 20), st.integers(1, 3)),
    min_size=1,
    max_size=4,
    unique_by=lambda row: row[0],
)
ROOM = st.integers(12, 25)


def columns(rows):
    """The columns of rows as arrays."""
    return [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)]


@settings(deadline=None)
@given(types, ROOM)
def test_the_best_pattern_is_the_best_of_all(rows, capacity):
    """The value is that of the best pattern by enumeration, and the pattern has it within the bin and the demand."""
    sizes, values, copies = columns(rows)
    value, pattern = Knapsack(sizes, copies, capacity).solve(values)
    every = product(*(range(count + 1) for count in copies))
    assert value == max(int(values @ each) for each in map(np.array, every) if sizes @ each <= capacity)
    assert value == values @ pattern
    assert sizes @ pattern <= capacity
    assert ((pattern >= 0) & (pattern <= copies)).all()


@settings(deadline=None)
@given(types, ROOM)
def test_a_knapsack_remembers_nothing(rows, capacity):
    """Solving for other values in between does not change what is found."""
    sizes, values, copies = columns(rows)
    knapsack = Knapsack(sizes, copies, capacity)
    first = knapsack.solve(values)
    knapsack.solve(values[::-1].copy())
    again = knapsack.solve(values)
    assert first[0] == again[0]
    assert (first[1] == again[1]).all()


@settings(deadline=None)
@given(types, ROOM, st.integers(1, 6))
def test_a_packing_holds_every_item_once(rows, capacity, passes):
    """Whatever the number of passes, no bin is too full, no item is lost, and none is there twice."""
    sizes, _, demand = columns(rows)
    plan = ValueCorrection(sizes, demand, capacity).best(passes, 0, lambda: False)
    assert (plan @ sizes <= capacity).all()
    assert (plan.sum(axis=0) == demand).all()


@settings(deadline=None)
@given(types, ROOM)
def test_more_passes_are_never_worse(rows, capacity):
    """The best of more passes has no more bins, and no fewer than the volume needs."""
    sizes, _, demand = columns(rows)
    one, many = (len(ValueCorrection(sizes, demand, capacity).best(k, 0, lambda: False)) for k in (1, 5))
    assert -(-int(sizes @ demand) // capacity) <= many <= one


def test_the_search_ends_when_the_time_is_up():
    """A packing is there even then: that of the first pass."""
    sizes, demand = np.array([3, 4, 5]), np.array([3, 2, 2])
    looks = []
    plan = ValueCorrection(sizes, demand, 10).best(100, 0, lambda: looks.append(1) or True)
    assert len(looks) == 1
    assert (plan.sum(axis=0) == demand).all()
