"""One way to run CP-SAT in a baseline: one worker, a fixed seed, a limit that the load of the machine does not move."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

UNITS_PER_SECOND = 0.6
"""CP-SAT's deterministic time per second of CPU, measured on circuits and packings: 0.55 to 0.75."""

PATIENCE = 20.0
"""The wall clock may run so many times longer: a guard against a machine that hardly gives any time."""


def worker(seconds: float) -> "cp_model.CpSolver":
    """A solver whose run is reproducible and takes about so many seconds of CPU at most."""
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = UNITS_PER_SECOND * seconds
    solver.parameters.max_time_in_seconds = PATIENCE * seconds
    return solver
