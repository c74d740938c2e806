"""The constants of a program that may be tuned.

Found in its syntax tree, exchanged in its text, never run.

A program can declare them, `PARAMS = {"name": (default, low, high), "other": (0.5, 0.01, 10.0, "log")}`, and
read them as `PARAMS["name"][0]`. Where it has no such block, the numbers inside its functions are taken that
set how much is done: no small counts, no indices, no axes, no seeds, no guards against a division by zero.
Where it has none of those either, small whole numbers that something is compared with: `room > 0` may be `room > 1`.
"""

import ast
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from gapsmith.evaluators.grammar import UNREADABLE, parse_python

Number: TypeAlias = int | float

BLOCK = "PARAMS"
AT_MOST = 12
LONGEST_NAME = 60
GREATEST = 1e12
"""A limit of a declared parameter beyond it is nonsense."""
LITERALS = (1e-5, 1e6)
"""Numbers outside are guards and stand-ins for infinity, not settings."""
SPREAD = 4
"""Factors by which a number without declared limits, and a threshold, may become smaller or greater."""
SMALL = 9
"""The greatest whole number that is taken for a threshold."""

_STRUCTURAL = frozenset(("axis", "seed", "random_state", "decimals"))
_SEEDED = frozenset(("default_rng", "Random", "RandomState", "SeedSequence", "seed"))


@dataclass(frozen=True)
class Parameter:
    """A constant that may be tuned.

    Attributes:
        name: as declared; of a number inside a function its line and its place there, `line 12 #2`, which
            stays the same whatever the values are.
        default: its value as it stands, between the limits.
        low: the least value.
        high: the greatest value, above `low`.
        log: whether it is to be varied by factors; `low` is then above 0.
        whole: whether it is an integer, as the limits then are.
    """

    name: str
    default: Number
    low: Number
    high: Number
    log: bool
    whole: bool


@dataclass(frozen=True)
class _Place:
    """The place of a parameter's value in the source, in bytes.

    Bytes of its UTF-8 form.
    """

    parameter: Parameter
    value: Number
    start: int
    end: int


def find_parameters(source: str) -> tuple[Parameter, ...]:
    """Finds at most AT_MOST parameters, in reading order.

    Malformed ones are left out; any text is accepted.
    """
    return tuple(place.parameter for place in _find_places(source))


def set_values(source: str, values: Mapping[str, float]) -> str:
    """Sets values of parameters; all else stays byte for byte the same.

    Values are kept between the limits, whole ones rounded, others written with six digits. Names that the source
    does not have and values that are not numbers are passed over.
    """
    places = [
        place for place in _find_places(source) if math.isfinite(values.get(place.parameter.name, math.nan))
    ]
    text = source.encode() if places else b""
    for place in reversed(places):
        digits = _format_value(place, values[place.parameter.name]).encode()
        text = text[: place.start] + (digits or text[place.start : place.end]) + text[place.end :]
    return text.decode() if places else source


def _format_value(place: _Place, value: float) -> str:
    """Formats a value within the limits; empty where nothing changes."""
    limits = place.parameter
    kept = min(max(value, limits.low), limits.high)
    short = round(kept) if limits.whole else float(f"{kept:.6g}")
    exact = short if limits.low <= short <= limits.high else float(kept)
    return "" if place.value in (kept, exact) else repr(exact)


@lru_cache(maxsize=16)  # a tuner asks for the same program many times
def _find_places(source: str) -> list[_Place]:
    try:
        tree = parse_python(source)
    # What a parser raises for code that is broken or nested too deep.
    except UNREADABLE:
        return []
    starts = _find_line_starts(source.encode())
    block = _block(tree)
    found = _find_literals(tree, starts) if block is None else _read(_read_declared(block, starts), tree)
    return found[:AT_MOST]


def _find_line_starts(text: bytes) -> list[int]:
    """Finds where each line begins, in bytes, as the parser counts lines."""
    return [0, *(end.end() for end in re.finditer(rb"\r\n|\r|\n", text))]


def _place(node: ast.expr, starts: list[int], parameter: Parameter, value: Number) -> _Place:
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
    start = starts[node.lineno - 1] + node.col_offset
    return _Place(parameter, value, start, starts[end_line - 1] + end_column)


# ---- declared


def _block(tree: ast.Module) -> ast.Dict | None:
    """Finds the declaration in force: the last one."""
    for statement in reversed(tree.body):
        targets = getattr(statement, "targets", [getattr(statement, "target", None)])
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        value = getattr(statement, "value", None)
        if names == [BLOCK] and isinstance(statement, ast.Assign | ast.AnnAssign):
            return value if isinstance(value, ast.Dict) else None
    return None


def _read_declared(block: ast.Dict, starts: list[int]) -> Iterator[_Place]:
    names = [_name_literal(key) for key in block.keys]
    times = Counter(names)
    for name, node in zip(names, block.values, strict=True):
        parts = node.elts if isinstance(node, ast.Tuple | ast.List) else []
        numbers = [number for part in parts[:3] if (number := _number(part)) is not None]
        if isinstance(name, str) and times[name] == 1 and len(numbers) == 3:
            parameter = _read_parameter(name, numbers, [_name_literal(part) for part in parts[3:]])
            if parameter is not None:
                yield _place(parts[0], starts, parameter, numbers[0])


def _read(places: Iterable[_Place], tree: ast.Module) -> list[_Place]:
    """Drops declared parameters that are never read by name.

    All are kept where none is read by its name.
    """
    declared = list(places)
    words = Counter(
        word for node in ast.walk(tree) for word in (_name_literal(node), getattr(node, "attr", None))
    )
    read = [place for place in declared if words[place.parameter.name] > 1]
    return read or declared


def _read_parameter(name: str, numbers: list[Number], words: list[object]) -> Parameter | None:
    """Reads a declared parameter; None for a malformed one."""
    default, low, high = numbers
    spoken = 0 < len(name) <= LONGEST_NAME and name.isprintable()
    if not spoken or words not in ([], ["log"]) or not -GREATEST <= low < high <= GREATEST:
        return None
    whole = all(isinstance(number, int) for number in numbers)
    return Parameter(name, min(max(default, low), high), low, high, bool(words) and low > 0, whole)


def _name_literal(node: ast.AST | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _number(node: ast.expr) -> Number | None:
    """Returns the value of a finite number with or without a sign.

    None for anything else.
    """
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        sign, node = -1 if isinstance(node.op, ast.USub) else 1, node.operand
    value = _name_literal(node)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return sign * value if isinstance(value, int) or math.isfinite(value) else None


# ---- not declared


def _find_literals(tree: ast.Module, starts: list[int]) -> list[_Place]:
    """Finds numbers in functions that are settings, or else thresholds."""
    numbers = list(_name_numbers(tree))
    compared = {id(part) for node in ast.walk(tree) if _is_order(node) for part in ast.iter_child_nodes(node)}
    settings = [(node, _is_setting(name, value), value) for name, node, value in numbers]
    thresholds = [
        (node, _is_threshold(name, value), value) for name, node, value in numbers if id(node) in compared
    ]
    made = [
        [_place(node, starts, p, value) for node, p, value in some if p] for some in (settings, thresholds)
    ]
    return made[0] or made[1]


def _name_numbers(tree: ast.Module) -> Iterator[tuple[str, ast.Constant, Number]]:
    """Names numbers by their place among all numbers of a line.

    Whole numbers in an index are left out.
    """
    seen: Counter[int] = Counter()
    for node, index in sorted(_yield_numbers(tree), key=lambda found: (found[0].lineno, found[0].col_offset)):
        seen[node.lineno] += 1
        value = _number(node) or 0
        if not (index and isinstance(value, int)):
            yield f"line {node.lineno} #{seen[node.lineno]}", node, value


def _is_order(node: ast.AST) -> bool:
    return isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE)


def _is_threshold(name: str, value: Number) -> Parameter | None:
    """Tells whether it is a small whole number."""
    if not isinstance(value, int) or not 0 <= value <= SMALL:
        return None
    return Parameter(name, value, max(0, value - SPREAD), value + SPREAD, log=False, whole=True)


def _is_setting(name: str, value: Number) -> Parameter | None:
    if not LITERALS[0] <= value <= LITERALS[1] or value in (1, 2):
        return None
    low, high = value / SPREAD, value * SPREAD
    if isinstance(value, int):
        return Parameter(name, value, max(1, round(low)), high, log=True, whole=True)
    return Parameter(name, value, low, high, log=True, whole=False)


def _yield_numbers(tree: ast.Module) -> Iterator[tuple[ast.Constant, bool]]:
    """Yields numbers that may be settings, with whether they index. No recursion."""
    waiting: list[tuple[ast.AST, bool]] = [(node, False) for node in _find_functions(tree)]
    while waiting:
        node, index = waiting.pop()
        if isinstance(node, ast.Constant):
            if _number(node) is not None:
                yield node, index
        elif not _is_structural(node):
            waiting += _yield_parts(node, index)


def _find_functions(tree: ast.Module) -> Iterator[ast.AST]:
    """Finds the outermost functions."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef):
            yield node
        else:
            waiting += ast.iter_child_nodes(node)


def _yield_parts(node: ast.AST, index: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Yields the parts of a node that may hold settings."""
    if isinstance(node, ast.FunctionDef):
        held = [*node.args.defaults, *node.args.kw_defaults, *node.body]
        yield from ((part, False) for part in held if part is not None)
    elif isinstance(node, ast.Subscript):
        yield from ((node.value, index), (node.slice, True))
    elif isinstance(node, ast.Slice):
        yield from ((node.upper, False),) if node.upper else ()
    elif isinstance(node, ast.AnnAssign):
        yield from ((node.value, index),) if node.value else ()
    else:
        yield from ((part, index) for part in ast.iter_child_nodes(node))


def _is_structural(node: ast.AST) -> bool:
    """Tells whether a node's numbers are part of the structure.

    In f-strings their places are not known.
    """
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and "seed" in target.id.lower() for target in node.targets)
    if isinstance(node, ast.Call):
        return getattr(node.func, "attr", getattr(node.func, "id", "")) in _SEEDED
    if isinstance(node, ast.keyword):
        return node.arg in _STRUCTURAL
    return isinstance(node, ast.JoinedStr | ast.MatchValue)
