"""Finds a formulation by its name, and makes the problem of searching for a better one."""

import importlib
import pkgutil
from functools import lru_cache
from pathlib import Path

import gapsmith.evaluators.formulations
from gapsmith.evaluators.base import Problem

BUILD = ":build"
"""What a name ends in where whole models are searched for, not additions to the base."""


def formulation_names() -> list[str]:
    """The names of the formulations; their modules are read, not run, since OR-Tools takes its time to load."""
    folders = [Path(folder) for folder in gapsmith.evaluators.formulations.__path__]
    modules = [module.name for module in pkgutil.iter_modules(map(str, folders))]
    return [name for name in modules if any(_defines(folder / f"{name}.py") for folder in folders)]


@lru_cache(maxsize=8)
def formulation_problem_named(name: str) -> Problem:
    """The search for what strengthens a formulation, or for another model, where the name ends in `:build`.

    Raises KeyError for a name that is not known, or that has no models to start from.
    """
    plain = name.removesuffix(BUILD)
    if plain not in formulation_names():
        raise KeyError(name)
    formulation = importlib.import_module(f"gapsmith.evaluators.formulations.{plain}").formulation
    if name != plain and not formulation.builds:
        raise KeyError(name)
    original = importlib.import_module(f"gapsmith.evaluators.{formulation.problem}").problem
    # Here, since it loads OR-Tools.
    from gapsmith.evaluators.formulations.problem import formulation_problem

    return formulation_problem(formulation, original, whole=name != plain)


def _defines(path: Path) -> bool:
    return path.is_file() and "\nformulation = Formulation(" in path.read_text(encoding="utf-8")
