"""Screens programs: syntax, names, size, and duplicates by canonical form.

While a program is measured the sandbox protects the host. What a program may name is checked here because an
exported module has the rights of the user that imports it; see `forbidden`.
"""

import ast
import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from gapsmith.agent.codegen.forbidden import find_forbidden
from gapsmith.agent.codegen.forbidden_places import Kinds
from gapsmith.agent.codegen.replies.cleanup import parse_source
from gapsmith.evaluators.grammar import EntryPoint, parse_python
from gapsmith.evaluators.outcomes import CandidateOutcome

ALLOWED_IMPORTS = frozenset(
    (
        *("numpy", "math", "heapq", "bisect", "itertools", "functools", "operator", "random", "copy"),
        *("collections", "collections.abc", "dataclasses", "typing", "fractions", "statistics", "__future__"),
    )
)
LONGEST_SOURCE = 64_000
MOST_LITERALS = 10_000
"""Characters of numbers and texts, docstrings apart: a program that holds more knows answers by heart."""


@dataclass(frozen=True)
class Screened:
    """A program that may be run, or the reason why not.

    Attributes:
        outcome: "ok", "no_code", "syntax_error", "no_entry", "forbidden_import", "forbidden_name", "memorised_table",
            "too_long" or "unparsable".
        message: why, in words, when not ok.
        source: the code; what was found of it when not ok.
        hash: equal for programs that differ in names of locals, comments, annotations and layout alone.
        size: nodes of the syntax tree.
    """

    outcome: CandidateOutcome
    message: str
    source: str
    hash: str = ""
    size: int = 0

    @property
    def key(self) -> str:
        """What the archive knows it by: its hash, or that of the text where it did not pass."""
        return self.hash or hashlib.sha256(self.source.encode()).hexdigest()[:32]


def make_encodable(text: str) -> str:
    """Removes halves of characters from a text.

    A reply that was cut inside a character could not be stored otherwise.
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def reject_unparsable(why: str, source: str = "") -> Screened:
    """Returns the outcome of a program that our parsers cannot process.

    Such a program never ends a run.
    """
    return Screened(CandidateOutcome.UNPARSABLE, why, source)


def screen(source: str, entry: EntryPoint, allowed: frozenset[str] = ALLOWED_IMPORTS) -> Screened:
    """Checks length, syntax, entry point and imports; hashes a valid program.

    Raises nothing.
    """
    try:
        return _screen(source, entry, allowed)
    except Exception as error:  # noqa: BLE001 - whatever a candidate holds must not end a run
        return reject_unparsable(f"the code cannot be read: {type(error).__name__}", source)


def _screen(source: str, entry: EntryPoint, allowed: frozenset[str]) -> Screened:
    source = source.removeprefix("\ufeff")  # of an editor, as Python takes it off
    if len(source) > LONGEST_SOURCE:
        return Screened(
            CandidateOutcome.TOO_LONG,
            f"the code has {len(source)} characters; at most {LONGEST_SOURCE} are taken",
            source,
        )
    if not source.strip():
        return Screened(
            CandidateOutcome.NO_CODE,
            f"holds no code; expected a Python block with {entry.signature}",
            source,
        )
    if (tree := parse_source(source)) is None:
        return Screened(CandidateOutcome.SYNTAX_ERROR, _describe_syntax_error(source), source)
    if complaint := _check_entry(tree, entry):
        return Screened(CandidateOutcome.NO_ENTRY, complaint, source)
    kinds = _group_by_kind(_list_nodes(tree))
    allowed = allowed.union(entry.imports)
    if strangers := sorted(_list_imports(kinds) - allowed):
        known = ", ".join(sorted(name for name in allowed if not name.startswith("_")))
        return Screened(
            CandidateOutcome.FORBIDDEN_IMPORT, f"imports {strangers[0]}; allowed are {known}", source
        )
    bound = _bound(kinds)
    if complaint := find_forbidden(kinds, bound, entry.blocks):
        return Screened(CandidateOutcome.FORBIDDEN_NAME, complaint, source)
    if (written := _count_literals(tree, kinds)) > MOST_LITERALS:
        return Screened(
            CandidateOutcome.MEMORISED_TABLE,
            f"numbers and texts of {written} characters are written into the code; at most {MOST_LITERALS} are taken: "
            "expected a rule, no answers learned by heart",
            source,
        )
    canonical = _Canonical(bound - _find_fixed(kinds) - {entry.name}).write_tree(tree)
    return Screened(
        CandidateOutcome.OK,
        "",
        source,
        hashlib.sha256(canonical.encode()).hexdigest()[:32],
        _count_nodes(kinds),
    )


def write_canonical(tree: ast.Module) -> str:
    """Writes what a program says: without docstrings, annotations, comments and layout."""
    return _Canonical(set()).write_tree(tree)


def _count_literals(tree: ast.Module, kinds: Kinds) -> int:
    """Counts the characters of all constants but docstrings."""
    owners = (tree, *(node for kind in (ast.FunctionDef, ast.ClassDef) for node in kinds.get(kind, ())))
    documentation = sum(len(ast.get_docstring(node, clean=False) or "") for node in owners)
    return sum(_measure_length(node.value) for node in kinds.get(ast.Constant, ())) - documentation


def _measure_length(value: object) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, int):
        return 1 + value.bit_length() // 4  # Python writes no decimal number of more than 4300 digits
    return len(repr(value))


def _describe_syntax_error(source: str) -> str:
    """Says where and why the parser stops."""
    try:
        parse_python(source)
    except SyntaxError as error:
        line = (error.text or "").strip()
        return f"line {error.lineno}: {error.msg}" + (f": {line[:80]}" if line else "")
    except (ValueError, RecursionError, MemoryError) as error:
        return f"the code cannot be parsed: {error}"
    return "the code cannot be parsed"


def _check_entry(tree: ast.Module, entry: EntryPoint) -> str:
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


_WORDS = frozenset(("id", "arg", "attr", "asname", "module", "level", "kind", "type_comment", "ctx"))
_INNER: Mapping[type, tuple[str, ...]] = {
    kind: tuple(name for name in kind._fields if name not in _WORDS)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
"""Fields of each kind of node that can hold nodes: the rest are words, or say whether a value is stored."""
_WITH_CONTEXT = (ast.Attribute, ast.List, ast.Name, ast.Starred, ast.Subscript, ast.Tuple)


def _list_nodes(tree: ast.AST) -> list[ast.AST]:
    """Lists all nodes but contexts.

    Several times as fast as `ast.walk`, which matters for every candidate.
    """
    waiting = [tree]
    for node in waiting:
        for name in _INNER[type(node)]:
            value = getattr(node, name, None)
            if type(value) is list:
                waiting += [part for part in value if isinstance(part, ast.AST)]
            elif isinstance(value, ast.AST):
                waiting.append(value)
    return waiting


def _group_by_kind(nodes: Sequence[ast.AST]) -> Kinds:
    kinds = defaultdict[type, list[Any]](list)
    for node in nodes:
        kinds[type(node)].append(node)
    return kinds


def _count_nodes(kinds: Kinds) -> int:
    """Counts the nodes of a tree, contexts included."""
    return sum(map(len, kinds.values())) + sum(len(kinds.get(kind, ())) for kind in _WITH_CONTEXT)


def _list_imports(kinds: Kinds) -> set[str]:
    plain = (alias.name for node in kinds.get(ast.Import, ()) for alias in node.names)
    return {_find_top(name) for name in (*plain, *(n.module or "." for n in kinds.get(ast.ImportFrom, ())))}


def _find_top(module: str) -> str:
    return module if module == "collections.abc" else module.split(".")[0]


def _bound(kinds: Kinds) -> set[str]:
    """Returns the names that the nodes bind."""
    found = {node.id for node in kinds.get(ast.Name, ()) if type(node.ctx) is ast.Store}
    found.update(node.arg for node in kinds.get(ast.arg, ()))
    found.update(node.name for kind in (ast.FunctionDef, ast.ClassDef) for node in kinds.get(kind, ()))
    return found


def _find_fixed(kinds: Kinds) -> set[str]:
    """Returns the names that must not be renamed.

    They are reached other than by a variable: imported, members of classes, keywords of calls.
    """
    own = {node.name for node in kinds.get(ast.FunctionDef, ())}
    found = {name for node in kinds.get(ast.alias, ()) for name in (node.name, node.asname) if name}
    for node in kinds.get(ast.ClassDef, ()):
        found |= _list_members(node)
    for node in kinds.get(ast.Call, ()):
        if node.keywords and not (isinstance(node.func, ast.Name) and node.func.id in own):
            found.update(keyword.arg for keyword in node.keywords if keyword.arg)
    return found


def _list_members(node: ast.ClassDef) -> set[str]:
    """Returns the methods and fields of a class."""
    methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
    fields = [part for part in node.body if part not in methods]
    return _bound(_group_by_kind([*methods, *(inner for part in fields for inner in _list_nodes(part))]))


class _Text(str):
    """A piece of the canonical form; constants are kept apart."""


class _Canonical:
    """Writes the canonical form of a syntax tree, names numbered.

    Args:
        bound: the names that the module binds, but those by which it is reached from outside.
    """

    def __init__(self, bound: set[str]) -> None:
        self._bound = bound
        self._numbers: dict[str, str] = {}

    def write_tree(self, tree: ast.AST) -> str:
        """Writes the canonical form.

        No recursion: a candidate may be nested to any depth.
        """
        pieces: list[str] = []
        waiting: list[Any] = [tree]
        write, next_one = pieces.append, waiting.pop
        while waiting:
            value = next_one()
            kind = type(value)
            # The commonest first, each written here: a candidate has hundreds of them.
            if kind is _Text:
                write(value)
            elif kind is ast.Name:
                write(f"Name({self._rename(value.id)};)")
            elif kind is ast.Constant:
                write(f"Constant({_write_literal(value.value)})")
            elif kind in _LEAVES:
                write(_LEAVES[kind])
            elif kind in _PLAIN:
                head, fields = _PLAIN[kind]
                write(head)
                waiting.append(_CLOSE)
                waiting += fields(value)
            elif value is None:
                write("None;")
            elif kind is list:
                write("[")
                waiting.append(_CLOSE_LIST)
                waiting += reversed(value)
            elif kind is _Name:
                write(self._rename(value) + ";")
            elif isinstance(value, ast.AST):
                waiting += reversed(_write_parts(value))
            else:
                write(_write_literal(value))
        return "".join(pieces)

    def _rename(self, name: str) -> str:
        if name not in self._bound:
            return name
        return self._numbers.setdefault(name, f"v{len(self._numbers)}")


class _Name(_Text):
    """A name, to be renamed."""


def _write_parts(node: ast.AST) -> list[object]:
    """Returns the canonical parts of a node with rules of its own."""
    if isinstance(node, ast.AnnAssign):
        return [ast.Assign([node.target], node.value)] if node.value else []
    fields = [part for name in node._fields for part in _write_field(node, name)]
    return [_Text(type(node).__name__ + "("), *fields, _CLOSE]


def _write_literal(value: object) -> str:
    """Writes a constant, or a missing value.

    In hexadecimal, since Python writes no decimal number of more than 4300 digits.
    """
    return f"{hex(value) if type(value) is int else repr(value)};"


def _write_field(node: ast.AST, name: str) -> list[object]:
    value = getattr(node, name, None)
    if name in _PASSED_OVER or (name in _ADDED and not value):
        return []
    if name in _NAMES and isinstance(value, str):
        return [_Name(value)]
    if isinstance(node, ast.Global | ast.Nonlocal):
        return [_Name(each) for each in node.names]
    if name == "body" and isinstance(value, list):
        body = _drop_docstring(value)
        return [[_write_member(s) for s in body] if isinstance(node, ast.ClassDef) else body]
    return [value]


def _write_member(statement: ast.stmt) -> ast.AST:
    """Writes a field of a dataclass, even one without a value."""
    if isinstance(statement, ast.AnnAssign) and statement.value is None:
        return ast.Expr(statement.target)
    return statement


_NAMES = frozenset(("id", "arg", "name"))
_PASSED_OVER = frozenset(("ctx", "annotation", "returns", "type_comment", "kind"))
_ADDED = frozenset(("type_params",))
"""Fields that later versions of Python have: where they are empty, a program has the hash that it had before."""
_CLOSE, _CLOSE_LIST = _Text(")"), _Text("]")


def _list_written(kind: type[ast.AST]) -> tuple[str, ...]:
    """Lists the fields that count, from the last to the first."""
    return tuple(name for name in reversed(kind._fields) if name not in _PASSED_OVER)


def _make_getter(names: tuple[str, ...]) -> Callable[[ast.AST], tuple[Any, ...]]:
    return attrgetter(*names) if len(names) > 1 else lambda node: (getattr(node, names[0]),)


_RULELESS = [
    kind
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.expr | ast.operator | ast.cmpop | ast.Assign)
]
_LEAVES = {kind: f"{kind.__name__}()" for kind in _RULELESS if not _list_written(kind)}
_PLAIN = {
    kind: (f"{kind.__name__}(", _make_getter(_list_written(kind)))
    for kind in _RULELESS
    if _list_written(kind)
}
"""Kinds of nodes without a rule of their own: how they begin, and their fields from the last to the first."""


def _drop_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return body[1:]
    return body
