"""Solves a CP-SAT model as a mixed-integer programme, where possible.

Linear constraints are kept; clauses, at most one and exactly one are linear in their literals, and enforced constraints
get the least big-M that the domains allow. Anything else is refused. HiGHS and SCIP are called through MathOpt. Their
effort is counted in iterations of the simplex method: node counts are uninformative where cuts close the gap at the
root, and seconds are not repeatable. Nodes and seconds are reported as well.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from time import monotonic, process_time  # by name: the module's own clocks are hidden where this runs
from typing import Any

from ortools.math_opt.python import mathopt
from ortools.sat import cp_model_pb2

from gapsmith.evaluators.formulations.exchange.bridge import ModelRefused

ITERATIONS = 10_000
"""Iterations of the simplex method that count as a unit."""
SECONDS_PER_UNIT = 4.0
"""Time limit of a solver for a unit, many times what most models need."""
EXTRA_SECONDS = 5.0
"""Seconds added to the time limit."""
GAP = 1.0 - 1e-4
"""Just below one unit of the objective, whose coefficients are whole numbers."""
UNBOUNDED = 1 << 40
"""Bounds beyond it count as infinite: solvers use floating-point numbers."""

Model = cp_model_pb2.CpModelProto
Constraint = cp_model_pb2.ConstraintProto
SOLVERS = {"highs": mathopt.SolverType.HIGHS, "scip": mathopt.SolverType.GSCIP}


def run(model: Model, request: Mapping[str, Any]) -> dict[str, Any]:
    """Solves a model as a mixed-integer programme.

    The result has status, objective, time in units, seconds of CPU and wall, nodes, and values if proven.

    Args:
        model: as a message of CP-SAT.
        request: its `solver`; `seconds` of wall time, or else the `limit` in units.

    Raises:
        Refused: where the model is not linear.
    """
    programme, variables = write_programme(model)
    seconds = request.get("seconds") or EXTRA_SECONDS + SECONDS_PER_UNIT * request["limit"]
    parameters = mathopt.SolveParameters(
        time_limit=timedelta(seconds=seconds), relative_gap_tolerance=0.0, absolute_gap_tolerance=GAP
    )
    begun, started = process_time(), monotonic()
    result = mathopt.solve(programme, SOLVERS[request["solver"]], params=parameters)
    found = {"seconds": process_time() - begun, "wall": monotonic() - started}
    status = _classify_status(result.termination.reason)
    effort = result.solve_stats
    found |= {"time": effort.simplex_iterations / ITERATIONS, "nodes": effort.node_count}
    if status != "OPTIMAL":
        return {"status": status, "objective": None, **found}
    values = [round(value) for value in result.variable_values(variables)]
    cost = compute_objective(model, values)
    return {"status": status, "objective": cost, **found, "values": values}


def write_programme(model: Model) -> tuple[mathopt.Model, list[mathopt.Variable]]:
    """Writes a model as a mixed-integer programme.

    Returns its variables in their order, too. Raises Refused.
    """
    programme = mathopt.Model()
    bounds = [_read_range(variable) for variable in model.variables]
    variables = [
        programme.add_integer_variable(lb=_limit_bound(low), ub=_limit_bound(high)) for low, high in bounds
    ]
    for constraint in model.constraints:
        for low, terms, high in _list_rows(constraint, bounds):
            # Rows without terms count too: one that cannot hold leaves no solution.
            row = programme.add_linear_constraint(lb=low, ub=high)
            for place, factor in terms.items():
                row.set_coefficient(variables[place], factor)
    terms, constant = _sum_terms(model.objective.vars, model.objective.coeffs)
    expression = mathopt.LinearSum(factor * variables[place] for place, factor in terms.items())
    programme.minimize(expression + constant)
    return programme, variables


def compute_objective(model: Model, values: Sequence[int]) -> float:
    """Returns the objective of a solution as CP-SAT reports it."""
    terms, constant = _sum_terms(model.objective.vars, model.objective.coeffs)
    total = constant + sum(factor * values[place] for place, factor in terms.items())
    return float((total + model.objective.offset) * (model.objective.scaling_factor or 1.0))


Terms = dict[int, int]
Row = tuple[float, Terms, float]
Bounds = Sequence[tuple[int, int]]


def _list_rows(constraint: Constraint, bounds: Bounds) -> Iterator[Row]:
    """Yields the linear rows of a constraint. Raises Refused."""
    kind = constraint.WhichOneof("constraint")
    if kind not in _KINDS:
        raise ModelRefused(
            f"{_name_constraint(constraint)} is of the kind {kind}, which is not linear; expected "
            "linear constraints, clauses, at most one, exactly one"
        )
    for low, terms, high in _KINDS[kind](constraint):
        yield from _relax_rows(low, terms, high, constraint.enforcement_literal, bounds)


def _write_linear(constraint: Constraint) -> Iterator[Row]:
    domain = constraint.linear.domain
    if len(domain) != 2:
        raise ModelRefused(f"{_name_constraint(constraint)} has holes in its domain; expected one interval")
    terms, constant = _sum_terms(constraint.linear.vars, constraint.linear.coeffs)
    yield _limit_bound(domain[0]) - constant, terms, _limit_bound(domain[1]) - constant


def _write_clause(constraint: Constraint) -> Iterator[Row]:
    terms, constant = _sum_literals(constraint.bool_or.literals)
    yield 1 - constant, terms, math.inf


def _write_all_true(constraint: Constraint) -> Iterator[Row]:
    for literal in constraint.bool_and.literals:
        terms, constant = _sum_literals([literal])
        yield 1 - constant, terms, math.inf


def _write_at_most_one(constraint: Constraint) -> Iterator[Row]:
    terms, constant = _sum_literals(constraint.at_most_one.literals)
    yield -math.inf, terms, 1 - constant


def _write_exactly_one(constraint: Constraint) -> Iterator[Row]:
    terms, constant = _sum_literals(constraint.exactly_one.literals)
    yield 1 - constant, terms, 1 - constant


_KINDS: Mapping[str | None, Callable[[Constraint], Iterator[Row]]] = {
    None: lambda _: iter(()),
    "linear": _write_linear,
    "bool_or": _write_clause,
    "bool_and": _write_all_true,
    "at_most_one": _write_at_most_one,
    "exactly_one": _write_exactly_one,
}


def _relax_rows(
    low: float, terms: Terms, high: float, literals: Sequence[int], bounds: Bounds
) -> Iterator[Row]:
    """Yields rows that hold where all literals are true.

    They have the least big-M that relaxes them elsewhere.
    """
    if not literals:
        yield low, terms, high
        return
    least = sum(factor * bounds[place][factor < 0] for place, factor in terms.items())
    most = sum(factor * bounds[place][factor > 0] for place, factor in terms.items())
    if max(-least, most) > UNBOUNDED:
        raise ModelRefused("a constraint under literals has terms without bounds; expected finite domains")
    for bound, furthest, above in ((low, least, False), (high, most, True)):
        slack = furthest - bound if above else bound - furthest
        if math.isfinite(bound) and slack > 0:
            # bound − slack·(number of false literals) ≤ terms, or the like from above
            loose, constant = _sum_literals(literals)
            sign = slack if above else -slack
            row = _add_terms(terms, {place: int(sign) * factor for place, factor in loose.items()})
            moved = bound + sign * (len(literals) - constant)
            yield (-math.inf, row, moved) if above else (moved, row, math.inf)


def _sum_literals(literals: Sequence[int]) -> tuple[Terms, int]:
    """Returns the sum of literals as terms and a constant.

    -k-1 is the negation of k.
    """
    return _sum_terms(literals, [1] * len(literals))


def _sum_terms(places: Sequence[int], factors: Sequence[int]) -> tuple[Terms, int]:
    """Returns a weighted sum of variables and literals: terms, constant."""
    terms: Terms = {}
    constant = 0
    for place, factor in zip(places, factors, strict=True):
        if place < 0:
            constant += factor
            place, factor = -place - 1, -factor
        terms[place] = terms.get(place, 0) + factor
    return terms, constant


def _add_terms(one: Terms, other: Terms) -> Terms:
    return {place: one.get(place, 0) + other.get(place, 0) for place in one.keys() | other.keys()}


def _read_range(variable: cp_model_pb2.IntegerVariableProto) -> tuple[int, int]:
    if len(variable.domain) != 2:
        raise ModelRefused(f"variable {variable.name!r} has holes in its domain; expected one interval")
    return variable.domain[0], variable.domain[1]


def _limit_bound(bound: int) -> float:
    return float(bound) if abs(bound) < UNBOUNDED else math.copysign(math.inf, bound)


def _name_constraint(constraint: Constraint) -> str:
    return f"constraint {constraint.name[:60]!r}"


def _classify_status(reason: mathopt.TerminationReason) -> str:
    if reason in (mathopt.TerminationReason.OPTIMAL, mathopt.TerminationReason.INFEASIBLE):
        return str(reason.name)
    return "UNKNOWN"
