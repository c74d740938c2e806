"""From a program to a candidate: turns away what need not be run, and knows what was seen before.

None of this is protection: that is the sandbox's work. It saves evaluations and gives friendlier reasons.
"""

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gapsmith.agent.cleaning import parsed
from gapsmith.evaluators.base import EntryPoint

ALLOWED_IMPORTS = frozenset(
    (
        *("numpy", "math", "heapq", "bisect", "itertools", "functools", "operator", "random", "copy"),
        *("collections", "collections.abc", "dataclasses", "typing", "fractions", "statistics", "__future__"),
    )
)
LONGEST_SOURCE = 64_000


@dataclass(frozen=True)
class Screened:
    """A program that may be run, or the reason why not.

    Attributes:
        outcome: "ok", "no_code", "syntax_error", "no_entry", "forbidden_import" or "too_long".
        message: why, in words, when not ok.
        source: the code; what was found of it when not ok.
        hash: equal for programs that differ in names of locals, comments, annotations and layout alone.
        size: nodes of the syntax tree.
    """

    outcome: str
    message: str
    source: str
    hash: str = ""
    size: int = 0

    @property
    def key(self) -> str:
        """What the archive knows it by: its hash, or that of the text where it did not pass."""
        return self.hash or hashlib.sha256(self.source.encode()).hexdigest()[:32]


def encodable(text: str) -> str:
    """The text without halves of characters: a reply that was cut inside one cannot be stored as it came."""
    return text.encode("utf-8", "replace").decode("utf-8")


def screen(source: str, entry: EntryPoint, allowed: frozenset[str] = ALLOWED_IMPORTS) -> Screened:
    """Checks syntax, entry point, imports against those allowed, and length, and hashes what passes."""
    if len(source) > LONGEST_SOURCE:
        return Screened(
            "too_long", f"the code has {len(source)} characters; at most {LONGEST_SOURCE} are taken", source
        )
    if not source.strip():
        return Screened(
            "no_code", f"the reply holds no code; expected a Python block with {entry.signature}", source
        )
    if (tree := parsed(source)) is None:
        return Screened("syntax_error", _syntax_message(source), source)
    if complaint := _entry_complaint(tree, entry):
        return Screened("no_entry", complaint, source)
    nodes = _nodes(tree)
    telling = [node for node in nodes if type(node) in _TELLING]
    allowed = allowed.union(entry.imports)
    if strangers := sorted(_imports(telling) - allowed):
        known = ", ".join(sorted(name for name in allowed if not name.startswith("_")))
        return Screened("forbidden_import", f"imports {strangers[0]}; allowed are {known}", source)
    canonical = _Canonical(_bound(telling) - _fixed(telling) - {entry.name}).text(tree)
    return Screened("ok", "", source, hashlib.sha256(canonical.encode()).hexdigest()[:32], len(nodes))


def _syntax_message(source: str) -> str:
    """Where and why the parser stops."""
    try:
        ast.parse(source)
    except SyntaxError as error:
        line = (error.text or "").strip()
        return f"line {error.lineno}: {error.msg}" + (f": {line[:80]}" if line else "")
    except (ValueError, RecursionError, MemoryError) as error:
        return f"the code cannot be parsed: {error}"
    return "the code cannot be parsed"


def _entry_complaint(tree: ast.Module, entry: EntryPoint) -> str:
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if entry.name not in functions:
        found = ", ".join(functions) or "no function"
        return f"defines {found} at the top level; expected {entry.signature}"
    arguments = functions[entry.name].args
    positional = len(arguments.posonlyargs) + len(arguments.args)
    least, most = positional - len(arguments.defaults), positional if arguments.vararg is None else 99
    if not least <= len(entry.arguments) <= most:
        return f"{entry.name} takes {positional} arguments; expected {entry.signature}"
    return ""


_TELLING = frozenset(
    (ast.Import, ast.ImportFrom, ast.alias, ast.Name, ast.arg, ast.FunctionDef, ast.ClassDef, ast.Call)
)
"""Kinds of nodes that name something."""

_WORDS = frozenset(("id", "arg", "attr", "asname", "module", "level", "kind", "type_comment"))
_INNER: Mapping[type, tuple[str, ...]] = {
    kind: tuple(name for name in kind._fields if name not in _WORDS)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
"""Fields of each kind of node that can hold nodes: the rest are words."""


def _nodes(tree: ast.AST) -> list[ast.AST]:
    """All nodes; several times as fast as `ast.walk`, which matters for every candidate."""
    waiting = [tree]
    for node in waiting:
        for name in _INNER[type(node)]:
            value = getattr(node, name, None)
            if type(value) is list:
                waiting += [part for part in value if isinstance(part, ast.AST)]
            elif isinstance(value, ast.AST):
                waiting.append(value)
    return waiting


def _imports(nodes: list[ast.AST]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update(_top(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(_top(node.module or "."))
    return found


def _top(module: str) -> str:
    return module if module == "collections.abc" else module.split(".")[0]


def _bound(nodes: list[ast.AST]) -> set[str]:
    """The names that the module binds anywhere."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
    return found


def _fixed(nodes: list[ast.AST]) -> set[str]:
    """The names that are reached other than by a variable: imported, members of classes, keywords of others."""
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
            fields = [part for part in node.body if part not in methods]
            found |= _bound([*methods, *(inner for part in fields for inner in _nodes(part))])
        elif isinstance(node, ast.alias):
            found |= {node.name, node.asname or node.name}
        elif isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in own):
            found |= {keyword.arg for keyword in node.keywords if keyword.arg}
    return found


class _Text(str):
    """A piece of the canonical form, as opposed to a constant of the program."""


class _Canonical:
    """Writes a tree without docstrings, annotations and contexts, its own names numbered by first appearance.

    Args:
        bound: the names that the module binds, but those by which it is reached from outside.
    """

    def __init__(self, bound: set[str]) -> None:
        self._bound = bound
        self._numbers: dict[str, str] = {}

    def text(self, tree: ast.AST) -> str:
        """The canonical form. No recursion: a candidate may be nested as deep as it likes."""
        pieces: list[str] = []
        waiting: list[Any] = [tree]
        while waiting:
            value = waiting.pop()
            kind = type(value)
            # The commonest first, each written here: a candidate has hundreds of them.
            if kind is _Text:
                pieces.append(value)
            elif kind is ast.Name:
                pieces.append(f"Name({self._renamed(value.id)};)")
            elif kind is ast.Constant:
                pieces.append(f"Constant({_literal(value.value)})")
            elif value is None:
                pieces.append("None;")
            elif kind in _PLAIN:
                head, names = _PLAIN[kind]
                pieces.append(head)
                waiting += [_CLOSE, *[getattr(value, name, None) for name in names]] if names else ()
            elif kind is list:
                pieces.append("[")
                waiting += [_CLOSE_LIST, *reversed(value)]
            elif kind is _Name:
                pieces.append(self._renamed(value) + ";")
            elif isinstance(value, ast.AST):
                waiting += reversed(_parts(value))
            else:
                pieces.append(_literal(value))
        return "".join(pieces)

    def _renamed(self, name: str) -> str:
        if name not in self._bound:
            return name
        return self._numbers.setdefault(name, f"v{len(self._numbers)}")


class _Name(_Text):
    """A name, to be renamed."""


def _parts(node: ast.AST) -> list[object]:
    """What a node with rules of its own is written as."""
    if isinstance(node, ast.AnnAssign):
        return [ast.Assign([node.target], node.value)] if node.value else []
    fields = [part for name in node._fields for part in _field(node, name)]
    return [_Text(type(node).__name__ + "("), *fields, _CLOSE]


def _literal(value: object) -> str:
    """A constant, or what is not there. Hexadecimal: Python writes no decimal number of more than 4300 digits."""
    return f"{hex(value) if type(value) is int else repr(value)};"


def _field(node: ast.AST, name: str) -> list[object]:
    value = getattr(node, name, None)
    if name in _PASSED_OVER:
        return []
    if name in _NAMES and isinstance(value, str):
        return [_Name(value)]
    if isinstance(node, ast.Global | ast.Nonlocal):
        return [_Name(each) for each in node.names]
    if name == "body" and isinstance(value, list):
        body = _without_docstring(value)
        return [[_member(s) for s in body] if isinstance(node, ast.ClassDef) else body]
    return [value]


def _member(statement: ast.stmt) -> ast.AST:
    """A field of a dataclass counts, even where it has no value."""
    if isinstance(statement, ast.AnnAssign) and statement.value is None:
        return ast.Expr(statement.target)
    return statement


_NAMES = frozenset(("id", "arg", "name"))
_PASSED_OVER = frozenset(("ctx", "annotation", "returns", "type_comment", "kind"))
_CLOSE, _CLOSE_LIST = _Text(")"), _Text("]")


def _plain(kind: type[ast.AST]) -> tuple[str, tuple[str, ...]]:
    names = tuple(name for name in reversed(kind._fields) if name not in _PASSED_OVER)
    return kind.__name__ + ("(" if names else "()"), names


_PLAIN: Mapping[type, tuple[str, tuple[str, ...]]] = {
    kind: _plain(kind)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.expr | ast.operator | ast.cmpop | ast.Assign)
}
"""Kinds of nodes without a rule of their own: how they begin, and their fields from the last to the first."""


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return body[1:]
    return body
