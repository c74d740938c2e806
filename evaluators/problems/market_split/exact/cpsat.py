"""CP-SAT model of market split.

Binaries, and the slack of each row in both directions.
"""

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Integers: TypeAlias = "NDArray[np.int64]"


def solve_with_cpsat(a: Integers, b: Integers, x: Integers, seconds: float) -> tuple[int, Integers]:
    """Minimises the total slack by CP-SAT (one worker, fixed seed).

    Args:
        a: coefficients, shape (m, n).
        b: right-hand sides, shape (m,).
        x: a first solution, zeros and ones, shape (n,).
        seconds: limit of wall time.

    Returns:
        A proven lower bound on the total slack, and the best solution found, or `x` if none is better.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    chosen = [model.new_bool_var(f"x {j}") for j in range(a.shape[1])]
    slacks = []
    for row, side in zip(a.tolist(), b.tolist(), strict=True):
        most = sum(map(abs, row)) + abs(side)
        more, less = model.new_int_var(0, most, ""), model.new_int_var(0, most, "")
        model.add(
            sum(value * literal for value, literal in zip(row, chosen, strict=True)) - more + less == side
        )
        slacks += [more, less]
    model.minimize(sum(slacks))
    for literal, value in zip(chosen, x.tolist(), strict=True):
        model.add_hint(literal, value)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_time_in_seconds = seconds
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return 0, x
    found = np.array([solver.boolean_value(literal) for literal in chosen], dtype=np.int64)
    better = np.abs(a @ found - b).sum() < np.abs(a @ x - b).sum()
    return max(0, math.ceil(solver.best_objective_bound - 1e-6)), found if better else x
