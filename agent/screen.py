"""From a program to a candidate: turns away what need not be run, and knows what was seen before.

None of this is protection: that is the sandbox's work. It saves evaluations and gives friendlier reasons.
"""

import ast
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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
    nodes = list(_nodes(tree))
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


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes; several times as fast as `ast.walk`, which matters for every candidate."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for name in _INNER[type(node)]:
            value = getattr(node, name, None)
            if type(value) is list:
                waiting += [part for part in value if isinstance(part, ast.AST)]
            elif isinstance(value, ast.AST):
                waiting.append(value)


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
        waiting: list[object] = [tree]
        while waiting:
            value = waiting.pop()
            kind = type(value)
            if kind is _Text:
                pieces.append(value)  # type: ignore[arg-type]
            elif kind is _Name:
                pieces.append(self._renamed(value) + ";")  # type: ignore[arg-type]
            elif (
                kind is ast.Name
            ):  # most nodes are of these kinds: written here, for every candidate has hundreds
                pieces.append(f"Name({self._renamed(value.id)};)")  # type: ignore[attr-defined]
            elif kind in _EMPTY:
                pieces.append(f"{kind.__name__}()")
            elif kind in _PLAIN:
                pieces.append(f"{kind.__name__}(")
                waiting.append(_CLOSE)
                waiting += [_plain_field(value, name) for name in _PLAIN[kind]]
            else:
                waiting += reversed(_parts(value))
        return "".join(pieces)

    def _renamed(self, name: str) -> str:
        if name not in self._bound:
            return name
        return self._numbers.setdefault(name, f"v{len(self._numbers)}")


class _Name(_Text):
    """A name, to be renamed."""


def _plain_field(node: object, name: str) -> object:
    value = getattr(node, name, None)
    return _Name(value) if name in _NAMES and isinstance(value, str) else value


def _parts(value: object) -> list[object]:
    """What a node, a list or a constant is written as."""
    if isinstance(value, ast.AnnAssign):
        return [ast.Assign([value.target], value.value)] if value.value else []
    if isinstance(value, ast.AST):
        fields = [part for name in value._fields for part in _field(value, name)]
        return [_Text(type(value).__name__ + "("), *fields, _Text(")")]
    if isinstance(value, list):
        return [_Text("["), *value, _Text("]")]
    # Hexadecimal, since Python writes no decimal number of more than 4300 digits.
    return [_Text(f"{hex(value) if type(value) is int else repr(value)};")]


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
_CLOSE = _Text(")")
_PLAIN: Mapping[type, tuple[str, ...]] = {
    kind: tuple(name for name in reversed(kind._fields) if name not in _PASSED_OVER)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.expr | ast.operator | ast.cmpop | ast.Assign)
}
"""Kinds of nodes without a rule of their own, with their fields from the last to the first."""
_EMPTY = frozenset(kind for kind, names in _PLAIN.items() if not names)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return body[1:]
    return body
