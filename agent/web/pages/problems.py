"""Problems: leaderboards over all runs, exact results, formulations."""

import math

from gapsmith.agent.reports.formulations import describe_formulation
from gapsmith.agent.web.ask import Ask
from gapsmith.agent.web.facts import problems
from gapsmith.agent.web.facts.instances import find_built_in
from gapsmith.agent.web.facts.programs import find_sizes
from gapsmith.agent.web.view import FRESH, Page, View
from gapsmith.evaluators.base import GapsmithError

LEADERS = 50


def show_problems(view: View, ask: Ask) -> Page:
    """Lists the problems of the archive."""
    found = view.kept.get("problems", FRESH, lambda: problems.list_summaries(view.store))
    return Page("problem/problems.html.j2", "Problems", {"ask": ask, "problems": found})


def show_problem(view: View, ask: Ask) -> Page:
    """Shows the best programs of a problem, over all its runs."""
    name = find_name(view, ask)
    rows = view.kept.get(
        ("leaders", name), FRESH, lambda: view.store.rank_candidates(problem=name, limit=LEADERS)
    )
    built_in = find_built_in(name)
    count, proven, seconds = problems.count_baselines(view.store, name)
    facts = {
        "ask": ask,
        "name": name,
        "heading": built_in.title if built_in else name,
        "brief": built_in.description if built_in else "",
        "rows": rows,
        "sizes": find_sizes(view.store, [row.program for row in rows if row.program]),
        "count": count,
        "proven": proven,
        "seconds": seconds,
    }
    return Page("problem/problem.html.j2", name, facts, live=True)


def find_name(view: View, ask: Ask) -> str:
    """Returns the problem of the address. Raises GapsmithError if unknown."""
    name = str(ask.path["name"])
    if name not in {each.problem for each in problems.list_summaries(view.store)}:
        raise GapsmithError(f"archive {view.name} holds no problem of that name")
    return name


def show_baselines(view: View, ask: Ask) -> Page:
    """Lists exact results of a problem: proven, bounds, seconds."""
    name = find_name(view, ask)
    order = ask.choose("sort", problems.ORDERS, "instance")
    choice = ask.choose("show", problems.CHOICES, "all")
    page = ask.read_number("page")
    count, proven, seconds = problems.count_baselines(view.store, name)
    wanted = {"all": count, "proven": proven, "open": count - proven}[choice]
    built_in = find_built_in(name)
    facts = {
        "ask": ask,
        "name": name,
        "order": order,
        "choice": choice,
        "count": count,
        "wanted": wanted,
        "proven": proven,
        "seconds": seconds,
        "maximise": bool(built_in and built_in.maximise),
        "rows": problems.list_baselines(view.store, name, order, choice, page),
        "page": page,
        "pages": max(1, math.ceil(wanted / problems.PAGE)),
    }
    return Page("problem/baselines.html.j2", f"Baselines of {name}", facts)


def show_formulations(view: View, ask: Ask) -> Page:
    """Lists what runs on formulations found, with speed and placebo."""
    rows = problems.list_formulation_runs(view.store)
    found = [(row, (row.report or {})["formulation"]) for row in rows]
    lines = [(row, report, describe_formulation(report).splitlines()) for row, report in found]
    return Page("problem/formulations.html.j2", "Formulations", {"ask": ask, "lines": lines})
