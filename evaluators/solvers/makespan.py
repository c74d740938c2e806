"""OR-Tools' formulations of the shops and of the project.

Only this module runs CP-SAT for them.

CP-SAT is run with one worker and a fixed seed. Its own limits use the wall clock, which says little on a shared
machine, or a deterministic time, of which a second may take four of CPU: so the CPU clock is watched here.
"""

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.solvers.cpsat import stop_after

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class SolverRun:
    """The result of a run of CP-SAT.

    Attributes:
        lower: proven lower bound on the makespan.
        starts: start times in the order of the model's operations; None where no schedule was found.
        seconds: CPU seconds spent.
    """

    lower: int
    starts: list[int] | None
    seconds: float


def minimise_makespan(model: Any, makespan: Any, starts: list[Any], lower: int, seconds: float) -> SolverRun:
    """Minimises the makespan within a limit of CPU seconds.

    Its bound is never less than `lower`, which must be proven. Raises AssertionError when the solver calls the
    model invalid or infeasible: these models never are.
    """
    from ortools.sat.python import cp_model

    model.minimize(makespan)
    begin = time.process_time()
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    # A linear relaxation is weak for disjunctions and takes most of the time: the proof for the job shop orb01
    # takes 14 s without it, and more than 30 s with it.
    solver.parameters.linearization_level = 0
    with stop_after(solver.stop_search, seconds):
        status = solver.solve(model)
    spent = time.process_time() - begin
    if status == cp_model.UNKNOWN:
        return SolverRun(lower, None, spent)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        raise AssertionError(f"CP-SAT ended as {solver.status_name(status)}")
    bound = max(lower, math.ceil(solver.best_objective_bound - 1e-6))
    return SolverRun(bound, [solver.value(start) for start in starts], spent)


def solve_permutation_flow_shop(p: Integers, lower: int, seconds: float) -> tuple[SolverRun, list[int]]:
    """Solves by assigning jobs to places: a second method for small instances.

    Args:
        p: processing times, shape [n, m].
        lower: a proven bound, for example that of the machines.
        seconds: limit.

    Returns:
        The run, and the sequence, empty where none was found.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    n, m = p.shape
    horizon = int(p.sum())
    chosen = [[model.new_bool_var(f"job {job} at {i}") for i in range(n)] for job in range(n)]
    for one in range(n):
        model.add_exactly_one(chosen[one])
        model.add_exactly_one(chosen[job][one] for job in range(n))
    starts = [[model.new_int_var(0, horizon, f"start {i} {k}") for k in range(m)] for i in range(n)]
    makespan = model.new_int_var(lower, horizon, "makespan")
    for i in range(n):
        for k in range(m):
            end = starts[i][k] + sum(int(p[job, k]) * chosen[job][i] for job in range(n))
            if i + 1 < n:
                model.add(starts[i + 1][k] >= end)
            model.add((starts[i][k + 1] if k + 1 < m else makespan) >= end)
    places = [model.new_int_var(0, n - 1, f"place {job}") for job in range(n)]
    for job in range(n):
        model.add(places[job] == sum(i * chosen[job][i] for i in range(n)))
    found = minimise_makespan(model, makespan, places, lower, seconds)
    sequence = [] if found.starts is None else [int(job) for job in np.argsort(found.starts)]
    return found, sequence


def solve_job_shop(
    machines: Integers, p: Integers, starts: Integers, seconds: float, lower: int = 0
) -> SolverRun:
    """Solves J‖Cmax with an interval for each operation.

    Args:
        machines: where the operations of each job go, in order, shape [n, m].
        p: their processing times, shape [n, m].
        starts: a schedule to begin with, shape [n, m].
        seconds: limit.
        lower: a proven bound, if one is known.

    Returns:
        The run; its starts are job by job, [n * m].
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    horizon = int((starts + p).max())
    loads = [int(p[machines == k].sum()) for k in range(int(machines.max()) + 1)]
    lower = max(lower, *loads, int(p.sum(axis=1).max()))
    makespan = model.new_int_var(lower, horizon, "makespan")
    variables: list[Any] = []
    intervals: dict[int, list[Any]] = {}
    for (job, step), length in np.ndenumerate(p):
        start = model.new_int_var(0, horizon - int(length), f"start {job} {step}")
        if step:
            model.add(start >= variables[-1] + int(p[job, step - 1]))
        if step == p.shape[1] - 1:
            model.add(makespan >= start + int(length))
        model.add_hint(start, int(starts[job, step]))
        interval = model.new_fixed_size_interval_var(start, int(length), f"operation {job} {step}")
        intervals.setdefault(int(machines[job, step]), []).append(interval)
        variables.append(start)
    for group in intervals.values():
        model.add_no_overlap(group)
    return minimise_makespan(model, makespan, variables, lower, seconds)


def solve_project(
    p: Integers,
    precedence: Integers,
    demand: Integers,
    capacity: Integers,
    starts: Integers,
    lower: int,
    seconds: float,
) -> SolverRun:
    """Solves the resource-constrained project with an interval for each activity.

    Args:
        p: durations, shape [n].
        precedence: pairs (before, after), shape [arcs, 2].
        demand: units of each resource, shape [n, r].
        capacity: units there are, shape [r].
        starts: a schedule to begin with, shape [n].
        lower: a proven bound, for example the critical path.
        seconds: limit.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    horizon = int((starts + p).max())
    energy = [-(-int(p @ demand[:, k]) // int(capacity[k])) for k in range(len(capacity)) if capacity[k]]
    lower = max(lower, *energy)
    makespan = model.new_int_var(lower, horizon, "makespan")
    variables, intervals = [], []
    for activity, length in enumerate(p):
        start = model.new_int_var(0, horizon - int(length), f"start {activity}")
        model.add(makespan >= start + int(length))
        model.add_hint(start, int(starts[activity]))
        intervals.append(model.new_fixed_size_interval_var(start, int(length), f"activity {activity}"))
        variables.append(start)
    for before, after in precedence:
        model.add(variables[after] >= variables[before] + int(p[before]))
    for k, units in enumerate(capacity):
        users = np.flatnonzero(demand[:, k])
        model.add_cumulative([intervals[i] for i in users], [int(demand[i, k]) for i in users], int(units))
    return minimise_makespan(model, makespan, variables, lower, seconds)
