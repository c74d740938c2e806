"""Schedules as Gantt charts: what is done where, and when."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gapsmith.agent.reports.export.bars import Bar
from gapsmith.agent.web.charts.axis import Axis, format_tick
from gapsmith.agent.web.charts.svg import Table, draw, make

WIDTH, LEFT, ROW, TOP = 760.0, 64.0, 24.0, 8.0
HUES = 6
SHOWN_ROWS = 80


@dataclass(frozen=True)
class Drawing:
    """A drawing and its figures."""

    svg: Markup
    table: Table


def draw_gantt(bars: Sequence[Bar], rows: Sequence[str], label: str, horizon: float) -> Drawing:
    """Draws bars in rows over time.

    Args:
        bars: the operations.
        rows: names of the rows.
        label: for people that cannot see it.
        horizon: the end of the time axis, so that drawings side by side have the same.
    """
    shown = rows[:SHOWN_ROWS]
    height = TOP + ROW * len(shown) + 24
    x = Axis(0.0, max(horizon, 1.0), LEFT, WIDTH - 12)
    ticks = (
        make(
            "g",
            make("line", x1=x.place(t), x2=x.place(t), y1=TOP, y2=height - 20, class_="grid"),
            make("text", format_tick(t), x=x.place(t), y=height - 6, class_="tick middle"),
        )
        for t in x.ticks
    )
    names = (
        make("text", name, x=LEFT - 6, y=TOP + ROW * k + ROW / 2 + 4, class_="tick end")
        for k, name in enumerate(shown)
    )
    drawn = (_draw_bar(bar, x) for bar in bars if bar.row < len(shown))
    table = Table(("row", "operation", "start", "end"), [[rows[b.row], b.name, b.start, b.end] for b in bars])
    return Drawing(draw(WIDTH, height, label, *ticks, *names, *drawn), table)


def _draw_bar(bar: Bar, x: Axis) -> Markup:
    left, width = x.place(bar.start), max(0.7, x.place(bar.end) - x.place(bar.start))
    y, height = TOP + ROW * bar.row + 2, ROW - 4
    late = ", late" if bar.is_late else ""
    title = make("title", f"{bar.name}: {bar.start:g} to {bar.end:g}{late}")
    words = None
    if width > 7.5 * len(bar.name):
        words = make("text", bar.name, x=left + width / 2, y=y + height / 2 + 4, class_="middle inside g0")
    look = f"bar c{bar.colour % HUES}"
    line = (
        make("line", x1=left, x2=left + width, y1=y + height, y2=y + height, class_="late")
        if bar.is_late
        else None
    )
    return make(
        "g", make("rect", title, x=left, y=y, width=width, height=height, rx=2, class_=look), line, words
    )
