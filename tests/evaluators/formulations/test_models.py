"""Models of candidates: whether they hold their base, in any order, and what the opposite of a constraint is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ortools.sat import cp_model_pb2
from ortools.sat.python import cp_model

from gapsmith.evaluators.formulations.exchange.bridge import (
    ModelRefused,
    copy_to_message,
    map_layout,
    map_values,
    parse_model,
)
from gapsmith.evaluators.formulations.solve.permute import permute
from gapsmith.evaluators.formulations.verify.negation import bound_objective, negate
from gapsmith.evaluators.formulations.verify.prefix import check_features, check_prefix, check_size


def base():
    """Two numbers and a literal that choose between two sums; minimised: the first number."""
    model = cp_model.CpModel()
    x, y, b = model.new_int_var(0, 4, "x"), model.new_int_var(0, 4, "y"), model.new_bool_var("b")
    model.add(x + y >= 3).only_enforce_if(b)
    model.add(x - y <= 1).only_enforce_if(~b)
    job = model.new_interval_var(x, 2, x + 2, "job")
    model.minimize(2 * x + y)
    return model, x, y, job


def changed(change):
    """The base, and the base after a change of its message."""
    before = copy_to_message(base()[0])
    after = cp_model_pb2.CpModelProto()
    after.CopyFrom(before)
    change(after)
    return before, after


def refused(before, after):
    """Whether any of the checks refuses a model."""
    try:
        check_size(after)
        check_features(after)
        check_prefix(before, after)
    except ModelRefused:
        return True
    return False


TAMPERING = {
    "a bound of a variable": lambda m: m.variables[0].domain.__setitem__(1, 3),
    "the name of a variable": lambda m: setattr(m.variables[0], "name", "z"),
    "a variable less": lambda m: m.variables.__delitem__(2),
    "a coefficient": lambda m: m.constraints[0].linear.coeffs.__setitem__(0, 2),
    "a constraint less": lambda m: m.constraints.__delitem__(0),
    "constraints exchanged": lambda m: m.constraints.insert(0, m.constraints.pop(1)),
    "an enforcement more": lambda m: m.constraints[0].enforcement_literal.append(-3),
    "the objective": lambda m: m.objective.coeffs.__setitem__(0, 1),
    "its offset": lambda m: setattr(m.objective, "offset", 1.0),
    "its scale": lambda m: setattr(m.objective, "scaling_factor", -1.0),
    "its domain": lambda m: m.objective.domain.extend([5, 9]),
    "an integer offset": lambda m: setattr(m.objective, "integer_before_offset", 1),
    "no objective": lambda m: m.ClearField("objective"),
    "a floating-point objective": lambda m: m.floating_point_objective.vars.append(0),
    "an assumption": lambda m: m.assumptions.append(2),
    "a symmetry": lambda m: m.symmetry.permutations.add().support.extend([0, 1]),
    "too many variables": lambda m: m.variables.extend([m.variables[0]] * 50_001),
    "too many intervals in domains": lambda m: m.variables.add().domain.extend(range(200_004)),
    "too long a name": lambda m: setattr(m.constraints.add(), "name", "x" * 20_000_001),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_is_refused(what):
    """Whatever changes the base, or the meaning of a model without touching the base, is refused."""
    assert refused(*changed(TAMPERING[what]))


def test_additions_are_taken():
    """Variables, constraints, hints and strategies that come after the base's are none of tampering."""
    model, x, y, _ = base()
    before = copy_to_message(model)
    z = model.new_int_var(0, 9, "z")
    model.add(z == x + y).with_name("channel: sum")
    model.add_hint(x, 1)
    model.add_decision_strategy([z], cp_model.CHOOSE_FIRST, cp_model.SELECT_MIN_VALUE)
    assert not refused(before, copy_to_message(model))


def test_text_there_and_back():
    """A model's text gives the same message again; what is no text is refused."""
    model, *_ = base()
    assert copy_to_message(parse_model(str(model.proto))) == copy_to_message(model)
    with pytest.raises(ModelRefused, match="cannot be read"):
        parse_model("variables { nonsense }")


def test_layout_gives_values_back():
    """Values come back nested as the variables are, with None for intervals and for what is not there."""
    _, x, y, job = base()
    layout = map_layout({"pair": [[x], (y, None)], "job": job})
    assert map_values(layout, [7, 8, 1]) == {"pair": [[7], [8, None]], "job": None}


def solved(message):
    """Status, objective and solution of a message."""
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    status = solver.solve(parse_model(str(message)))
    return solver.status_name(status), solver.objective_value, list(solver.response_proto.solution)


@given(st.integers(0, 1000))
@settings(max_examples=15)
def test_order_does_not_change_what_a_model_says(seed):
    """A shuffled model has the same optimum, and its solution, in the old order, solves the model as it was."""
    model = copy_to_message(base()[0])
    order = permute(model, seed)
    status, objective, found = solved(order.model)
    assert (status, objective) == ("OPTIMAL", solved(model)[1])
    fixed = cp_model_pb2.CpModelProto()
    fixed.CopyFrom(model)
    for variable, value in zip(fixed.variables, order.values(found), strict=True):
        variable.domain[:] = [value, value]
    assert solved(fixed)[:2] == ("OPTIMAL", objective)


@given(st.integers(0, 1000))
@settings(max_examples=10)
def test_additions_leave_the_order_of_the_base(seed):
    """The base's parts stand in the same order whether something was added or not: times are compared alike."""
    model, x, _, _ = base()
    before = copy_to_message(model)
    model.add(model.new_int_var(0, 3, "more") <= x).with_name("channel: more")
    after = permute(copy_to_message(model), seed, len(before.variables), len(before.constraints))
    alone = permute(before, seed, len(before.variables), len(before.constraints))
    names = [variable.name for variable in after.model.variables if variable.name != "more"]
    assert names == [variable.name for variable in alone.model.variables]


def random_constraint(rng):
    """A model of four literals and a number without constraints, and one constraint on them."""
    model = cp_model.CpModel()
    literals = [model.new_bool_var(f"b{k}") for k in range(4)]
    number = model.new_int_var(-2, 3, "x")
    some = [each if rng.random() < 0.5 else ~each for each in literals[:3]]
    add = rng.choice(["or", "and", "most", "one", "sum", "equal", "unequal", "enforced"])
    {
        "or": lambda: model.add_bool_or(some),
        "and": lambda: model.add_bool_and(some).only_enforce_if(literals[3]),
        "most": lambda: model.add_at_most_one(some),
        "one": lambda: model.add_exactly_one(some),
        "sum": lambda: model.add(sum(some) + number <= 1),
        "equal": lambda: model.add(number + 2 * literals[0] == 1),
        "unequal": lambda: model.add(number != 1),
        "enforced": lambda: model.add(number >= 1).only_enforce_if(some[:2]),
    }[add]()
    return copy_to_message(model)


def solutions(model, *more):
    """All solutions of a message with more constraints."""
    new = cp_model_pb2.CpModelProto()
    new.CopyFrom(model)
    new.constraints.extend(more)
    found = set()

    class Seen(cp_model.CpSolverSolutionCallback):
        def on_solution_callback(self):
            found.add(tuple(self.response_proto.solution))

    solver = cp_model.CpSolver()
    solver.parameters.num_workers, solver.parameters.enumerate_all_solutions = 1, True
    solver.solve(parse_model(str(new)), Seen())
    return found


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_a_constraint_and_its_opposite_share_nothing_and_miss_nothing(seed):
    """Every assignment satisfies either a constraint or its opposite."""
    model = random_constraint(np.random.default_rng(seed))
    constraint = model.constraints.pop()
    opposite = negate(constraint, len(model.variables))
    holds, broken = solutions(model, constraint), solutions(model, *opposite)
    assert not holds & broken
    assert len(holds | broken) == 2**4 * 6


def test_no_opposite_of_what_has_none():
    """Constraints on variables that were added, and kinds without a rule, are left alone."""
    model, _, _, job = base()
    model.add_no_overlap([job])
    message = copy_to_message(model)
    assert negate(message.constraints[0], 1) is None
    assert negate(message.constraints[-1], 3) is None


def test_bounded_keeps_what_is_good_enough():
    """With a slack of one, all solutions of the best two values are left, whatever the sense of the objective."""
    for sense in ("minimize", "maximize"):
        model = cp_model.CpModel()
        x = model.new_int_var(1, 9, "x")
        getattr(model, sense)(2 * x + 5)
        best = 7 if sense == "minimize" else 23
        kept = {values[0] for values in solutions(bound_objective(copy_to_message(model), best, 2))}
        assert kept == ({1, 2} if sense == "minimize" else {8, 9})
