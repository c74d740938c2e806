"""What quality costs: gap, CPU time and size."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from gapsmith.agent.web.ask import Ask
from gapsmith.agent.web.charts.plot import Plot, Point, Series, draw_plot, make_key
from gapsmith.agent.web.charts.svg import Table, link, make, make_figure
from gapsmith.agent.web.facts.programs import find_sizes, list_programs
from gapsmith.agent.web.formats import format_count, format_gap, format_milliseconds
from gapsmith.agent.web.pages.run import describe_run, is_live
from gapsmith.agent.web.view import Page, View


def show_front(view: View, ask: Ask) -> Page:
    """Shows the Pareto front and the portfolio of a run."""
    row = view.store.run(ask.path["number"])
    number = row.id or 0
    report: Mapping[str, Any] = row.report or {}
    points = report.get("front") or _list_so_far(view, number)
    facts = {
        **describe_run(view, row),
        "ask": ask,
        "sealed": not report.get("front"),
        "by_time": draw_front(points, "cpu_seconds", "CPU ms for an instance", 1000.0),
        "by_size": draw_front(points, "size", "size (nodes of the syntax tree)", 1.0),
        "points": points,
        "together": report.get("together") or [],
    }
    return Page("run/front.html.j2", f"Front of run {number}", facts, live=is_live(row))


def _list_so_far(view: View, run: int) -> list[dict[str, Any]]:
    """Lists the best programs in validation, while there is no test."""
    rows, _ = list_programs(view.store, run, "rank", "", "", 1)
    known = [each for each in rows if each.program and each.cpu_seconds is not None]
    sizes = find_sizes(view.store, [each.program or 0 for each in known])
    return [
        {
            "id": each.program,
            "name": each.name,
            "pooled_gap_percent": each.train_gap if each.validation_gap is None else each.validation_gap,
            "cpu_seconds": each.cpu_seconds,
            "size": sizes.get(each.program or 0, 0),
            "winner": False,
        }
        for each in known
    ]


def draw_front(points: Sequence[Mapping[str, Any]], name: str, words: str, factor: float) -> Markup | None:
    """Draws gaps against a price; None without points."""
    known = [each for each in points if each["pooled_gap_percent"] is not None and each.get(name)]
    if not known:
        return None
    series = [
        Series("program", [_mark(each, name, factor) for each in known if not each.get("winner")], "dots", 0),
        Series(
            "winner", [_mark(each, name, factor) for each in known if each.get("winner")], "dots", 2, True
        ),
    ]
    log_y = all(each["pooled_gap_percent"] > 0 for each in known)
    plot = Plot(f"Gap against {words}", words, "pooled gap, percent", series, log_x=True, log_y=log_y)
    rows = [
        [
            link(make("span", each["id"]), f"/program/{each['id']}"),
            format_gap(each["pooled_gap_percent"]),
            format_milliseconds(each["cpu_seconds"]),
            format_count(each["size"]),
        ]
        for each in known
    ]
    table = Table(("program", "pooled gap", "CPU", "size"), rows)
    caption = f"Gap against {words}. Open a point to see its program."
    return make_figure(draw_plot(plot), caption, table, make_key(series))


def _mark(each: Mapping[str, Any], name: str, factor: float) -> Point:
    gap = each["pooled_gap_percent"]
    title = f"program {each['id']} {each['name'] or ''}: {gap:.4g} %"
    return Point(factor * each[name], gap, title, f"/program/{each['id']}")
