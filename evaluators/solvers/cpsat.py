"""One way to run CP-SAT in a baseline: one worker, a fixed seed, a limit that the load of the machine does not move."""

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
"""Between two looks at the CPU clock, by the clock on the wall."""

TOO_LATE = 1.25
"""Times the limit, at which the CPU clock ends a run that its own measure of time has not ended."""

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


def solved(
    solver: "cp_model.CpSolver", model: "cp_model.CpModel", seconds: float
) -> "cp_model.CpSolverStatus":
    """Solves a model; the CPU clock stops what takes a quarter longer than it should."""
    with stopped_after(solver.stop_search, TOO_LATE * seconds):
        return solver.solve(model)


@contextlib.contextmanager
def stopped_after(stop: Callable[[], None], seconds: float) -> Iterator[None]:
    """Calls `stop` as long as the body goes on after so many seconds of CPU of this process."""
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
