"""One run: convergence, money, arms, operators, failures."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from gapsmith.agent.archive import ADDED, DISCOVERY, RunRow
from gapsmith.agent.archive.costs import summarise_costs
from gapsmith.agent.reports.formulations import describe_formulation
from gapsmith.agent.runs.final.encoding import encode_spending
from gapsmith.agent.web.ask import Ask
from gapsmith.agent.web.charts.plot import Level, Plot, Point, Series, draw_plot, make_key
from gapsmith.agent.web.charts.svg import Table, make_figure
from gapsmith.agent.web.facts import runs
from gapsmith.agent.web.facts.course import Course, Step, list_failures, trace_course
from gapsmith.agent.web.formats import format_count, format_gap
from gapsmith.agent.web.pages.questions import describe_samples
from gapsmith.agent.web.pages.runs import make_line
from gapsmith.agent.web.view import FRESH, LASTING, Page, View

AXES = {
    "evaluations": "evaluations",
    "calls": "calls of models",
    "dollars": "dollars",
    "waiting": "seconds of waiting for models",
}
SCALES = ("log", "linear")


def show_run(view: View, ask: Ask) -> Page:
    """Shows how a run went, and what it cost."""
    row = view.store.run(ask.path["number"])
    number = row.id or 0
    if row.kind not in (DISCOVERY, ADDED):
        facts = {"ask": ask, **describe_run(view, row), **describe_samples(view, row, ask)}
        return Page("run/words.html.j2", f"Run {number}", facts, live=is_live(row))
    course = find_course(view, row)
    axis = ask.choose("x", AXES, "evaluations")
    facts = {
        **describe_run(view, row),
        "ask": ask,
        "effort": describe_formulation(row.report["formulation"]).splitlines()
        if row.report and row.report.get("formulation")
        else [],
        "axis": axis,
        "axes": AXES,
        "convergence": draw_convergence(
            row,
            course,
            axis,
            ask.choose("lx", SCALES, "linear") == "log",
            ask.choose("ly", SCALES, "log") == "log",
        ),
        "spending": find_spending(view, row),
        "burn": draw_spending(row, course),
        "tallies": view.store.read_tallies(number),
        "outcomes": runs.count_outcomes(view.store, number),
        "failures": list_failures(view.store, number),
    }
    return Page("run/overview.html.j2", f"Run {number}", facts, live=is_live(row))


def is_live(row: RunRow) -> bool:
    """Tells whether a run may still change."""
    return row.status in ("running", "searched", "interrupted")


def describe_run(view: View, row: RunRow) -> dict[str, Any]:
    """Returns what the head of every page of a run shows."""
    return {
        "run": row,
        "line": make_line(view, row),
        "report": row.report or {},
        "scale": runs.find_scale(row),
        "discovery": row.kind in (DISCOVERY, ADDED),
    }


def find_course(view: View, row: RunRow) -> Course:
    """Returns the course of a run, computed now or a while ago."""
    number, seconds = row.id or 0, LASTING if row.report else FRESH
    return view.kept.get(
        ("course", number, row.status, row.seconds), seconds, lambda: trace_course(view.store, number)
    )


def find_spending(view: View, row: RunRow) -> Mapping[str, Any]:
    """Returns what the calls of a run cost so far."""
    if row.report and row.report.get("spending"):
        return row.report["spending"]  # type: ignore[no-any-return]
    number = row.id or 0
    return view.kept.get(
        ("spending", number), FRESH, lambda: encode_spending(summarise_costs(view.store, number))
    )


def measure_step(step: Step, axis: str) -> float:
    """Returns what was used until a step, by axis."""
    return {
        "evaluations": float(step.evaluations),
        "calls": float(step.calls),
        "dollars": step.usd,
        "waiting": step.waited,
    }[axis]


def draw_convergence(row: RunRow, course: Course, axis: str, log_x: bool, log_y: bool) -> Markup:
    """Draws the best gap against what had been used by then."""
    ends = [course.last] if course.last else []
    training = Series(
        "best in training", [_mark(step, axis) for step in (*course.training, *ends)], "step", 0
    )
    champions = Series(
        "champions in validation", [_mark(step, axis) for step in course.validation], "dots", 1
    )
    levels = [Level("best rule in training", course.rule, colour=6)] if course.rule is not None else []
    tested, strip = _list_tested(row.report or {}, course, axis)
    series = [each for each in (training, champions, *tested) if each.points]
    plot = Plot(
        f"Best gap of run {row.id} against {AXES[axis]}",
        AXES[axis],
        "gap, percent",
        series,
        levels,
        log_x,
        log_y,
        sealed=strip,
    )
    rows = [
        [name, step.slot, step.program, format_gap(step.gap), format_count(measure_step(step, axis))]
        for name, steps in (("training", course.training), ("validation", course.validation))
        for step in steps
    ]
    table = Table(("split", "slot", "program", "gap", AXES[axis]), rows)
    caption = "Each step is a program that was the best so far; open a mark to see it. " + (
        "The sealed test is not opened yet."
        if strip
        else "Sealed test: opened once, at the end, with 95 % intervals."
    )
    return make_figure(draw_plot(plot), caption, table, make_key(series, levels))


def _mark(step: Step, axis: str) -> Point:
    title = f"program {step.program}, slot {step.slot}: {step.gap:.4g} %"
    return Point(measure_step(step, axis), step.gap, title, f"/program/{step.program}")


def _list_tested(report: Mapping[str, Any], course: Course, axis: str) -> tuple[list[Series], str]:
    """Lists winner and best rule on the sealed test, or its seal."""
    if not report:
        return [], "sealed test: not opened"
    at = measure_step(course.last, axis) if course.last else 1.0
    found = []
    for word, colour, shift in (("best", 2, 1.035), ("reference", 3, 1.06)):
        each = report.get(word) or {}
        if each.get("pooled_gap_percent") is not None:
            low, high = each.get("ci95") or (None, None)
            title = f"{each['name']} on the sealed test: {each['pooled_gap_percent']:.4g} %"
            target = f"/program/{each['id']}" if each.get("id") else None
            point = Point(at * shift, each["pooled_gap_percent"], title, target, low, high)
            name = "winner, sealed test" if word == "best" else "best rule, sealed test"
            found.append(Series(name, [point], "dots", colour, large=True))
    return found, ""


def draw_spending(row: RunRow, course: Course) -> Markup | None:
    """Draws the money spent; None if nothing was paid."""
    if course.last is None or not course.last.usd:
        return None
    steps = (*course.training, course.last)
    points = [Point(step.calls, step.usd, f"slot {step.slot}: ${step.usd:.4f}") for step in steps]
    cap = dict(runs.list_limits(row)).get("usd")
    levels = [Level(f"cap ${cap:g}", cap, colour=3)] if cap else []
    series = [Series("dollars spent", points, "line", 4)]
    plot = Plot(f"Dollars of run {row.id}", "calls of models", "dollars", series, levels, height=220)
    rows = [[step.slot, step.calls, f"{step.usd:.4f}"] for step in steps]
    table = Table(("slot", "calls", "dollars"), rows)
    left = f" Left: ${max(0.0, cap - course.last.usd):.4f}." if cap else ""
    return make_figure(draw_plot(plot), f"Money by calls.{left}", table, make_key(series, levels))
