"""Differences with their intervals, one below the other."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gapsmith.agent.web.charts.axis import Axis, fit_axis, format_tick
from gapsmith.agent.web.charts.plot import draw_mark
from gapsmith.agent.web.charts.svg import Table, draw, make, make_figure
from gapsmith.agent.web.formats import format_interval, format_points

WIDTH, LEFT, ROW, TOP = 760.0, 230.0, 24.0, 26.0


@dataclass(frozen=True)
class Difference:
    """A difference between two programs.

    Attributes:
        name: of the instances.
        points: of pooled gap; positive where the program is better.
        interval: 95 % interval; None for too few instances.
        instances: how many both solved.
    """

    name: str
    points: float
    interval: tuple[float, float] | None
    instances: int

    @property
    def verdict(self) -> str:
        """Whether it is better or worse, as far as that is shown."""
        if self.interval is None:
            return "no claim: too few instances"
        if self.interval[0] > 0:
            return "better"
        return "worse" if self.interval[1] < 0 else "not shown to differ"


Groups = Sequence[tuple[str, Sequence[Difference]]]


def draw_differences(groups: Groups, caption: str) -> Markup:
    """Draws differences with intervals, and zero as a line."""
    rows = [(k, name, each) for k, (name, some) in enumerate(groups) for each in some]
    ends = [end for _, _, each in rows for end in (each.interval or ())] + [
        each.points for _, _, each in rows
    ]
    x = fit_axis([0.0, *ends], LEFT, WIDTH - 20)
    height = TOP + ROW * len(rows) + 12
    ticks = (
        make(
            "g",
            make(
                "line",
                x1=x.place(t),
                x2=x.place(t),
                y1=TOP - 4,
                y2=height - 8,
                class_="zero" if t == 0 else "grid",
            ),
            make("text", format_tick(t), x=x.place(t), y=14, class_="tick middle"),
        )
        for t in x.ticks
    )
    drawing = draw(WIDTH, height, caption, *ticks, *(_draw_row(x, k, *row) for k, row in enumerate(rows)))
    table = [
        [
            name,
            each.name,
            format_points(each.points),
            format_interval(each.interval),
            each.instances,
            each.verdict,
        ]
        for _, name, each in rows
    ]
    headings = ("program", "instances", "points", "95 % interval", "count", "verdict")
    return make_figure(drawing, f"{caption}. To the right of 0 it is better.", Table(headings, table))


def _draw_row(x: Axis, row: int, colour: int, name: str, each: Difference) -> Markup:
    y = TOP + ROW * row + ROW / 2
    bar = None
    if each.interval is not None:
        low, high = (x.place(end) for end in each.interval)
        bar = make("line", x1=low, x2=high, y1=y, y2=y, class_=f"line c{colour}")
    title = f"{name}, {each.name}: {format_points(each.points)} ({each.verdict})"
    mark = draw_mark(x.place(each.points), y, colour, 5.0, title)
    words = f"{name.removeprefix('program ')} · {each.name}"
    return make("g", make("text", words[:36], x=LEFT - 10, y=y + 4, class_="end"), bar, mark)
