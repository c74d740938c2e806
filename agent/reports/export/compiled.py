"""Makes an exported program stand alone, compiled if possible.

Compiled where numba is installed, plain Python where it is not.
"""

import ast
from collections.abc import Sequence

from gapsmith.agent.reports.export.annotations import is_overlapping, split_lines
from gapsmith.evaluators.base import BLOCKS, NUMBA, GapsmithError, Problem
from gapsmith.evaluators.grammar import parse_python

SHIM = '''\
def _compile(*functions: Any, **options: Any) -> Any:
    """Compiles a function with checks of its indices; without numba it stays as it is, and is slower."""
    try:
        from numba import njit
    except ImportError:
        return functions[0] if functions else lambda function: function
    return njit(*functions, **{**options, "boundscheck": True})
'''
NOTE = "It is compiled where numba is installed (pip install numba); without it, it is many times slower."


def is_compiled(source: str) -> bool:
    """Tells whether a program imports numba or compiled functions."""
    return any(_find_home(node) for node in parse_python(source).body)


def replace_imports(source: str, problem: Problem) -> str:
    """Replaces imports of numba and of compiled functions.

    Raises GapsmithError where a function of the problem has the name of one of the program's, or an import shares a
    line with another statement.
    """
    tree, lines = parse_python(source), split_lines(source)
    _check_imports(tree)
    head = [SHIM]
    for node in reversed(tree.body):
        if isinstance(node, ast.Import | ast.ImportFrom) and (home := _find_home(node)):
            lines[node.lineno - 1 : node.end_lineno] = _stand_in(node) if home == NUMBA else _rename(node)
    if names := _list_imported(tree):
        head += ["njit = _compile", _extract_blocks(names, tree, problem)]
    imports, rest = _split_imports("\n".join(lines))
    return "\n\n\n".join(["\n".join([*imports, "from typing import Any"]), *head, rest.strip()]) + "\n"


def _check_imports(tree: ast.Module) -> None:
    """Raises GapsmithError where an import shares a line.

    Lines are replaced and moved, and a text that begins on such a line would become code.
    """
    for node in tree.body:
        if (
            isinstance(node, ast.Import | ast.ImportFrom)
            and sum(is_overlapping(node, each) for each in tree.body) > 1
        ):
            raise GapsmithError(
                f"line {node.lineno} of the program holds more than an import; expected imports on lines of their own"
            )


def _find_home(node: ast.stmt) -> str:
    """Returns numba or the module of compiled functions; else empty."""
    if isinstance(node, ast.ImportFrom):
        return node.module if node.module in (NUMBA, BLOCKS) else ""
    if isinstance(node, ast.Import) and all(alias.name == NUMBA for alias in node.names):
        return NUMBA
    return ""


def _stand_in(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Writes what stands in for an import of numba."""
    names = [alias.asname or alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{name} = _compile" for name in names]
    return [f"{name}: Any = type({name!r}, (), {{'njit': _compile, 'jit': _compile}})" for name in names]


def _rename(node: ast.Import | ast.ImportFrom) -> list[str]:
    return [f"{alias.asname} = {alias.name}" for alias in node.names if alias.asname]


def _list_imported(tree: ast.Module) -> list[str]:
    """Lists the compiled functions that a program imports and uses."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == BLOCKS]
    return [alias.name for node in found for alias in node.names if (alias.asname or alias.name) in used]


def _extract_blocks(names: Sequence[str], tree: ast.Module, problem: Problem) -> str:
    assert problem.compiled is not None
    source = problem.compiled.extract_source(names)
    ours = {node.name for node in parse_python(source).body if isinstance(node, ast.FunctionDef)}
    theirs = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    if ours & theirs:
        raise GapsmithError(
            f"the program defines {min(ours & theirs)}, and so do the compiled functions of {problem.name} that it "
            "uses; expected another name, or --sandboxed"
        )
    return source


def _split_imports(source: str) -> tuple[list[str], str]:
    """Splits off the imports at the top, which the rest needs."""
    lines, place = split_lines(source), 0
    for node in parse_python(source).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not isinstance(node, ast.Import | ast.ImportFrom) and not docstring:
            break
        place = node.end_lineno or node.lineno
    return lines[:place], "\n".join(lines[place:])
