"""From a reply to a candidate: takes the code out, and turns away what need not be run.

None of this is protection: that is the sandbox's work. It saves evaluations and gives friendlier reasons.
"""

import ast
import hashlib
import re
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
    if strangers := sorted(_imports(tree) - ALLOWED_IMPORTS):
        known = ", ".join(sorted(name for name in ALLOWED_IMPORTS if not name.startswith("_")))
        return Screened("forbidden_import", f"imports {strangers[0]}; allowed are {known}", source)
    canonical = _Canonical(entry.name).visit(ast.parse(source))
    text = ast.dump(canonical, annotate_fields=False)
    size = sum(1 for _ in ast.walk(tree))
    return Screened("ok", "", source, hashlib.sha256(text.encode()).hexdigest()[:32], size)


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


def _imports(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(_top(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(_top(node.module or "."))
    return found


def _top(module: str) -> str:
    return module if module == "collections.abc" else module.split(".")[0]


class _Canonical(ast.NodeTransformer):
    """Drops docstrings and annotations, and numbers the names that the module binds, by first appearance."""

    def __init__(self, entry: str) -> None:
        self._entry = entry
        self._names: dict[str, str] = {}

    def visit_Module(self, node: ast.Module) -> ast.AST:
        bound = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        bound |= {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
        bound |= {n.name for n in ast.walk(node) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        self._bound = bound - {self._entry}
        node.body = _without_docstring(node.body)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name, node.returns = self._renamed(node.name), None
        node.body = _without_docstring(node.body)
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self._renamed(node.name)
        node.body = _without_docstring(node.body)
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.Pass()
        return self.visit(ast.Assign(targets=[node.target], value=node.value))  # type: ignore[no-any-return]

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(arg=self._renamed(node.arg))

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        # Calls of our own functions by keyword follow the renaming; numpy's keywords are not bound here.
        return ast.keyword(arg=self._renamed(node.arg) if node.arg else None, value=self.visit(node.value))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(id=self._renamed(node.id), ctx=node.ctx)

    def _renamed(self, name: str) -> str:
        if name not in self._bound:
            return name
        return self._names.setdefault(name, f"v{len(self._names)}")


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return body[1:] or [ast.Pass()]
    return body
