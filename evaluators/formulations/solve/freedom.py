"""Measures the freedom that a model leaves to its solver.

What follows from its constraints without search.

Runs in the child that solves models. Root propagation alone, without presolve, probing or relaxations, tells what is
fixed; for bounds presolve is used as well, since two contradicting rows need not empty a domain.

Domains alone do not see an order: where all jobs but one are chained, each may still start at many times. So
random descents estimate how many decisions are left (Knuth 1975, Math. Comp. 29): a decision gets a random value of
its domain, its consequences are propagated, and so on; the logarithms of the sizes on the way add up.
"""

import math
import random
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
HINT_LIMIT = 1.0
"""Units to find what a hint is worth, and whether there is better."""


def measure_freedom(base: Model, model: Model, request: Mapping[str, Any]) -> dict[str, Any]:
    """Measures the freedom of a model; tells whether constraints prove the optimum.

    Args:
        base: the model to compare with.
        model: as a message.
        request: `base_decisions` and `decisions`, places of variables (all of the model's if None); `limit` in
            units, to find a solution for the comparison with the bound; with 0 the bound is not examined;
            `descents`, how many; with 0 neither they nor hints are examined.

    Returns:
        `left`: the logarithm of the number of values that propagation leaves to the decisions, as a part of the base's.
        `choices`: the same of what descents count; None without descents.
        `closed`: whether presolve refutes what is better than a solution by more than `CLOSED` allows, and does
        not with the base's constraints.
        `hinted`: whether the hint alone is an optimum.
    """
    known, mine = propagate(base), propagate(model)
    if known is None or mine is None:
        return {"left": 0.0, "closed": False, "choices": 0.0, "hinted": False}
    places, descents = request["decisions"], request["descents"]
    chosen = [mine[place] for place in places] if places is not None else mine
    whole = _measure_volume([known[place] for place in request["base_decisions"]])
    left = _measure_volume(chosen) / whole if whole else 1.0
    closed = request["limit"] > 0 and _is_closed(base, known, model, request["limit"])
    found = {"left": left, "closed": closed, "choices": None, "hinted": False}
    if descents and places:
        counted = estimate_choices(base, places, descents)
        found["choices"] = estimate_choices(model, places, descents) / counted if counted else 1.0
        found["hinted"] = is_hint_optimal(base, model, places)
    return found


def estimate_choices(model: Model, places: Sequence[int], descents: int) -> float:
    """Estimates the logarithm of the number of combinations of decisions.

    Equal models with equal places give equal estimates.
    """
    built = _build_model(_strip_goals(model))
    variables = built.proto.variables
    domains = [list(variables[place].domain) for place in places]
    total = 0.0
    for seed in range(descents):
        total += _descend(built, places, random.Random(seed))
        for place, domain in zip(places, domains, strict=True):
            _restrict(variables[place], domain)
    return total / descents


def _descend(model: cp_model.CpModel, places: Sequence[int], rng: random.Random) -> float:
    """Fixes decisions in random order until all are, or none is possible."""
    found, total = _propagate_once(model), 0.0
    for place in rng.sample(list(places), len(places)):
        if found is None:
            break
        if (size := _count_values(found[place])) > 1:
            total += math.log(size)
            value = _find_value(found[place], rng.randrange(size))
            _restrict(model.proto.variables[place], [value, value])
            found = _propagate_once(model)
    return total


def _restrict(variable: Any, domain: Sequence[int]) -> None:
    variable.domain.clear()
    variable.domain.extend(domain)


def _find_value(domain: Sequence[int], rank: int) -> int:
    for low, high in zip(domain[::2], domain[1::2], strict=True):
        if rank <= high - low:
            return low + rank
        rank -= high - low + 1
    raise IndexError(rank)


def is_hint_optimal(base: Model, model: Model, places: Sequence[int]) -> bool:
    """Tells whether a model's hint is an optimum of its base."""
    hint = dict(zip(model.solution_hint.vars, model.solution_hint.values, strict=True))
    if not set(places) <= set(hint):
        return False
    fixed = Model()
    fixed.CopyFrom(base)
    for place in places:
        _restrict_message(fixed, place, hint[place])
    solver = _make_solver(HINT_LIMIT)
    if solver.solve(_build_model(fixed)) != cp_model.OPTIMAL:
        return False
    better = bound_objective(base, solver.objective_value, -1)
    return bool(_make_solver(HINT_LIMIT).solve(_build_model(better)) == cp_model.INFEASIBLE)


def _restrict_message(model: Model, place: int, value: int) -> None:
    model.variables[place].ClearField("domain")
    model.variables[place].domain.extend([value, value])


def propagate(model: Model, presolve: bool = False) -> Domains | None:
    """Returns the domains of all variables after root propagation.

    Objective and hint are ignored. Returns None where there is no solution.
    """
    return _propagate_once(_build_model(_strip_goals(model)), presolve)


def _strip_goals(model: Model) -> Model:
    bare = Model()
    bare.CopyFrom(model)
    for part in ("objective", "solution_hint"):
        bare.ClearField(part)
    return bare


def _propagate_once(model: cp_model.CpModel, presolve: bool = False) -> Domains | None:
    solver = _make_solver(PROPAGATION_LIMIT)
    settings = solver.parameters
    settings.cp_model_presolve = presolve
    settings.stop_after_root_propagation = True
    settings.fill_tightened_domains_in_response = True
    settings.linearization_level = settings.symmetry_level = settings.cp_model_probing_level = 0
    status = solver.solve(model)
    if status in (cp_model.INFEASIBLE, cp_model.MODEL_INVALID):
        return None
    response, variables = solver.response_proto, model.proto.variables
    if len(response.tightened_variables) == len(variables):
        return [list(variable.domain) for variable in response.tightened_variables]
    if len(response.solution) == len(variables):
        return [[value, value] for value in response.solution]
    return [list(variable.domain) for variable in variables]


def _make_solver(limit: float) -> cp_model.CpSolver:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers, solver.parameters.max_deterministic_time = 1, limit
    return solver


def _is_closed(base: Model, known: Domains, model: Model, limit: float) -> bool:
    solver = _make_solver(limit)
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
    return sum(math.log(size) for size in map(_count_values, domains) if size > 1)


def _count_values(domain: Sequence[int]) -> int:
    return sum(domain[1::2]) - sum(domain[::2]) + len(domain) // 2


def _build_model(message: Model) -> cp_model.CpModel:
    return parse_model(text_format.MessageToString(message))
