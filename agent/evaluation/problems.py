"""Finds a problem: by name among ours, or by path anywhere on disk."""

from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path

from gapsmith.agent.evaluation.own.files import problem_of_file
from gapsmith.evaluators.base import Instance, Problem, Reference, Trouble, UsageTrouble, unknown
from gapsmith.evaluators.catalogue import (
    BUILD,
    formulation_names,
    formulation_problem_named,
    load_problem,
    plain_name,
    problem_names,
)


def find_problem(name: str, layout: str = "") -> Problem:
    """Finds a problem or formulation by name, or by path if `.py`.

    Args:
        name: of a problem, or a path.
        layout: how its files are read; see `laid_out`.

    Raises:
        UsageTrouble: for a name, a file or a layout that is not known.
    """
    problem = _found(name)
    place = str(Path(name).resolve()) if name.endswith(".py") else name
    return laid_out(replace(problem, reference=NamedProblem(place, problem.version)), layout)


@dataclass(frozen=True)
class NamedProblem:
    """A problem by its name, or by the absolute path of its file.

    Attributes:
        name: as `find_problem` takes it.
        version: that the problem must have.
    """

    name: str
    version: str

    def resolve(self) -> Problem:
        """Makes the problem again. Raises Trouble for another version."""
        return _resolve_name(self.name, self.version)


@dataclass(frozen=True)
class LaidOut:
    """A problem whose files are read in one of its layouts."""

    problem: Reference
    layout: str

    def resolve(self) -> Problem:
        """Makes the problem with its layout. Raises Trouble."""
        return laid_out(self.problem.resolve(), self.layout)


@lru_cache(maxsize=64)
def _resolve_name(name: str, version: str) -> Problem:
    found = find_problem(name)
    if found.version != version:
        raise Trouble(f"{name} has version {found.version} here; expected {version}, as where the run began")
    return found


def laid_out(problem: Problem, layout: str) -> Problem:
    """Sets the layout of a problem's files. Raises UsageTrouble."""
    if not layout:
        return problem
    if not problem.layouts:
        raise UsageTrouble(f"--layout is {layout!r}, but {problem.name} reads one layout only; leave it out")
    if layout.partition("=")[0] not in {known.partition("=")[0] for known in problem.layouts}:
        raise UsageTrouble(unknown("layout", layout, list(problem.layouts)))
    reference = LaidOut(problem.reference, layout) if problem.reference else None
    return replace(problem, read=lambda path: problem.read(path, layout), reference=reference)


def _found(name: str) -> Problem:
    if name.endswith(".py"):
        return problem_of_file(Path(name))
    if name in problem_names():
        return load_problem(name)
    if plain_name(name) in formulation_names():
        return _formulation(name)
    known = [*problem_names(), *formulation_names()]
    raise UsageTrouble(unknown("problem", name, known) + "; a problem of your own is a path that ends in .py")


def _formulation(name: str) -> Problem:
    try:
        return formulation_problem_named(name)
    except KeyError:
        plain = plain_name(name)
        reason = "has no whole models to start from" if name.endswith(BUILD) else "is not linear"
        raise UsageTrouble(f"{plain} {reason}, so that there is no {name!r}; there is {plain!r}") from None


def new_problem(name: str) -> str:
    """Returns a commented problem file. Raises UsageTrouble for an invalid name."""
    if not name.isidentifier():
        raise UsageTrouble(
            f"{name!r} is no name for a problem; expected letters, digits and _, such as my_problem"
        )
    text = resources.files("gapsmith.agent.evaluation.own").joinpath("skeleton.txt").read_text("utf-8")
    return text.replace('"NAME"', f'"{name}"').replace("THIS_FILE", f"{name}.py")


def read_instances(problem: Problem, paths: list[Path]) -> list[Instance]:
    """Reads the instances of all files, in order. Raises Trouble."""
    return [instance for path in paths for instance in problem.read(path)]
