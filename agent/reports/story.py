"""A run in sentences: what was searched and kept, and why.

From the decisions that `list_decisions` reads; `explain --verbose` shows these themselves.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from gapsmith.agent.archive import ADDED, CandidateRow, RunRow
from gapsmith.agent.codegen.sanitize import limit_untrusted
from gapsmith.agent.models.spec import hide_login
from gapsmith.agent.reports.decisions import Decision
from gapsmith.agent.reports.sentences import describe_decision, describe_gate, name_slot
from gapsmith.evaluators.outcomes import CandidateOutcome

LONGEST = 200
"""Characters of a message in a sentence."""

RULE = "rule"
ASIDE = (CandidateOutcome.TWIN, CandidateOutcome.DUPLICATE)


def tell_story(run: RunRow, decisions: Sequence[Decision]) -> list[tuple[str, list[str]]]:
    """Tells a run as chapters: a heading and its sentences.

    The sentences hold names, messages and numbers of programs; they are plain text.
    """
    slots = [decision for decision in decisions if decision.row is not None and decision.slot is not None]
    end = [event for decision in decisions if decision.slot is None for event in decision.events]
    numbers = {decision.slot: decision.row.program for decision in slots if decision.row}

    def name(slot: int) -> str:
        """Names the program of a slot as `show` does."""
        number = numbers.get(slot)
        return name_slot(slot) if number is None else f"program {number}"

    chapters = [
        ("What was asked", [_describe_run(run)]),
        ("The search", _describe_search(slots)),
        ("Validation of improvements", _describe_gate(slots)),
        ("Final selection", [describe_decision(kind, detail, name) for kind, detail in end]),
        ("Result", describe_result(run)),
    ]
    return [(heading, lines) for heading, lines in chapters if lines]


def _describe_run(run: RunRow) -> str:
    scale = run.config.get("scale") or "small"
    if run.kind == ADDED:
        return f"Run {run.id} holds programs for {run.problem} ({scale} scale) that were added from files."
    models = hide_login(run.model)
    asked = f"a program for {run.problem} ({scale} scale) by {models}, seed {run.seed}"
    return f"Run {run.id}: {asked}: {run.status}, {run.seconds:.0f} s."


def _describe_search(slots: Sequence[Decision]) -> list[str]:
    rows = [decision.row for decision in slots if decision.row]
    rules = [row for row in rows if row.operator == RULE]
    asked = [row for row in rows if row.operator != RULE]
    lines = []
    if scored := [row for row in rules if row.train_gap is not None]:
        best = min(scored, key=_get_gap)
        lines.append(
            f"{len(rules)} reference rules were measured first; {best.name} has the smallest gap in training: "
            f"{_get_gap(best):.3f} %."
        )
    if asked:
        lines.append(f"{len(asked)} programs were asked for: {_count_outcomes(asked)}.")
    return [*lines, *_list_failures(asked), *_list_records(rows), *_list_plateaus(slots)]


def _list_plateaus(slots: Sequence[Decision]) -> list[str]:
    """Lists where a fresh trajectory or another goal began, and why."""
    return [
        f"  slot {decision.slot}: {describe_decision(kind, detail)}"
        for decision in slots
        for kind, detail in decision.events
        if kind in ("plateau", "speed")
    ]


def _count_outcomes(rows: Sequence[CandidateRow]) -> str:
    groups = Counter(_name_group(row) for row in rows)
    return ", ".join(f"{count} {name}" for name, count in groups.most_common())


def _name_group(row: CandidateRow) -> str:
    if row.outcome in (CandidateOutcome.OK, CandidateOutcome.TUNED):
        return "measured on all training instances"
    if row.outcome == CandidateOutcome.RACED:
        return "dropped early, as too far behind"
    if row.outcome in ASIDE:
        return "like a known program"
    return "without a reply yet" if row.outcome == CandidateOutcome.ASKED else "failed"


def _list_failures(rows: Sequence[CandidateRow]) -> list[str]:
    """Lists failures by kind, the most frequent first, each with one message."""
    failed = [row for row in rows if _name_group(row) == "failed"]
    first: dict[str, CandidateRow] = {}
    for row in failed:
        first.setdefault(row.outcome, row)
    counts = Counter(row.outcome for row in failed)
    return [
        f"  {count} × {kind}, such as slot {first[kind].slot}: {_shorten(first[kind].message)}"
        for kind, count in counts.most_common()
    ]


def _list_records(rows: Sequence[CandidateRow]) -> list[str]:
    """Lists each improvement of the best training gap."""
    lines: list[str] = []
    best: CandidateRow | None = None
    for row in rows:
        if row.train_gap is None or (best is not None and row.train_gap >= _get_gap(best)):
            continue
        if best is not None and row.operator != RULE:
            parents = f" of {' and '.join(map(str, row.parents))}" if row.parents else ""
            lines.append(
                f"  slot {row.slot}: program {row.program}, {row.operator}{parents}: "
                f"{_get_gap(best):.3f} to {row.train_gap:.3f} %"
            )
        best = row
    return [f"The best gap in training improved {len(lines)} times:", *lines] if lines else []


def _describe_gate(slots: Sequence[Decision]) -> list[str]:
    tried = [
        (decision.row, detail)
        for decision in slots
        for kind, detail in decision.events
        if kind == "gate" and decision.row and decision.row.operator != RULE and "gain" in detail
    ]
    if not tried:
        return []
    passed = sum(bool(detail.get("passed")) for _, detail in tried)
    opening = (
        f"{len(tried)} programs that led in training were compared with the best one on validation "
        f"instances; {passed} passed."
    )
    return [opening, *(f"  program {row.program}: {describe_gate(detail)}" for row, detail in tried)]


def describe_result(run: RunRow) -> list[str]:
    """Describes the report of a run, or how to get one."""
    report = run.report or {}
    best, reference = report.get("best") or {}, report.get("reference") or {}
    if run.kind == ADDED:
        return []
    if not best:
        return [f"There is no report yet; it comes with: gapsmith resume {run.id}"]
    gaps = [
        f"{name}: {_format_number(each.get('pooled_gap_percent'))} %"
        for name, each in ((f"program {best.get('id')}", best), (reference.get("name"), reference))
        if each
    ]
    lines = [f"Pooled gap on the sealed test: {'; '.join(gaps)}."]
    return [*lines, f"Its code: gapsmith show {best.get('id')}"]


def _get_gap(row: CandidateRow) -> float:
    return float("inf") if row.train_gap is None else row.train_gap


def _format_number(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, int | float) else "?"


def _shorten(text: str) -> str:
    return " ".join(limit_untrusted(text, LONGEST).split())
