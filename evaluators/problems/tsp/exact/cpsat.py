"""CP-SAT's circuit on the edges that are left.

The last step of the travelling salesman's proof.
"""

import math

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.solvers.cpsat import make_solver, solve_model


def solve_circuit(
    distance: NDArray[np.int64], edges: NDArray[np.bool_], most: int, seconds: float
) -> tuple[int, list[int] | None]:
    """Searches for a shortest tour on given edges by CP-SAT.

    The tour must not be longer than a given length.

    Args:
        distance: symmetric, shape (n, n).
        edges: symmetric, which edges may be used, shape (n, n); at least two at every city.
        most: the greatest length of interest.
        seconds: limit of CPU time, about; see `cpsat_worker`.

    Returns:
        A proven lower bound on the length of all tours, and the best tour found: the bound is `most + 1` and the
        tour None where there is none of at most `most`.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    ends = [(int(i), int(j)) for i, j in np.argwhere(edges)]
    arcs = [model.new_bool_var(f"{i} to {j}") for i, j in ends]
    model.add_circuit([(i, j, arc) for (i, j), arc in zip(ends, arcs, strict=True)])
    length = sum(int(distance[i, j]) * arc for (i, j), arc in zip(ends, arcs, strict=True))
    model.add(length <= most)
    model.minimize(length)
    solver = make_solver(seconds)
    solver.parameters.linearization_level = 2  # cuts off subtours in the relaxation: without, hopeless
    status = solve_model(solver, model, seconds)
    if status == cp_model.INFEASIBLE:
        return most + 1, None
    # All coefficients are integers, so the bound is one: exact as a double below 2⁵³.
    bound = max(0, min(most, math.ceil(solver.best_objective_bound - 1e-6)))
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return bound, None
    after = {i: j for (i, j), arc in zip(ends, arcs, strict=True) if solver.value(arc)}
    tour = [0]
    while (city := after[tour[-1]]) != 0:
        tour.append(city)
    return bound, tour
