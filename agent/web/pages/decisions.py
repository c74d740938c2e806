"""What a run decided, and why."""

import math

from gapsmith.agent.reports.sentences import describe_decision, describe_gate, estimate_gate_error
from gapsmith.agent.web.ask import Ask
from gapsmith.agent.web.facts import decisions, runs
from gapsmith.agent.web.pages.run import describe_run, is_live
from gapsmith.agent.web.view import Page, View


def show_decisions(view: View, ask: Ask) -> Page:
    """Shows gate, races and final selection, each with its reason."""
    row = view.store.run(ask.path["number"])
    number, page = row.id or 0, ask.read_number("page")
    kinds = decisions.count_kinds(view.store, number)
    every = ask.choose("show", ("gate", "all"), "gate") == "all"
    count = sum(kinds.values()) if every else kinds.get("gate", 0)
    facts = {
        **describe_run(view, row),
        "ask": ask,
        "kinds": kinds,
        "every": every,
        "page": page,
        "pages": max(1, math.ceil(count / decisions.PAGE)),
        "count": count,
        "gate": [] if every else decisions.list_gate_decisions(view.store, number, page),
        "latest": decisions.list_latest(view.store, number, page) if every else [],
        "end": [
            describe_decision(kind, detail) for kind, detail in runs.list_final_events(view.store, number)
        ],
        "describe": describe_decision,
        "describe_gate": describe_gate,
        "estimate_error": estimate_gate_error,
    }
    return Page("run/decisions.html.j2", f"Decisions of run {number}", facts, live=is_live(row))
