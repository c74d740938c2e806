"""Programs that would steer by a clock."""

import pytest

from gapsmith.sandbox import Ending
from gapsmith.sandbox.guest.clocks import NAMES


@pytest.mark.parametrize("name", NAMES)
def test_clocks_are_hidden(guest, name):
    """A program that asks the module `time` for a clock is told that there is none."""
    outcome = guest.attack(f"import time; return time.{name}(*[1] * ('clock_gettime' in {name!r}))")
    assert outcome.ending is Ending.CANDIDATE_EXCEPTION
    assert "there is no clock here" in outcome.message


def test_todays_date_is_hidden(guest):
    """A program that asks for today's date is told that there is no clock."""
    assert (
        "there is no clock here" in guest.attack("import datetime; return datetime.date.today().year").message
    )
