"""Keeps numbers in a program's docstrings equal to its constants."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from gapsmith.evaluators.grammar import UNREADABLE, parse_python

Number = int | float
Change = tuple[Number, "_Constant"]

_WORDS: Mapping[Number, str] = {
    3: "three",
    4: "four",
    5: "five",
    6: "six",
    7: "seven",
    8: "eight",
    9: "nine",
    10: "ten",
    11: "eleven",
    12: "twelve",
}
"""Numbers that a docstring may spell out. `one` and `two` are left alone: they are pronouns more often."""
_OWNERS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_GREATEST = 10**15
"""Greater numbers are in no docstring, and Python does not write very long ones in decimals."""


class _Constant(ast.Constant):
    """A constant that is a number."""

    value: Number


def update_docstrings(old: str, new: str) -> str:
    """Returns a changed program whose docstrings mention its new numbers.

    A number in a docstring is exchanged where the constant of that value was changed and no constant of that
    value is left. All else stays as it is, as does a program with more or fewer constants than before.

    Args:
        old: the program before the change, by whose constants its docstrings were written.
        new: the program after it.
    """
    try:
        before, tree = list(_constants(parse_python(old))), parse_python(new)
    except UNREADABLE:
        return new
    after = list(_constants(tree))
    pairs = zip(before, after, strict=False)
    changes = [(a.value, b) for a, b in pairs if a.value != b.value and max(a.value, b.value) <= _GREATEST]
    return _rewrite(new, tree, changes) if changes and len(before) == len(after) else new


def _rewrite(source: str, tree: ast.Module, changes: list[Change]) -> str:
    """Replaces numbers in docstrings, the last first, so places stay true."""
    text, whole = source.encode(), set(_constants(tree))
    starts = [0, *(end.end() for end in re.finditer(rb"\r\n|\r|\n", text))]
    found = [(node.lineno, node, owner) for node, owner in _docstrings(tree)]
    for _, node, owner in sorted(found, key=lambda each: -each[0]):
        inner = set(_constants(owner))
        inside = [(value, constant) for value, constant in changes if constant in inner]
        mentions = _group(changes, whole) | _group(inside, inner)
        first = starts[node.lineno - 1] + node.col_offset
        last = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        text = text[:first] + _replace(text[first:last].decode(), mentions).encode() + text[last:]
    return text.decode()


def _group(changes: Iterable[Change], left: set[_Constant]) -> dict[Number, list[str]]:
    """Groups new values by old ones that no constant still has."""
    kept = {node.value for node in left}
    found: dict[Number, list[str]] = {}
    for value, node in changes:
        if value not in kept and repr(node.value) not in (texts := found.setdefault(value, [])):
            texts.append(repr(node.value))
    return found


def _replace(text: str, mentions: Mapping[Number, list[str]]) -> str:
    """Replaces numbers that stand alone, in digits or words.

    `2-opt` is a name.
    """
    forms = {repr(value): texts for value, texts in mentions.items()}
    forms |= {_WORDS[value]: texts for value, texts in mentions.items() if value in _WORDS}
    if not forms:
        return text
    either = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    alone = rf"(?<![\w.-])(?:{either})(?!\w|\.\d|-\w)"
    return re.sub(
        alone,
        lambda found: " or ".join(sorted(forms[found[0].lower()], key=float)),
        text,
        flags=re.IGNORECASE,
    )


def _docstrings(tree: ast.Module) -> Iterator[tuple[ast.Constant, ast.AST]]:
    """Yields every docstring with the module, class or function that it describes."""
    for owner in ast.walk(tree):
        first = owner.body[0] if isinstance(owner, _OWNERS) and owner.body else None
        if (
            isinstance(first, ast.Expr)
            and isinstance(first.value, ast.Constant)
            and isinstance(first.value.value, str)
        ):
            yield first.value, owner


def _constants(tree: ast.AST) -> Iterator[_Constant]:
    """Yields the numbers of a tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield node  # type: ignore[misc]
