"""Processes that solve instances exactly: which methods they can use, and how they end."""

from dataclasses import replace

import pytest
from helpers import TINY, tiny

from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.evaluators.base import Baseline, GapsmithError, Instance
from gapsmith.evaluators.catalogue import list_problems
from gapsmith.evaluators.running.exact_process import (
    BuiltInMethod,
    ReferredMethod,
    SolverProcess,
    find_sendable,
)

FAILING = """
def failing(instance, seconds):
    raise ValueError("no model")


problem = replace(problem, baseline=failing)
"""


@pytest.mark.parametrize("name", list_problems())
def test_exact_methods_of_ours_are_sent_by_name(name):
    """The child needs no more of Gapsmith than the method itself."""
    problem = find_problem(name, "", "")
    assert find_sendable(problem) == BuiltInMethod(problem.baseline.__module__)


def test_only_the_method_of_the_reference_is_sent():
    """A method that was replaced is used here, since a child would use the other; so is one without reference."""
    assert isinstance(find_sendable(tiny()), ReferredMethod)
    assert find_sendable(tiny(baseline=lambda instance, seconds: Baseline(0, 9, None, "", seconds))) is None
    assert find_sendable(replace(tiny(), reference=None)) is None


def test_a_child_that_dies_is_told():
    """The instance that it was solving is named, and what to do."""
    child = SolverProcess()
    method, broken = find_sendable(find_problem("permutation_flow_shop")), Instance("broken", {"p": "none"})
    with pytest.raises(GapsmithError, match=r"solved broken ended with code 1.*fewer --workers"):
        child.solve(method, broken, 1.0)
    child.close()
    with pytest.raises(GapsmithError, match="stopped"):
        child.solve(method, broken, 1.0)


def test_an_own_exact_method_works_in_a_child(tmp_path):
    """A user's file is found by its path there, and its error comes back in its words."""
    path = tmp_path / "failing.py"
    path.write_text(TINY.read_text("utf-8") + FAILING, "utf-8")
    problem, child = find_problem(str(path)), SolverProcess()
    with pytest.raises(GapsmithError, match=r"failing.py, baseline, line \d+: ValueError: no model"):
        child.solve(find_sendable(problem), problem.generate_instances("train", 0, 1)[0], 1.0)
    child.close()
