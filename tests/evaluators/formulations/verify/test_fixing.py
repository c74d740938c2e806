"""A program that solves instances while it builds is refused; known theorems are not."""

import pytest
from small import augment, children, search
from solvers import BODIES, solving

from gapsmith.evaluators.formulations.exchange.composition import compose_program
from gapsmith.evaluators.formulations.verify.fixing import LIMIT, SOLVES, FixingCheck
from gapsmith.evaluators.formulations.verify.ladder import draw_usual
from gapsmith.sandbox import Ending, open_sandbox


@pytest.fixture(scope="module")
def box():
    """A sandbox with OR-Tools."""
    with open_sandbox(preload="ortools") as found:
        yield found


def judged(problem, source, box, count=14, limit=LIMIT):
    """What is said of a program on so many instances."""
    fixing = FixingCheck(
        problem, problem.pricing, children(), limit, MEMORY.setdefault((problem.name, limit), {})
    )
    return fixing.judge(source, box, draw_usual(problem.pricing, "a test", count))


MEMORY: dict = {}


@pytest.fixture(scope="module")
def problem():
    """1‖ΣTj by intervals, nine jobs."""
    return search("tardiness_interval", 9)


@pytest.mark.parametrize("kind", BODIES)
def test_programs_that_solve_are_refused(problem, box, kind):
    """Starts, precedences, tables or bounds: what leaves nothing to search for is named, or builds for too long."""
    found = judged(problem, solving(kind), box)
    if found.outcome == Ending.TIMEOUT_CPU:  # on a busy machine: refused all the same
        return
    assert found.outcome == SOLVES, found
    assert found.detail["fixed"] > found.detail["open"] / 2
    assert "solves instances instead of formulating" in found.message


def test_decisions_alone_are_told_before_anything_is_measured(problem, box):
    """The short examination, which solves nothing, finds a program that fixes the decisions."""
    assert judged(problem, solving("starts"), box, limit=0.0).outcome == SOLVES


@pytest.mark.parametrize("name", ["tardiness_interval", "tardiness_positional", "knapsack_binary"])
def test_known_patterns_are_no_solving(name, box):
    """Each pattern of the library, dominances and bounds among them, is accepted."""
    problem = search(name, 9 if "tardiness" in name else 12)
    for pattern in problem.formulation.patterns:
        found = judged(problem, compose_program([pattern]), box, count=6, limit=0.0)
        assert found.outcome == "ok", (pattern.name, found)


def test_the_ladder_refuses_what_solves(problem, box):
    """Before anything is measured the ladder says so, too, and what adds nothing passes."""
    found = problem.verify(solving("starts"), box, (), False)
    assert found.outcome == SOLVES
    assert problem.verify(augment("pass"), box, (), False).outcome == "ok"


def test_whole_models_that_solve_are_refused(box):
    """A whole model whose only value is the optimum is no formulation either; the library's own are."""
    problem = search("tardiness_positional", 9, whole=True)
    own = problem.formulation.builds[0].source("build")
    assert judged(problem, own, box).outcome == "ok"
    order = solving("starts").split("def augment")[0]
    trivial = f"""{order}
def build(data):
    order, total = best_order(data["p"].tolist(), data["d"].tolist())
    model = cp_model.CpModel()
    cost = model.new_int_var(total, total, "cost")
    model.minimize(cost)
    return model, {{"order": [model.new_constant(job) for job in order]}}


def decode(values, data):
    return values["order"]
"""
    assert judged(problem, trivial, box).outcome == SOLVES
