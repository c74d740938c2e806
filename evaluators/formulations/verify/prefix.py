"""Checks that an extended model still begins with its base.

Variables, constraints and objective, byte for byte.

Features that change the meaning of the base without changing its text are refused: assumptions, symmetries, other
objectives.
"""

from google.protobuf.message import Message
from ortools.sat import cp_model_pb2

from gapsmith.evaluators.formulations.exchange.bridge import ModelRefused

MOST_VARIABLES = 50_000
MOST_CONSTRAINTS = 200_000
MOST_PIECES = 100_000
"""Intervals of all domains together."""
MOST_BYTES = 20_000_000
"""Size of the whole message; it limits terms, names and tables."""

Model = cp_model_pb2.CpModelProto


def check_size(model: Model) -> None:
    """Raises Refused for a model that is too large."""
    pieces = sum(len(variable.domain) for variable in model.variables) // 2
    pieces += sum(len(each.linear.domain) for each in model.constraints if each.HasField("linear")) // 2
    found = {
        "variables": (len(model.variables), MOST_VARIABLES),
        "constraints": (len(model.constraints), MOST_CONSTRAINTS),
        "intervals in its domains": (pieces, MOST_PIECES),
        "bytes": (model.ByteSize(), MOST_BYTES),
    }
    for what, (number, most) in found.items():
        if number > most:
            raise ModelRefused(f"the model has {number} {what}; at most {most} are taken")


def check_features(model: Model) -> None:
    """Raises Refused for features that no candidate's model may use."""
    objective = model.objective
    if model.assumptions or model.HasField("symmetry") or model.HasField("floating_point_objective"):
        raise ModelRefused(
            "the model has assumptions, a symmetry or a floating-point objective; expected none"
        )
    if objective.domain or objective.integer_before_offset or objective.integer_after_offset:
        raise ModelRefused("the objective has a domain or integer offsets; expected a plain sum")
    if objective.integer_scaling_factor or objective.scaling_was_exact:
        raise ModelRefused("the objective has an integer scaling; expected a plain sum")
    for constraint in model.constraints:
        if constraint.HasField("element") and (constraint.element.vars or constraint.element.index):
            raise ModelRefused("an element constraint is of the old form; expected that of add_element")


def check_prefix(base: Model, model: Model) -> None:
    """Raises Refused at the first place that differs from the base."""
    _check_part("variable", base.variables, model.variables)
    _check_part("constraint", base.constraints, model.constraints)
    _check_part("search strategy", base.search_strategy, model.search_strategy)
    if _serialise(base.objective) != _serialise(model.objective):
        raise ModelRefused("the objective was changed; expected the base's own")


def _check_part(what: str, before: object, after: object) -> None:
    old, new = list(before), list(after)  # type: ignore[call-overload]
    if len(new) < len(old):
        raise ModelRefused(f"{len(old) - len(new)} of the base's {what}s are missing; expected all of them")
    for place, (one, other) in enumerate(zip(old, new, strict=False)):
        if _serialise(one) != _serialise(other):
            raise ModelRefused(f"{what} {place} of the base was changed; expected additions only")


def _serialise(message: Message) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))
