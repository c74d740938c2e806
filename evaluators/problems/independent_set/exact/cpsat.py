"""CP-SAT's model of the maximum independent set: at most one vertex of each clique of a cover of the edges."""

import math
from collections.abc import Sequence

from gapsmith.evaluators.solvers.cpsat import solved, worker


def cpsat_independent_set(
    n: int, cliques: Sequence[Sequence[int]], most: int, hint: Sequence[int], seconds: float
) -> tuple[int, list[int]]:
    """Looks for the largest set of vertices with at most one of each clique.

    Args:
        n: how many vertices there are.
        cliques: that cover all edges.
        most: a proven upper bound.
        hint: an independent set to start from.
        seconds: limit of CPU time, about; see `cpsat_worker`.

    Returns:
        A proven upper bound on the size, and the best set found: the hint where there is none.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    taken = [model.new_bool_var(f"vertex {v}") for v in range(n)]
    for clique in cliques:
        model.add_at_most_one(taken[v] for v in clique)
    model.add(sum(taken) <= most)
    model.maximize(sum(taken))
    inside = set(hint)
    for v in range(n):
        model.add_hint(taken[v], v in inside)
    solver = worker(seconds)
    solver.parameters.linearization_level = 2  # the cliques belong into the relaxation: without, hopeless
    status = solved(solver, model, seconds)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return most, list(hint)
    # All coefficients are 1, so the bound is an integer: exact as a double.
    bound = min(most, math.floor(solver.best_objective_bound + 1e-6))
    return bound, [v for v in range(n) if solver.value(taken[v])]
