"""Models of CP-SAT as mixed-integer programmes: the same optima, or a refusal that says why."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ortools.sat.python import cp_model
from small import augment, search

from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.evaluators.base import Infeasible, Instance, Split, UsageError
from gapsmith.evaluators.catalogue import list_formulations, strip_ending
from gapsmith.evaluators.formulations.solve.solver import answer

SOLVERS = ("highs", "scip")
INDEX = st.integers(0, 3)
LITERAL = st.tuples(INDEX, st.booleans())
LITERALS = st.lists(LITERAL, min_size=1, max_size=3)
ROWS = st.one_of(
    st.tuples(st.just("linear"), st.lists(st.integers(-3, 3), min_size=6, max_size=6), st.integers(-6, 12)),
    st.tuples(
        st.sampled_from(("add_bool_or", "add_bool_and", "add_at_most_one", "add_exactly_one")), LITERALS
    ),
)
UNDER = st.lists(LITERAL, max_size=2)


def linear_names():
    """The formulations whose bases claim to be linear."""
    return [name for name in list_formulations() if vars(find_problem(name))["formulation"].linear]


def runs(model, base=None, orders=(None, 3), **options):
    """What a child answers."""
    text = str(model.proto)
    request = {"do": "solve", "base": base, "text": text, "limit": 2.0, "permutations": list(orders)}
    return answer({**request, **options})


def outcomes(reply):
    """Status and objective of each run; CP-SAT reckons its own in floating point, and may say 6.999999999999999."""
    runs = [(run["status"], run["objective"]) for run in reply["runs"]]
    return [(status, None if objective is None else round(objective, 6)) for status, objective in runs]


def model_with(rows, costs, maximise):
    """Four Booleans, two integers, rows under literals, a weighted sum."""
    model = cp_model.CpModel()
    flags = [model.new_bool_var(f"b{k}") for k in range(4)]
    variables = [*flags, model.new_int_var(-3, 5, "x"), model.new_int_var(0, 7, "y")]

    def literal(found):
        return flags[found[0]] if found[1] else ~flags[found[0]]

    for row, under in rows:
        if row[0] == "linear":
            added = model.add(sum(a * v for a, v in zip(row[1], variables, strict=True)) <= row[2])
        else:
            added = getattr(model, row[0])([literal(each) for each in row[1]])
        if under and row[0] not in ("add_at_most_one", "add_exactly_one"):
            added.only_enforce_if([literal(each) for each in under])
    total = sum(a * v for a, v in zip(costs, variables, strict=True)) + 3
    (model.maximize if maximise else model.minimize)(total)
    return model


@example(rows=[(("linear", [0] * 6, -1), [])], costs=[0] * 6, maximise=False, solver="highs")
@example(rows=[(("linear", [0] * 6, -1), [])], costs=[0] * 6, maximise=False, solver="scip")
@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(ROWS, UNDER), max_size=6),
    costs=st.lists(st.integers(-4, 4), min_size=6, max_size=6),
    maximise=st.booleans(),
    solver=st.sampled_from(SOLVERS),
)
def test_any_linear_model_has_the_same_optimum(rows, costs, maximise, solver):
    """Rows, clauses and implications under literals, in any order: the optimum is CP-SAT's, or there is none."""
    model = model_with(rows, costs, maximise)
    assert outcomes(runs(model, solver=solver)) == outcomes(runs(model))


@pytest.mark.parametrize("name", linear_names())
def test_linear_bases_have_the_same_optima(name):
    """Each base that says it is linear is one for both solvers, and its solution has the objective's value."""
    formulation = vars(find_problem(name))["formulation"]
    for seed in range(6):
        instance = Instance("tiny", formulation.micro(np.random.default_rng(seed)))
        built = formulation.build(instance)
        base = str(built.model.proto)
        expected = outcomes(runs(built.model, base))
        for solver in SOLVERS:
            found = runs(built.model, base, solver=solver)
            assert outcomes(found) == expected
            assert len(found["values"]) == len(built.model.proto.variables)


@pytest.mark.parametrize("solver", SOLVERS)
def test_effort_is_repeatable(solver):
    """Iterations and nodes are counted the same twice, so that prices are."""
    formulation = vars(find_problem("knapsack_binary"))["formulation"]
    built = formulation.build(Instance("one", formulation.generate(np.random.default_rng(1), 20)))
    first, second = (runs(built.model, solver=solver)["runs"] for _ in range(2))
    assert [(run["time"], run["nodes"]) for run in first] == [(run["time"], run["nodes"]) for run in second]
    assert all(run["time"] > 0 for run in first)


def holes(model):
    """A variable of two pieces."""
    model.new_int_var_from_domain(cp_model.Domain.from_values([0, 5]), "gap")


def product(model):
    """A product."""
    one, other = (model.new_int_var(0, 3, name) for name in "ab")
    model.add_multiplication_equality(model.new_int_var(0, 9, "c"), [one, other]).with_name("implied: square")


def wide(model):
    """A row under a literal, without finite bounds."""
    free = model.new_int_var(-(1 << 50), 1 << 50, "free")
    model.add(free >= 3).only_enforce_if(model.new_bool_var("on"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (holes, "'gap' has holes"),
        (product, "'implied: square' is of the kind int_prod"),
        (wide, "expected finite domains"),
    ],
)
def test_what_is_not_linear_is_refused(change, words):
    """A model that is no mixed-integer programme is refused, with the part that is not, and what was expected."""
    model = cp_model.CpModel()
    change(model)
    assert words in runs(model, solver="highs")["refused"]


def test_names_say_who_proves():
    """`NAME:highs` and `NAME:scip` are searches of their own; a base that is not linear has none, and says so."""
    found = find_problem("knapsack_binary:scip")
    assert (found.name, found.judge.solver) == ("knapsack_binary:scip", "scip")
    assert "SCIP prove" in found.brief
    assert "only_enforce_if" in found.brief
    assert strip_ending("knapsack_binary:scip") == "knapsack_binary"
    with pytest.raises(UsageError, match="tardiness_interval is not linear"):
        find_problem("tardiness_interval:highs")


def test_additions_are_priced_by_their_solver():
    """What is added is priced in iterations; what is not linear has no price, and says why."""
    problem = search("knapsack_binary", 12, solver="highs")
    instance = problem.generate_instances(Split.TRAIN, 0, 1)[0]
    baseline = problem.baseline(instance, 1.0)
    assert baseline.solver == "highs on the base"
    assert problem.judge.measure_base(problem.pricing.build_base(instance)).optimum is not None

    def price(line):
        module = {}
        exec(augment(line), module)
        built = problem.formulation.build(instance)
        module["augment"](built.model, built.variables, dict(instance.data))
        return problem.judge.try_model(problem.pricing.build_base(instance), str(built.model.proto), False)

    name = problem.formulation.decisions[0]
    kept = price(f"model.add(sum(variables['{name}']) >= 0).with_name('implied: nothing')")
    assert len(kept.times) == len(problem.judge.orders)
    with pytest.raises(Infeasible, match="which is not linear"):
        price(f"model.add_bool_xor(variables['{name}']).with_name('implied: odd')")
