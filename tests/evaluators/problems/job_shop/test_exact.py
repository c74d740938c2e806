"""Exact makespans of job shops: decoding, bounds, symmetries, and what is done where time or size forbid more."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.job_shop import exact
from gapsmith.evaluators.problems.job_shop.exact import (
    compute_start_times,
    dispatch_most_work_remaining,
    makespan,
    order_by_start,
    solve_job_shop,
)


@st.composite
def shops(draw, jobs=5, machines=4, longest=9):
    """Routes and times of a small shop; operations of length 0 are likely."""
    n, m = draw(st.integers(1, jobs)), draw(st.integers(1, machines))
    routes = np.array([draw(st.permutations(range(m))) for _ in range(n)])
    times = draw(st.lists(st.integers(0, longest), min_size=n * m, max_size=n * m))
    return routes, np.array(times, dtype=np.int64).reshape(n, m)


@st.composite
def shops_and_sequences(draw):
    """A shop, and a list of its operations in any order."""
    machines, p = draw(shops())
    order = np.repeat(np.arange(len(p)), p.shape[1])
    return machines, p, np.random.default_rng(draw(st.integers(0, 9999))).permutation(order).tolist()


def overlaps(machines, p, starts):
    """Pairs of operations that are processed at once although they share a machine or a job."""
    places = list(np.ndindex(*p.shape))
    found = []
    for k, a in enumerate(places):
        for b in places[:k]:
            shared = machines[a] == machines[b] or a[0] == b[0]
            if shared and starts[a] < starts[b] + p[b] and starts[b] < starts[a] + p[a]:
                found.append((a, b))
    return found


@settings(max_examples=60)
@given(shops_and_sequences())
def test_decoded_schedules_are_feasible_and_semi_active(case):
    """No two operations overlap, jobs keep their order, and nothing starts later than what it waits for."""
    machines, p, sequence = case
    starts = np.array(compute_start_times(machines, p, sequence)).reshape(p.shape)
    assert overlaps(machines, p, starts) == []
    assert (starts[:, 1:] >= (starts + p)[:, :-1]).all()
    ends = set((starts + p).ravel().tolist()) | {0}
    assert set(starts.ravel().tolist()) <= ends
    assert makespan(machines, p, sequence) == (starts + p).max()


@settings(max_examples=60)
@given(shops_and_sequences())
def test_a_schedule_survives_as_its_sequence(case):
    """Operations listed by their starts are decoded into a schedule in which none starts later."""
    machines, p, sequence = case
    starts = np.array(compute_start_times(machines, p, sequence)).reshape(p.shape)
    again = order_by_start(p, starts)
    assert sorted(again) == sorted(sequence)
    assert (np.array(compute_start_times(machines, p, again)) <= starts).all()


@given(shops_and_sequences(), st.integers(0, 5))
def test_idle_time_in_a_schedule_is_taken_out(case, delay):
    """A schedule that begins later and waits everywhere is decoded into one that is no longer than the first."""
    machines, p, sequence = case
    starts = np.array(compute_start_times(machines, p, sequence)).reshape(p.shape)
    late = order_by_start(p, 2 * starts + delay)
    assert makespan(machines, p, late) <= makespan(machines, p, sequence)


@settings(max_examples=60)
@given(shops())
def test_the_dispatched_schedule_has_no_delay(case):
    """No machine is idle while an operation waits that could have started there."""
    machines, p = case
    starts = np.array(compute_start_times(machines, p, dispatch_most_work_remaining(machines, p))).reshape(
        p.shape
    )
    ends = starts + p
    for (job, step), start in np.ndenumerate(starts):
        ready = ends[job, step - 1] if step else 0
        on_machine = (machines == machines[job, step]) & (p > 0)
        for moment in range(ready, start):
            assert (on_machine & (starts <= moment) & (moment < ends)).any()


@settings(max_examples=40)
@given(shops(jobs=4, machines=3))
def test_bounds_enclose_the_makespan_of_every_schedule(case):
    """The lower bound is at least the longest job and machine load; no dispatched schedule is below it."""
    machines, p = case
    found = solve_job_shop(machines, p, 5.0)
    loads = [int(p[machines == k].sum()) for k in range(p.shape[1])]
    assert max(loads) <= found.lower
    assert int(p.sum(axis=1).max()) <= found.lower
    assert found.lower == found.upper == makespan(machines, p, found.solution)
    assert found.upper <= makespan(machines, p, dispatch_most_work_remaining(machines, p))


@settings(max_examples=20)
@given(shops(jobs=3, machines=3))
def test_two_machine_flow_shops_agree_with_johnson(case):
    """Where all jobs visit the same two machines in order, Johnson's rule (1954) is optimal."""
    p = case[1][:, :2] if case[1].shape[1] > 1 else np.hstack((case[1], case[1]))
    machines = np.tile(np.arange(2), (len(p), 1))
    order = sorted(
        range(len(p)), key=lambda j: (p[j, 0] >= p[j, 1], p[j, 0] if p[j, 0] < p[j, 1] else -p[j, 1])
    )
    johnson = makespan(machines, p, [*order, *order])
    assert solve_job_shop(machines, p, 5.0).upper == johnson
    assert johnson == min(makespan(machines, p, [*o, *o]) for o in permutations(range(len(p))))


@settings(max_examples=25)
@given(shops(jobs=4, machines=3))
def test_a_shop_read_backwards_has_the_same_optimum(case):
    """Time can run the other way, and machines can be renumbered: the least makespan stays."""
    machines, p = case
    optimum = solve_job_shop(machines, p, 5.0).upper
    assert solve_job_shop(machines[:, ::-1], p[:, ::-1], 5.0).upper == optimum
    assert solve_job_shop(p.shape[1] - 1 - machines, p, 5.0).upper == optimum


@settings(max_examples=25)
@given(shops(jobs=4, machines=3), st.integers(2, 1000))
def test_optima_scale_with_the_unit_of_time(case, unit):
    """In another unit of time the optimum is the same number of units."""
    machines, p = case
    assert solve_job_shop(machines, unit * p, 5.0).upper == unit * solve_job_shop(machines, p, 5.0).upper


@given(shops())
def test_large_shops_have_true_bounds_without_a_model(case):
    """Where CP-SAT and dispatching are left out, the schedule is feasible and the bound not above the optimum."""
    machines, p = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "MAX_OPERATIONS", 0)
        patch.setattr(exact, "MAX_DISPATCHED", 0)
        found = solve_job_shop(machines, p, 5.0)
    assert found.solver == "bounds and MWKR"
    assert found.solution == [job for _ in range(p.shape[1]) for job in range(len(p))]
    assert found.upper == makespan(machines, p, found.solution)
    loads = np.bincount(machines.ravel(), weights=p.ravel())
    assert found.lower == max(loads.max(), p.sum(axis=1).max()) <= found.upper


def test_without_time_the_dispatched_schedule_is_kept():
    """A limit of nothing gives bounds that hold, with a schedule no longer than that of MWKR."""
    rng = np.random.default_rng(5)
    machines = np.array([rng.permutation(6) for _ in range(12)])
    p = rng.integers(1, 99, machines.shape)
    found, better = solve_job_shop(machines, p, 0.0), solve_job_shop(machines, p, 2.0)
    assert found.lower <= better.upper <= found.upper
    assert found.upper <= makespan(machines, p, dispatch_most_work_remaining(machines, p))
    assert sorted(found.solution) == np.repeat(np.arange(12), 6).tolist()
