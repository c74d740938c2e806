"""Axes hold their values, and their ticks are round."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.agent.web.charts.axis import Axis, fit_axis, format_tick

VALUES = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=20)


@settings(max_examples=25)
@given(VALUES, st.booleans())
def test_every_value_has_a_place_within_the_drawing(values, log):
    """A linear axis holds all values, a logarithmic one draws zero and less at its low end."""
    axis = fit_axis(values, 10.0, 110.0, log=log)
    assert all(7.9 <= axis.place(value) <= 112.1 for value in values)


@settings(max_examples=25)
@given(VALUES)
def test_larger_values_are_further_along(values):
    """Places are in the order of the values."""
    axis = fit_axis(values, 10.0, 110.0)
    places = [axis.place(value) for value in sorted(values)]
    assert places == sorted(places)


@settings(max_examples=25)
@given(VALUES, st.booleans())
def test_ticks_are_few_and_within(values, log):
    """An axis has at most a dozen ticks, none outside it."""
    axis = fit_axis(values, 10.0, 110.0, log=log)
    assert len(axis.ticks) <= 12
    assert all(axis.low - 1e-6 <= tick <= axis.high + 1e-6 for tick in axis.ticks)


def test_an_axis_may_run_upwards():
    """Heights grow to the top of a drawing, where y is small."""
    axis = Axis(0.0, 10.0, 100.0, 0.0)
    assert (axis.place(0.0), axis.place(5.0), axis.place(10.0)) == (100.0, 50.0, 0.0)


def test_powers_are_equally_far_apart():
    """That is what a logarithmic axis is for."""
    axis = Axis(0.01, 100.0, 0.0, 100.0, log=True)
    assert [axis.place(value) for value in (0.01, 0.1, 1.0, 10.0, 100.0)] == pytest.approx(
        [0, 25, 50, 75, 100]
    )
    assert axis.ticks == pytest.approx([0.01, 0.1, 1, 10, 100])


def test_nothing_to_show_makes_an_axis_too():
    """No values, or infinite ones, are no error."""
    for values in ([], [math.inf, math.nan], [0.0], [5.0, 5.0]):
        for log in (False, True):
            assert fit_axis(values, 0.0, 100.0, log=log).ticks


def test_an_axis_from_zero_begins_there():
    """What is used up is counted from nothing."""
    assert fit_axis([3.0, 8.0], 0.0, 100.0, zero=True).place(0.0) == 0.0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.1, "0.1"),
        (0.05, "0.05"),
        (12.5, "12.5"),
        (1500, "1,500"),
        (1e7, "1e7"),
        (1e-5, "1e-5"),
        (-2.0, "-2"),
    ],
)
def test_ticks_are_short(value, text):
    """No trailing zeros, separators for thousands, powers for the rest."""
    assert format_tick(value) == text
