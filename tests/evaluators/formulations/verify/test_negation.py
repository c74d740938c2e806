"""The opposite of a constraint, and models that keep what is good enough."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from ortools.sat import cp_model_pb2
from ortools.sat.python import cp_model
from small import tiny_model

from gapsmith.evaluators.formulations.exchange.bridge import (
    copy_to_message,
    parse_model,
)
from gapsmith.evaluators.formulations.verify.negation import bound_objective, negate


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
    model, _, _, job = tiny_model()
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
