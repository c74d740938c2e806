"""Finds a problem.

By name among ours, or by path anywhere on disk.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path

from gapsmith.agent.evaluation.own.files import load_problem_file
from gapsmith.evaluators.base import (
    SMALL,
    GapsmithError,
    Instance,
    Problem,
    Reference,
    UsageError,
    describe_unknown,
)
from gapsmith.evaluators.catalogue import (
    BUILD,
    list_formulations,
    list_problems,
    load_formulation_problem,
    load_problem,
    strip_ending,
)


def find_problem(name: str, layout: str = "", scale: str = SMALL) -> Problem:
    """Finds a problem or formulation by name, or by path if `.py`.

    Args:
        name: of a problem, or a path.
        layout: how its files are read; see `set_layout`.
        scale: of its generated instances and limits; empty for the usual one of runs, see `Problem.scale_to`.

    Raises:
        UsageError: for a name, a file, a layout or a scale that is not known.
    """
    problem = _find_without_layout(name)
    place = str(Path(name).resolve()) if name.endswith(".py") else name
    named = replace(problem, reference=NamedProblem(place, problem.version))
    return set_layout(named, layout).scale_to(scale)


@dataclass(frozen=True)
class NamedProblem:
    """A problem by its name or its file's absolute path.

    Attributes:
        name: as `find_problem` takes it.
        version: that the problem must have.
    """

    name: str
    version: str

    def resolve(self) -> Problem:
        """Makes the problem again. Raises GapsmithError for another version."""
        return _resolve_name(self.name, self.version)


@dataclass(frozen=True)
class WithLayout:
    """A problem whose files are read in one of its layouts."""

    problem: Reference
    layout: str

    def resolve(self) -> Problem:
        """Makes the problem with its layout. Raises GapsmithError."""
        return set_layout(self.problem.resolve(), self.layout)


@lru_cache(maxsize=64)
def _resolve_name(name: str, version: str) -> Problem:
    found = find_problem(name)
    if found.version != version:
        raise GapsmithError(
            f"{name} has version {found.version} here; expected {version}, as where the run began"
        )
    return found


def set_layout(problem: Problem, layout: str) -> Problem:
    """Sets the layout of a problem's files. Raises UsageError."""
    if not layout:
        return problem
    if not problem.layouts:
        raise UsageError(f"--layout is {layout!r}, but {problem.name} reads one layout only; leave it out")
    if layout.partition("=")[0] not in {known.partition("=")[0] for known in problem.layouts}:
        raise UsageError(describe_unknown("layout", layout, list(problem.layouts)))
    reference = WithLayout(problem.reference, layout) if problem.reference else None
    return replace(problem, read=lambda path: problem.read(path, layout), reference=reference)


def limit_cpu(problem: Problem, seconds: float | None) -> Problem:
    """Limits the CPU time of all instances; None keeps the problem's own.

    Raises UsageError for a limit that is not positive.
    """
    if seconds is not None and not seconds > 0:
        raise UsageError(f"--cpu-seconds is {seconds:g}; expected more than 0")
    return problem if seconds is None else replace(problem, cpu_cap=seconds)


def allow_packages(problem: Problem, names: str) -> Problem:
    """Sets what programs may import, as on the command line.

    Empty keeps what the scale allows; "numpy" allows nothing else. Raises UsageError.
    """
    words = [word.strip() for word in names.split(",") if word.strip()]
    return problem.choose_packages([word for word in words if word != "numpy"]) if words else problem


def _find_without_layout(name: str) -> Problem:
    if name.endswith(".py"):
        return load_problem_file(Path(name))
    if name in list_problems():
        return load_problem(name)
    if strip_ending(name) in list_formulations():
        return _find_formulation(name)
    known = [*list_problems(), *list_formulations()]
    beside = f"{name}.py" if Path(f"{name}.py").is_file() else ""
    raise UsageError(
        describe_unknown("problem", name, known)
        + "; a problem of your own is a path that ends in .py"
        + (f", as {beside} does" if beside else "")
    )


def _find_formulation(name: str) -> Problem:
    try:
        return load_formulation_problem(name)
    except KeyError:
        plain = strip_ending(name)
        reason = "has no whole models to start from" if name.endswith(BUILD) else "is not linear"
        raise UsageError(f"{plain} {reason}, so that there is no {name!r}; there is {plain!r}") from None


def write_skeleton(name: str) -> str:
    """Returns a commented problem file. Raises UsageError for an invalid name."""
    if not name.isidentifier():
        raise UsageError(
            f"{name!r} is no name for a problem; expected letters, digits and _, such as my_problem"
        )
    text = resources.files("gapsmith.agent.evaluation.own").joinpath("skeleton.txt").read_text("utf-8")
    return text.replace('"NAME"', f'"{name}"').replace("THIS_FILE", f"{name}.py")


def read_instances(problem: Problem, paths: list[Path]) -> list[Instance]:
    """Reads the instances of all files, in order. Raises GapsmithError."""
    return [instance for path in paths for instance in problem.read(path)]
