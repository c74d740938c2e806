"""Exact solves that continue from what is known."""

from dataclasses import replace

from gapsmith.evaluators.base import Baseline, Infeasible, Instance, Problem


def solve_exactly(
    problem: Problem, instance: Instance, seconds: float, known: Baseline | None = None
) -> Baseline:
    """Solves an instance by the exact method, from known bounds.

    Args:
        problem: its exact method is used.
        instance: the one to solve.
        seconds: limit of the exact method, in CPU seconds.
        known: bounds of an earlier solve; a solution that does not cost its bound is left aside.
    """
    if known is None or problem.tighten is None:
        return problem.baseline(instance, seconds)
    return problem.tighten(instance, seconds, _drop_wrong_solution(problem, instance, known))


def _drop_wrong_solution(problem: Problem, instance: Instance, known: Baseline) -> Baseline:
    try:
        right = problem.cost(instance, known.solution) == (known.lower if problem.maximise else known.upper)
    except Infeasible:
        right = False
    return known if right else replace(known, solution=None)
