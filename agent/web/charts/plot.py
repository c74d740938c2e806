"""Lines, steps and points over two axes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from gapsmith.agent.web.charts.axis import Axis, fit_axis, format_tick
from gapsmith.agent.web.charts.svg import draw, join, link, make

WIDTH, HEIGHT = 720.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 14.0, 12.0, 44.0
COLOURS = 7
"""Colours of the palette; classes `c0` to `c6` of the style sheet."""
MARKS = ("circle", "square", "diamond", "triangle")


@dataclass(frozen=True)
class Point:
    """A point, and what it tells and opens.

    Attributes:
        low: the lower end of its interval, if it has one.
        high: the upper end.
    """

    x: float
    y: float
    title: str = ""
    target: str | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """Points of one kind.

    Attributes:
        name: for the key; empty for none.
        points: in the order in which a line joins them.
        kind: "step", "line", "dots", or "band": a step line in the area between the limits of its points.
        colour: 0 to 6; also chooses the shape of points.
        large: whether the points stand out.
    """

    name: str
    points: Sequence[Point]
    kind: str = "dots"
    colour: int = 0
    large: bool = False


@dataclass(frozen=True)
class Level:
    """A horizontal line, with a band for its interval."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    colour: int = 6


@dataclass(frozen=True)
class Plot:
    """What a plot shows.

    Attributes:
        label: a sentence for people that cannot see it.
        sealed: a text in a hatched strip at the right; empty for no strip.
    """

    label: str
    x: str
    y: str
    series: Sequence[Series]
    levels: Sequence[Level] = ()
    log_x: bool = False
    log_y: bool = False
    sealed: str = ""
    height: float = HEIGHT


SEALED_WIDTH = 74.0


def draw_plot(plot: Plot) -> Markup:
    """Draws a plot."""
    right = WIDTH - RIGHT - (SEALED_WIDTH if plot.sealed else 0)
    x = fit_axis((p.x for s in plot.series for p in s.points), LEFT, right, plot.log_x, zero=True)
    y = fit_axis(_list_heights(plot), plot.height - BOTTOM, TOP, plot.log_y, zero=False)
    return draw(
        WIDTH,
        plot.height,
        plot.label,
        _draw_grid(plot, x, y),
        *(_draw_level(level, x, y) for level in plot.levels),
        *(_draw_series(series, x, y) for series in plot.series),
        _draw_seal(plot, right) if plot.sealed else None,
    )


def make_key(series: Iterable[Series], levels: Iterable[Level] = ()) -> Markup:
    """Makes the key of a plot."""
    named = [(each.name, each.colour, each.kind) for each in series if each.name and each.points]
    named += [(each.name, each.colour, "line") for each in levels]
    return make("ul", *(_make_entry(*each) for each in named), class_="key")


def _make_entry(name: str, colour: int, kind: str) -> Markup:
    inside = (
        draw_mark(10, 6, colour, 4.5)
        if kind == "dots"
        else make("line", x1=0, x2=20, y1=6, y2=6, class_=f"line c{colour}")
    )
    return make("li", make("svg", inside, viewBox="0 0 20 12", aria_hidden="true"), name)


def _list_heights(plot: Plot) -> list[float]:
    points = [p for series in plot.series for p in series.points]
    found = [p.y for p in points] + [level.value for level in plot.levels]
    limits = [(each.low, each.high) for each in points]
    limits += [(each.low, each.high) for each in plot.levels]
    return found + [limit for pair in limits for limit in pair if limit is not None]


def _draw_grid(plot: Plot, x: Axis, y: Axis) -> Markup:
    across = (
        join(
            [
                make("line", x1=x.start, x2=x.end, y1=y.place(t), y2=y.place(t), class_="grid"),
                make("text", format_tick(t), x=x.start - 6, y=y.place(t) + 4, class_="tick end"),
            ]
        )
        for t in y.ticks
    )
    along = (
        make("text", format_tick(t), x=x.place(t), y=y.start + 16, class_="tick middle") for t in x.ticks
    )
    middle = (y.start + y.end) / 2
    return make(
        "g",
        *across,
        *along,
        make("line", x1=x.start, x2=x.end, y1=y.start, y2=y.start, class_="axis"),
        make("text", plot.x, x=(x.start + x.end) / 2, y=y.start + 34, class_="label middle"),
        make("text", plot.y, transform=f"translate(13 {middle:.0f}) rotate(-90)", class_="label middle"),
    )


def _draw_level(level: Level, x: Axis, y: Axis) -> Markup:
    band = None
    if level.low is not None and level.high is not None:
        top, bottom = y.place(level.high), y.place(level.low)
        band = make(
            "rect",
            x=x.start,
            width=x.end - x.start,
            y=top,
            height=max(bottom - top, 1.0),
            class_=f"band c{level.colour}",
        )
    height = y.place(level.value)
    line = make("line", x1=x.start, x2=x.end, y1=height, y2=height, class_=f"line level c{level.colour}")
    return make("g", band, line, make("title", f"{level.name}: {level.value:.4g}"))


def _draw_series(series: Series, x: Axis, y: Axis) -> Markup:
    places = [(x.place(p.x), y.place(p.y)) for p in series.points]
    path = None
    if series.kind != "dots" and places:
        path = make("path", d=_make_path(places, series.kind), class_=f"line c{series.colour}")
    if series.kind == "band":
        return make("g", _draw_area(series, x, y), path)
    dots = (_draw_point(point, place, y, series) for point, place in zip(series.points, places, strict=True))
    return make("g", path, *dots)


def _draw_area(series: Series, x: Axis, y: Axis) -> Markup | None:
    """Draws the area between the limits of points, in steps."""
    known = [(p.x, p.low, p.high) for p in series.points if p.low is not None and p.high is not None]
    if not known:
        return None
    top = _list_corners([(x.place(at), y.place(high)) for at, _, high in known], "step")
    bottom = _list_corners([(x.place(at), y.place(low)) for at, low, _ in known], "step")
    return make("path", d=f"{_join_corners([*top, *reversed(bottom)])} Z", class_=f"band c{series.colour}")


def _make_path(places: Sequence[tuple[float, float]], kind: str) -> str:
    return _join_corners(_list_corners(places, kind))


def _list_corners(places: Sequence[tuple[float, float]], kind: str) -> list[tuple[float, float]]:
    """Lists the corners of a line, with those of its steps."""
    found = [places[0]]
    for (_, before), (across, height) in pairwise(places):
        found += [(across, before)] if kind in ("step", "band") else []
        found.append((across, height))
    return found


def _join_corners(corners: Sequence[tuple[float, float]]) -> str:
    return "M" + " L".join(f"{across:.1f} {height:.1f}" for across, height in corners)


def _draw_point(point: Point, place: tuple[float, float], y: Axis, series: Series) -> Markup:
    across, height = place
    bar = None
    if point.low is not None and point.high is not None:
        bar = make(
            "line",
            x1=across,
            x2=across,
            y1=y.place(point.low),
            y2=y.place(point.high),
            class_=f"line c{series.colour}",
        )
    size = 6.0 if series.large else 4.0 if series.kind == "dots" else 2.5
    mark = draw_mark(across, height, series.colour, size, point.title)
    return link(make("g", bar, mark), point.target)


def draw_mark(x: float, y: float, colour: int, size: float, title: str = "") -> Markup:
    """Draws a mark; each colour has its shape."""
    inside = make("title", title) if title else None
    shape, look = MARKS[colour % len(MARKS)], f"mark c{colour}"
    if shape == "circle":
        return make("circle", inside, cx=x, cy=y, r=size, class_=look)
    corners = {
        "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
        "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
        "triangle": ((0, -1.2), (1.15, 0.9), (-1.15, 0.9)),
    }[shape]
    points = " ".join(f"{x + size * a:.1f},{y + size * b:.1f}" for a, b in corners)
    return make("polygon", inside, points=points, class_=look)


def _draw_seal(plot: Plot, right: float) -> Markup:
    """Draws a hatched strip in place of sealed figures."""
    left, bottom = right + 10, plot.height - BOTTOM
    hatch = (
        make("line", x1=left, x2=left + SEALED_WIDTH - 10, y1=y + 18, y2=y - 18, class_="hatch")
        for y in range(int(TOP) + 20, int(bottom) - 15, 14)
    )
    middle, height = left + (SEALED_WIDTH - 10) / 2, (TOP + bottom) / 2
    return make(
        "g",
        make("rect", x=left, y=TOP, width=SEALED_WIDTH - 10, height=bottom - TOP, class_="seal", rx=4),
        *hatch,
        make(
            "text",
            plot.sealed,
            transform=f"translate({middle:.0f} {height:.0f}) rotate(-90)",
            class_="label middle strong",
        ),
    )
