"""Exact methods for P‖Cmax: bounds, balancing, symmetries, and what each stage adds."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.parallel_machines.exact import solve as exact
from gapsmith.evaluators.problems.parallel_machines.exact.cpsat import solve_with_cpsat
from gapsmith.evaluators.problems.parallel_machines.exact.solve import (
    balance_jobs,
    bound_makespan,
    schedule_longest_first,
    solve_parallel_machines,
)

JOBS = st.lists(st.integers(1, 30), min_size=1, max_size=8)
MACHINES = st.integers(1, 4)


def optimum(p, m):
    """The least makespan, by the machine of each job in turn, the first empty one only."""
    best = sum(p)

    def place(job, loads):
        nonlocal best
        if max(loads) >= best:
            return
        if job == len(p):
            best = max(loads)
            return
        for k in range(m):
            if k == 0 or loads[k] != loads[k - 1]:
                loads[k] += p[job]
                place(job + 1, loads)
                loads[k] -= p[job]

    place(0, [0] * m)
    return best


def loads_of(machines, p):
    """The load of each machine."""
    return [sum(p[job] for job in jobs) for jobs in machines]


@settings(max_examples=100)
@given(JOBS, MACHINES)
def test_bound_and_schedule_enclose_the_optimum(p, m):
    """The bound by counting never passes the optimum, and LPT never falls below it nor above Graham's ratio."""
    best = optimum(p, m)
    assert max(max(p), -(-sum(p) // m)) <= bound_makespan(np.array(p), m) <= best
    machines = schedule_longest_first(np.array(p), m)
    assert sorted(job for jobs in machines for job in jobs) == list(range(len(p)))
    assert best <= max(loads_of(machines, p)) <= (4 / 3 - 1 / (3 * m)) * best + 1e-9


@given(st.integers(1, 12), st.integers(1, 60), MACHINES)
def test_the_bound_is_tight_for_equal_jobs(n, length, m):
    """Of n jobs of equal length some machine has ceil(n / m)."""
    assert bound_makespan(np.full(n, length), m) == length * -(-n // m)


@settings(max_examples=20)
@given(JOBS, MACHINES, st.integers(0, 999))
def test_the_order_of_jobs_does_not_matter(p, m, seed):
    """Permuted jobs have the same bounds and the same optimum."""
    jobs = np.array(p)
    order = np.random.default_rng(seed).permutation(len(p))
    assert bound_makespan(jobs, m) == bound_makespan(jobs[order], m)
    assert solve_parallel_machines(jobs[order], m, 5.0).upper == optimum(p, m)


@settings(max_examples=20)
@given(JOBS, MACHINES, st.integers(2, 500))
def test_optima_scale_with_the_unit_of_time(p, m, unit):
    """In another unit of time the optimum is the same number of units."""
    assert solve_parallel_machines(unit * np.array(p), m, 5.0).upper == unit * optimum(p, m)


@settings(max_examples=20)
@given(JOBS, MACHINES)
def test_a_further_machine_never_hurts(p, m):
    """One machine takes all jobs; each machine more does not lengthen; with one for each job the longest decides."""
    ends = [solve_parallel_machines(np.array(p), k, 5.0).upper for k in (1, m, m + 1, len(p))]
    assert ends[0] == sum(p)
    assert ends[2] <= ends[1]
    assert ends[3] == max(p)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=8), MACHINES)
def test_jobs_of_no_length_have_a_machine_too(p, m):
    """Jobs of length 0 change no makespan, and each is assigned."""
    found = solve_parallel_machines(np.array(p), m, 5.0)
    assert found.lower == found.upper == optimum([work for work in p if work] or [0], m)
    assert len(found.solution) == len(p)
    assert set(found.solution) <= set(range(m))


@given(st.lists(st.integers(0, 60), min_size=1, max_size=12))
def test_jobs_are_dealt_where_subset_sums_would_be_too_large(p):
    """Without the table two machines still share all jobs, the fuller one first, within Graham's ratio of 7/6."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "MAX_BITS", -1)
        dealt = balance_jobs(list(range(len(p))), p)
    more, less = loads_of(dealt, p)
    assert sorted(dealt[0] + dealt[1]) == list(range(len(p)))
    assert more >= less
    assert max(loads_of(balance_jobs(list(range(len(p))), p), p)) <= more
    assert more <= 7 / 6 * optimum(p, 2) + 1e-9


def stages(**limits):
    """The baseline's result for a hard instance with some stages switched off."""
    p = np.array([38, 37, 35, 34, 31, 29, 26, 25, 23, 22, 19, 17, 13, 11])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in limits.items():
            patch.setattr(exact, name, value)
        return p, solve_parallel_machines(p, 4, 10.0)


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"RESTARTS": 0},
        {"RESTARTS": 0, "TABLE_CELLS": 0},
        {"RESTARTS": 0, "MOST_LITERALS": 0},
        {"RESTARTS": 0, "TABLE_CELLS": 0, "MOST_LITERALS": 0},
    ],
    ids=["all", "no restarts", "no bin packing", "no CP-SAT", "descent alone"],
)
def test_every_set_of_stages_encloses_the_optimum(limits):
    """Whichever stages run, the schedule is priced right, and the bounds enclose the optimum of 90."""
    p, found = stages(**limits)
    assert np.bincount(found.solution, weights=p, minlength=4).max() == found.upper
    assert found.lower <= 90 <= found.upper
    if len(limits) < 3:
        assert found.proven


@settings(max_examples=25)
@given(JOBS, MACHINES)
def test_the_model_keeps_a_better_bound_and_a_feasible_schedule(p, m):
    """From LPT and a proven bound CP-SAT returns both at least as good, with each job once."""
    jobs = np.array(p)
    lower, machines = solve_with_cpsat(jobs, m, bound_makespan(jobs, m), schedule_longest_first(jobs, m), 5.0)
    assert bound_makespan(jobs, m) <= lower == optimum(p, m) == max(loads_of(machines, p))
    assert sorted(job for on in machines for job in on) == list(range(len(p)))


def test_the_oracle_of_this_file_is_right():
    """The optimum by branching is that of all assignments."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        p, m = rng.integers(1, 20, 6).tolist(), int(rng.integers(1, 4))
        every = product(range(m), repeat=6)
        assert optimum(p, m) == min(int(np.bincount(k, weights=p, minlength=m).max()) for k in every)
