"""Simplifies expressions."""

import math
from collections.abc import Callable, Mapping

from gapsmith.agent.models.offline.expressions import (
    LEAST_DIVISOR,
    ONE,
    ZERO,
    Node,
    get_value,
    list_leaves,
    negate,
    number,
)

ARITHMETIC: Mapping[str, Callable[..., float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b > LEAST_DIVISOR else a,
    "min": min,
    "max": max,
    "neg": lambda a: -a,
    "relu": lambda a: max(a, 0.0),
    "exp": lambda a: math.exp(-max(a, 0.0)),
    "square": lambda a: a * a,
    "less": lambda a, b, yes, no: yes if a < b else no,
}


def simplify(node: Node) -> Node:
    """Simplifies an expression by algebra, from the leaves up.

    Its value stays equal; it never becomes longer.
    """
    node = Node(node.head, tuple(simplify(child) for child in node.children))
    if not node.children:
        return node
    values = [get_value(child) for child in node.children]
    known = [value for value in values if value is not None]
    if len(known) == len(values):
        return number(ARITHMETIC[node.head](*known))
    plain = LAWS[node.head](node, *node.children)
    return node if plain == node else simplify(plain)  # every law shortens, so that this ends


def extract_core(node: Node, arrays: frozenset[str]) -> Node:
    """Returns the part of a priority that ranks.

    Positive factors, and addends that are equal for all, change no order.
    """
    left, right = node.children if len(node.children) == 2 else (node, node)
    value = get_value(left if node.head == "*" and get_value(right) is None else right)
    if node.head in ("*", "/") and value is not None and value != 0:
        inner = extract_core(left if get_value(left) is None else right, arrays)
        return inner if value > 0 else negate(inner)
    if node.head in ("+", "-") and not any(leaf.head in arrays for leaf in list_leaves(right)):
        return extract_core(left, arrays)
    if node.head == "+" and not any(leaf.head in arrays for leaf in list_leaves(left)):
        return extract_core(right, arrays)
    return node


def _add(node: Node, left: Node, right: Node) -> Node:
    if ZERO in (left, right):
        return right if left == ZERO else left
    if right.head == "neg":
        return _subtract(Node("-", (left, right.children[0])), left, right.children[0])
    return Node("-", (right, left.children[0])) if left.head == "neg" else node


def _subtract(node: Node, left: Node, right: Node) -> Node:
    if left == right:
        return ZERO
    if left == ZERO:
        return negate(right)
    if right == ZERO:
        return left
    return Node("+", (left, right.children[0])) if right.head == "neg" else node


def _multiply(node: Node, left: Node, right: Node) -> Node:
    if ZERO in (left, right):
        return ZERO
    if ONE in (left, right):
        return right if left == ONE else left
    if left.head == right.head == "neg":
        return Node("*", (left.children[0], right.children[0]))
    return _gather_constants(node, left, right)


def _gather_constants(node: Node, left: Node, right: Node) -> Node:
    """Combines constants in a chain of products.

    2 * (3 * x) is 6 * x.
    """
    factor, rest = (left, right) if get_value(left) is not None else (right, left)
    if get_value(factor) is None or rest.head != "*":
        return node
    for index, inner in enumerate(rest.children):
        if get_value(inner) is not None:
            return simplify(Node("*", (simplify(Node("*", (factor, inner))), rest.children[1 - index])))
    return node


def _divide(node: Node, left: Node, right: Node) -> Node:
    divisor = get_value(right)
    if left == ZERO or right == ONE or (divisor is not None and divisor <= LEAST_DIVISOR):
        return left  # a divisor that is never positive says nothing
    # x / max(x, ε) is 1 only for positive x; the exception is not worth five nodes.
    return ONE if left == right else node


def _simplify_extreme(node: Node, left: Node, right: Node) -> Node:
    if node.head == "max" and ZERO in (left, right):
        return (
            _simplify_relu(Node("relu", (left,)), left)
            if right == ZERO
            else _simplify_relu(Node("relu", (right,)), right)
        )
    return left if left == right else node


def _negate(node: Node, inner: Node) -> Node:
    if inner.head == "-":
        return Node("-", inner.children[::-1])
    return negate(inner)


def _simplify_relu(node: Node, inner: Node) -> Node:
    return inner if inner.head in ("relu", "exp", "square") else node


def _simplify_exp(node: Node, inner: Node) -> Node:
    return Node("exp", inner.children) if inner.head == "relu" else node


def _simplify_square(node: Node, inner: Node) -> Node:
    return Node("square", inner.children) if inner.head == "neg" else node


def _simplify_less(node: Node, left: Node, right: Node, yes: Node, no: Node) -> Node:
    values = get_value(left), get_value(right)
    if values[0] is not None and values[1] is not None:
        return yes if values[0] < values[1] else no
    return no if left == right or yes == no else node


LAWS: Mapping[str, Callable[..., Node]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
    "min": _simplify_extreme,
    "max": _simplify_extreme,
    "neg": _negate,
    "relu": _simplify_relu,
    "exp": _simplify_exp,
    "square": _simplify_square,
    "less": _simplify_less,
}
