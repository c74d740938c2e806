"""What a report tells of each run, read from an archive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gapsmith.agent.archive import DISCOVERY, Archive, Program, RunRow
from gapsmith.agent.reports.decisions import list_decisions
from gapsmith.agent.reports.export.scope import Scope, describe_scope
from gapsmith.agent.reports.formulations import describe_formulation
from gapsmith.agent.reports.story import tell_story
from gapsmith.agent.runs.settings import Settings
from gapsmith.agent.web.charts.intervals import Difference
from gapsmith.agent.web.documents.curves import Curve, average_courses, group_runs
from gapsmith.agent.web.facts.course import trace_course
from gapsmith.agent.web.facts.instances import find_problem_of
from gapsmith.agent.web.facts.runs import Spent, sum_spent
from gapsmith.agent.web.pages.compare import compare_programs
from gapsmith.agent.web.pages.program import list_lines
from gapsmith.agent.web.view import View
from gapsmith.evaluators.base import GapsmithError, UsageError


@dataclass(frozen=True)
class RunFacts:
    """A run as a report tells it.

    Attributes:
        report: as `run --json` gives it; empty before it is made.
        winner: the program to take; None where there is none yet.
        effort: sentences on the speed of a formulation.
        differences: winner against the best rule on the sealed test: of all instances first, then of each class.
        story: headings with their sentences.
        scope: what it was trained on; None of a problem that is not built in.
        title: of the problem.
    """

    row: RunRow
    report: Mapping[str, Any]
    spent: Spent
    winner: Program | None
    effort: Sequence[str]
    differences: Sequence[Difference]
    story: Sequence[tuple[str, Sequence[str]]]
    scope: Scope | None
    title: str


@dataclass(frozen=True)
class Results:
    """The runs of a report, and their courses by setting."""

    runs: Sequence[RunFacts]
    curves: Sequence[Curve]


def collect_results(store: Archive, numbers: Sequence[int]) -> Results:
    """Collects what is known of runs.

    Raises:
        GapsmithError: where a run does not exist.
        UsageError: where it is no discovery run.
    """
    rows = [store.run(number) for number in dict.fromkeys(numbers)] or [store.run()]
    for row in rows:
        if row.kind != DISCOVERY:
            raise UsageError(f"run {row.id} is of `{row.kind}`; expected a run of: gapsmith run")
    curves = (
        average_courses(name, {row.id or 0: trace_course(store, row.id or 0) for row in some})
        for name, some in group_runs(rows).items()
    )
    return Results([_collect_run(store, row) for row in rows], [curve for curve in curves if curve])


def _collect_run(store: Archive, row: RunRow) -> RunFacts:
    report, problem = row.report or {}, find_problem_of(row)
    return RunFacts(
        row,
        report,
        sum_spent(store, row),
        find_winning_program(store, row),
        describe_formulation(report["formulation"]).splitlines() if report.get("formulation") else (),
        _list_differences(store, row),
        tell_story(row, list_decisions(store, row.id or 0)),
        describe_scope(problem, Settings.decode(row.config)) if problem else None,
        problem.title if problem else row.problem,
    )


def find_winning_program(store: Archive, row: RunRow) -> Program | None:
    """Finds the winner of a run, or its best program so far."""
    number = ((row.report or {}).get("best") or {}).get("id")
    if not number:
        ranked = store.rank_candidates(run=row.id, limit=1)
        number = ranked[0].program if ranked else None
    try:
        return store.find(number) if number else None
    except GapsmithError:
        return None


def _list_differences(store: Archive, row: RunRow) -> Sequence[Difference]:
    """Compares winner and best rule on the sealed test, by class."""
    report = row.report or {}
    best, rule = report.get("best") or {}, report.get("reference") or {}
    births = store.read_candidates(row.id or 0).values()
    found = [each.program for each in births if each.operator == "rule" and each.name == rule.get("name")]
    if not best.get("id") or not found or found[0] in (None, best["id"]) or report.get("formulation"):
        return ()
    programs = [store.find(found[0] or 0), store.find(best["id"])]
    problem, view = find_problem_of(row), View(store, "")
    lines = [{each.result.digest: each for each in list_lines(view, p, problem)} for p in programs]
    return compare_programs(programs, lines, "test", bool(problem and problem.maximise))[1].differences
