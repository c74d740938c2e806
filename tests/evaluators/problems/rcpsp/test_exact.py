"""The exact method of projects: longest ways, the serial scheme, and what must not change an optimum."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import Instance
from gapsmith.evaluators.problems.rcpsp.exact import (
    bound_by_work,
    build_serial_schedule,
    compute_critical_path,
    justify_schedule,
    solve_rcpsp,
)
from gapsmith.evaluators.problems.rcpsp.problem import cost

NAMES = ("duration", "precedence", "demand", "capacity")


@st.composite
def projects(draw, most=6):
    """The four arrays of a small project with its two ends."""
    n = draw(st.integers(1, most)) + 2
    duration = np.array([0, *(draw(st.integers(0, 5)) for _ in range(n - 2)), 0])
    inner = [(i, j) for i, j in itertools.combinations(range(1, n - 1), 2) if draw(st.booleans())]
    arcs = [(0, i) for i in range(1, n)] + inner + [(i, n - 1) for i in range(1, n - 1)]
    demand = np.array([[draw(st.integers(0, 3)) if 0 < i < n - 1 else 0 for _ in range(2)] for i in range(n)])
    return duration, np.array(arcs), demand, np.array([draw(st.integers(3, 6)) for _ in range(2)])


def price(project, starts):
    """The makespan of start times, by the problem's own check."""
    return cost(Instance("made", dict(zip(NAMES, project, strict=True))), [int(start) for start in starts])


def longest_ways(duration, arcs, n):
    """The longest way to each activity and from it, over all ways, by recursion."""

    def to(i):
        return max((to(a) + int(duration[a]) for a, b in arcs.tolist() if b == i), default=0)

    def onward(i):
        return int(duration[i]) + max((onward(b) for a, b in arcs.tolist() if a == i), default=0)

    return [to(i) for i in range(n)], [onward(i) for i in range(n)]


@settings(max_examples=60, deadline=None)
@given(projects())
def test_critical_paths_are_the_longest_ways(project):
    """Earliest starts and tails are the longest over all ways through the network."""
    duration, arcs, _, _ = project
    early, tail = compute_critical_path(duration, arcs)
    assert (early.tolist(), tail.tolist()) == longest_ways(duration, arcs, len(duration))
    assert (early + tail).max() == early[-1]


@pytest.mark.parametrize("arcs", [[(0, 1), (1, 0)], [(1, 1)], [(0, 1), (1, 2), (2, 3), (3, 1)]])
def test_cycles_are_refused(arcs):
    """Precedences in a circle have no longest way, whatever their length."""
    with pytest.raises(ValueError, match="cycle"):
        compute_critical_path(np.ones(4, np.int64), np.array(arcs))


@settings(max_examples=60, deadline=None)
@given(projects())
def test_the_serial_scheme_is_feasible_and_active(project):
    """Its schedule passes the check, and no activity alone can start one unit earlier."""
    starts = build_serial_schedule(*project)
    assert price(project, starts) == int((starts + project[0]).max())
    for i in range(len(starts)):
        if starts[i] and project[0][i]:
            earlier = starts.copy()
            earlier[i] -= 1
            with pytest.raises(Exception, match=r"before activity|units of resource"):
                price(project, earlier)


@settings(max_examples=30, deadline=None)
@given(projects())
def test_the_optimum_lies_between_longest_way_and_serial_schedule(project):
    """The proven makespan is at least the critical path and the energy of each resource, at most the heuristic's."""
    found = solve_rcpsp(*project, 10.0)
    duration, arcs, demand, capacity = project
    energy = -(-(duration @ demand) // capacity)
    assert found.lower == found.upper == price(project, found.solution)
    assert (
        compute_critical_path(duration, arcs)[0][-1]
        <= found.upper
        <= price(project, build_serial_schedule(*project))
    )
    assert energy.max() <= found.upper


@settings(max_examples=20, deadline=None)
@given(projects(), st.integers(0, 1))
def test_more_capacity_never_lengthens_a_project(project, resource):
    """One more unit of a resource gives an optimum that is as short or shorter."""
    duration, arcs, demand, capacity = project
    more = capacity.copy()
    more[resource] += 1
    assert solve_rcpsp(duration, arcs, demand, more, 10.0).upper <= solve_rcpsp(*project, 10.0).upper


@settings(max_examples=20, deadline=None)
@given(projects())
def test_a_project_turned_round_is_as_long(project):
    """With all precedences reversed the least makespan is the same."""
    duration, arcs, demand, capacity = project
    last = len(duration) - 1
    mirrored = (duration[::-1].copy(), last - arcs[:, ::-1], demand[::-1].copy(), capacity)
    assert solve_rcpsp(*mirrored, 10.0).upper == solve_rcpsp(*project, 10.0).upper


@settings(max_examples=20, deadline=None)
@given(projects(), st.integers(2, 5))
def test_another_unit_of_time_scales_the_optimum(project, factor):
    """All durations multiplied by a number multiply the least makespan."""
    duration, *rest = project
    assert solve_rcpsp(duration * factor, *rest, 10.0).upper == factor * solve_rcpsp(*project, 10.0).upper


def test_with_room_for_all_the_critical_path_is_optimal():
    """Where capacities bind nowhere, activities start as early as their predecessors allow."""
    arcs = np.array([(0, 1), (0, 2), (1, 3), (2, 3)])
    found = solve_rcpsp(np.array([0, 4, 7, 0]), arcs, np.ones((4, 1), np.int64), np.array([9]), 5.0)
    assert found.lower == found.upper == 7


@settings(max_examples=40, deadline=None)
@given(projects(most=10))
def test_justification_keeps_feasibility_and_lengthens_nothing(project):
    """A justified schedule passes the problem's check, and is no longer than what it came from."""
    begun = build_serial_schedule(*project)
    assert price(project, justify_schedule(*project, begun)) <= price(project, begun)
    late = justify_schedule(*project, begun, deadline=-np.inf)
    assert late.tolist() == begun.tolist()


@settings(max_examples=25, deadline=None)
@given(projects())
def test_the_work_of_a_resource_bounds_the_makespan(project):
    """No schedule is shorter than the work of a resource over its capacity, which is rounded up."""
    duration, _, demand, capacity = project
    bound = bound_by_work(duration, demand, capacity)
    assert all(bound * int(c) >= int(w) for w, c in zip(duration @ demand, capacity, strict=True))
    assert bound <= solve_rcpsp(*project, 5.0).upper


def test_justification_shortens_a_schedule_that_starts_late():
    """Two activities that share nothing are moved beside each other."""
    project = (np.array([0, 2, 2, 0]), np.array([(0, 1), (0, 2), (1, 3), (2, 3)]))
    room = (np.array([[0], [1], [1], [0]]), np.array([2]))
    assert justify_schedule(*project, *room, np.array([0, 0, 5, 7])).tolist() == [0, 0, 0, 2]
