"""Instances against programs, as a heat map."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gapsmith.agent.web.ask import Ask
from gapsmith.agent.web.facts.instances import find_problem_of
from gapsmith.agent.web.facts.programs import sort_naturally
from gapsmith.agent.web.formats import format_gap
from gapsmith.agent.web.pages.program import Line, list_lines
from gapsmith.agent.web.pages.run import describe_run, is_live
from gapsmith.agent.web.view import FRESH, LASTING, Page, View
from gapsmith.evaluators.base import Problem

PROGRAMS, INSTANCES = 20, 60
SPLITS = ("train", "validation", "test")
SHADES = (0.1, 0.5, 2.0, 5.0, 15.0)
"""Gaps in percent at which the shade of a cell changes."""


@dataclass(frozen=True)
class Cell:
    """A program on an instance.

    Attributes:
        look: "unmet", "failed", "optimal", "unknown", or a shade from "g0" to "g5".
        sign: what stands in the cell.
        words: what it means.
    """

    look: str
    sign: str
    words: str


@dataclass(frozen=True)
class Row:
    """An instance with a cell for each program."""

    instance: str
    digest: str
    stratum: str
    cells: Sequence[Cell]


def show_instances(view: View, ask: Ask) -> Page:
    """Shows how the best programs of a run did on each instance."""
    row = view.store.run(ask.path["number"])
    number, page = row.id or 0, ask.read_number("page")
    split = ask.choose("split", SPLITS, "validation")
    columns = find_columns(view, number, LASTING if row.report else FRESH, find_problem_of(row))
    names = {
        line.result.digest: line
        for lines in columns.values()
        for line in lines.values()
        if line.result.split in (split, "")
    }
    chosen = sorted(names.values(), key=lambda line: sort_naturally(line.result.instance))
    facts = {
        **describe_run(view, row),
        "ask": ask,
        "split": split,
        "splits": SPLITS,
        "programs": list(columns),
        "rows": [make_row(line, columns) for line in chosen[INSTANCES * (page - 1) : INSTANCES * page]],
        "count": len(chosen),
        "page": page,
        "pages": max(1, math.ceil(len(chosen) / INSTANCES)),
        "shades": SHADES,
    }
    return Page("run/instances.html.j2", f"Instances of run {number}", facts, live=is_live(row))


def find_columns(
    view: View, run: int, seconds: float, problem: Problem | None
) -> Mapping[int, Mapping[str, Line]]:
    """Returns the results of the best programs of a run, by digest."""

    def read() -> Mapping[int, Mapping[str, Line]]:
        ranked = view.store.rank_candidates(run=run, limit=PROGRAMS)
        best = [row.program for row in ranked if row.program is not None]
        found = {program: list_lines(view, view.store.find(program), problem) for program in best}
        return {program: {line.result.digest: line for line in lines} for program, lines in found.items()}

    return view.kept.get(("columns", run), seconds, read)


def make_row(line: Line, columns: Mapping[int, Mapping[str, Line]]) -> Row:
    """Makes the row of an instance."""
    digest = line.result.digest
    cells = [make_cell(results.get(digest)) for results in columns.values()]
    return Row(line.result.instance, digest, line.stratum, cells)


def make_cell(line: Line | None) -> Cell:
    """Makes the cell of a program on an instance."""
    if line is None:
        return Cell("unmet", "", "not met")
    if line.result.outcome != "ok" or line.result.cost is None:
        return Cell("failed", "×", f"failed: {line.result.outcome}")
    if line.gap is None:
        return Cell("unknown", "?", "no bound is known")
    if line.gap == 0 and line.reference == "optimum":
        return Cell("optimal", "✓", "optimal")
    shade = sum(line.gap >= limit for limit in SHADES)
    sign = f"{line.gap:.1f}" if line.gap < 99.5 else "99+"
    return Cell(f"g{shade}", sign, f"{format_gap(line.gap)} to the {line.reference}")
