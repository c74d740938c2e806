"""How pages write numbers: units, separators, dashes for what is not known."""

import math

import pytest

from gapsmith.agent.web import formats


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0.000 %"),
        (1.23456, "1.235 %"),
        (1234.5, "1,234.5 %"),
        (math.inf, "∞ %"),
        (math.nan, "∞ %"),
    ],
)
def test_gaps_are_percentages(value, text):
    """Three digits where they matter, one where they do not."""
    assert formats.format_gap(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (1.5, "+1.500"), (-0.25, "−0.250"), (0.0, "+0.000")]
)
def test_differences_have_a_sign(value, text):
    """Better or worse is seen at the first character."""
    assert formats.format_points(value) == text


@pytest.mark.parametrize(
    ("limits", "text"),
    [(None, ""), ((), ""), ((None, 1.0), ""), ((-0.5, 1.25), "−0.500 to 1.250"), ([1, 2], "1.000 to 2.000")],
)
def test_intervals_name_both_ends(limits, text):
    """An interval that is not known is left out."""
    assert formats.format_interval(limits) == text


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (0, "0"), (1234567, "1,234,567"), (999.6, "1,000")])
def test_counts_have_separators(value, text):
    """Large counts can be read."""
    assert formats.format_count(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.00123, "1.23 ms"), (0.9999, "999.90 ms"), (12.3456, "12.35 s")]
)
def test_cpu_times_have_the_unit_that_suits(value, text):
    """Milliseconds below one second."""
    assert formats.format_milliseconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0.0 s"),
        (59.94, "59.9 s"),
        (61, "1 min 01 s"),
        (3599.6, "1 h 00 min"),
        (90000, "25 h 00 min"),
    ],
)
def test_durations_are_for_people(value, text):
    """Seconds, minutes, hours."""
    assert formats.format_seconds(value) == text


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (math.inf, "–"), (12.0, "12"), (0.5, "0.5")])
def test_costs_are_written_as_by_hand(value, text):
    """An integer has no point; an infinite bound is none."""
    assert formats.format_cost(value) == text


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (0.565, "56.5 %"), (1.0, "100.0 %")])
def test_shares_are_percentages(value, text):
    """A share of one is a hundred percent."""
    assert formats.format_share(value) == text


def test_times_are_dates():
    """A time of the epoch has a date and minutes."""
    assert len(formats.format_time(0.0)) == len("1970-01-01 00:00")
