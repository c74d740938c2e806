"""Plots show every point, every level, and what is sealed."""

from itertools import pairwise
from xml.dom.minidom import parseString

import pytest

from gapsmith.agent.web.charts.plot import (
    COLOURS,
    SEALED_WIDTH,
    WIDTH,
    Level,
    Plot,
    Point,
    Series,
    draw_mark,
    draw_plot,
    make_key,
)
from gapsmith.agent.web.charts.spark import draw_sparkline

POINTS = (
    Point(0, 10.0, "first", "/program/1"),
    Point(5, 2.0, "<second>"),
    Point(9, 0.0, "third", low=0.0, high=0.5),
)


def show(series=POINTS, kind="step", **more):
    """The parsed drawing of a plot."""
    plot = Plot("a plot", "evaluations", "gap", [Series("best", series, kind)], **more)
    return parseString(draw_plot(plot))


def marks(found):
    """The marks of a drawing."""
    return [each for tag in ("circle", "polygon") for each in found.getElementsByTagName(tag)]


@pytest.mark.parametrize("kind", ["step", "line", "dots"])
@pytest.mark.parametrize("log", [False, True])
def test_every_point_has_a_mark_within_the_drawing(kind, log):
    """Lines or none, logarithmic or not, zero included."""
    found = show(kind=kind, log_x=log, log_y=log)
    places = [float(mark.getAttribute("cx")) for mark in marks(found)]
    assert len(places) == 3
    assert all(0 <= place <= WIDTH for place in places)


def test_points_tell_and_open():
    """A mark has its words, and leads to its program."""
    found = show()
    assert [each.firstChild.data for each in found.getElementsByTagName("title")] == [
        "first",
        "<second>",
        "third",
    ]
    assert [each.getAttribute("href") for each in found.getElementsByTagName("a")] == ["/program/1"]


def test_steps_go_along_before_they_go_down():
    """Between two bests the older one holds."""
    path = show().getElementsByTagName("path")[0].getAttribute("d")
    places = [tuple(map(float, word[1:].split())) for word in path.replace("L", "|L").split("|")]
    assert len(places) == 5
    assert places[0][1] == places[1][1]
    assert places[1][0] == places[2][0]


def test_points_alone_have_no_line():
    """Champions are marks, not a curve."""
    assert not show(kind="dots").getElementsByTagName("path")


def test_levels_are_lines_with_bands():
    """A level with an interval has a band; one without has none."""
    without = show(levels=[Level("rule", 1.0)])
    within = show(levels=[Level("rule", 1.0, 0.5, 2.0)])
    looks = [each.getAttribute("class") for each in within.getElementsByTagName("rect")]
    assert any("band" in look for look in looks)
    assert not without.getElementsByTagName("rect")


def test_what_is_sealed_has_a_strip_of_its_own():
    """The strip takes room at the right, and says what it is."""
    found = show(sealed="sealed test")
    texts = [each.firstChild.data for each in found.getElementsByTagName("text") if each.firstChild]
    assert "sealed test" in texts
    assert max(float(mark.getAttribute("cx")) for mark in marks(found)) < WIDTH - SEALED_WIDTH


def test_a_plot_of_nothing_is_a_plot():
    """A run that has just begun has no points."""
    assert show(series=()).documentElement.tagName == "svg"


def test_the_key_names_what_is_shown():
    """Empty series are not named."""
    series = [Series("shown", POINTS), Series("empty", ()), Series("", POINTS)]
    found = parseString(make_key(series, [Level("a rule", 1.0)]))
    names = [entry.lastChild.data for entry in found.getElementsByTagName("li")]
    assert names == ["shown", "a rule"]


def test_colours_are_told_apart_by_shape_too():
    """Neighbouring colours have marks of different shapes."""
    shapes = [draw_mark(0, 0, colour, 4.0).split(" class")[0] for colour in range(COLOURS)]
    assert all(one != other for one, other in pairwise(shapes))


@pytest.mark.parametrize("values", [[5.0], [5.0, 2.0, 2.0, 0.1], [1.0, 0.0], [float("inf"), 3.0]])
def test_sparklines_tell_first_and_last(values):
    """What the eye sees in a word stands in its title."""
    found = parseString(draw_sparkline(values))
    title = found.getElementsByTagName("title")[0].firstChild.data
    assert title.startswith("from ")
    assert f"to {values[-1]:.3g}" in title


def test_nothing_has_no_sparkline():
    """A run without champions has no drawing."""
    assert draw_sparkline([]) == ""
    assert draw_sparkline([float("inf")]) == ""
