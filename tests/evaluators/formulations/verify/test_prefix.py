"""Models of candidates: whether they hold their base, and use only what is allowed."""

import pytest
from ortools.sat import cp_model_pb2
from ortools.sat.python import cp_model
from small import tiny_model

from gapsmith.evaluators.formulations.exchange.bridge import (
    ModelRefused,
    copy_to_message,
)
from gapsmith.evaluators.formulations.verify.prefix import check_features, check_prefix, check_size


def changed(change):
    """The base, and the base after a change of its message."""
    before = copy_to_message(tiny_model()[0])
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
    model, x, y, _ = tiny_model()
    before = copy_to_message(model)
    z = model.new_int_var(0, 9, "z")
    model.add(z == x + y).with_name("channel: sum")
    model.add_hint(x, 1)
    model.add_decision_strategy([z], cp_model.CHOOSE_FIRST, cp_model.SELECT_MIN_VALUE)
    assert not refused(before, copy_to_message(model))
