"""Schedules as Gantt charts: what is done where, and when."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from markupsafe import Markup

from gapsmith.agent.web.charts.axis import Axis, format_tick
from gapsmith.agent.web.charts.svg import Table, draw, make

WIDTH, LEFT, ROW, TOP = 760.0, 64.0, 24.0, 8.0
HUES = 6
SHOWN_ROWS = 80

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Bar:
    """An operation in a schedule.

    Attributes:
        row: the machine or activity.
        name: what stands in it.
        colour: 0 to 5, by job.
        is_late: whether it ends after its due date.
    """

    row: int
    start: float
    end: float
    name: str
    colour: int
    is_late: bool = False


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


# From instances and solutions to bars


def list_machine_bars(data: Data, sequence: Sequence[int]) -> tuple[list[Bar], list[str]]:
    """Lists the jobs of one machine in a sequence."""
    p, d = np.asarray(data["p"]).tolist(), np.asarray(data["d"]).tolist()
    ends = list(accumulate(p[job] for job in sequence))
    bars = [
        Bar(0, end - p[job], end, str(job), 1 if end > d[job] else 0, end > d[job])
        for job, end in zip(sequence, ends, strict=True)
    ]
    return bars, ["machine"]


def list_flow_shop_bars(data: Data, sequence: Sequence[int]) -> tuple[list[Bar], list[str]]:
    """Lists the operations of a permutation flow shop."""
    p = np.asarray(data["p"])
    ends = [0.0] * p.shape[1]
    bars = []
    for job in sequence:
        before = 0.0
        for machine in range(p.shape[1]):
            start = max(before, ends[machine])
            before = ends[machine] = start + float(p[job, machine])
            bars.append(Bar(machine, start, before, str(job), job))
    return bars, [f"machine {k}" for k in range(p.shape[1])]


def list_job_shop_bars(data: Data, sequence: Sequence[int]) -> tuple[list[Bar], list[str]]:
    """Lists the operations of a job shop."""
    machines, p = np.asarray(data["machines"]), np.asarray(data["p"])
    ready, free, place = [0.0] * len(p), [0.0] * (int(machines.max()) + 1), [0] * len(p)
    bars = []
    for job in sequence:
        step = place[job]
        machine = int(machines[job, step])
        start = max(ready[job], free[machine])
        ready[job] = free[machine] = start + float(p[job, step])
        place[job] += 1
        bars.append(Bar(machine, start, ready[job], str(job), job))
    return bars, [f"machine {k}" for k in range(len(free))]


def list_parallel_bars(data: Data, machines: Sequence[int]) -> tuple[list[Bar], list[str]]:
    """Lists the jobs of parallel machines, each machine's one after the other."""
    p, ends = np.asarray(data["p"]).tolist(), [0.0] * int(np.asarray(data["m"]))
    bars = []
    for job, machine in enumerate(machines):
        ends[machine] += p[job]
        bars.append(Bar(machine, ends[machine] - p[job], ends[machine], str(job), job))
    return bars, [f"machine {k}" for k in range(len(ends))]


def list_project_bars(data: Data, starts: Sequence[int]) -> tuple[list[Bar], list[str]]:
    """Lists the activities of a project by start."""
    duration = np.asarray(data["duration"]).tolist()
    order = sorted(range(len(starts)), key=lambda k: (starts[k], k))
    bars = [
        Bar(row, starts[k], starts[k] + duration[k], str(k), k) for row, k in enumerate(order) if duration[k]
    ]
    return bars, [f"activity {k}" for k in order]


BARS: Mapping[str, Callable[[Data, Any], tuple[list[Bar], list[str]]]] = {
    "single_machine_tardiness": list_machine_bars,
    "single_machine_weighted_tardiness": list_machine_bars,
    "permutation_flow_shop": list_flow_shop_bars,
    "job_shop": list_job_shop_bars,
    "parallel_machines": list_parallel_bars,
    "rcpsp": list_project_bars,
}
"""Layout functions of scheduling problems, by name."""
