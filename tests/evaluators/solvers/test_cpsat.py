"""CP-SAT in baselines: reproducible, and stopped by the CPU clock."""

import time

import pytest
from ortools.sat.python import cp_model

from gapsmith.evaluators.solvers.cpsat import (
    LOOK_SECONDS,
    UNITS_PER_SECOND,
    make_solver,
    solve_model,
    stop_after,
)


def burn(seconds):
    """Uses so many seconds of CPU."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_a_solver_has_one_worker_and_a_fixed_seed():
    """What makes runs differ is switched off, and the limit is that of deterministic time."""
    parameters = make_solver(7.0).parameters
    assert (parameters.num_workers, parameters.random_seed) == (1, 1)
    assert parameters.max_deterministic_time == pytest.approx(7 * UNITS_PER_SECOND)
    assert parameters.max_time_in_seconds > 7.0


def test_a_small_model_is_solved():
    """A limit is no reason not to finish."""
    model = cp_model.CpModel()
    x = model.new_int_var(0, 10, "x")
    model.add(2 * x <= 15)
    model.maximize(x)
    solver = make_solver(5.0)
    assert solve_model(solver, model, 5.0) == cp_model.OPTIMAL
    assert solver.value(x) == 7


def test_work_within_its_limit_is_not_stopped():
    """Nothing is called where the body ends in time, however long the process ran before."""
    burn(0.2)
    calls = []
    with stop_after(lambda: calls.append(1), 0.15):
        pass
    time.sleep(3 * LOOK_SECONDS)
    assert calls == []


def test_work_beyond_its_limit_is_stopped_again_and_again():
    """A solver that missed one call meets the next."""
    calls = []
    with stop_after(lambda: calls.append(time.process_time()), 0.05):
        burn(0.05 + 8 * LOOK_SECONDS)
    assert len(calls) >= 2
    count = len(calls)
    time.sleep(3 * LOOK_SECONDS)
    assert len(calls) == count


def test_sleep_is_no_work():
    """The clock is that of the CPU: a process that waits is not stopped."""
    calls = []
    with stop_after(lambda: calls.append(1), 0.3):
        time.sleep(0.5)
    assert calls == []


def test_the_watch_ends_with_an_error_of_the_body():
    """An exception is passed on, and nothing is called afterwards."""
    calls = []
    with pytest.raises(RuntimeError, match="inside"), stop_after(lambda: calls.append(1), 0.0):
        raise RuntimeError("inside")
    count = len(calls)
    burn(0.1)
    assert len(calls) == count
