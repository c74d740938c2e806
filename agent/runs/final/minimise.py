"""Proposes shorter programs by deletions in the text.

What stays keeps its comments and its layout.

A proposal is only a proposal: the caller measures whether the program still does as well.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from gapsmith.evaluators.grammar import UNREADABLE, parse_python

MOST = 40
MOST_READ = 2_000_000
"""Characters that are parsed for one program's proposals: of a long one with many statements the largest are tried."""
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
_PARAMS = "PARAMS"
_RANKERS = frozenset(
    ("argmin", "argmax", "argsort", "argpartition", "lexsort", "sort", "sorted", "min", "max")
)
"""Functions for which only the order of what they are given counts."""
_TIGHT = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Constant, ast.BinOp)
"""Expressions that a sum takes without parentheses; a constant of a sum stood beside them."""


@dataclass(frozen=True)
class _Edit:
    """A replacement of lines.

    The first line is 1, both ends are included.
    """

    first: int
    last: int
    lines: tuple[str, ...] = ()


def yield_simpler(source: str, entry: str, limit: int = MOST) -> list[str]:
    """Yields shorter valid programs, those that remove most first.

    What no run can reach goes in one proposal; after it a statement or a branch each.

    Args:
        source: a program that parses.
        entry: the name of the function that must stay.
        limit: proposals at most.
    """
    try:
        return _yield_shorter(source, entry, limit)
    except UNREADABLE:
        return []  # what cannot be written anew stays as it is


def _yield_shorter(source: str, entry: str, limit: int) -> list[str]:
    lines, tree = _split_lines(source), parse_python(source)
    edits = list(_yield_edits(lines, tree))
    if len(edits) > (count := MOST_READ // len(source)):
        edits = sorted(edits, key=lambda edit: edit.first - edit.last)[:count]
    texts = [_remove_dead_code(source, entry), *(_apply_edits(lines, [edit]) for edit in edits)]
    sizes = {text: _count_nodes(text, entry) for text in texts}
    whole = _count_nodes(source, entry)
    shorter = [text for text, size in sizes.items() if 0 < size < whole and len(text) < len(source)]
    return sorted(shorter, key=lambda text: sizes[text])[:limit]


def _split_lines(source: str) -> list[str]:
    """Splits lines as the parser counts them: a form feed ends none."""
    lines = re.split(r"\r\n|\r|\n", source)
    return lines if lines[-1] else lines[:-1]


def _count_nodes(source: str, entry: str) -> int:
    """Counts syntax nodes; 0 for an invalid program."""
    try:
        tree = parse_python(source)
    except UNREADABLE:
        return 0
    if not any(isinstance(node, ast.FunctionDef) and node.name == entry for node in tree.body):
        return 0
    return sum(1 for _ in ast.walk(tree))


def _apply_edits(lines: list[str], edits: list[_Edit]) -> str:
    """Applies edits; of two that overlap the one that starts first."""
    kept: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda e: (e.first, -e.last)):
        if edit.first > done:
            kept += [*lines[done : edit.first - 1], *edit.lines]
            done = edit.last
    text = "\n".join([*kept, *lines[done:]]).strip("\n") + "\n"
    return re.sub(r"\n{4,}", "\n\n\n", text)


# One statement or branch


def _yield_edits(lines: list[str], tree: ast.Module) -> Iterator[_Edit]:
    used = Counter(_find_loaded(tree))
    bound = Counter(_find_stored(tree))
    for node, body in _yield_bodies(tree):
        for statement in body:
            if len(body) > 1 and not _must_stay(node, statement, used, bound):
                yield _remove_part(statement)
            if isinstance(statement, ast.If):
                yield from _yield_branches(lines, statement)
    yield from _yield_addends(lines, tree)


def _yield_branches(lines: list[str], node: ast.If) -> Iterator[_Edit]:
    """Yields the statement without one branch, or without its condition."""
    end, last = node.body[-1].end_lineno or 0, node.end_lineno or 0
    is_elif = lines[node.lineno - 1].lstrip().startswith("elif")
    if node.orelse:
        yield _Edit(end + 1, last)
    if is_elif:
        yield _Edit(node.lineno, end)
        return
    yield _Edit(node.lineno, last, _shift_lines(lines, node.body, node.col_offset))
    if node.orelse and not lines[node.orelse[0].lineno - 1].lstrip().startswith("elif"):
        yield _Edit(node.lineno, last, _shift_lines(lines, node.orelse, node.col_offset))


def _shift_lines(lines: list[str], body: list[ast.stmt], column: int) -> tuple[str, ...]:
    """Shifts the lines of a block left to a column."""
    shift = body[0].col_offset - column
    block = lines[body[0].lineno - 1 : body[-1].end_lineno]
    return tuple(line[shift:] if not line[:shift].strip() else line for line in block)


def _must_stay(node: ast.AST, statement: ast.stmt, used: Counter[str], bound: Counter[str]) -> bool:
    """Tells whether a statement is documentation, a result or a needed binding."""
    if _is_docstring(statement) or (isinstance(node, ast.FunctionDef) and isinstance(statement, ast.Return)):
        return True
    inner, own = Counter(_find_loaded(statement)), Counter(_find_stored(statement))
    return any(bound[name] == own[name] and used[name] > inner[name] for name in own)


# A constant added to every priority


def _yield_addends(lines: list[str], tree: ast.Module) -> Iterator[_Edit]:
    """Yields each sum that only ranks, without one constant."""
    for value in _yield_rankings(tree):
        for node in _yield_terms(value):
            if isinstance(node, ast.BinOp) and (text := _remove_constant(lines, node, node is value)):
                yield _replace_text(lines, node, text)


def _yield_rankings(tree: ast.Module) -> Iterator[ast.expr]:
    """Yields expressions that rank, through one variable or function too."""
    ranked = [value for node in ast.walk(tree) for value in _list_ranked(node)]
    names = {node.id for value in ranked for node in ast.walk(value) if isinstance(node, ast.Name)}
    yield from ranked
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and names.intersection(_find_stored(node)):
            yield node.value
        elif isinstance(node, ast.FunctionDef) and (node.name in names or node in tree.body):
            yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value)


def _list_ranked(node: ast.AST) -> list[ast.expr]:
    """Lists what a call ranks by: arguments of `argmin`, results of `key=`."""
    if not isinstance(node, ast.Call):
        return []
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    keys = [each.value for each in node.keywords if each.arg == "key"]
    keys = [key.body if isinstance(key, ast.Lambda) else key for key in keys]
    own = [node.func.value] if isinstance(node.func, ast.Attribute) else []
    return keys + ((node.args or own)[:1] if name in _RANKERS else [])


def _yield_terms(node: ast.expr) -> Iterator[ast.expr]:
    """Yields an expression and its sums with a factor of one."""
    yield node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        yield from _yield_terms(node.left)
        yield from _yield_terms(node.right)


def _remove_constant(lines: list[str], node: ast.BinOp, outermost: bool) -> str:
    """Returns the text of a sum without its constant; else empty."""
    if not isinstance(node.op, ast.Add | ast.Sub) or _is_number(node.left) == _is_number(node.right):
        return ""
    kept = node.right if _is_number(node.left) else node.left
    text = ast.get_source_segment("\n".join(lines), kept) or ""
    if kept is node.right and isinstance(node.op, ast.Sub):
        return f"-({text})"
    return text if outermost or isinstance(kept, _TIGHT) else f"({text})"


def _is_number(node: ast.expr) -> bool:
    """Tells whether an expression is a literal number or a declared parameter."""
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand)
    if isinstance(node, ast.Subscript):
        return getattr(node.value, "id", "") == _PARAMS or _is_number(node.value)
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def _replace_text(lines: list[str], node: ast.expr, text: str) -> _Edit:
    """Puts a text in an expression's place. Columns are counted in bytes."""
    first, last = node.lineno, node.end_lineno or node.lineno
    before = lines[first - 1].encode()[: node.col_offset].decode()
    after = lines[last - 1].encode()[node.end_col_offset :].decode()
    return _Edit(first, last, tuple(f"{before}{text}{after}".split("\n")))


# What no run can reach


def _remove_dead_code(source: str, entry: str) -> str:
    """Removes unused and unreachable code until nothing changes."""
    for _ in range(1 + MOST_READ // (4 * len(source))):
        tree = parse_python(source)
        text = _apply_edits(_split_lines(source), list(_find_dead_code(tree, entry)))
        if not 0 < _count_nodes(text, entry) < _count_nodes(source, entry):
            break
        source = text
    return source


def _find_dead_code(tree: ast.Module, entry: str) -> Iterator[_Edit]:
    used, strings = Counter(_find_loaded(tree)), Counter(_find_strings(tree))
    for _, body in _yield_bodies(tree):
        unreached = False
        for statement in body:
            if unreached or _is_unused(statement, entry, used):
                yield _remove_part(statement)
            elif trimmed := _trim_parameters(statement, strings):
                yield trimmed
            unreached = unreached or isinstance(statement, _ENDS)


def _is_unused(statement: ast.stmt, entry: str, used: Counter[str]) -> bool:
    """Tells whether it only binds names that nothing else uses."""
    names = _find_definition(statement)
    inner = Counter(_find_loaded(statement)) if isinstance(statement, _DEFINITIONS) else Counter[str]()
    return bool(names) and entry not in names and all(used[name] <= inner[name] for name in names)


def _find_definition(statement: ast.stmt) -> list[str]:
    if isinstance(statement, _DEFINITIONS):
        return [statement.name]
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.split(".")[0] for alias in statement.names]
    if isinstance(statement, ast.Assign) and all(isinstance(t, ast.Name) for t in statement.targets):
        return list(_find_stored(statement))
    return []


def _trim_parameters(statement: ast.stmt, strings: Counter[str]) -> _Edit | None:
    """Drops table entries that no string of the program names."""
    if not (isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Dict)):
        return None
    if list(_find_stored(statement)) != [_PARAMS]:
        return None
    table, own = statement.value, Counter(_find_strings(statement))
    rows = zip(table.keys, table.values, strict=True)
    kept = [(k, v) for k, v in rows if all(strings[name] > own[name] for name in _find_strings(k))]
    if len(kept) == len(table.keys):
        return None
    entries = [f"    {ast.unparse(k) if k else '**'}: {ast.unparse(v)}," for k, v in kept]
    return _Edit(statement.lineno, statement.end_lineno or 0, (f"{_PARAMS} = {{", *entries, "}"))


# Trees


def _yield_bodies(tree: ast.Module) -> Iterator[tuple[ast.AST, list[ast.stmt]]]:
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list) and body:
                yield node, body


def _remove_part(statement: ast.stmt) -> _Edit:
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    return _Edit(first, statement.end_lineno or 0)


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _find_loaded(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            yield node.id


def _find_stored(tree: ast.AST) -> Iterator[str]:
    """Returns the names that it binds for others."""
    if isinstance(tree, _DEFINITIONS):
        yield tree.name
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.split(".")[0]
        elif isinstance(node, _DEFINITIONS):
            yield node.name


def _find_strings(tree: ast.AST | None) -> Iterator[str]:
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
