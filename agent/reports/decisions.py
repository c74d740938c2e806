"""The decisions of a run in their order.

From its candidates and events.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from gapsmith.agent.archive import Archive, CandidateRow
from gapsmith.agent.archive.costs import CostSummary
from gapsmith.agent.codegen.sanitize import limit_untrusted
from gapsmith.agent.models.spec import hide_login
from gapsmith.agent.reports.costs import build_cost_table
from gapsmith.agent.runs.final.encoding import _replace_infinity, encode_spending

LONGEST = 300
"""Characters of a decision that people are shown; `--json` has it whole."""


@dataclass(frozen=True)
class Decision:
    """The decisions about one slot, or at a run's end.

    Attributes:
        slot: its number; None for the end.
        row: what came of it; None where nothing is recorded but events.
        events: kinds with their details, in order.
    """

    slot: int | None
    row: CandidateRow | None
    events: tuple[tuple[str, Mapping[str, Any]], ...]


def list_decisions(store: Archive, run: int) -> list[Decision]:
    """Lists all decisions of a run by slot.

    The decisions at its end, which belong to no slot, come last.
    """
    events: defaultdict[int, list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
    for event in store.read_events(run):
        events[event.slot].append((event.kind, event.detail))
    rows = store.read_candidates(run)
    slots = sorted({*rows, *events}, key=lambda slot: (slot < 0, slot))
    return [Decision(slot if slot >= 0 else None, rows.get(slot), tuple(events[slot])) for slot in slots]


def encode_decisions(
    run: int, found: Iterable[Decision], spent: CostSummary, story: Sequence[tuple[str, list[str]]]
) -> dict[str, Any]:
    """Encodes the result of `explain`."""
    decided = [_encode_decision(decision) for decision in found]
    chapters = [{"heading": heading, "sentences": lines} for heading, lines in story]
    return {"run": run, "story": chapters, "decisions": decided, "spending": encode_spending(spent)}


def _encode_decision(decision: Decision) -> dict[str, Any]:
    row = decision.row
    made = {
        "arm": row.arm if row else "",
        "model": hide_login(row.model) if row else "",
        "operator": row.operator if row else "",
        "parents": row.parents if row else [],
        "id": row.program if row else None,
        "outcome": row.outcome if row else "",
        "message": row.message if row else "",
        "train_gap_percent": _replace_infinity(row.train_gap) if row else None,
        "validation_gap_percent": _replace_infinity(row.validation_gap) if row else None,
        "gate": row.gate if row else "",
        "cpu_seconds": row.cpu_seconds if row else None,
    }
    return {
        "slot": decision.slot,
        **made,
        "events": [{"kind": kind, **detail} for kind, detail in decision.events],
    }


def render_decisions(run: int, found: Iterable[Decision], spent: CostSummary) -> Group:
    """Renders the decisions, and the costs if a model was paid."""
    cost = [build_cost_table(spent)] if spent.whole.tokens_in else []
    return Group(build_decision_table(run, found), *cost)


def render_story(run: int, story: Iterable[tuple[str, list[str]]], spent: CostSummary) -> Group:
    """Renders the sentences about a run, and its costs if paid."""
    lines = []
    for heading, sentences in story:
        lines += [Text(heading, style="bold"), *map(Text, sentences), Text("")]
    cost = [build_cost_table(spent)] if spent.whole.tokens_in else []
    return Group(*lines, *cost, Text(f"Every decision: gapsmith explain {run} --verbose"))


def build_decision_table(run: int, found: Iterable[Decision]) -> Table:
    """Builds a table with a line for each slot.

    The decisions at the end of the run have a line each.
    """
    table = Table(title=f"run {run}: its decisions")
    for heading in ("slot", "arm", "operator", "parents", "id", "decisions"):
        table.add_column(heading, no_wrap=heading in ("slot", "id"), overflow="fold")
    for decision in found:
        words = [_format_event(decision.row, kind, detail) for kind, detail in decision.events]
        if decision.slot is None:
            for word in words:
                table.add_row("end", "", "", "", "", Text(word))
        else:
            table.add_row(
                str(decision.slot),
                *_format_cells(decision.row),
                Text("\n".join([*_format_outcome(decision), *words])),
            )
    return table


def _format_cells(row: CandidateRow | None) -> list[str]:
    if row is None:
        return [""] * 4
    number = "" if row.program is None else str(row.program)
    return [row.arm, row.name or row.operator, " ".join(map(str, row.parents)), number]


def _format_outcome(decision: Decision) -> list[str]:
    row = decision.row
    if row is None:
        return []
    gap = "" if row.train_gap is None else f", {row.train_gap:.3f} % in training"
    return [_shorten(f"{row.outcome}{gap}" + (f": {row.message}" if row.message else ""))]


def _format_event(row: CandidateRow | None, kind: str, detail: Mapping[str, Any]) -> str:
    """Formats one event.

    A rule does not pass the gate: the best one in validation is the reference to beat.
    """
    if row is not None and row.operator == "rule" and kind == "gate":
        return (
            "validation: the reference to beat, so far"
            if detail.get("passed")
            else "validation: not the best rule"
        )
    return _format_detail(kind, detail)


def _format_detail(kind: str, detail: Mapping[str, Any]) -> str:
    parts = [f"{key} {_format_value(value)}" for key, value in detail.items() if value != ""]
    return _shorten(": ".join(filter(None, [kind, ", ".join(parts)])))


def _format_value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return "[" + " ".join(_format_value(each) for each in value) + "]"
    return "–" if value is None else str(value)


def _shorten(text: str) -> str:
    return " ".join(limit_untrusted(text, LONGEST).split())
