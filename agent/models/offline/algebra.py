"""Simplification of expressions: what is longer than it need be hides what it is."""

import math
from collections.abc import Callable, Mapping

from gapsmith.agent.models.offline.expressions import (
    LEAST_DIVISOR,
    ONE,
    ZERO,
    Node,
    leaves,
    negated,
    number,
    value_of,
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
    values = [value_of(child) for child in node.children]
    known = [value for value in values if value is not None]
    if len(known) == len(values):
        return number(ARITHMETIC[node.head](*known))
    plain = LAWS[node.head](node, *node.children)
    return node if plain == node else simplify(plain)  # every law shortens, so that this ends


def core(node: Node, arrays: frozenset[str]) -> Node:
    """Returns the part of a priority that ranks.

    Positive factors, and addends that are equal for all, change no order.
    """
    left, right = node.children if len(node.children) == 2 else (node, node)
    value = value_of(left if node.head == "*" and value_of(right) is None else right)
    if node.head in ("*", "/") and value is not None and value != 0:
        inner = core(left if value_of(left) is None else right, arrays)
        return inner if value > 0 else negated(inner)
    if node.head in ("+", "-") and not any(leaf.head in arrays for leaf in leaves(right)):
        return core(left, arrays)
    if node.head == "+" and not any(leaf.head in arrays for leaf in leaves(left)):
        return core(right, arrays)
    return node


def _plus(node: Node, left: Node, right: Node) -> Node:
    if ZERO in (left, right):
        return right if left == ZERO else left
    if right.head == "neg":
        return _minus(Node("-", (left, right.children[0])), left, right.children[0])
    return Node("-", (right, left.children[0])) if left.head == "neg" else node


def _minus(node: Node, left: Node, right: Node) -> Node:
    if left == right:
        return ZERO
    if left == ZERO:
        return negated(right)
    if right == ZERO:
        return left
    return Node("+", (left, right.children[0])) if right.head == "neg" else node


def _times(node: Node, left: Node, right: Node) -> Node:
    if ZERO in (left, right):
        return ZERO
    if ONE in (left, right):
        return right if left == ONE else left
    if left.head == right.head == "neg":
        return Node("*", (left.children[0], right.children[0]))
    return _gathered(node, left, right)


def _gathered(node: Node, left: Node, right: Node) -> Node:
    """Combines constants in a chain of products.

    2 * (3 * x) is 6 * x.
    """
    factor, rest = (left, right) if value_of(left) is not None else (right, left)
    if value_of(factor) is None or rest.head != "*":
        return node
    for index, inner in enumerate(rest.children):
        if value_of(inner) is not None:
            return simplify(Node("*", (simplify(Node("*", (factor, inner))), rest.children[1 - index])))
    return node


def _over(node: Node, left: Node, right: Node) -> Node:
    divisor = value_of(right)
    if left == ZERO or right == ONE or (divisor is not None and divisor <= LEAST_DIVISOR):
        return left  # a divisor that is never positive says nothing
    # x / max(x, ε) is 1 only for positive x; the exception is not worth five nodes.
    return ONE if left == right else node


def _extreme(node: Node, left: Node, right: Node) -> Node:
    if node.head == "max" and ZERO in (left, right):
        return _relu(Node("relu", (left,)), left) if right == ZERO else _relu(Node("relu", (right,)), right)
    return left if left == right else node


def _negative(node: Node, inner: Node) -> Node:
    if inner.head == "-":
        return Node("-", inner.children[::-1])
    return negated(inner)


def _relu(node: Node, inner: Node) -> Node:
    return inner if inner.head in ("relu", "exp", "square") else node


def _exp(node: Node, inner: Node) -> Node:
    return Node("exp", inner.children) if inner.head == "relu" else node


def _square(node: Node, inner: Node) -> Node:
    return Node("square", inner.children) if inner.head == "neg" else node


def _less(node: Node, left: Node, right: Node, yes: Node, no: Node) -> Node:
    values = value_of(left), value_of(right)
    if values[0] is not None and values[1] is not None:
        return yes if values[0] < values[1] else no
    return no if left == right or yes == no else node


LAWS: Mapping[str, Callable[..., Node]] = {
    "+": _plus,
    "-": _minus,
    "*": _times,
    "/": _over,
    "min": _extreme,
    "max": _extreme,
    "neg": _negative,
    "relu": _relu,
    "exp": _exp,
    "square": _square,
    "less": _less,
}
