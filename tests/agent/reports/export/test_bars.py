"""Schedules as bars are what is priced: the last bar ends when the verifier says."""

from itertools import pairwise

import numpy as np
import pytest

from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.reports.export.bars import BARS
from gapsmith.evaluators.base import Split

RNG = np.random.default_rng(0)


def solve(problem, instance):
    """A feasible solution without thought."""
    data = {name: np.asarray(value) for name, value in instance.data.items()}
    if problem.name == "job_shop":
        n, m = data["p"].shape
        return RNG.permutation(np.repeat(np.arange(n), m)).tolist()
    if problem.name == "parallel_machines":
        return RNG.integers(0, int(data["m"]), len(data["p"])).tolist()
    if problem.name == "rcpsp":
        return problem.baseline(instance, 5.0).solution
    return RNG.permutation(len(data["p"])).tolist()


def price(problem, instance, bars):
    """The objective, as the bars show it."""
    if "tardiness" not in problem.name:
        return max(bar.end for bar in bars)
    d, w = np.asarray(instance.data["d"]), np.asarray(instance.data.get("w", np.ones(len(bars))))
    return sum(w[int(bar.name)] * max(0.0, bar.end - d[int(bar.name)]) for bar in bars)


@pytest.mark.parametrize("name", sorted(BARS))
def test_bars_have_the_cost_of_the_solution(name):
    """Start and end of every operation agree with the trusted verifier."""
    problem = find_problem(name)
    for instance in problem.generate_instances(Split.TRAIN, 1, 2):
        solution = solve(problem, instance)
        bars, rows = BARS[name](instance.data, solution)
        assert price(problem, instance, bars) == problem.cost(instance, solution)
        assert {bar.row for bar in bars} <= set(range(len(rows)))


@pytest.mark.parametrize("name", sorted(set(BARS) - {"rcpsp"}))
def test_no_machine_does_two_things_at_once(name):
    """Bars of a row do not overlap."""
    problem = find_problem(name)
    instance = problem.generate_instances(Split.TRAIN, 1, 1)[0]
    bars, rows = BARS[name](instance.data, solve(problem, instance))
    for row in range(len(rows)):
        inside = sorted((bar.start, bar.end) for bar in bars if bar.row == row)
        assert all(one[1] <= other[0] for one, other in pairwise(inside))
