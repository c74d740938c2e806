"""Differences say whether they are shown."""

from xml.dom.minidom import parseString

import pytest

from gapsmith.agent.web.charts.intervals import Difference, draw_differences


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((0.1, 0.5), "better"),
        ((-0.5, -0.1), "worse"),
        ((-0.1, 0.5), "not shown to differ"),
        ((0.0, 0.5), "not shown to differ"),
        (None, "no claim: too few instances"),
    ],
)
def test_a_verdict_follows_from_the_interval(interval, verdict):
    """An interval that holds zero shows nothing; without one nothing is claimed."""
    assert Difference("all", 0.2, interval, 9).verdict == verdict


def test_every_difference_has_a_mark_and_a_row():
    """An interval is a line; one that is not known is none."""
    some = [Difference("all instances", 0.2, (0.1, 0.3), 9), Difference("<class>", -0.1, None, 3)]
    found = parseString(draw_differences([("program 7", some), ("program 8", some[:1])], "a caption"))
    marks = [each for tag in ("circle", "polygon") for each in found.getElementsByTagName(tag)]
    lines = [
        each for each in found.getElementsByTagName("line") if each.getAttribute("class").startswith("line")
    ]
    assert (len(marks), len(lines)) == (3, 2)
    assert len(found.getElementsByTagName("tbody")[0].getElementsByTagName("tr")) == 3


def test_better_is_at_the_right():
    """The caption says so, and the marks agree."""
    some = [Difference("a", 1.0, None, 9), Difference("b", -1.0, None, 9)]
    found = parseString(draw_differences([("program 7", some)], "a caption"))
    places = [float(each.getAttribute("cx")) for each in found.getElementsByTagName("circle")]
    assert places[0] > places[1]
