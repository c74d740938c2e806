"""From a reply to a candidate: takes the code out, and turns away what need not be run.

None of this is protection: that is the sandbox's work. It saves evaluations and gives friendlier reasons.
"""

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from gapsmith.evaluators.base import EntryPoint

ALLOWED_IMPORTS = frozenset(
    (
        *("numpy", "math", "heapq", "bisect", "itertools", "functools", "operator", "random", "copy"),
        *("collections", "collections.abc", "dataclasses", "typing", "fractions", "statistics", "__future__"),
    )
)
LONGEST_SOURCE = 64_000

_FENCE = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w+-]*)[^\n]*\n(.*?)^[ \t]*\1[ \t]*$", re.DOTALL | re.MULTILINE
)


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


def encodable(text: str) -> str:
    """The text without halves of characters: a reply that was cut inside one cannot be stored as it came."""
    return text.encode("utf-8", "replace").decode("utf-8")


def extract(reply: str, entry: EntryPoint) -> str:
    """The code in a reply: the last fenced block that defines the entry point, else the longest, else all of it."""
    text = reply.replace("\r\n", "\n").replace("\r", "\n")
    blocks = [match.group(3) for match in _FENCE.finditer(text)]
    if not blocks and (opened := re.search(r"^`{3,}\w*[ \t]*\n(.*)\Z", text, re.DOTALL | re.MULTILINE)):
        blocks = [opened.group(1)]  # the reply was cut off inside its block
    defining = [block for block in blocks if re.search(rf"^def {entry.name}\b", block, re.MULTILINE)]
    if defining:
        return defining[-1].strip("\n") + "\n"
    return (max(blocks, key=len) if blocks else text).strip("\n") + "\n"


def screen(source: str, entry: EntryPoint) -> Screened:
    """Checks syntax, entry point, imports and length, and hashes what passes."""
    if len(source) > LONGEST_SOURCE:
        return Screened(
            "too_long", f"the code has {len(source)} characters; at most {LONGEST_SOURCE} are taken", source
        )
    if not source.strip():
        return Screened(
            "no_code", f"the reply holds no code; expected a Python block with {entry.signature}", source
        )
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Screened("syntax_error", _syntax_message(error), source)
    if complaint := _entry_complaint(tree, entry):
        return Screened("no_entry", complaint, source)
    nodes = list(_nodes(tree))
    if strangers := sorted(_imports(nodes) - ALLOWED_IMPORTS):
        known = ", ".join(sorted(name for name in ALLOWED_IMPORTS if not name.startswith("_")))
        return Screened("forbidden_import", f"imports {strangers[0]}; allowed are {known}", source)
    canonical = "".join(_Canonical(_bound(nodes) - {entry.name}).of(tree))
    return Screened("ok", "", source, hashlib.sha256(canonical.encode()).hexdigest()[:32], len(nodes))


def _syntax_message(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        line = (error.text or "").strip()
        return f"line {error.lineno}: {error.msg}" + (f": {line[:80]}" if line else "")
    return f"the code cannot be parsed: {error}"


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


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes; several times as fast as `ast.walk`, which matters for every candidate."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                waiting.append(value)
            elif isinstance(value, list):
                waiting += [part for part in value if isinstance(part, ast.AST)]


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


class _Canonical:
    """Writes a tree without docstrings, annotations and contexts, its own names numbered by first appearance.

    Args:
        bound: the names that the module binds, but the entry point's.
    """

    def __init__(self, bound: set[str]) -> None:
        self._bound = bound
        self._numbers: dict[str, str] = {}

    def of(self, value: object) -> Iterator[str]:
        """The pieces of a node, a list, or a constant."""
        if isinstance(value, ast.AnnAssign):
            yield from self._node(ast.Assign([value.target], value.value)) if value.value else ()
        elif isinstance(value, ast.AST):
            yield from self._node(value)
        elif isinstance(value, list):
            yield "["
            for part in value:
                yield from self.of(part)
            yield "]"
        else:
            yield f"{value!r};"

    def _node(self, node: ast.AST) -> Iterator[str]:
        yield type(node).__name__ + "("
        for name in node._fields:
            if name not in _PASSED_OVER:
                yield from self._field(name, getattr(node, name, None))
        yield ")"

    def _field(self, name: str, value: object) -> Iterator[str]:
        if name in _NAMES and isinstance(value, str):
            # Calls of our own functions by keyword follow the renaming; numpy's keywords are not bound here.
            yield self._renamed(value) + ";"
        elif name == "body" and isinstance(value, list):
            yield from self.of(_without_docstring(value))
        else:
            yield from self.of(value)

    def _renamed(self, name: str) -> str:
        if name not in self._bound:
            return name
        return self._numbers.setdefault(name, f"v{len(self._numbers)}")


_NAMES = frozenset(("id", "arg", "name"))
_PASSED_OVER = frozenset(("ctx", "annotation", "returns", "type_comment", "kind"))


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return body[1:]
    return body
