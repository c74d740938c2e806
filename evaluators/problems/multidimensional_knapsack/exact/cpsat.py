"""CP-SAT model of the multi-dimensional knapsack.

Linear constraints with integer coefficients over Booleans.
"""

import math

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.solvers.cpsat import make_solver, solve_model


def solve_with_cpsat(
    profit: NDArray[np.int64],
    weight: NDArray[np.int64],
    capacity: NDArray[np.int64],
    hint: list[int],
    seconds: float,
) -> tuple[int, list[int]]:
    """Maximises the profit by CP-SAT.

    Args:
        profit: of the items, integers of at least 0, shape (n,).
        weight: of the items in each constraint, integers of at least 0, shape (m, n).
        capacity: of the constraints, integers of at least 0, shape (m,).
        hint: a feasible packing.
        seconds: approximate limit of CPU time; see `solvers.cpsat`.

    Returns:
        A proven upper bound on the profit, and the best packing found, or the hint if CP-SAT finds none.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    items = [model.new_bool_var(f"item {j}") for j in range(len(profit))]
    for row, most in zip(weight.tolist(), capacity.tolist(), strict=True):
        model.add(cp_model.LinearExpr.weighted_sum(items, row) <= most)
    model.maximize(cp_model.LinearExpr.weighted_sum(items, profit.tolist()))
    hinted = set(hint)
    for j, item in enumerate(items):
        model.add_hint(item, j in hinted)
    solver = make_solver(seconds)
    status = solve_model(solver, model, seconds)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return int(profit.sum()), hint
    # All coefficients are integers, so the bound is an integer too, exact as a double below 2⁵³.
    bound = math.floor(solver.best_objective_bound + 1e-6)
    return bound, [j for j, item in enumerate(items) if solver.value(item)]
