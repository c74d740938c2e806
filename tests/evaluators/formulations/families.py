"""All base formulations, and how they are solved in tests: by OR-Tools itself, without the judge."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from gapsmith.evaluators.base import Instance, Problem
from gapsmith.evaluators.catalogue import list_formulations, load_formulation, load_problem
from gapsmith.evaluators.formulations.contract import HEADER, Built, Formulation, Pattern

FORMULATIONS: dict[str, Formulation] = {name: load_formulation(name) for name in list_formulations()}
PATTERNS = [(name, each.name) for name, found in FORMULATIONS.items() for each in found.patterns]


def problem_of(formulation: Formulation) -> Problem:
    """The problem that is modelled."""
    return load_problem(formulation.problem)


def micro(formulation: Formulation, seed: int) -> Instance:
    """A tiny instance."""
    return Instance(f"micro-{seed}", formulation.micro(np.random.default_rng(seed)))


def function_of(text: str, name: str) -> Callable[..., Any]:
    """The function of that name in a module's text."""
    module: dict[str, Any] = {}
    exec(HEADER + text, module)
    found: Callable[..., Any] = module[name]
    return found


def pattern_of(formulation: Formulation, name: str) -> Pattern:
    """The formulation's pattern of that name."""
    return {each.name: each for each in formulation.patterns}[name]


def applied(formulation: Formulation, instance: Instance, *patterns: Pattern) -> Built:
    """The base with patterns added to it, as they stand in their sources."""
    built = formulation.build(instance)
    for each in patterns:
        function_of(each.source, each.name)(built.model, built.variables, dict(instance.data))
    return built


def solved(built: Built) -> tuple[str, int, Mapping[str, Any] | None]:
    """Status, objective and values of all variables."""
    solver = cp_model.CpSolver()
    solver.parameters.num_workers, solver.parameters.max_deterministic_time = 1, 20.0
    status = solver.status_name(solver.solve(built.model))
    if status != "OPTIMAL":
        return status, 0, None
    values = {name: valued(solver, part) for name, part in built.variables.items()}
    return status, round(solver.objective_value), values


def valued(solver: cp_model.CpSolver, part: Any) -> Any:
    """The values of nested lists of variables; None for intervals."""
    if isinstance(part, list | tuple):
        return [valued(solver, inner) for inner in part]
    return None if part is None or isinstance(part, cp_model.IntervalVar) else solver.value(part)
