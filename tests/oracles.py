"""Second opinions on exact methods, for small instances: what tests compare with."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.problems.rcpsp.exact import compute_critical_path
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.solve import Solved


def subset_dynamic_programme(p, d, w=None):
    """Solves 1‖ΣwjTj over all subsets (Held and Karp 1962), n up to 15 or so; weights of 1 if not given."""
    size = len(p)
    processing, due, weight = (
        [int(value) for value in values] for values in (p, d, [1] * size if w is None else w)
    )
    least, last, length = [0] * (1 << size), [0] * (1 << size), [0] * (1 << size)
    for jobs in range(1, 1 << size):
        lowest = (jobs & -jobs).bit_length() - 1
        length[jobs] = length[jobs & (jobs - 1)] + processing[lowest]
        least[jobs], last[jobs] = min(
            (least[jobs ^ (1 << job)] + weight[job] * max(0, length[jobs] - due[job]), job)
            for job in range(size)
            if jobs >> job & 1
        )
    sequence, jobs = [], (1 << size) - 1
    while jobs:
        sequence.append(last[jobs])
        jobs ^= 1 << last[jobs]
    return Solved(sequence[::-1], least[-1], least[-1])


def has_cycle(n, precedence):
    """Whether some activity comes before itself."""
    try:
        compute_critical_path(np.ones(n, np.int64), precedence)
    except ValueError:
        return True
    return False


def cpsat_total_tardiness(
    p: Sequence[int] | NDArray[np.integer], d: Sequence[int] | NDArray[np.integer], seconds: float
) -> tuple[int, int, list[int]]:
    """Solves 1‖ΣTj by CP-SAT: one interval per job, no overlap, one worker, fixed seed.

    Args:
        p: processing times, integers of at least 0, shape (n,).
        d: due dates, integers of either sign, shape (n,).
        seconds: limit of wall time.

    Returns:
        A proven lower bound on the total tardiness, the cost of the best sequence, and that sequence.

    Raises:
        AssertionError: CP-SAT found no sequence at all; EDD is a hint, so that takes a limit of nothing.
    """
    from ortools.sat.python import cp_model

    processing, due = [int(value) for value in p], [int(value) for value in d]
    horizon = sum(processing)
    model = cp_model.CpModel()
    starts, intervals, tardiness = [], [], []
    for job, length in enumerate(processing):
        start = model.new_int_var(0, horizon - length, f"start {job}")
        late = model.new_int_var(0, max(0, horizon - due[job]), f"tardiness {job}")
        model.add(late >= start + length - due[job])
        intervals.append(model.new_fixed_size_interval_var(start, length, f"job {job}"))
        starts.append(start)
        tardiness.append(late)
    model.add_no_overlap(intervals)
    model.minimize(sum(tardiness))
    moment = 0
    for job in np.argsort(due, kind="stable"):
        model.add_hint(starts[job], moment)
        moment += processing[job]
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    # Without cuts on completion times a dozen tight jobs take more than a minute; with them, a tenth of a second.
    solver.parameters.linearization_level = 2
    solver.parameters.random_seed = 1
    solver.parameters.max_time_in_seconds = seconds
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        raise AssertionError(f"CP-SAT ended as {solver.status_name(status)} on {len(processing)} jobs")
    # Jobs without length may share a start with another job, and belong before it.
    sequence = sorted(range(len(processing)), key=lambda job: (solver.value(starts[job]), processing[job]))
    completion = total = 0
    for job in sequence:
        completion += processing[job]
        total += max(0, completion - due[job])
    return math.ceil(solver.best_objective_bound - 1e-6), total, sequence
