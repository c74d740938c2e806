"""Finds a problem: by name among ours, or by path anywhere on disk."""

from dataclasses import replace
from importlib import resources
from pathlib import Path

from gapsmith.agent.evaluation.own.files import problem_of_file
from gapsmith.evaluators.base import Instance, Problem, UsageTrouble, unknown
from gapsmith.evaluators.catalogue import (
    BUILD,
    formulation_names,
    formulation_problem_named,
    load_problem,
    plain_name,
    problem_names,
)


def find_problem(name: str, layout: str = "") -> Problem:
    """The problem or formulation of that name, or the problem of that path if it ends in `.py`.

    Args:
        name: of a problem, or a path.
        layout: how its files are read; see `laid_out`.

    Raises:
        UsageTrouble: for a name, a file or a layout that is not known.
    """
    return laid_out(_found(name), layout)


def laid_out(problem: Problem, layout: str) -> Problem:
    """The problem with its files read in one of its layouts; as it is without one. Raises UsageTrouble."""
    if not layout:
        return problem
    if not problem.layouts:
        raise UsageTrouble(f"--layout is {layout!r}, but {problem.name} reads one layout only; leave it out")
    if layout.partition("=")[0] not in {known.partition("=")[0] for known in problem.layouts}:
        raise UsageTrouble(unknown("layout", layout, list(problem.layouts)))
    return replace(problem, read=lambda path: problem.read(path, layout))


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
    """The text of a commented problem file to start from. Raises UsageTrouble for what is no name."""
    if not name.isidentifier():
        raise UsageTrouble(
            f"{name!r} is no name for a problem; expected letters, digits and _, such as my_problem"
        )
    text = resources.files("gapsmith.agent.evaluation.own").joinpath("skeleton.txt").read_text("utf-8")
    return text.replace('"NAME"', f'"{name}"').replace("THIS_FILE", f"{name}.py")


def read_instances(problem: Problem, paths: list[Path]) -> list[Instance]:
    """The instances of all files, in order. Raises Trouble with file, line, what was found and expected."""
    return [instance for path in paths for instance in problem.read(path)]


def _problem_of(module: object, name: str) -> Problem:
    problem = getattr(module, "problem", None)
    if not isinstance(problem, Problem):
        raise UsageTrouble(f"{name} defines no `problem`; expected `problem = Problem(...)`")
    return problem
