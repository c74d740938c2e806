"""The base models are right, and what the library adds keeps their optima."""

import numpy as np
import pytest
from families import FORMULATIONS, PATTERNS, applied, micro, pattern_of, problem_of, solved

from gapsmith.evaluators.base import Instance, Split
from gapsmith.evaluators.formulations.contract import Claim
from gapsmith.evaluators.formulations.exchange.bridge import write_text

SEEDS = range(8)
PATTERN_SEEDS = range(100, 106)


@pytest.mark.parametrize("name", FORMULATIONS)
def test_optimum_of_base(name: str) -> None:
    """A base's optimum is that of the problem's own exact method, and its decoded solution costs as much."""
    formulation = FORMULATIONS[name]
    problem = problem_of(formulation)
    for seed in SEEDS:
        instance = micro(formulation, seed)
        status, objective, values = solved(applied(formulation, instance))
        assert status == "OPTIMAL"
        assert values is not None
        found = problem.baseline(instance, 20.0)
        assert found.proven
        assert problem.cost(instance, formulation.decode(instance, values)) == objective == found.upper


@pytest.mark.parametrize(("name", "pattern"), PATTERNS)
def test_optimum_with_pattern(name: str, pattern: str) -> None:
    """A pattern keeps an optimum, and names all its constraints with its claim."""
    formulation = FORMULATIONS[name]
    added = pattern_of(formulation, pattern)
    for seed in PATTERN_SEEDS:
        instance = micro(formulation, seed)
        base = formulation.build(instance)
        built = applied(formulation, instance, added)
        for constraint in list(built.model.proto.constraints)[len(base.model.proto.constraints) :]:
            assert constraint.name.partition(":")[0] in list(Claim)
        assert solved(built)[:2] == solved(base)[:2]


@pytest.mark.parametrize("name", FORMULATIONS)
def test_encoding(name: str) -> None:
    """The values of an optimal solution are taken by the model, and decode to a solution of that cost."""
    formulation = FORMULATIONS[name]
    problem = problem_of(formulation)
    if formulation.encode is None:
        pytest.skip("has none")
    for seed in SEEDS:
        instance = micro(formulation, seed)
        found = problem.baseline(instance, 20.0)
        values = formulation.encode(instance, found.solution)
        built = formulation.build(instance)
        fix(built.model, built.variables, values)
        status, objective, after = solved(built)
        assert (status, objective) == ("OPTIMAL", found.upper)
        assert after is not None
        assert problem.cost(instance, formulation.decode(instance, after)) == found.upper


def fix(model, variables, values) -> None:
    """Fixes the variables that have a value."""
    for name, part in values.items():
        for variable, value in zip(flat(variables[name]), flat(part), strict=True):
            if value is not None:
                model.add(variable == value)


def flat(part) -> list:
    """The leaves of nested lists."""
    return [leaf for inner in part for leaf in flat(inner)] if isinstance(part, list) else [part]


@pytest.mark.parametrize("name", FORMULATIONS)
def test_same_model_twice(name: str) -> None:
    """The same instance gives the same model; an instance of every split can be built."""
    formulation = FORMULATIONS[name]
    for split in Split:
        data = formulation.generate(np.random.default_rng(1), formulation.sizes[split][0])
        texts = {write_text(formulation.build(Instance("one", data)).model) for _ in range(2)}
        assert len(texts) == 1


@pytest.mark.parametrize("name", FORMULATIONS)
def test_decisions(name: str) -> None:
    """What enumerations are projected on are variables of the model."""
    formulation = FORMULATIONS[name]
    built = formulation.build(micro(formulation, 3))
    assert set(formulation.decisions) <= set(built.variables)
