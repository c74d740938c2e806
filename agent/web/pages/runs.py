"""The runs of an archive."""

import math
from dataclasses import dataclass

from markupsafe import Markup

from gapsmith.agent.archive import ADDED, DISCOVERY, RunRow
from gapsmith.agent.web.ask import Ask
from gapsmith.agent.web.charts.spark import draw_sparkline
from gapsmith.agent.web.facts import runs
from gapsmith.agent.web.view import FRESH, LASTING, Page, View


@dataclass(frozen=True)
class Line:
    """A run in the list.

    Attributes:
        best: gap of the winner in the sealed test, or of the best champion so far; percent.
        sealed: whether `best` is of the validation, since the test is not opened yet.
        effort: of a formulation: the solver's effort as a share of the base's; gaps mean nothing then.
        used: share of the tightest limit that is used, 0 to 1; None without limits.
    """

    row: RunRow
    model: str
    spent: runs.Spent
    limits: list[tuple[str, float]]
    used: float | None
    best: float | None
    sealed: bool
    effort: float | None
    winner: int | None
    spark: Markup


def show_runs(view: View, ask: Ask) -> Page:
    """Lists runs; filtered, sorted and searched by the query."""
    problems, statuses = runs.list_names(view.store)
    order = ask.choose("sort", runs.ORDERS, "run")
    up = order not in ("run", "seconds", "cost")
    chosen = runs.Chosen(
        ask.read_text("search"),
        ask.choose("status", statuses, ""),
        ask.choose("problem", problems, ""),
        order,
        ask.choose("direction", ("up", "down"), "up" if up else "down") == "down",
        ask.read_number("page"),
    )
    rows, count = runs.list_runs(view.store, chosen)
    facts = {
        "ask": ask,
        "chosen": chosen,
        "lines": [make_line(view, row) for row in rows],
        "count": count,
        "pages": max(1, math.ceil(count / runs.PAGE)),
        "problems": problems,
        "statuses": statuses,
    }
    return Page("runs.html.j2", "Runs", facts, live=True)


def make_line(view: View, row: RunRow) -> Line:
    """Makes the line of a run, now or from a while ago."""
    seconds = LASTING if row.report else FRESH
    return view.kept.get(("line", row.id, row.status, row.seconds), seconds, lambda: _make_line(view, row))


def _make_line(view: View, row: RunRow) -> Line:
    spent = runs.sum_spent(view.store, row)
    champions = runs.list_champions(view.store, row.id or 0) if row.kind in (DISCOVERY, ADDED) else []
    gaps = runs.select_champion_gaps(champions)
    falling = [min(gaps[: k + 1]) for k in range(len(gaps))]
    best = (row.report or {}).get("best") or {}
    limits = runs.list_limits(row)
    return Line(
        row,
        runs.describe_model(row),
        spent,
        limits,
        find_used_share(spent, limits),
        best.get("pooled_gap_percent") if best else (falling[-1] if falling else None),
        not best,
        ((row.report or {}).get("formulation") or {}).get("ratio", {}).get("value"),
        best.get("id") or (champions[-1].program if champions else None),
        draw_sparkline(falling),
    )


def find_used_share(spent: runs.Spent, limits: list[tuple[str, float]]) -> float | None:
    """Returns the used share of the tightest limit, 0 to 1."""
    shares = [(getattr(spent, name) or 0.0) / limit for name, limit in limits if limit]
    return min(1.0, max(shares)) if shares else None
