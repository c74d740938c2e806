"""Completes a program from a reply.

Imports that it lacks, helpers that stand in other blocks.
"""

import ast
import builtins
import re
import symtable
import warnings
from collections.abc import Iterator, Sequence, Set
from functools import lru_cache

from gapsmith.agent.codegen.replies.cleanup import parse_source
from gapsmith.agent.codegen.replies.repair import Mended, remove_trials
from gapsmith.evaluators.grammar import UNREADABLE, EntryPoint

_IMPORTS = {
    "np": "import numpy as np",
    **{
        name: f"import {name}"
        for name in ("numpy", "math", "heapq", "bisect", "itertools", "functools", "random")
    },
    **{
        name: f"import {name}"
        for name in ("operator", "copy", "collections", "dataclasses", "statistics", "typing")
    },
    **{
        name: f"from typing import {name}"
        for name in ("Any", "Callable", "Dict", "Iterable", "List", "Optional")
    },
    **{name: f"from typing import {name}" for name in ("Sequence", "Set", "Tuple", "Union")},
    **{
        name: f"from collections import {name}" for name in ("Counter", "OrderedDict", "defaultdict", "deque")
    },
    **{name: f"from heapq import {name}" for name in ("heapify", "heappop", "heappush")},
    **{name: f"from itertools import {name}" for name in ("accumulate", "combinations", "permutations")},
    **{name: f"from functools import {name}" for name in ("lru_cache", "partial", "reduce")},
    "dataclass": "from dataclasses import dataclass",
    "deepcopy": "from copy import deepcopy",
    "fractions": "import fractions",
    "Fraction": "from fractions import Fraction",
}
"""What is forgotten, by the name that is then missing."""


_KNOWN = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__"}


def complete_program(source: str, others: Sequence[str], entry: EntryPoint) -> Mended:
    """Adds what a program lacks: definitions from other blocks, then forgotten imports."""
    if not others and not _may_lack_imports(source):
        return source, ""  # tables of symbols cost more than all else here, and most programs are whole
    said = []
    left = list(others)
    while lacking := _find_unbound(source):
        helper = next((other for other in reversed(left) if lacking & _bound_at_top(other)), None)
        if helper is None:
            break
        left.remove(helper)
        trimmed, _ = remove_trials(helper, entry)
        source = _join(trimmed, source)
        said.append("joined with another block")
    added = sorted({_IMPORTS[name] for name in _find_unbound(source) if name in _IMPORTS})
    if added:
        source = _add_imports(source, added)
        said.append(f"added: {', '.join(added)}")
    return source, "; ".join(dict.fromkeys(said))


def _add_imports(source: str, added: Sequence[str]) -> str:
    """Inserts imports, before all but what must come first."""
    head, below = _split_head(source)
    return "\n\n".join(filter(None, (head, "\n".join(added)))) + "\n\n\n" + below


def _join(helper: str, source: str) -> str:
    """Joins two programs, the statements of the helper first."""
    head, below = _split_head(source)
    return "\n\n\n".join(filter(None, (head, helper.strip(), below)))


def _split_head(source: str) -> tuple[str, str]:
    """Splits off a docstring and imports from `__future__`.

    No statement may precede them.
    """
    source = source.lstrip("\n")
    tree, lines, place = parse_source(source), source.split("\n"), 0
    for k, node in enumerate(tree.body if tree else ()):
        if node.lineno <= place:  # what shares a line cannot be parted
            return "", source
        if not _is_future(node) and not (k == 0 and _is_docstring(node)):
            break
        place = node.end_lineno or node.lineno
    return "\n".join(lines[:place]), "\n".join(lines[place:]).lstrip("\n")


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str)


def _words(text: str, names: Set[str]) -> set[str]:
    """Returns those names that occur in a text, other than as attributes.

    An attribute needs no import.
    """
    return {name for name in names if name in text and re.search(rf"(?<![.\w]){name}\b", text)}


def _may_lack_imports(source: str) -> bool:
    """Tells whether a statement uses an importable name that nothing binds.

    Neither itself nor an import at the top.
    """
    tree = parse_source(source)
    body = tree.body if tree else []
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {name for node in imports for name in _bound(node)}
    if not (missing := _words(source, _IMPORTS.keys() - imported)):
        return False
    lines = source.split("\n")
    for node in (node for node in body if node not in imports):
        words = _words("\n".join(lines[node.lineno - 1 : node.end_lineno]), missing) - _list_parameters(node)
        if words and words - _bound(node):
            return True
    return False


def _list_parameters(node: ast.stmt) -> set[str]:
    """Returns the parameters of a function.

    They are bound without a look at its body.
    """
    return {each.arg for each in node.args.args} if isinstance(node, ast.FunctionDef) else set()


@lru_cache(maxsize=8)
def _find_unbound(source: str) -> frozenset[str]:
    """Returns names that are used and bound nowhere."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = symtable.symtable(source, "candidate", "exec")
    except (*UNREADABLE, SystemError):
        return frozenset()
    scopes = list(_walk_scopes(module))
    outer = [
        symbol for scope in scopes for symbol in scope.get_symbols() if symbol.is_global() or scope is module
    ]
    bound = {s.get_name() for s in outer if s.is_assigned() or s.is_imported() or s.is_namespace()}
    return frozenset(s.get_name() for s in outer if s.is_referenced()) - bound - _KNOWN


def _walk_scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """Yields a symbol table and all inside it.

    No recursion: functions may be nested as deep as the parser allows.
    """
    waiting = [table]
    while waiting:
        scope = waiting.pop()
        yield scope
        waiting += scope.get_children()


def _bound(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            found.add(node.name)
    return found


def _bound_at_top(source: str) -> set[str]:
    """Returns the names that a module defines for others."""
    tree = parse_source(source)
    found: set[str] = set()
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign):
            found |= _bound(node)
    return found
