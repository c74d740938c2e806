"""Negations of constraints, for the kinds that have one."""

from collections.abc import Callable, Sequence

from ortools.sat import cp_model_pb2

Constraint = cp_model_pb2.ConstraintProto
Model = cp_model_pb2.CpModelProto

LEAST, MOST = -(2**63), 2**63 - 1


def negate(constraint: Constraint, variables: int) -> list[Constraint] | None:
    """Returns constraints that together say the opposite.

    Returns None where the kind of constraint has no negation, or other variables occur.

    Args:
        constraint: linear or Boolean, enforced or not.
        variables: only variables with a lower index may occur.
    """
    kind = constraint.WhichOneof("constraint")
    if kind not in _OPPOSITES or any(
        _strip_negation(each) >= variables for each in _list_references(constraint)
    ):
        return None
    # An enforced constraint is violated where its literals hold and it does not.
    holds = [_make_clause([literal]) for literal in constraint.enforcement_literal]
    if kind == "bool_and":
        return [*holds, _make_clause([-literal - 1 for literal in constraint.bool_and.literals])]
    return holds + _OPPOSITES[kind](constraint)


def bound_objective(model: Model, value: float, slack: int = 0) -> Model:
    """Returns the model without objective, restricted to solutions at least this good."""
    objective, new = model.objective, Model()
    new.CopyFrom(model)
    new.ClearField("objective")
    inner = round(value / (objective.scaling_factor or 1.0) - objective.offset) + slack
    new.constraints.append(_make_linear(objective.vars, objective.coeffs, [LEAST, inner]))
    return new


def _make_linear(variables: Sequence[int], coefficients: Sequence[int], domain: Sequence[int]) -> Constraint:
    made = Constraint()
    made.linear.vars.extend(variables)
    made.linear.coeffs.extend(coefficients)
    made.linear.domain.extend(domain)
    return made


def _make_clause(literals: Sequence[int]) -> Constraint:
    made = Constraint()
    made.bool_or.literals.extend(literals)
    return made


def _count(literals: Sequence[int], domain: Sequence[int]) -> list[Constraint]:
    """Returns a constraint on the number of literals that hold."""
    signs = [1 if literal >= 0 else -1 for literal in literals]
    fixed = sum(literal < 0 for literal in literals)
    moved = [limit if limit in (LEAST, MOST) else limit - fixed for limit in domain]
    return [_make_linear([_strip_negation(literal) for literal in literals], signs, moved)]


def _complement_domain(domain: Sequence[int]) -> list[int]:
    ends = [LEAST - 1, *domain, MOST + 1]
    pieces = [(ends[k] + 1, ends[k + 1] - 1) for k in range(0, len(ends), 2)]
    return [limit for low, high in pieces if low <= high for limit in (low, high)]


def _negate_linear(constraint: Constraint) -> list[Constraint]:
    linear = constraint.linear
    outside = _complement_domain(linear.domain)
    if not outside:  # it always holds: its negation is infeasible
        return [_make_clause([])]
    return [_make_linear(linear.vars, linear.coeffs, outside)]


_OPPOSITES: dict[str, Callable[[Constraint], list[Constraint]]] = {
    "linear": _negate_linear,
    "bool_or": lambda c: [_make_clause([-literal - 1]) for literal in c.bool_or.literals],
    "bool_and": lambda c: [],
    "at_most_one": lambda c: _count(c.at_most_one.literals, [2, MOST]),
    "exactly_one": lambda c: _count(c.exactly_one.literals, [LEAST, 0, 2, MOST]),
}


def _list_references(constraint: Constraint) -> list[int]:
    body = getattr(constraint, constraint.WhichOneof("constraint") or "")
    return [*constraint.enforcement_literal, *getattr(body, "vars", ()), *getattr(body, "literals", ())]


def _strip_negation(reference: int) -> int:
    return reference if reference >= 0 else -reference - 1
