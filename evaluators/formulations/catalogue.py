"""Finds a formulation by its name, and makes the problem of searching for a better one."""

import importlib
import pkgutil
from functools import lru_cache
from pathlib import Path

import gapsmith.evaluators.formulations
from gapsmith.evaluators.base import Problem

BUILD = ":build"
"""What a name ends in where whole models are searched for, not additions to the base."""
SOLVERS = {":highs": "highs", ":scip": "scip"}
"""The same where a solver of mixed-integer programmes is to prove the optimum, not CP-SAT."""


def formulation_names() -> list[str]:
    """The names of the formulations; their modules are read, not run, since OR-Tools takes its time to load."""
    folders = [Path(folder) for folder in gapsmith.evaluators.formulations.__path__]
    modules = [module.name for module in pkgutil.iter_modules(map(str, folders))]
    return [name for name in modules if any(_defines(folder / f"{name}.py") for folder in folders)]


def plain_name(name: str) -> str:
    """The formulation's name, without what is searched for, and for whom."""
    plain, colon, ending = name.rpartition(":")
    return plain if colon + ending in (BUILD, *SOLVERS) else name


@lru_cache(maxsize=8)
def formulation_problem_named(name: str) -> Problem:
    """The search for what strengthens a formulation, by the ending of its name for which solver, or for another model.

    Raises KeyError for a name that is not known, that has no models to start from, or that the solver cannot take.
    """
    plain = plain_name(name)
    ending = name.removeprefix(plain)
    if plain not in formulation_names():
        raise KeyError(name)
    formulation = importlib.import_module(f"gapsmith.evaluators.formulations.{plain}").formulation
    if (ending == BUILD and not formulation.builds) or (ending in SOLVERS and not formulation.linear):
        raise KeyError(name)
    original = importlib.import_module(f"gapsmith.evaluators.{formulation.problem}").problem
    # Here, since it loads OR-Tools.
    from gapsmith.evaluators.formulations.problem import formulation_problem

    return formulation_problem(formulation, original, whole=ending == BUILD, solver=SOLVERS.get(ending))


def _defines(path: Path) -> bool:
    return path.is_file() and "\nformulation = Formulation(" in path.read_text(encoding="utf-8")
