"""Measures the freedom that a model leaves to its solver.

What follows from its constraints without search.

Runs in the child that solves models. Root propagation alone, without presolve, probing or relaxations, tells what is
fixed; for bounds presolve is used as well, since two contradicting rows need not empty a domain.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import text_format
from ortools.sat import cp_model_pb2
from ortools.sat.python import cp_model

from gapsmith.evaluators.formulations.exchange.bridge import parse_model
from gapsmith.evaluators.formulations.verify.negation import bound_objective

Model = cp_model_pb2.CpModelProto
Domains = Sequence[Sequence[int]]

CLOSED = 0.05
"""A bound within this part of the base's gap, from its root to the optimum, closes it."""
PROPAGATION_LIMIT = 1.0
"""Units; propagation takes about a thousandth of it."""


def measure_freedom(base: Model, model: Model, request: Mapping[str, Any]) -> dict[str, Any]:
    """Measures the freedom of a model; tells whether constraints prove the optimum.

    Args:
        base: the model to compare with.
        model: as a message.
        request: `base_decisions` and `decisions`, places of variables (all of the model's if None); `limit` in
            units, to find a solution for the comparison with the bound; with 0 the bound is not examined.

    Returns:
        `left`: the logarithm of the number of values that propagation leaves to the decisions, as a part of the base's.
        `closed`: whether presolve refutes what is better than a solution by more than `CLOSED` allows, and does
        not with the base's constraints.
    """
    known, mine = propagate(base), propagate(model)
    if known is None or mine is None:
        return {"left": 0.0, "closed": False}
    places = request["decisions"]
    chosen = [mine[place] for place in places] if places is not None else mine
    whole = _measure_volume([known[place] for place in request["base_decisions"]])
    left = _measure_volume(chosen) / whole if whole else 1.0
    closed = request["limit"] > 0 and _is_closed(base, known, model, request["limit"])
    return {"left": left, "closed": closed}


def propagate(model: Model, presolve: bool = False) -> Domains | None:
    """Returns the domains of all variables after root propagation.

    Objective and hint are ignored. Returns None where there is no solution.
    """
    bare = Model()
    bare.CopyFrom(model)
    for part in ("objective", "solution_hint"):
        bare.ClearField(part)
    solver = cp_model.CpSolver()
    settings = solver.parameters
    settings.num_workers, settings.max_deterministic_time = 1, PROPAGATION_LIMIT
    settings.cp_model_presolve = presolve
    settings.stop_after_root_propagation = True
    settings.fill_tightened_domains_in_response = True
    settings.linearization_level = settings.symmetry_level = settings.cp_model_probing_level = 0
    status = solver.solve(_build_model(bare))
    if status in (cp_model.INFEASIBLE, cp_model.MODEL_INVALID):
        return None
    response = solver.response_proto
    if len(response.tightened_variables) == len(bare.variables):
        return [list(variable.domain) for variable in response.tightened_variables]
    if len(response.solution) == len(bare.variables):
        return [[value, value] for value in response.solution]
    return [list(variable.domain) for variable in bare.variables]


def _is_closed(base: Model, known: Domains, model: Model, limit: float) -> bool:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers, solver.parameters.max_deterministic_time = 1, limit
    if solver.solve(_build_model(model)) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return False
    best = solver.objective_value
    step = max(1, math.ceil(CLOSED * abs(best - _bound_objective(base, known))))
    mine, others = (propagate(bound_objective(each, best, -step), presolve=True) for each in (model, base))
    return mine is None and others is not None


def _bound_objective(base: Model, domains: Domains) -> float:
    """Returns the bound on the objective that the domains imply."""
    objective = base.objective
    terms = zip(objective.vars, objective.coeffs, strict=True)
    least = sum(factor * _find_end(domains, place, factor > 0) for place, factor in terms)
    return float((least + objective.offset) * (objective.scaling_factor or 1.0))


def _find_end(domains: Domains, place: int, low: bool) -> int:
    """Returns the least or greatest value of a variable.

    -k-1 is the negation of the Boolean k.
    """
    if place < 0:
        return 1 - _find_end(domains, -place - 1, not low)
    return domains[place][0] if low else domains[place][-1]


def _measure_volume(domains: Domains) -> float:
    """Returns the logarithm of the number of combinations of values."""
    sizes = (sum(domain[1::2]) - sum(domain[::2]) + len(domain) // 2 for domain in domains)
    return sum(math.log(size) for size in sizes if size > 1)


def _build_model(message: Model) -> cp_model.CpModel:
    return parse_model(text_format.MessageToString(message))
