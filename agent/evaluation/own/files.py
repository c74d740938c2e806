"""Problems of one's own.

A Python file anywhere on disk, with the modules beside it that it imports.

Costs and optima are kept under a digest of these sources, the version of the problem: after an edit, what was kept
before is not used. Data files that a problem reads are no part of it.
"""

import ast
import hashlib
import importlib
import inspect
import sys
import tokenize
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from gapsmith.agent.evaluation.own.guarding import guard_problem
from gapsmith.evaluators.base import FIRST_VERSION, Problem, UsageError
from gapsmith.evaluators.catalogue import find_origin
from gapsmith.evaluators.grammar import parse_python

DIGITS = 16
_SCALED = ("sizes", "generate", "baseline")
"""What a larger scale is made for."""
OURS = ("gapsmith", "numpy")
"""Modules that no file beside a problem stands in for; those of the standard library are others."""


def load_problem_file(path: Path) -> Problem:
    """Loads the problem that a file defines. Raises UsageError.

    Its version is a digest of the source.
    """
    if not path.is_file():
        raise UsageError(f"problem file {path} does not exist; expected a Python file that defines `problem`")
    try:
        version = hash_sources(path)
        module = _execute_module(path.resolve(), version)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"problem file {path} fails to load: {type(error).__name__}: {error}{_hint(error)}"
        ) from error
    problem = getattr(module, "problem", None)
    if not isinstance(problem, Problem):
        raise UsageError(f"{path} defines no `problem`; expected `problem = Problem(...)`")
    return guard_problem(replace(_drop_inherited_scales(problem), version=version), path)


def _drop_inherited_scales(problem: Problem) -> Problem:
    """Drops scales that were made for a built-in problem.

    Changed copies hold them, too: an exact method for ten jobs would not end on two hundred.
    """
    origin = find_origin(problem) if problem.scales else None
    if origin is None or all(getattr(problem, word) is getattr(origin, word) for word in _SCALED):
        return problem
    return replace(problem, scales={})


def add_version(problem: Problem) -> Problem:
    """Gives a problem a version if it needs one of its own."""
    module = sys.modules.get(problem.cost.__module__)
    if problem.version != FIRST_VERSION or module is None or module.__name__.startswith("gapsmith."):
        return problem
    try:
        return replace(problem, version=_digest([("", inspect.getsource(module))]))
    except (OSError, TypeError):  # typed in: there is no file
        return problem


def hash_sources(path: Path) -> str:
    """Hashes a file and all modules beside it that it imports.

    Raises OSError, SyntaxError or ValueError for what is no Python source.
    """
    folder, found, waiting = path.parent, dict[Path, str](), [path]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found[file] = _read_source(file)
            waiting += [
                beside for name in _find_imports(found[file]) for beside in _find_beside(folder, name)
            ]
    main = found.pop(path)
    others = sorted((file.relative_to(folder).as_posix(), text) for file, text in found.items())
    return _digest([("", main), *others])


def _digest(sources: list[tuple[str, str]]) -> str:
    return hashlib.sha256(repr(sources).encode(errors="replace")).hexdigest()[:DIGITS]


def _read_source(file: Path) -> str:
    """Reads the source in its encoding, with one kind of line ends."""
    with tokenize.open(file) as lines:
        return lines.read()


def _find_imports(source: str) -> set[str]:
    """Finds the first parts of the names of all imported modules."""
    nodes = list(ast.walk(parse_python(source)))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    parts = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in plain | parts} - {""}


def _find_beside(folder: Path, name: str) -> list[Path]:
    """Finds the files of a module or package in the folder.

    None where the standard library or Gapsmith has one of that name.
    """
    if name in sys.stdlib_module_names or name in OURS:
        return []
    if (file := folder / f"{name}.py").is_file():
        return [file]
    return sorted((folder / name).rglob("*.py")) if (folder / name / "__init__.py").is_file() else []


def _execute_module(path: Path, version: str) -> ModuleType:
    """Executes exactly the text that the version belongs to."""
    source = _read_source(path)
    module = ModuleType(f"gapsmith_problem_{path.stem}_{version}")
    module.__file__ = str(path)
    vars(module)["print"] = _print_to_stderr  # stdout holds the results of commands
    sys.modules[module.__name__] = module
    with _allow_imports(path.parent, _find_imports(source)):
        exec(compile(source, str(path), "exec"), vars(module))
    return module


def _print_to_stderr(*values: object, file: Any = None, **options: Any) -> None:
    print(*values, file=file or sys.stderr, **options)


@contextmanager
def _allow_imports(folder: Path, names: set[str]) -> Iterator[None]:
    """Makes modules beside a file importable, and reads them anew.

    Another folder may have others of the same name.
    """
    for name in names:
        if _find_beside(folder, name):
            for loaded in [each for each in sys.modules if each.partition(".")[0] == name]:
                del sys.modules[loaded]
    importlib.invalidate_caches()
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = before
        if str(folder) not in sys.path:  # its functions may import later
            sys.path.append(str(folder))


def _hint(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError):
        return "; a path beside the problem file is found from everywhere as: Path(__file__).parent / NAME"
    return ""
