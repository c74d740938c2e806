"""A program that solves instances while it builds is refused; known theorems are not."""

from dataclasses import replace

import pytest
from small import augment, children, search
from solvers import BODIES, CHAIN, HINT, guarded, solving

from gapsmith.agent.archive.findings import describe_hints
from gapsmith.evaluators.formulations.contract import Claim, Pattern
from gapsmith.evaluators.formulations.exchange.composition import compose_program
from gapsmith.evaluators.formulations.verify.fixing import LIMIT, SOLVES, FixingCheck, Freedom
from gapsmith.evaluators.formulations.verify.ladder import draw_usual
from gapsmith.sandbox import Ending, open_sandbox


@pytest.fixture(scope="module")
def box():
    """A sandbox with OR-Tools."""
    with open_sandbox(preload="ortools") as found:
        yield found


def judged(problem, source, box, count=14, limit=LIMIT, larger=0):
    """What is said of a program on so many instances, and so many of twice the size."""
    fixing = FixingCheck(
        problem, problem.pricing, children(), limit, MEMORY.setdefault((problem.name, limit), {})
    )
    usual, double = (
        draw_usual(problem.pricing, "a test", number, times) for number, times in ((count, 1), (larger, 2))
    )
    return fixing.judge(source, box, usual, double)


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


def test_a_chain_of_all_jobs_but_three_does_not_scale(problem, box):
    """An order found by subsets cannot be built for twice the jobs, and one that is left out there is told by that."""
    whole = judged(problem, solving(CHAIN), box, larger=1)
    assert whole.outcome == Ending.TIMEOUT_CPU
    assert "twice the usual size" in whole.message
    found = judged(problem, guarded(CHAIN, 9), box, larger=2)
    assert found.outcome == SOLVES
    assert "at least 100% on those of twice that size" in found.message


def test_what_known_patterns_cannot_either_is_not_asked(problem, box):
    """Where the library itself cannot be built for larger instances, a program is not refused for that."""
    fails = "raise ValueError('too large')"
    pattern = Pattern("broken", Claim.IMPLIED, f"def broken(model, variables, data):\n    {fails}\n")
    formulation = replace(problem.formulation, patterns=(pattern,))
    without = FixingCheck(problem, replace(problem.pricing, formulation=formulation), children())
    larger = draw_usual(problem.pricing, "a test", 1, 2)
    found = [
        check.find_vanishing(augment(fails), box, [Freedom()], larger)
        for check in (without, FixingCheck(problem, problem.pricing, children()))
    ]
    assert found[0] is None
    assert "twice the usual size" in found[1].message


def test_what_rules_out_much_at_every_size_scales(problem, box):
    """Dominance rules leave few choices, too, but on larger instances as well."""
    emmons = next(each for each in problem.formulation.patterns if each.name == "emmons_precedences")
    assert judged(problem, compose_program([emmons]), box, larger=3).outcome == "ok"


def test_a_hint_that_is_the_optimum_is_told(problem, box):
    """A hint alone loses nothing, so that it is accepted; that it was found by solving is said."""
    found = judged(problem, solving(HINT), box, count=4)
    assert (found.outcome, found.detail["hinted"]) == ("ok", "4 of 4")
    assert "an optimum already on at least 4 of 4 instances" in describe_hints(found.detail)
    assert "hinted" not in judged(problem, augment("pass"), box, count=4).detail


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
