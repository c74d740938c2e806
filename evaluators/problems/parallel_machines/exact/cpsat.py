"""CP-SAT model of P‖Cmax: an assignment of jobs to machines."""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Integers: TypeAlias = "NDArray[np.int64]"


def solve_with_cpsat(
    p: Integers, m: int, lower: int, machines: Sequence[Sequence[int]], seconds: float
) -> tuple[int, list[list[int]]]:
    """Solves P‖Cmax by CP-SAT with one worker and a fixed seed.

    The model has a literal for each job and machine.

    Args:
        p: processing times, shape (n,).
        m: the number of machines.
        lower: a proven lower bound on the makespan.
        machines: the jobs of each machine in a schedule, which gives an upper bound.
        seconds: limit of wall time.

    Returns:
        A proven lower bound, at least `lower`, and the best schedule found, or `machines` if CP-SAT finds none.
    """
    from ortools.sat.python import cp_model

    upper = max(int(p[list(jobs)].sum()) for jobs in machines)
    model = cp_model.CpModel()
    makespan = model.new_int_var(lower, upper, "makespan")
    on = [[model.new_bool_var(f"job {job} on {k}") for k in range(m)] for job in range(len(p))]
    for row in on:
        model.add_exactly_one(row)
    for k in range(m):
        model.add(sum(int(p[job]) * on[job][k] for job in range(len(p))) <= makespan)
    # The machines are identical: the k-th longest job is on one of the first k machines.
    for place, job in enumerate(np.argsort(-p, kind="stable")[:m].tolist()):
        for k in range(place + 1, m):
            model.add(on[job][k] == 0)
    model.minimize(makespan)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_time_in_seconds = seconds
    status = solver.solve(model)
    bound = max(lower, math.ceil(solver.best_objective_bound - 1e-6))
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return bound if status == cp_model.UNKNOWN else lower, [list(jobs) for jobs in machines]
    found = [[job for job in range(len(p)) if solver.boolean_value(on[job][k])] for k in range(m)]
    return bound, found
