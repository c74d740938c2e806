"""The ascent of dual functions: what it returns was seen, is best of all seen, and comes to the top."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.solvers.dual_ascent import ascend

UNIT = 1 << 12


class Roof:
    """The least of some linear functions of integers, which is concave; remembers what it was asked and answered."""

    def __init__(self, slopes, heights):
        self.slopes, self.heights = np.array(slopes, dtype=np.int64), np.array(heights, dtype=np.int64) * UNIT
        self.seen = []

    def __call__(self, multipliers):
        """The value and a subgradient."""
        assert multipliers.dtype == np.int64
        values = self.slopes @ multipliers + self.heights
        lowest = int(np.argmin(values))
        self.seen.append((int(values[lowest]), multipliers.tolist()))
        return int(values[lowest]), self.slopes[lowest]


TENT = ([[1, 0], [-1, 0], [0, 1], [0, -1]], [0, 10, 3, 5])


def test_the_top_of_a_tent_is_found():
    """The maximum of the least of four planes is 4, and the ascent comes within a hundredth of it."""
    found = ascend(Roof(*TENT), np.zeros(2, dtype=np.int64), 6 * UNIT)
    assert 3.99 * UNIT <= found.bound <= 4 * UNIT


def test_multipliers_of_inequalities_stay_at_least_zero():
    """With nonnegative multipliers the dual is asked at nothing below 0, and the best of what is left is found."""
    roof = Roof([[1], [-1]], [4, -2])
    found = ascend(roof, np.array([5 * UNIT]), 3 * UNIT, nonnegative=True)
    assert min(multipliers[0] for _, multipliers in roof.seen) >= 0
    assert -2.01 * UNIT <= found.bound <= -2 * UNIT
    assert ascend(Roof([[1], [-1]], [4, -2]), np.array([5 * UNIT]), 3 * UNIT).bound > 0.9 * UNIT


def test_a_reached_target_or_a_flat_top_ends_the_ascent():
    """The first point is enough where its value is the target, or its subgradient 0."""
    assert ascend(Roof([[1]], [7]), np.zeros(1, dtype=np.int64), 7 * UNIT).calls == 1
    assert ascend(Roof([[0]], [7]), np.zeros(1, dtype=np.int64), 9 * UNIT).calls == 1


@pytest.mark.parametrize("calls", [1, 2, 17])
def test_the_limit_of_calls_is_kept(calls):
    """The dual is asked as often as allowed, and as often as reported."""
    roof = Roof(*TENT)
    assert ascend(roof, np.zeros(2, dtype=np.int64), 100 * UNIT, calls=calls).calls == len(roof.seen) == calls


def test_without_time_the_start_is_priced():
    """No time at all still gives the dual's value at the start."""
    found = ascend(Roof(*TENT), np.array([UNIT, 0]), 6 * UNIT, seconds=0.0)
    assert (found.bound, found.calls) == (UNIT, 1)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.integers(-20, 20)), min_size=1, max_size=6)
)
@example([(0, 1, 0), (0, -1, 0), (0, 3, 0)])  # its steps grow without limit
def test_the_answer_is_the_best_of_what_was_seen(planes):
    """Bound and multipliers are a pair that the dual itself gave, and none that it gave was higher."""
    roof = Roof([plane[:2] for plane in planes], [plane[2] for plane in planes])
    found = ascend(roof, np.zeros(2, dtype=np.int64), 1000 * UNIT, calls=200)
    assert (found.bound, found.multipliers.tolist()) in roof.seen
    assert found.bound == max(value for value, _ in roof.seen)
