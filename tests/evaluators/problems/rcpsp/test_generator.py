"""Random projects: what the parameters promise, at any size."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.rcpsp.exact import build_serial_schedule, compute_critical_path
from gapsmith.evaluators.problems.rcpsp.generator import (
    DEGREE,
    ENDS,
    LARGEST_DURATION,
    LARGEST_REQUEST,
    RESOURCES,
    draw_project,
)

FACTORS = st.sampled_from([0.25, 0.5, 1.0])


def drawn(seed, size=12, complexity=1.5, factor=0.5, strength=0.5):
    """The arrays of a project."""
    return draw_project(np.random.default_rng(seed), size, complexity, factor, strength)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(2 * ENDS, 30), FACTORS, st.floats(0, 1))
def test_every_project_can_be_carried_out(seed, size, factor, strength):
    """The network has no cycle, all numbers are in their ranges, and every request can be met."""
    made = drawn(seed, size, factor=factor, strength=strength)
    duration, demand = made["duration"], made["demand"]
    assert duration.shape == (size + 2,)
    assert demand.shape == (size + 2, RESOURCES)
    assert duration[[0, -1]].tolist() == [0, 0]
    assert ((duration[1:-1] >= 1) & (duration[1:-1] <= LARGEST_DURATION)).all()
    assert demand.max() <= LARGEST_REQUEST
    assert (demand <= made["capacity"]).all()
    starts = build_serial_schedule(duration, made["precedence"], demand, made["capacity"])
    assert (starts >= compute_critical_path(duration, made["precedence"])[0]).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(2 * ENDS, 30))
def test_every_activity_lies_between_the_two_ends(seed, size):
    """Each one is reached from the first activity and reaches the last; arcs go to higher numbers, each once."""
    arcs = drawn(seed, size)["precedence"].tolist()
    n = size + 2
    assert all(i < j for i, j in arcs)
    assert len({tuple(arc) for arc in arcs}) == len(arcs)
    assert {i for i, _ in arcs} == set(range(n - 1))
    assert {j for _, j in arcs} == set(range(1, n))
    assert sorted(j for i, j in arcs if i == 0)[:ENDS] == list(range(1, 1 + ENDS))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_degrees_are_bounded(seed):
    """No inner activity has more successors than the limit where the network is as sparse as PSPLIB's."""
    arcs = drawn(seed, 30, 1.5)["precedence"]
    successors = np.bincount(arcs[:, 0], minlength=32)[1:-1]
    assert successors.max() <= DEGREE + 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.25, 0.5, 0.75, 1.0]))
def test_the_factor_is_the_share_of_requests(seed, factor):
    """As many pairs of activity and resource as asked for have a request, and each activity has one."""
    requests = drawn(seed, 20, factor=factor)["demand"][1:-1] > 0
    assert requests.sum() == round(factor * requests.size)
    assert requests.any(axis=1).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_strength_one_leaves_the_earliest_schedule_feasible(seed):
    """With plentiful resources all can start as early as the precedences allow; with less there is less."""
    rich, poor = drawn(seed, strength=1.0), drawn(seed, strength=0.0)
    early, _ = compute_critical_path(rich["duration"], rich["precedence"])
    starts = build_serial_schedule(rich["duration"], rich["precedence"], rich["demand"], rich["capacity"])
    assert (starts + rich["duration"]).max() == early.max()
    assert (poor["capacity"] <= rich["capacity"]).all()
    assert poor["capacity"].tolist() == np.maximum(1, poor["demand"].max(axis=0)).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_equal_chance_gives_equal_projects(seed):
    """The same seed draws the same project, another one another."""
    same = [drawn(seed) for _ in "ab"]
    assert all((same[0][key] == same[1][key]).all() for key in same[0])
    other = drawn(seed + 1)
    assert any(other[key].shape != same[0][key].shape or (other[key] != same[0][key]).any() for key in other)


def test_more_complexity_gives_more_arcs():
    """Of one seed, a denser network has more precedences."""
    counts = [len(drawn(3, 30, complexity)["precedence"]) for complexity in (1.5, 1.8, 2.1)]
    assert all(a < b for a, b in itertools.pairwise(counts))
