"""Solves job shops by CP-SAT.

The makespan of every schedule is computed again from its list of operations.
"""

import math
import time

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline
from gapsmith.evaluators.solvers import makespan as makespan_models

Integers = NDArray[np.int64]

MAX_DISPATCHED = 5_000_000
"""Operations times jobs up to which the first schedule is dispatched by MWKR, which then takes some seconds."""

MAX_OPERATIONS = 20_000
"""Operations up to which the CP-SAT model is built; a larger one takes too long to build."""


def compute_start_times(machines: Integers, p: Integers, sequence: list[int]) -> list[list[int]]:
    """Computes the semi-active schedule of a list of operations.

    Operations start in this order, each as early as its job and its machine allow.

    Args:
        machines: the machines of the operations of each job, in order, shape [n, m].
        p: their processing times, shape [n, m].
        sequence: jobs; the k-th appearance of a job is its k-th operation.

    Returns:
        For each job the start times of its operations.
    """
    routes, times = machines.tolist(), p.tolist()
    ready, free = [0] * len(times), [0] * (int(machines.max()) + 1)
    starts: list[list[int]] = [[] for _ in times]
    for job in sequence:
        step = len(starts[job])
        machine = routes[job][step]
        start = max(ready[job], free[machine])
        ready[job] = free[machine] = start + times[job][step]
        starts[job].append(start)
    return starts


def makespan(machines: Integers, p: Integers, sequence: list[int]) -> int:
    """Returns the time when the last operation ends."""
    starts = compute_start_times(machines, p, sequence)
    return max(line[-1] + int(p[job, -1]) for job, line in enumerate(starts))


def order_by_start(p: Integers, starts: Integers) -> list[int]:
    """Lists the jobs of the operations by start time.

    Of operations with equal start, those of length 0 come first.
    """
    keys = [
        (int(start), int(start + p[job, step]), step, job) for (job, step), start in np.ndenumerate(starts)
    ]
    return [job for _, _, _, job in sorted(keys)]


def dispatch_most_work_remaining(machines: Integers, p: Integers) -> list[int]:
    """Builds a non-delay schedule by most work remaining (MWKR)."""
    n, m = p.shape
    remaining = np.cumsum(p[:, ::-1], axis=1)[:, ::-1].tolist()
    routes, times = machines.tolist(), p.tolist()
    step, ready = [0] * n, [0] * n
    free = [0] * (int(machines.max()) + 1)
    sequence = []
    for _ in range(n * m):
        starts = {j: max(ready[j], free[routes[j][step[j]]]) for j in range(n) if step[j] < m}
        job = min(starts, key=lambda j: (starts[j], -remaining[j][step[j]]))
        ready[job] = free[routes[job][step[job]]] = starts[job] + times[job][step[job]]
        step[job] += 1
        sequence.append(job)
    return sequence


def _list_in_turn(p: Integers) -> list[int]:
    """Lists the first operations of all jobs, then the second ones, ...

    This replaces dispatching where that would take too long.
    """
    n, m = p.shape
    return [job for _ in range(m) for job in range(n)]


def _bound_makespan(machines: Integers, p: Integers) -> int:
    """Returns the larger of the longest job and the greatest machine load."""
    loads = np.zeros(int(machines.max()) + 1, np.int64)
    np.add.at(loads, machines.ravel(), p.ravel())
    return int(max(loads.max(), p.sum(axis=1).max()))


def solve_job_shop(
    machines: Integers, p: Integers, seconds: float, known: Baseline | None = None
) -> Baseline:
    """Solves by CP-SAT from a dispatched schedule on.

    Args:
        machines: the machines of the operations of each job, in order, shape [n, m].
        p: their processing times, shape [n, m].
        seconds: limit of CPU time.
        known: bounds and a schedule of an earlier solve, from which this one continues.

    Returns:
        Bounds, and the best schedule: the dispatched or the known one if CP-SAT finds none.
    """
    begin = time.process_time()
    first = (
        dispatch_most_work_remaining(machines, p) if p.size * len(p) <= MAX_DISPATCHED else _list_in_turn(p)
    )
    if known is not None and known.solution is not None:
        first = min(first, known.solution, key=lambda sequence: makespan(machines, p, sequence))
    lower = max(_bound_makespan(machines, p), math.ceil(known.lower) if known else 0)
    if p.size > MAX_OPERATIONS or makespan(machines, p, first) <= lower:
        found = makespan_models.SolverRun(lower, None, 0.0)
    else:
        left = seconds - (time.process_time() - begin)
        found = makespan_models.solve_job_shop(
            machines, p, np.array(compute_start_times(machines, p, first)), left, lower
        )
    sequences = [first]
    if found.starts is not None:
        sequences.append(order_by_start(p, np.array(found.starts).reshape(p.shape)))
    best = min(sequences, key=lambda sequence: makespan(machines, p, sequence))
    upper = makespan(machines, p, best)
    solver = "CP-SAT intervals" if found.starts is not None else "bounds and MWKR"
    return Baseline(found.lower, upper, best, solver, time.process_time() - begin)
