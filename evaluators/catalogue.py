"""Finds problems and formulations by listing the folders of `problems`.

Adding a folder adds a problem.
"""

import importlib
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from gapsmith.evaluators.base import Problem
from gapsmith.evaluators.formulations.contract import Formulation

BUILD = ":build"
"""The ending of a name for a search for whole models, not for additions to the base."""
SOLVERS = {":highs": "highs", ":scip": "scip"}
"""Endings of a name for proofs by a solver of mixed-integer programmes, not by CP-SAT."""

_PACKAGE = "gapsmith.evaluators.problems"
_FOLDER = Path(__file__).parent / "problems"


def list_problems() -> list[str]:
    """Lists the built-in problems: the folders that hold a `problem.py`."""
    return sorted(path.parent.name for path in _FOLDER.glob("*/problem.py"))


def load_problem(name: str) -> Problem:
    """Loads a built-in problem. Raises KeyError for an unknown name."""
    if name not in list_problems():
        raise KeyError(name)
    problem: Problem = importlib.import_module(f"{_PACKAGE}.{name}.problem").problem
    return problem


def find_origin(problem: Problem) -> Problem | None:
    """Finds the built-in problem whose scales a derived one has."""
    modules = (sys.modules.get(f"{_PACKAGE}.{name}.problem") for name in list_problems())
    known: list[Problem] = [module.problem for module in modules if module is not None]
    return next((each for each in known if each.scales is problem.scales), None)


def list_formulations() -> list[str]:
    """Lists the formulations of all problems by their own names."""
    return sorted(_load_formulations())


def load_formulation(name: str) -> Formulation:
    """Loads a formulation by its own name. Raises KeyError if unknown."""
    return _load_formulations()[name]


def strip_ending(name: str) -> str:
    """Returns the formulation's name without its ending (`:build`, `:highs`, `:scip`)."""
    plain, colon, ending = name.rpartition(":")
    return plain if colon + ending in (BUILD, *SOLVERS) else name


@lru_cache(maxsize=8)
def load_formulation_problem(name: str) -> Problem:
    """Makes the problem of strengthening a formulation.

    The ending of the name chooses the solver. Raises KeyError for a name that is not known, that has no models
    to start from, or that the solver cannot take.
    """
    plain = strip_ending(name)
    ending = name.removeprefix(plain)
    formulation = load_formulation(plain)
    if (ending == BUILD and not formulation.builds) or (ending in SOLVERS and not formulation.linear):
        raise KeyError(name)
    # Imported here, since it loads OR-Tools.
    from gapsmith.evaluators.formulations.problem import make_formulation_problem

    original = load_problem(formulation.problem)
    return make_formulation_problem(formulation, original, whole=ending == BUILD, solver=SOLVERS.get(ending))


@lru_cache(maxsize=1)
def _load_formulations() -> Mapping[str, Formulation]:
    """Loads every formulation; none of their modules loads OR-Tools."""
    modules = map(importlib.import_module, _find_formulation_modules())
    found = [vars(module).get("formulation") for module in modules]
    return {each.name: each for each in found if isinstance(each, Formulation)}


def _find_formulation_modules() -> Iterator[str]:
    """Yields the modules of formulations.

    A problem has one `formulation.py`, or a folder `formulations` with several.
    """
    for path in [*_FOLDER.glob("*/formulation.py"), *_FOLDER.glob("*/formulations/*.py")]:
        yield ".".join((_PACKAGE, *path.relative_to(_FOLDER).with_suffix("").parts))
