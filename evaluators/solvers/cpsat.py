"""Runs CP-SAT for baselines.

One worker, a fixed seed, a limit that does not depend on the machine's load.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

UNITS_PER_SECOND = 0.6
"""CP-SAT's deterministic time per second of CPU, measured on circuits and packings: 0.55 to 0.75."""

LOOK_SECONDS = 0.05
"""Wall seconds between two looks at the CPU clock."""

CPU_LIMIT_FACTOR = 1.25
"""Factor on the limit at which the CPU clock ends a run that the deterministic limit has not ended."""

WALL_LIMIT_FACTOR = 20.0
"""Factor on the limit for the wall clock: a guard against a machine that gives almost no CPU time."""


def make_solver(seconds: float) -> "cp_model.CpSolver":
    """Makes a reproducible solver with a CPU limit of about `seconds`."""
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = UNITS_PER_SECOND * seconds
    solver.parameters.max_time_in_seconds = WALL_LIMIT_FACTOR * seconds
    return solver


def solve_model(
    solver: "cp_model.CpSolver", model: "cp_model.CpModel", seconds: float
) -> "cp_model.CpSolverStatus":
    """Solves a model; the CPU clock stops it beyond the limit."""
    with stop_after(solver.stop_search, CPU_LIMIT_FACTOR * seconds):
        return solver.solve(model)


@contextlib.contextmanager
def stop_after(stop: Callable[[], None], seconds: float) -> Iterator[None]:
    """Calls `stop` while the body runs beyond its limit of CPU seconds."""
    over, deadline = threading.Event(), time.process_time() + seconds

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            if time.process_time() > deadline:
                stop()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
