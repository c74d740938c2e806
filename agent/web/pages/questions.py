"""Word problems: questions, votes and programs."""

import math
from typing import Any

from gapsmith.agent.archive import RunRow
from gapsmith.agent.web.ask import Ask
from gapsmith.agent.web.facts import words
from gapsmith.agent.web.facts.problems import list_question_runs
from gapsmith.agent.web.facts.runs import describe_model
from gapsmith.agent.web.view import Page, View


def show_questions(view: View, ask: Ask) -> Page:
    """Lists the runs that began with words."""
    lines = [
        (row, describe_model(row), (row.config.get("about") or {}).get("file") or "")
        for row in list_question_runs(view.store)
    ]
    return Page("problem/questions.html.j2", "Word problems", {"ask": ask, "lines": lines}, live=True)


def describe_samples(view: View, row: RunRow, ask: Ask) -> dict[str, Any]:
    """Returns the samples of a run that began with words."""
    page = ask.read_number("page")
    rows, count = words.list_samples(view.store, row.id or 0, page)
    return {
        "rows": rows,
        "votes": words.count_votes(rows) if row.kind == "model" else [],
        "question": words.read_question(view.store, row.id or 0),
        "count": count,
        "page": page,
        "pages": max(1, math.ceil(count / words.PAGE)),
    }
