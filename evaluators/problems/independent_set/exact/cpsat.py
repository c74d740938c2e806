"""CP-SAT model of the maximum independent set.

At most one vertex of each clique of an edge clique cover.
"""

import math
from collections.abc import Sequence

from gapsmith.evaluators.solvers.cpsat import make_solver, solve_model


def solve_with_cpsat(
    n: int, cliques: Sequence[Sequence[int]], upper: int, hint: Sequence[int], seconds: float
) -> tuple[int, list[int]]:
    """Maximises a set with at most one vertex of each clique.

    Args:
        n: the number of vertices.
        cliques: cliques that cover all edges.
        upper: a proven upper bound on the size.
        hint: an independent set to start from.
        seconds: approximate limit of CPU time; see `solvers.cpsat`.

    Returns:
        A proven upper bound on the size, and the best set found, or the hint if CP-SAT finds none.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    taken = [model.new_bool_var(f"vertex {v}") for v in range(n)]
    for clique in cliques:
        model.add_at_most_one(taken[v] for v in clique)
    model.add(sum(taken) <= upper)
    model.maximize(sum(taken))
    inside = set(hint)
    for v in range(n):
        model.add_hint(taken[v], v in inside)
    solver = make_solver(seconds)
    # The cliques must be in the linear relaxation: without it CP-SAT proves hardly anything.
    solver.parameters.linearization_level = 2
    status = solve_model(solver, model, seconds)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return upper, list(hint)
    # All coefficients are 1, so the bound is an integer: exact as a double.
    bound = min(upper, math.floor(solver.best_objective_bound + 1e-6))
    return bound, [v for v in range(n) if solver.value(taken[v])]
