"""One program: code, parents, prompt, gaps, times."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from gapsmith.agent.archive import CandidateRow, Program
from gapsmith.agent.web.ask import Ask
from gapsmith.agent.web.charts.code import Change, compare_texts, format_code
from gapsmith.agent.web.charts.lineage import draw_lineage
from gapsmith.agent.web.charts.plot import Plot, Point, Series, draw_plot, make_key
from gapsmith.agent.web.charts.svg import Table, make_figure
from gapsmith.agent.web.facts import programs
from gapsmith.agent.web.facts.instances import find_built_in, find_sense, parse_name
from gapsmith.agent.web.facts.programs import Result
from gapsmith.agent.web.formats import format_milliseconds
from gapsmith.agent.web.view import Page, View
from gapsmith.evaluators.base import Instance, Problem
from gapsmith.evaluators.scoring import Scale, compute_gap_percent

MOST_PARENTS = 4
SHOWN = 200
"""Instances of a table; the rest is on further pages."""


@dataclass(frozen=True)
class Line:
    """A program on one instance.

    Attributes:
        gap: in percent; None where it failed, or no bound is known.
        reference: "optimum" or "bound": what the gap is measured to.
        bound: its value.
        known: cost of the best known solution.
    """

    result: Result
    gap: float | None
    reference: str
    bound: float | None
    known: float | None
    stratum: str
    size: int | None


@dataclass(frozen=True)
class ClassGap:
    """The pooled gap of a class of instances in a split."""

    stratum: str
    split: str
    gap: float
    instances: int


def show_program(view: View, ask: Ask) -> Page:
    """Shows a program, its origin and its results."""
    number = ask.path["number"]
    program, births = view.store.find(number), view.store.list_births(number)
    run = view.store.run(births[0].run) if births else None
    problem = find_built_in(program.problem, str((run.config if run else {}).get("scale") or ""))
    lines = list_lines(view, program, problem)
    page = ask.read_number("page")
    facts = {
        "ask": ask,
        "program": program,
        "births": births[:20],
        "run": run,
        "events": _list_events(view, births),
        "code": format_code(program.source),
        "changes": _list_changes(view, program, births),
        "call": view.store.call(births[0].run, births[0].slot) if births else None,
        "lines": lines[SHOWN * (page - 1) : SHOWN * page],
        "count": len(lines),
        "page": page,
        "pages": max(1, math.ceil(len(lines) / SHOWN)),
        "classes": pool_classes(lines, problem),
        "times": draw_times(lines),
        "lineage": draw_lineage(programs.trace_ancestors(view.store, number), number),
        "built_in": problem is not None,
    }
    return Page("program/program.html.j2", f"Program {number}", facts)


def _list_events(view: View, births: Sequence[CandidateRow]) -> list[tuple[str, Mapping[str, Any]]]:
    return programs.list_slot_events(view.store, births[0].run, births[0].slot) if births else []


def _list_changes(view: View, program: Program, births: Sequence[CandidateRow]) -> list[Change]:
    """Compares a program with each of its parents."""
    parents = [parent for birth in births[:1] for parent in birth.parents][:MOST_PARENTS]
    return [compare_texts(parent, view.store.find(parent).source, program.source) for parent in parents]


def list_lines(view: View, program: Program, problem: Problem | None) -> list[Line]:
    """Lists a program's results with gaps and what they are measured to."""
    results = programs.list_results(view.store, program.id or 0, program.problem, program.version)
    bounded = {each.instance for each in results if each.baseline}
    # Elites run again on instances that are marked to be alone; these repeat what is there already.
    results = [each for each in results if each.baseline or each.instance not in bounded]
    maximise = find_sense(problem, results)
    return [_make_line(each, problem, maximise) for each in results]


def _make_line(result: Result, problem: Problem | None, maximise: bool) -> Line:
    bounds, origin = result.baseline, parse_name(result.instance, problem)
    gap = None
    if bounds is not None and result.cost is not None:
        gap = compute_gap_percent(result.cost, bounds, maximise)
    return Line(
        result,
        gap,
        "" if bounds is None else "optimum" if bounds.proven else "bound",
        None if bounds is None else bounds.upper if maximise else bounds.lower,
        None if bounds is None else bounds.lower if maximise else bounds.upper,
        origin.stratum if origin else "all",
        origin.size if origin else None,
    )


def pool_classes(lines: Sequence[Line], problem: Problem | None) -> list[ClassGap]:
    """Pools the gaps of each class and split."""
    groups: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in lines:
        if line.result.cost is not None and line.result.baseline is not None:
            groups[line.stratum, line.result.split].append(line)
    maximise = problem.maximise if problem else False
    return [
        ClassGap(stratum, split, gap, len(some))
        for (stratum, split), some in sorted(groups.items())
        if math.isfinite(gap := make_scale(some, maximise).compute_pooled_gap(_list_costs(some)))
    ]


def make_scale(lines: Sequence[Line], maximise: bool) -> Scale:
    """Makes the scale of instances with known bounds."""
    instances = [Instance(line.result.instance, {}, line.stratum) for line in lines]
    return Scale(instances, [line.result.baseline for line in lines if line.result.baseline], maximise)


def _list_costs(lines: Sequence[Line]) -> list[float]:
    return [line.result.cost for line in lines if line.result.cost is not None]


def fit_exponent(points: Sequence[tuple[float, float]]) -> float | None:
    """Fits the exponent of CPU time against size.

    It is the slope of a least-squares line through the logarithms; None for fewer than two sizes.
    """
    known = [(n, seconds) for n, seconds in points if n > 0 and seconds > 0]
    if len({n for n, _ in known}) < 2:
        return None
    logs = np.log(np.array(known))
    return float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])


def draw_times(lines: Sequence[Line]) -> Markup | None:
    """Draws CPU time against the size of instances, with a fitted exponent."""
    known = [(float(line.size), line.result.cpu_seconds, line) for line in lines if line.size]
    if not known:
        return None
    exponent = fit_exponent([(n, seconds) for n, seconds, _ in known])
    points = [
        Point(n, 1000 * max(seconds, 1e-6), f"{line.result.instance}: {format_milliseconds(seconds)}")
        for n, seconds, line in known[:1000]
    ]
    series = [Series("an instance", points, "dots", 4)]
    plot = Plot("CPU time against size", "size of the instance", "CPU ms", series, log_y=True, height=230)
    caption = (
        "All instances have one size: no exponent can be fitted."
        if exponent is None
        else f"CPU time grows about as n to the power of {exponent:.2f} (least squares of logarithms)."
    )
    by_size: defaultdict[float, list[float]] = defaultdict(list)
    for n, seconds, _ in known:
        by_size[n].append(seconds)
    rows = [
        [f"{n:g}", len(some), format_milliseconds(sum(some) / len(some)), format_milliseconds(max(some))]
        for n, some in sorted(by_size.items())
    ]
    table = Table(("size", "instances", "mean CPU", "longest"), rows)
    return make_figure(draw_plot(plot), caption, table, make_key(series))
