"""Exact methods stop when their time is over: the clock is a fake that moves on by itself at every look."""

import time

import numpy as np
import pytest

from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.evaluators.base import Instance, Split
from gapsmith.evaluators.catalogue import list_problems

RNG = np.random.default_rng(5)


def large(name):
    """An instance whose exact method has much to do, of a size at which one step of it is fast."""
    problem = find_problem(name)
    if name == "online_bin_packing":
        return Instance("large", {"items": RNG.integers(200, 700, 120), "capacity": 1000})
    if name == "market_split":
        return Instance("large", problem.generate(RNG, "D=200", 5))
    if name == "parallel_machines":
        return Instance("large", {"p": RNG.integers(1000, 2000, 40), "m": 12})
    sizes = {"quadratic_assignment": 30, "independent_set": 150, "multidimensional_knapsack": 100}
    return Instance("large", problem.generate(RNG, problem.strata[0], sizes.get(name, 60)))


@pytest.fixture
def hurried(monkeypatch):
    """A clock of which every look takes a tenth of a second; counts the looks."""
    looks = []

    def look():
        looks.append(None)
        return 0.1 * len(looks)

    monkeypatch.setattr(time, "process_time", look)
    monkeypatch.setattr(time, "thread_time", look)
    return looks


@pytest.mark.parametrize("name", list_problems())
def test_every_method_looks_at_the_clock_and_stops(name, hurried):
    """After the limit there are few further looks, and the bounds are honest."""
    problem, instance = find_problem(name), large(name)
    problem.baseline(problem.generate_instances(Split.TRAIN, 0, 1)[0], 2.0)  # compiled
    del hurried[:]
    found = problem.baseline(instance, 1.0)
    assert len(hurried) <= 80
    assert found.lower <= found.upper
    claimed = found.lower if problem.maximise else found.upper
    assert problem.cost(instance, found.solution) == claimed
