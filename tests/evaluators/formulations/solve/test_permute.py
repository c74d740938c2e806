"""Models in another order say the same."""

from hypothesis import given, settings
from hypothesis import strategies as st
from ortools.sat import cp_model_pb2
from ortools.sat.python import cp_model
from small import tiny_model

from gapsmith.evaluators.formulations.exchange.bridge import (
    copy_to_message,
    parse_model,
)
from gapsmith.evaluators.formulations.solve.permute import permute


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
    model = copy_to_message(tiny_model()[0])
    order = permute(model, seed)
    status, objective, found = solved(order.model)
    assert (status, objective) == ("OPTIMAL", solved(model)[1])
    fixed = cp_model_pb2.CpModelProto()
    fixed.CopyFrom(model)
    for variable, value in zip(fixed.variables, order.restore_values(found), strict=True):
        variable.domain[:] = [value, value]
    assert solved(fixed)[:2] == ("OPTIMAL", objective)


@given(st.integers(0, 1000))
@settings(max_examples=10)
def test_additions_leave_the_order_of_the_base(seed):
    """The base's parts stand in the same order whether something was added or not: times are compared alike."""
    model, x, _, _ = tiny_model()
    before = copy_to_message(model)
    model.add(model.new_int_var(0, 3, "more") <= x).with_name("channel: more")
    after = permute(copy_to_message(model), seed, len(before.variables), len(before.constraints))
    alone = permute(before, seed, len(before.variables), len(before.constraints))
    names = [variable.name for variable in after.model.variables if variable.name != "more"]
    assert names == [variable.name for variable in alone.model.variables]
