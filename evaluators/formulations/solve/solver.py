"""The work of a child on the text of a model.

Checking, solving in several orders, enumerating, refuting.

Requests and replies are plain data, so that they can be exchanged with another process.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import process_time  # by name: the module's own clocks are hidden where this runs
from typing import Any

from google.protobuf import text_format
from ortools.sat import cp_model_pb2
from ortools.sat.python import cp_model

from gapsmith.evaluators.formulations.contract import Claim
from gapsmith.evaluators.formulations.exchange.bridge import ModelRefused, copy_to_message, parse_model
from gapsmith.evaluators.formulations.solve.freedom import measure_freedom
from gapsmith.evaluators.formulations.solve.permute import PermutedModel, permute
from gapsmith.evaluators.formulations.verify.negation import bound_objective, negate
from gapsmith.evaluators.formulations.verify.prefix import check_features, check_prefix, check_size

Reply = dict[str, Any]
Model = cp_model_pb2.CpModelProto


def answer(request: Mapping[str, Any]) -> Reply:
    """Answers a request; `refused` gives the reason for a refused model."""
    try:
        return _WORK[request["do"]](request)
    except ModelRefused as reason:
        return {"refused": str(reason)}


def solve(request: Mapping[str, Any]) -> Reply:
    """Solves a model in several orders.

    `permutations` holds seeds, with None for the original order. The reply has a run for each, and the values of the
    first solution that is proven.
    """
    base, model = _check_models(request)
    runs = [_solve_once(base, model, request, seed) for seed in request["permutations"]]
    values = [run.pop("values") for run in runs if run["status"] == "OPTIMAL"]
    return {"runs": runs, "values": values[0] if values else None}


def _solve_once(base: Model | None, model: Model, request: Mapping[str, Any], seed: int | None) -> Reply:
    """Runs CP-SAT, or the mixed-integer solver of the request."""
    if "solver" not in request:
        return _run(_order_model(base, model, request, seed), request)
    from gapsmith.evaluators.formulations.solve import mip as mixed_integer

    order = _permute_model(base, model, seed)
    found = mixed_integer.run(order.model if order else model, request)
    if order and "values" in found:
        found["values"] = order.restore_values(found["values"])
    return found


def enumerate_solutions(request: Mapping[str, Any]) -> Reply:
    """Lists the different values of `decisions` in good solutions.

    Good solutions are as good as `value`, or worse by at most `slack`; the list ends at `most`.
    """
    _, model = _check_models(request)
    solver, seen = _make_solver(request), _SolutionCollector(request["decisions"], request["most"])
    solver.parameters.enumerate_all_solutions = True
    status = solver.solve(_build_model(bound_objective(model, request["value"], request["slack"])), seen)
    complete = status in (cp_model.OPTIMAL, cp_model.INFEASIBLE) and not seen.full
    return {"solutions": sorted(seen.found), "complete": complete}


def refute(request: Mapping[str, Any]) -> Reply:
    """Tells which added constraints solutions or optima of the base violate.

    At most `most` constraints are tried. Each gets "proved" (nothing violates it), "refuted", "unknown" or
    "no negation".
    """
    base, model = _check_models(request)
    assert base is not None  # only what was added to a base can be refuted
    added = list(model.constraints)[len(base.constraints) :]
    step = max(1, -(-len(added) // request["most"]))
    return {"constraints": [_refute_constraint(base, each, request) for each in added[::step]]}


def measure_freedom_left(request: Mapping[str, Any]) -> Reply:
    """Measures the freedom that a model leaves; see `freedom`.

    A `whole` model need not begin with its base.
    """
    _, model = _check_models({**request, "base": None} if request["whole"] else request)
    return measure_freedom(copy_to_message(parse_model(request["base"])), model, request)


_WORK: Mapping[str, Callable[[Mapping[str, Any]], Reply]] = {
    "solve": solve,
    "enumerate": enumerate_solutions,
    "refute": refute,
    "freedom": measure_freedom_left,
}


def _check_models(request: Mapping[str, Any]) -> tuple[Model | None, Model]:
    """Parses and checks the base, if any, and the model. Raises Refused."""
    model = copy_to_message(parse_model(request["text"]))
    check_size(model)
    check_features(model)
    if request.get("base") is None:
        return None, model
    base = copy_to_message(parse_model(request["base"]))
    check_prefix(base, model)
    for constraint in list(model.constraints)[len(base.constraints) :]:
        _check_claim(constraint.name)
    return base, model


def _check_claim(name: str) -> None:
    """Raises Refused for a constraint whose name makes no claim."""
    word, colon, _ = name.partition(":")
    if not colon or word not in list(Claim):
        raise ModelRefused(
            f"a constraint is named {name[:60]!r}; expected its claim first, as in 'implied: no idle time', "
            f"one of {', '.join(Claim)}"
        )


@dataclass(frozen=True)
class _OrderedModel:
    """A model ready to be solved, with its solution's decoder."""

    model: cp_model.CpModel
    values: Callable[[Sequence[int]], list[int]]


def _order_model(
    base: Model | None, model: Model, request: Mapping[str, Any], seed: int | None
) -> _OrderedModel:
    order = _permute_model(base, model, seed)
    if order is None:
        return _OrderedModel(parse_model(request["text"]), list)
    return _OrderedModel(_build_model(order.model), order.restore_values)


def _permute_model(base: Model | None, model: Model, seed: int | None) -> PermutedModel | None:
    """Returns the model in a seed's order; None without a seed."""
    if seed is None:
        return None
    counts = (len(base.variables), len(base.constraints)) if base is not None else (0, 0)
    return permute(model, seed, *counts)


def _run(ordered: _OrderedModel, request: Mapping[str, Any]) -> Reply:
    solver = _make_solver(request)
    begun = process_time()
    status = solver.solve(ordered.model)
    if status == cp_model.MODEL_INVALID:
        raise ModelRefused(f"the model is invalid: {ordered.model.validate()[:300]}")
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    proven = {"values": ordered.values(solver.response_proto.solution)} if status == cp_model.OPTIMAL else {}
    return {
        "status": solver.status_name(status),
        "objective": solver.objective_value if found else None,
        "time": solver.response_proto.deterministic_time,
        "seconds": process_time() - begun,
        "wall": solver.wall_time,
        **proven,
    }


def _make_solver(request: Mapping[str, Any]) -> cp_model.CpSolver:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = request.get("workers", 1)
    solver.parameters.random_seed = 1
    if "seconds" in request:
        solver.parameters.max_time_in_seconds = request["seconds"]
    else:
        solver.parameters.max_deterministic_time = request["limit"]
    return solver


def _build_model(message: Model) -> cp_model.CpModel:
    return parse_model(text_format.MessageToString(message))


class _SolutionCollector(cp_model.CpSolverSolutionCallback):
    """Collects the different values of some variables."""

    def __init__(self, places: Sequence[int], limit: int) -> None:
        super().__init__()
        self._places, self._limit = places, limit
        self.found: set[tuple[int, ...]] = set()
        self.full, self._calls = False, 0

    def on_solution_callback(self) -> None:
        """Records a solution; stops the search when there are too many."""
        values = self.response_proto.solution
        self.found.add(tuple(values[place] for place in self._places))
        self._calls += 1
        if self._calls >= self._limit:
            self.full = True
            self.stop_search()


def _refute_constraint(
    base: Model, constraint: cp_model_pb2.ConstraintProto, request: Mapping[str, Any]
) -> Reply:
    opposite = negate(constraint, len(base.variables))
    if opposite is None:
        verdicts = ("no negation", "no negation")
    else:
        best = bound_objective(base, request["value"])
        verdicts = (_find_violation(base, opposite, request), _find_violation(best, opposite, request))
    return {"name": constraint.name, "implied": verdicts[0], "optimal": verdicts[1]}


def _find_violation(
    model: Model, opposite: Sequence[cp_model_pb2.ConstraintProto], request: Mapping[str, Any]
) -> str:
    new = Model()
    new.CopyFrom(model)
    new.ClearField("objective")
    new.constraints.extend(opposite)
    status = _make_solver(request).solve(_build_model(new))
    if status == cp_model.INFEASIBLE:
        return "proved"
    return "refuted" if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else "unknown"
