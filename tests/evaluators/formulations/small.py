"""Searches for formulations that take seconds: instances of five jobs, two orders, few tiny instances."""

from dataclasses import replace
from functools import lru_cache

from gapsmith.evaluators.base import Split
from gapsmith.evaluators.catalogue import load_formulation, load_problem
from gapsmith.evaluators.formulations.contract import HEADER
from gapsmith.evaluators.formulations.problem import make_formulation_problem
from gapsmith.evaluators.formulations.solve.benchmark import Judge
from gapsmith.evaluators.formulations.solve.pool import SolverPool

MICRO = 40


@lru_cache
def children():
    """One pool for all tests."""
    return SolverPool()


def search(name, size=5, whole=False, micro=MICRO, solver=None):
    """The search for a formulation of that name."""
    known = load_formulation(name)
    original = load_problem(known.problem)
    judge = Judge(children(), orders=(0, 1), placebo=(2,), window=(0.0, 9.0), solver=solver)
    tiny = replace(known, sizes=dict.fromkeys(Split, (size,)))
    return replace(
        make_formulation_problem(tiny, original, whole, judge, micro, solver), counts=dict.fromkeys(Split, 3)
    )


def augment(*lines):
    """A candidate whose `augment` has these lines."""
    body = "".join(f"    {line}\n" for line in lines)
    return f"{HEADER}\n\ndef augment(model, variables, data):\n{body}"


def stated(problem, **data):
    """An instance of a search, of plain data."""
    from gapsmith.evaluators.base import Instance

    return problem.pricing.add_base_model(Instance.restore("given", data))


def tiny_model():
    """Two numbers and a literal that choose between two sums; minimised: the first number."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    x, y, b = model.new_int_var(0, 4, "x"), model.new_int_var(0, 4, "y"), model.new_bool_var("b")
    model.add(x + y >= 3).only_enforce_if(b)
    model.add(x - y <= 1).only_enforce_if(~b)
    job = model.new_interval_var(x, 2, x + 2, "job")
    model.minimize(2 * x + y)
    return model, x, y, job
