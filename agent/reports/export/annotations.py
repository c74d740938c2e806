"""Gives a program's functions their types, and changes nothing else of it."""

import ast
import re
import textwrap
from collections.abc import Callable, Sequence

from gapsmith.agent.codegen.screen import write_canonical
from gapsmith.evaluators.base import GapsmithError
from gapsmith.evaluators.grammar import UNREADABLE, EntryPoint, parse_expression, parse_python


def add_annotations(source: str, entry: EntryPoint) -> str:
    """Adds types to a program; removes what its module has itself.

    What is nested too deep, or holds a number too long, to be written anew stays without types. Lines are replaced,
    so the result is read again: a text of the program could otherwise become code.

    Raises:
        GapsmithError: where no form says the same as the program.
    """
    tree = parse_python(source)
    removed = _list_duplicates(tree.body)
    kept = _write_canonical_body(tree, removed)
    writers: tuple[Callable[[], str], ...] = (
        lambda: _remove_lines(_annotate_functions(source, entry)),
        lambda: _remove_lines(source),
        lambda: ast.unparse(ast.Module([s for s in tree.body if s not in removed], [])),
    )
    for write in writers:
        try:
            text = write()
            if _write_canonical_body(parse_python(text), []) == kept:
                return text
        except UNREADABLE:
            continue
    raise GapsmithError("the program cannot be written as a module; export it with --sandboxed")


def _write_canonical_body(tree: ast.Module, removed: Sequence[ast.stmt]) -> str:
    """Writes what statements say, without types, comments and layout."""
    body = [statement for statement in tree.body if statement not in removed]
    return write_canonical(ast.Module(body, []))


def split_lines(source: str) -> list[str]:
    """Splits a source into lines as the parser counts them.

    A form feed ends no line.
    """
    return re.split(r"\r\n|\r|\n", source)


def _annotate_functions(source: str, entry: EntryPoint) -> str:
    functions = [node for node in ast.walk(parse_python(source)) if isinstance(node, ast.FunctionDef)]
    lines = split_lines(source)
    for node in sorted(
        functions, key=lambda node: -node.lineno
    ):  # from below, so that line numbers stay true
        _annotate(node, entry)
        lines = _replace_head(lines, node)
    text = "\n".join(lines)
    parse_python(text)  # a head that was written anew must fit where it stands
    return text


def _remove_lines(source: str) -> str:
    """Removes the lines of statements that the exported module has itself."""
    lines = split_lines(source)
    for statement in reversed(_list_duplicates(parse_python(source).body)):
        del lines[statement.lineno - 1 : statement.end_lineno]
    return "\n".join(lines)


def _list_duplicates(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Lists statements that the module has itself, on lines of their own.

    These are the import of numpy, `__future__` imports and the main part.
    """
    return [
        statement
        for statement in body
        if _is_duplicate(statement) and sum(is_overlapping(statement, other) for other in body) == 1
    ]


def is_overlapping(one: ast.stmt, other: ast.stmt) -> bool:
    """Tells whether two statements share a line."""
    return one.lineno <= (other.end_lineno or 0) and other.lineno <= (one.end_lineno or 0)


def _is_duplicate(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.ImportFrom):
        return statement.module == "__future__"
    if isinstance(statement, ast.If):
        test = statement.test
        return isinstance(test, ast.Compare) and getattr(test.left, "id", "") == "__name__"
    names = (
        [(alias.name, alias.asname) for alias in statement.names] if isinstance(statement, ast.Import) else []
    )
    return names == [("numpy", "np")]


def _annotate(node: ast.FunctionDef, entry: EntryPoint) -> None:
    known = [argument.annotation for argument in entry.arguments] if _is_entry(node, entry) else []
    arguments = node.args.posonlyargs + node.args.args
    for argument, annotation in zip(arguments, known, strict=False):
        argument.annotation = _parse_expression(annotation)
    others = [*arguments, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
    for other in others:
        if other is not None and other.annotation is None and other.arg not in ("self", "cls"):
            other.annotation = _parse_expression("Any")
    if known or node.returns is None:
        node.returns = _parse_expression(entry.annotation if known else "Any")


def _is_entry(node: ast.FunctionDef, entry: EntryPoint) -> bool:
    return node.name == entry.name and node.col_offset == 0


def _parse_expression(text: str) -> ast.expr:
    return parse_expression(text)


def _replace_head(lines: list[str], node: ast.FunctionDef) -> list[str]:
    """Replaces the head of a function.

    A body on the line of its `def` is replaced too.
    """
    first, indent = node.body[0], " " * node.col_offset
    if first.lineno == node.lineno or _find_head_end(lines, node) is None:
        text = textwrap.indent(ast.unparse(_copy_without_decorators(node, node.body)), indent)
        return [*lines[: node.lineno - 1], *text.splitlines(), *lines[node.end_lineno :]]
    head = ast.unparse(_copy_without_decorators(node, [ast.Pass()])).splitlines()[0]
    return [*lines[: node.lineno - 1], indent + head, *lines[_find_head_end(lines, node) :]]


def _copy_without_decorators(node: ast.FunctionDef, body: list[ast.stmt]) -> ast.FunctionDef:
    """Copies a function without its decorators, which keep their lines."""
    return ast.FunctionDef(node.name, node.args, body, [], node.returns, lineno=1)


def _find_head_end(lines: list[str], node: ast.FunctionDef) -> int | None:
    """Returns the number of the line on which the head ends."""
    numbers = range(node.body[0].lineno - 1, node.lineno - 1, -1)
    return next((k for k in numbers if lines[k - 1].split("#")[0].rstrip().endswith(":")), None)
