"""Expressions of the offline model.

Immutable trees over terminals, printed as Python that cannot fail.

Protection is a matter of printing, not of care: a quotient is printed with a divisor that is positive, an
exponential with an exponent that is not. What is none of the forms below is kept as it is written.
"""

import ast
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gapsmith.evaluators.grammar import parse_expression

LEAST_DIVISOR = 1e-9
GREATEST = 1e12


class Node(NamedTuple):
    """A form and its operands.

    A leaf is a terminal's name, a number, or code that is not looked into.
    """

    head: str
    children: tuple["Node", ...] = ()


Path = tuple[int, ...]
Kind = tuple[tuple[str, int], ...]  # exponents of the base kinds; a ratio has none
RATIO: Kind = ()
ZERO, ONE = Node("0"), Node("1")

# A new form is a line here, one in READINGS or `_read_call`, and one in `vocabulary.GROWTHS`.
FORMS: Mapping[str, str] = {
    "+": "({} + {})",
    "-": "({} - {})",
    "*": "({} * {})",
    "/": "({} / {})",
    "min": "np.minimum({}, {})",
    "max": "np.maximum({}, {})",
    "neg": "(-{})",
    "relu": "np.maximum({}, 0)",
    "exp": "np.exp(-{})",
    "square": "({} ** 2)",
    "less": "np.where({} < {}, {}, {})",
}

READINGS: Mapping[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


def number(value: float) -> Node:
    """Returns a constant with four significant digits.

    More digits are noise, and hide that two programs are equal.
    """
    return make_constant(float(f"{max(-GREATEST, min(value, GREATEST)):.4g}"))


def make_constant(value: float) -> Node:
    """Returns a constant as it is.

    0, 0.0 and -0.0 have one spelling.
    """
    return Node(str(int(value)) if float(value).is_integer() and abs(value) < 1e6 else repr(value))


def get_value(node: Node) -> float | None:
    """Returns the value of a constant, None for everything else."""
    if node.children:
        return None
    try:
        return float(node.head)
    except ValueError:
        return None


def read(expression: ast.expr) -> Node:
    """Parses a Python expression into a tree.

    Parts of unknown form become leaves that hold their source.
    """
    match expression:
        case ast.Constant(value=int() | float() as value) if value is not True and value is not False:
            return make_constant(value) if math.isfinite(value) else Node(repr(value))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return negate(read(operand))
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=2)):
            return Node("square", (read(left),))
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in READINGS:
            return _read_binary(READINGS[type(operator)], read(left), read(right))
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr=name), args=arguments, keywords=[]):
            return _read_call(name, arguments) or Node(ast.unparse(expression))
    return Node(ast.unparse(expression))


def read_text(text: str) -> Node:
    """Parses an expression given as text. Raises SyntaxError."""
    return read(parse_expression(text))


def _read_binary(head: str, left: Node, right: Node) -> Node:
    if head == "/" and right.head == "max" and right.children[1] == make_constant(LEAST_DIVISOR):
        right = right.children[0]  # our own protection: printing puts it back
    return Node(head, (left, right))


def _read_call(name: str, arguments: list[ast.expr]) -> Node | None:
    match name, arguments:
        case "minimum", [first, second]:
            return Node("min", (read(first), read(second)))
        case "maximum", [first, second]:
            left, right = read(first), read(second)
            return Node("relu", (left,)) if right == ZERO else Node("max", (left, right))
        case "exp", [exponent]:
            inner = negate(read(exponent))
            return Node("exp", inner.children if inner.head == "relu" else (inner,))
        case "where", [ast.Compare(left=left, ops=[ast.Lt()], comparators=[right]), yes, no]:
            return Node("less", (read(left), read(right), read(yes), read(no)))
        case "where", [ast.Compare(left=left, ops=[ast.Gt()], comparators=[right]), yes, no]:
            return Node("less", (read(right), read(left), read(yes), read(no)))
    return None


def negate(node: Node) -> Node:
    """Negates an expression; an existing sign is removed."""
    value = get_value(node)
    if value is not None:
        return number(-value)
    if node.head == "neg":
        return node.children[0]
    if node.head in ("*", "/") and node.children[0].head == "neg":
        return Node(node.head, (node.children[0].children[0], node.children[1]))
    return Node("neg", (node,))


def list_paths(node: Node, at: Path = ()) -> Iterator[Path]:
    """Lists the places of a tree, the root first."""
    yield at
    for index, child in enumerate(node.children):
        yield from list_paths(child, (*at, index))


def get_part(node: Node, path: Path) -> Node:
    """Returns the tree at a place."""
    for index in path:
        node = node.children[index]
    return node


def put(node: Node, path: Path, new: Node) -> Node:
    """Replaces the tree at a place."""
    if not path:
        return new
    children = list(node.children)
    children[path[0]] = put(children[path[0]], path[1:], new)
    return Node(node.head, tuple(children))


def count_nodes(node: Node) -> int:
    """Counts the nodes."""
    return 1 + sum(count_nodes(child) for child in node.children)


def list_leaves(node: Node) -> Iterator[Node]:
    """Lists the leaves from left to right."""
    if not node.children:
        yield node
    for child in node.children:
        yield from list_leaves(child)


def multiply_kinds(left: Kind, right: Kind, sign: int = 1) -> Kind:
    """Returns the kind of a product, of a quotient for `sign` -1."""
    exponents = dict(left)
    for base, exponent in right:
        exponents[base] = exponents.get(base, 0) + sign * exponent
    return tuple(sorted((base, exponent) for base, exponent in exponents.items() if exponent))


def find_kind(node: Node, kinds: Mapping[str, Kind]) -> Kind | None:
    """Returns the kind of an expression.

    None where it fits any, as a constant does, or is not known.
    """
    known = [find_kind(child, kinds) for child in node.children]
    match node.head:
        case "*" | "/":
            return multiply_kinds(known[0] or RATIO, known[1] or RATIO, 1 if node.head == "*" else -1)
        case "square":
            return multiply_kinds(known[0] or RATIO, known[0] or RATIO)
        case "exp":
            return RATIO
        case "less":
            known = known[2:]
    if not node.children:
        return kinds.get(node.head)
    return next((kind for kind in known if kind is not None), None)


def count_clashes(node: Node, kinds: Mapping[str, Kind]) -> int:
    """Counts additions and comparisons that join unequal kinds."""
    pairs = {"+": 1, "-": 1, "min": 1, "max": 1, "less": 2}.get(node.head, 0)
    found = sum(count_clashes(child, kinds) for child in node.children)
    for pair in range(pairs):
        left, right = (find_kind(child, kinds) for child in node.children[2 * pair : 2 * pair + 2])
        found += left is not None and right is not None and left != right
    return found


class Signs(NamedTuple):
    """Known signs of terminals.

    Which are above zero, and which divisors the grammar's author wrote.
    """

    positive: frozenset[str]
    divisors: frozenset[Node]

    def determine(self, node: Node) -> int:
        """Returns 2 for above zero, 1 for not below, 0 for unknown."""
        value = get_value(node)
        if value is not None:
            return (value >= 0) + (value > LEAST_DIVISOR)
        if node in self.divisors or node.head in self.positive:
            return 2
        below = [self.determine(child) for child in node.children]
        match node.head:
            case "+":
                return max(below) if min(below) else 0
            case "max":
                return max(below)
            case "*" | "min":
                return min(below)
            case "less":
                return min(below[2:])
            case "/":
                return min(1, below[0])
            case "relu" | "square" | "exp":
                return 1
        return 0


def write_text(node: Node, signs: Signs) -> str:
    """Writes an expression as Python, without needless parentheses.

    Protected where nothing is known of a sign.
    """
    return ast.unparse(parse_expression(_write(node, signs)))


def _write(node: Node, signs: Signs) -> str:
    if not node.children:
        return f"({node.head})"
    parts = [_write(child, signs) for child in node.children]
    if node.head == "/" and signs.determine(node.children[1]) < 2:
        parts[1] = f"np.maximum({parts[1]}, {LEAST_DIVISOR!r})"
    if node.head == "exp" and signs.determine(node.children[0]) < 1:
        parts[0] = f"np.maximum({parts[0]}, 0)"
    return FORMS[node.head].format(*parts)
