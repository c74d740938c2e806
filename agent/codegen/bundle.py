"""Gathers the source that functions of Gapsmith need.

With it an exported module stands alone.
"""

import ast
import importlib
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from gapsmith.evaluators.grammar import parse_python

OURS = "gapsmith."


@dataclass
class Bundle:
    """Statements in an order in which they can run.

    Imports first, then what others need before what needs it.

    Attributes:
        imports: what is imported, a line each.
        statements: in order.
        given: names that are there already where the source will stand.
    """

    imports: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    given: frozenset[str] = frozenset()
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _homes: dict[str, str] = field(default_factory=dict)

    def add(self, function: Callable[..., Any]) -> None:
        """Adds a function of ours, with everything of ours that it uses."""
        self._need(function.__module__, function.__name__)

    @property
    def source(self) -> str:
        """All of it as one text."""
        return "\n".join(sorted(set(self.imports))) + "\n\n" + "\n\n".join(self.statements) + "\n"

    def _need(self, module: str, name: str) -> None:
        if (module, name) in self._seen or name in self.given or name not in _map_bindings(module):
            return
        self._seen.add((module, name))
        statement = _map_bindings(module)[name]
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self._import(statement, name)
            return
        if (other := self._homes.setdefault(name, module)) != module:
            raise ValueError(
                f"{name} stands in {other} and in {module}; expected another name in one of them"
            )
        for used in sorted({node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}):
            self._need(module, used)
        self.statements.append(_write_text(module, statement))

    def _import(self, statement: ast.Import | ast.ImportFrom, name: str) -> None:
        alias = next(a for a in statement.names if (a.asname or a.name.split(".")[0]) == name)
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith(OURS):
            self._need(str(statement.module), alias.name)
            return
        kind = (
            ast.Import([alias])
            if isinstance(statement, ast.Import)
            else ast.ImportFrom(statement.module, [alias], 0)
        )
        self.imports.append(ast.unparse(kind))


@lru_cache(maxsize=32)
def _map_bindings(module: str) -> dict[str, ast.stmt]:
    """Maps the names that a module binds to its top-level statements."""
    found: dict[str, ast.stmt] = {}
    for statement in parse_python(_read_source(module)).body:
        for name in _bound(statement):
            found.setdefault(name, statement)
    return found


def _bound(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.split(".")[0] for alias in statement.names]
    return [
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]


@lru_cache(maxsize=32)
def _read_source(module: str) -> str:
    return inspect.getsource(importlib.import_module(module))


def _write_text(module: str, statement: ast.stmt) -> str:
    first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
    lines = _read_source(module).splitlines()[first - 1 : statement.end_lineno]
    return textwrap.dedent("\n".join(lines))
