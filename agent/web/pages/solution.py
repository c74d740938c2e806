"""What a program does on an instance, beside the best known solution."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from gapsmith.agent.archive import Program
from gapsmith.agent.codegen.screen import screen
from gapsmith.agent.evaluation.sandboxed import Sandboxed
from gapsmith.agent.web.ask import Ask
from gapsmith.agent.web.charts.schedules import Drawing
from gapsmith.agent.web.charts.solutions import draw_solution, find_horizon
from gapsmith.agent.web.charts.svg import make_figure
from gapsmith.agent.web.facts.instances import find_built_in, make_instance
from gapsmith.agent.web.facts.problems import find_baseline
from gapsmith.agent.web.pages.program import list_lines
from gapsmith.agent.web.view import LASTING, Page, View
from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance, Problem
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.evaluators.scoring import compute_gap_percent

LONGEST_RUN = 60.0
"""CPU seconds after which a program that is run for a drawing is ended."""
PATIENCE = 5.0
"""Seconds to wait for another drawing to end."""


@dataclass(frozen=True)
class Attempt:
    """What a program returned, or why it returned nothing."""

    solution: Any = None
    cost: float | None = None
    message: str = ""


def show_solution(view: View, ask: Ask) -> Page:
    """Draws the best known solution, and on demand the program's."""
    program = view.store.find(ask.path["number"])
    digest = str(ask.path["digest"])
    problem, instance = find_instance(view, program, digest)
    known = find_baseline(view.store, program.problem, program.version, digest)
    stored = known[1] if known else None
    attempt = run_program(view, program, problem, instance, digest) if ask.query.get("run") else None
    solutions = [stored.solution if stored else None, attempt.solution if attempt else None]
    horizon = find_horizon(problem.name, instance.data, solutions)
    gap = None
    if attempt and attempt.cost is not None and stored:
        gap = compute_gap_percent(attempt.cost, stored, problem.maximise)
    facts = {
        "ask": ask,
        "program": program,
        "instance": instance,
        "problem": problem,
        "stored": stored,
        "attempt": attempt,
        "gap": gap,
        "best": _draw(problem, instance, solutions[0], "Best known solution", horizon),
        "own": _draw(problem, instance, solutions[1], f"Solution of program {program.id}", horizon),
        "limit": min(LONGEST_RUN, problem.compute_cpu_limit(instance)),
    }
    return Page("program/solution.html.j2", f"Program {program.id} on {instance.name}", facts)


def find_instance(view: View, program: Program, digest: str) -> tuple[Problem, Instance]:
    """Makes the instance of a digest again. Raises GapsmithError if it cannot."""
    births = view.store.list_births(program.id or 0)[:1]
    scale = "".join(str(view.store.run(birth.run).config.get("scale") or "") for birth in births)
    problem = find_built_in(program.problem, scale)
    lines = [line for line in list_lines(view, program, problem) if line.result.digest == digest]
    instance = make_instance(lines[0].result.instance, digest, problem) if lines else None
    if problem is None or instance is None:
        raise GapsmithError(
            f"program {program.id} has met no instance {digest!r:.40} that can be made again; only generated instances "
            "of built-in problems are drawn"
        )
    return problem, instance


def run_program(view: View, program: Program, problem: Problem, instance: Instance, digest: str) -> Attempt:
    """Runs a program on an instance in the sandbox."""
    key = ("attempt", program.id, digest)
    if not view.drawing.acquire(timeout=PATIENCE):
        return Attempt(message="another program is being run; try again in a moment")
    try:
        return view.kept.get(key, LASTING, lambda: _run_program(program, problem, instance))
    finally:
        view.drawing.release()


def _run_program(program: Program, problem: Problem, instance: Instance) -> Attempt:
    screened = screen(program.source, problem.entry)
    if screened.outcome != CandidateOutcome.OK:
        return Attempt(message=f"it is not run: {screened.message}")
    seconds = min(LONGEST_RUN, problem.compute_cpu_limit(instance))
    box = Sandboxed(
        program.source, problem.entry.name, tuple(instance.data), seconds, problem.driver, problem.preload
    )
    try:
        solution = box(*instance.data.values())
        return Attempt(solution, float(problem.cost(instance, solution)))
    except (RuntimeError, Infeasible) as error:
        return Attempt(message=str(error))
    finally:
        box.close()


def _draw(problem: Problem, instance: Instance, solution: Any, label: str, horizon: float) -> Markup | None:
    """Draws a solution as a figure; None if it cannot be drawn."""
    try:
        found: Drawing | None = draw_solution(problem.name, instance.data, solution, label, horizon)
    except (IndexError, KeyError, TypeError, ValueError):  # an archive of others may hold anything
        return None
    return make_figure(found.svg, label, found.table) if found else None
