"""The candidates of a run, a page at a time."""

import math

from gapsmith.agent.web.ask import Ask
from gapsmith.agent.web.facts import programs, runs
from gapsmith.agent.web.pages.run import describe_run, is_live
from gapsmith.agent.web.view import Page, View


def show_programs(view: View, ask: Ask) -> Page:
    """Lists the candidates of a run: ranked, or in their order."""
    row = view.store.run(ask.path["number"])
    number = row.id or 0
    outcomes, operators = runs.count_outcomes(view.store, number), programs.list_operators(view.store, number)
    order = ask.choose("sort", programs.ORDERS, "rank")
    outcome, operator = ask.choose("outcome", outcomes, ""), ask.choose("operator", operators, "")
    page = ask.read_number("page")
    rows, count = programs.list_programs(view.store, number, order, outcome, operator, page)
    facts = {
        **describe_run(view, row),
        "ask": ask,
        "order": order,
        "outcome": outcome,
        "operator": operator,
        "outcomes": outcomes,
        "operators": operators,
        "rows": rows,
        "count": count,
        "page": page,
        "pages": max(1, math.ceil(count / programs.PAGE)),
        "sizes": programs.find_sizes(view.store, [each.program for each in rows if each.program]),
    }
    return Page("run/programs.html.j2", f"Programs of run {number}", facts, live=is_live(row))
