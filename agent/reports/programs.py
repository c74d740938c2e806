"""Programs and problems, as JSON and as tables."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.table import Table

from gapsmith.agent.archive import Archive, CandidateRow, RunRow
from gapsmith.agent.reports.comparisons import format_percent
from gapsmith.agent.reports.runs import format_outcome
from gapsmith.agent.runs.final.encoding import _replace_infinity
from gapsmith.evaluators.base import GapsmithError, Problem, Split

FIGURES = ("train %", "valid. %", "CPU ms")


def encode_candidate(row: CandidateRow) -> dict[str, Any]:
    """Encodes a candidate, for `best` and `lineage`."""
    return {
        "id": row.program,
        "name": row.name,
        "run": row.run,
        "slot": row.slot,
        "operator": row.operator,
        "parents": row.parents,
        "outcome": row.outcome,
        "message": row.message,
        "train_gap_percent": _replace_infinity(row.train_gap),
        "validation_gap_percent": _replace_infinity(row.validation_gap),
        "gate": row.gate,
        "cpu_seconds": row.cpu_seconds,
    }


def build_candidate_table(
    rows: Sequence[CandidateRow], title: str, winners: Collection[int | None] = frozenset()
) -> Table:
    """Builds a table of candidates, with the winners of runs marked."""
    table = Table(
        title=f"{title} (gaps in training and validation; CPU per instance)",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for heading in ("id", "from", "parents", "run.slot", "verdict", "train %", "valid. %", "CPU ms"):
        justify: Literal["right", "left"] = "right" if heading in FIGURES else "left"
        table.add_column(heading, justify=justify, no_wrap=heading == "id", overflow="fold")
    for row in rows:
        parents = " ".join(map(str, row.parents))
        verdict = "winner" if row.program in winners else format_outcome(row)
        cells = [
            "–" if row.program is None else row.program,
            row.name or row.operator,
            parents,
            f"{row.run}.{'end' if row.slot < 0 else row.slot}",
            verdict,
        ]
        cpu = "–" if row.cpu_seconds is None else f"{1000 * row.cpu_seconds:.1f}"
        gaps = (format_percent(row.train_gap), format_percent(row.validation_gap))
        table.add_row(*map(str, cells), *gaps, cpu)
    return table


def encode_problem(problem: Problem) -> dict[str, Any]:
    """Encodes a problem."""
    return {
        "name": problem.name,
        "title": problem.title,
        "brief": problem.description,
        "entry": problem.entry.signature,
        "arguments": [vars(argument) for argument in problem.entry.arguments],
        "returns": problem.entry.returns,
        "strata": list(problem.strata),
        "scales": [_encode_scale(problem, problem.cpu_cap)]
        + [_encode_scale(problem.scale_to(name), each.cpu_seconds) for name, each in problem.scales.items()],
        "rules": [{"name": rule.name, "source": rule.citation} for rule in problem.rules],
    }


def _encode_scale(problem: Problem, fixed: float | None) -> dict[str, Any]:
    """Encodes what a problem has at its scale.

    Args:
        problem: at the scale.
        fixed: its CPU limit where that does not depend on the instance.
    """
    return {
        "name": problem.scale,
        "sizes": {split: list(problem.sizes[split]) for split in Split},
        "instances": {split: problem.counts[split] for split in Split},
        "cpu_seconds": fixed,
        "solver_seconds": problem.solver_seconds,
    }


def format_problem(card: Mapping[str, Any]) -> str:
    """Formats a problem for people."""
    arguments = [f"  {a['name']}: {a['type']}; {a['meaning']}" for a in card["arguments"]]
    rules = [f"  {rule['name']}: {rule['source']}" for rule in card["rules"]]
    parts = [
        card["title"],
        "",
        card["brief"],
        "",
        card["entry"],
        *arguments,
        f"returns {card['returns']}",
        "",
        "Reference rules:",
    ]
    return "\n".join([*parts, *rules])


def find_reported_run(store: Archive, problem: str | None, number: int | None) -> RunRow:
    """Returns a finished run with leaderboards, the latest by default.

    Raises GapsmithError where there is none.
    """
    found = next(iter(_list_finished_runs(store, problem, number)), None)
    if found is None and number is None:
        raise GapsmithError(
            f"archive {store.location} holds no finished run{f' of {problem}' if problem else ''}"
        )
    run = number if found is None else found.id
    if found is None or not (found.report or {}).get("front"):
        raise GapsmithError(f"run {run} has no leaderboards yet; they come with: gapsmith resume {run}")
    return found


def _list_finished_runs(
    store: Archive, problem: str | None, number: int | None, version: str | None = None
) -> list[RunRow]:
    """Lists finished runs, the latest first.

    Without a number these are the runs whose gaps can be compared.
    """
    wanted = store.list_comparable_runs(problem, version) if number is None else [number]
    return [
        row for row in store.list_runs() if row.report and row.id in wanted and problem in (None, row.problem)
    ]
