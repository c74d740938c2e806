"""Repairs the form of programs.

Defines the entry point, adds missing helpers and imports.
"""

import ast
import io
import tokenize
from collections.abc import Iterable, Sequence
from typing import TypeGuard

from gapsmith.agent.codegen.replies.cleanup import parse_source
from gapsmith.evaluators.grammar import UNREADABLE, EntryPoint

UNWRITABLE = (*UNREADABLE, tokenize.TokenError)
"""Errors of writing a tree or reading its tokens, where it is nested too deeply or has too long a number."""
Mended = tuple[str, str]
"""A source, and a description of the repair."""


def has_entry(tree: ast.Module, entry: EntryPoint) -> bool:
    """Tells whether a top-level function is the entry point, with its arguments."""
    return any(_is_entry(node, entry) for node in tree.body)


def _is_entry(node: ast.stmt, entry: EntryPoint) -> TypeGuard[ast.FunctionDef]:
    return isinstance(node, ast.FunctionDef) and node.name == entry.name and _can_take(node.args, entry)


def is_stub(tree: ast.Module, entry: EntryPoint) -> bool:
    """Tells whether the entry point is a stub: a docstring, `...`, `pass`."""
    body = [node.body for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == entry.name][
        -1
    ]
    return all(isinstance(s, ast.Pass | ast.Raise) or _is_constant(s) for s in body)


def _is_constant(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def repair_entry(source: str, tree: ast.Module, entry: EntryPoint) -> Mended | None:
    """Repairs a program that has the entry point in another form.

    None where it is not clear what was meant.
    """
    try:
        return _repair_entry(source, tree, entry)
    except UNWRITABLE:
        return None


def _repair_entry(source: str, tree: ast.Module, entry: EntryPoint) -> Mended | None:
    for node in reversed(tree.body):
        if isinstance(node, ast.AsyncFunctionDef) and node.name == entry.name:
            return _remove_async(source, node)
        if (value := _find_assigned(node, entry)) is not None:
            return _replace_assignment(source, node, value, entry)
    return _rename_function(source, tree, entry) or _wrap_method(source, tree, entry)


# An entry point by another word


def _remove_async(source: str, node: ast.AsyncFunctionDef) -> Mended | None:
    if any(isinstance(part, ast.Await | ast.AsyncFor | ast.AsyncWith | ast.Yield) for part in ast.walk(node)):
        return None
    lines = source.split("\n")
    lines[node.lineno - 1] = lines[node.lineno - 1].replace("async def", "def", 1)
    return "\n".join(lines), f"{node.name} was async"


def _find_assigned(node: ast.stmt, entry: EntryPoint) -> ast.expr | None:
    """Returns the value assigned to the name of the entry point."""
    named = isinstance(node, ast.Assign) and [getattr(t, "id", "") for t in node.targets] == [entry.name]
    return node.value if isinstance(node, ast.Assign) and named else None


def _replace_assignment(source: str, node: ast.stmt, value: ast.expr, entry: EntryPoint) -> Mended | None:
    """Replaces an assignment of the entry point by a function.

    It has the body of the lambda, or calls the function that was assigned.
    """
    arguments = ", ".join(argument.name for argument in entry.arguments)
    if isinstance(value, ast.Lambda):
        made = f"def {entry.name}({ast.unparse(value.args)}):\n    return {ast.unparse(value.body)}"
    elif isinstance(value, ast.Name):
        made = f"{entry.signature}\n    return {value.id}({arguments})"
    else:
        return None
    lines = source.split("\n")
    whole = [*lines[: node.lineno - 1], made, *lines[node.end_lineno :]]
    return "\n".join(whole), f"{entry.name} was a {'lambda' if isinstance(value, ast.Lambda) else 'variable'}"


# An entry point by another name


def _rename_function(source: str, tree: ast.Module, entry: EntryPoint) -> Mended | None:
    """Renames the only function that can be meant to the entry point."""
    fitting = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and _can_take(node.args, entry)
    ]
    wanted = [argument.name for argument in entry.arguments]
    alike = [node for node in fitting if [a.arg for a in node.args.posonlyargs + node.args.args] == wanted]
    inner = _find_called(tree)
    roots = [node for node in alike or fitting if node.name not in inner]
    if len(roots) != 1 or roots[0].name.startswith("_") or _has_many_roots(tree, inner, alike):
        return None
    return _rename_variable(source, roots[0].name, entry.name), f"{roots[0].name} was renamed to {entry.name}"


def _has_many_roots(tree: ast.Module, inner: set[str], alike: Sequence[ast.FunctionDef]) -> bool:
    """Tells whether several functions could be meant.

    Only where the names of the arguments do not decide it.
    """
    roots = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name not in inner]
    return len(roots) > 1 and not alike


def _can_take(arguments: ast.arguments, entry: EntryPoint, bound: int = 0) -> bool:
    """Tells whether a function accepts the arguments of the entry point."""
    positional = len(arguments.posonlyargs) + len(arguments.args) - bound
    least, most = positional - len(arguments.defaults), 99 if arguments.vararg else positional
    required = any(default is None for default in arguments.kw_defaults)
    return least <= len(entry.arguments) <= most and not required


def _find_called(tree: ast.Module) -> set[str]:
    """Returns the functions that others of the module use."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} - {node.name}
    return found


def _rename_variable(source: str, old: str, new: str) -> str:
    """Renames a variable in a source.

    Attributes, strings and comments stay.
    """
    lines, last = source.split("\n"), ""
    places = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME and token.string == old and last != ".":
            places.append(token.start)
        last = token.string
    for row, column in reversed(places):
        line = lines[row - 1]
        lines[row - 1] = line[:column] + new + line[column + len(old) :]
    return "\n".join(lines)


# An entry point that is a method


def _wrap_method(source: str, tree: ast.Module, entry: EntryPoint) -> Mended | None:
    """Adds a function that calls the only method that can be meant."""
    found = [
        (node.name, method)
        for node in tree.body
        if isinstance(node, ast.ClassDef) and _can_be_made(node)
        for method in _list_methods(node, entry)
    ]
    named = [(cls, method) for cls, method in found if method == entry.name] or found
    if len(named) != 1:
        return None
    cls, method = named[0]
    arguments = ", ".join(argument.name for argument in entry.arguments)
    call = f"{cls}()({arguments})" if method == "__call__" else f"{cls}().{method}({arguments})"
    words = f"{entry.name} calls {cls}.{method}"
    return f"{source.rstrip()}\n\n\n{entry.signature}\n    return {call}\n", words


def _can_be_made(node: ast.ClassDef) -> bool:
    made = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"]
    return all(len(part.args.args) - len(part.args.defaults) <= 1 for part in made)


def _list_methods(node: ast.ClassDef, entry: EntryPoint) -> list[str]:
    return [
        part.name
        for part in node.body
        if isinstance(part, ast.FunctionDef) and (part.name == "__call__" or not part.name.startswith("_"))
        if _can_take(part.args, entry, bound=0 if _is_static(part) else 1)
    ]


def _is_static(method: ast.FunctionDef) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in method.decorator_list)


# What goes, and what is added


def remove_trials(source: str, entry: EntryPoint) -> Mended:
    """Removes the main part, assertions, and calls that try the program.

    They would run whenever the program is loaded.
    """
    tree = parse_source(source)
    trials = [node for node in tree.body if _is_trial(node, entry)] if tree else []
    if not tree or not trials or _share_lines(tree, trials):
        return source, ""
    lines = source.split("\n")
    for node in reversed(trials):
        del lines[node.lineno - 1 : node.end_lineno]
    return "\n".join(lines).rstrip() + "\n", "left out: what it tries itself with"


def _is_trial(node: ast.stmt, entry: EntryPoint) -> bool:
    if isinstance(node, ast.If):
        return any(getattr(part, "id", "") == "__name__" for part in ast.walk(node.test))
    if isinstance(node, ast.Assert):
        return True
    if isinstance(node, ast.Expr | ast.Assign | ast.For | ast.With):
        calls = [part.func for part in ast.walk(node) if isinstance(part, ast.Call)]
        return bool({each.id for each in calls if isinstance(each, ast.Name)} & {"print", entry.name})
    return False


def _share_lines(tree: ast.Module, trials: Iterable[ast.stmt]) -> bool:
    """Tells whether other statements stand on the lines of these."""
    taken = {line for node in trials for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    tried = set(map(id, trials))
    others = [node for node in tree.body if id(node) not in tried]
    return any(node.lineno in taken or node.end_lineno in taken for node in others)
