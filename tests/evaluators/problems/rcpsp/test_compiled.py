"""The compiled search on activity lists: valid, never worse, and optimal on small projects."""

import numpy as np
import pytest

from gapsmith.evaluators.base import Instance
from gapsmith.evaluators.problems.rcpsp.compiled import search_lists
from gapsmith.evaluators.problems.rcpsp.problem import problem


def draw(seed, size):
    """A generated project of scarce resources, its matrix of precedences, and starts one after the other."""
    data = problem.generate(np.random.default_rng(seed), "NC=1.5 RF=1.0 RS=0.2", size)
    duration, precedence, demand, capacity = (
        data[name] for name in ("duration", "precedence", "demand", "capacity")
    )
    before = np.zeros((len(duration), len(duration)), dtype=bool)
    before[precedence[:, 0], precedence[:, 1]] = True
    return Instance("drawn", data), (duration, before, demand, capacity), np.cumsum(duration) - duration


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("schedules", [0, 3, 600])
def test_starts_stay_valid_and_get_no_later(seed, schedules):
    """Precedences and capacities hold, and the makespan is at most that of the given starts."""
    instance, project, start = draw(seed, 6 + 4 * seed)
    copies = [each.copy() for each in (*project, start)]
    found = search_lists(*project, start, schedules, seed)
    assert problem.cost(instance, found.tolist()) <= problem.cost(instance, start.tolist())
    assert all((one == other).all() for one, other in zip((*project, start), copies, strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_small_projects_are_solved(seed):
    """On ten activities the search ends at the optimum."""
    instance, project, start = draw(seed, 10)
    optimum = problem.baseline(instance, 10.0)
    found = search_lists(*project, start, 3000, 0)
    assert optimum.proven
    assert problem.cost(instance, found.tolist()) == optimum.upper


def test_a_project_of_the_two_ends_alone_takes_no_time():
    """Nothing runs: the starts are 0."""
    before = np.array([[False, True], [False, False]])
    none = np.zeros(2, dtype=np.int64)
    assert search_lists(
        none, before, np.zeros((2, 1), dtype=np.int64), np.ones(1, dtype=np.int64), none, 9, 0
    ).tolist() == [0, 0]
