"""Exact methods that continue from what is known."""

import pytest

from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.evaluators.base import Baseline
from gapsmith.evaluators.catalogue import list_problems
from gapsmith.evaluators.running.exact import solve_exactly

CONTINUED = [name for name in list_problems() if find_problem(name).tighten is not None]


def test_scheduling_problems_continue():
    """The solvers of shops and projects take a bound and a schedule."""
    assert {"job_shop", "permutation_flow_shop", "rcpsp"} <= set(CONTINUED)


@pytest.mark.parametrize("name", CONTINUED)
def test_a_known_optimum_needs_no_time(name):
    """From the optimum's bound and solution the proof is there without a second of search."""
    problem = find_problem(name)
    (instance,) = problem.generate_instances("train", 4, 1)
    exact = problem.baseline(instance, 20.0)
    found = solve_exactly(problem, instance, 0.0, exact)
    assert exact.proven
    assert (found.lower, found.upper) == (exact.lower, exact.upper)
    assert problem.cost(instance, found.solution) == exact.upper


@pytest.mark.parametrize("name", CONTINUED)
def test_a_known_solution_is_not_lost(name):
    """Where nothing better is found the known solution comes back, with a bound that is no looser."""
    problem = find_problem(name)
    (instance,) = problem.generate_instances("train", 4, 1)
    exact = problem.baseline(instance, 20.0)
    known = Baseline(exact.lower - 1, exact.upper, exact.solution, "earlier", 1.0)
    found = solve_exactly(problem, instance, 0.0, known)
    assert found.lower >= known.lower
    assert found.upper == exact.upper


@pytest.mark.parametrize("name", CONTINUED)
def test_a_wrong_solution_is_left_aside(name):
    """An archive may be anyone's: a solution that does not cost what its row says is not begun from."""
    problem = find_problem(name)
    (instance,) = problem.generate_instances("train", 4, 1)
    exact = problem.baseline(instance, 20.0)
    for solution in (exact.solution, ["nonsense"]):
        claimed = Baseline(0, exact.upper - 1, solution, "anyone", 1.0)
        found = solve_exactly(problem, instance, 20.0, claimed)
        assert (found.lower, found.upper) == (exact.lower, exact.upper)
