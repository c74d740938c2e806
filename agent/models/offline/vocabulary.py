"""Terminals and expressions of evolved priorities."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import NamedTuple

from gapsmith.agent.models.offline.algebra import extract_core, simplify
from gapsmith.agent.models.offline.expressions import (
    RATIO,
    Kind,
    Node,
    Path,
    Signs,
    count_clashes,
    count_nodes,
    find_kind,
    get_part,
    get_value,
    list_leaves,
    list_paths,
    multiply_kinds,
    number,
    put,
    read_text,
)
from gapsmith.evaluators.grammar import Grammar, Terminal

LARGEST = 31  # nodes: the largest rule that is still readable (Burke et al. use as few)
DEPTHS = (1, 2, 3, 4)
CONSTANTS = ("0.1", "0.5", "0.9", "1.1", "1.5", "2", "3", "5", "10")
TRIES = 8


@dataclass(frozen=True)
class Vocabulary:
    """Terminals with their kinds, and the classical priorities to start from."""

    terminals: tuple[Terminal, ...]
    priorities: tuple[str, ...]

    @classmethod
    def build(cls, grammar: Grammar) -> "Vocabulary":
        """Makes the vocabulary of a grammar."""
        return cls(grammar.terminals, grammar.priorities)

    @cached_property
    def classics(self) -> tuple[Node, ...]:
        """The classical priorities as trees."""
        return tuple(read_text(priority) for priority in self.priorities)

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """The kind of each terminal."""
        return {each.name: RATIO if each.kind == "ratio" else ((each.kind, 1),) for each in self.terminals}

    @cached_property
    def bases(self) -> tuple[Kind, ...]:
        """The kinds of terminals, each once, in their order, and ratio."""
        return tuple(dict.fromkeys([*self.kinds.values(), RATIO]))

    @cached_property
    def arrays(self) -> frozenset[str]:
        """The terminals that differ between the things to choose from; all, where no meaning says so."""
        arrays = frozenset(each.name for each in self.terminals if "array" in each.meaning)
        return arrays or frozenset(self.kinds)

    @cached_property
    def signs(self) -> Signs:
        """What the classical priorities divide by without protection is taken to be positive."""
        parts = [get_part(tree, path) for tree in self.classics for path in list_paths(tree)]
        divisors = [each.children[1] for each in parts if each.head == "/"]
        names = [leaf.head for each in divisors if each.head != "+" for leaf in list_leaves(each)]
        plain = [each for each in divisors if all(inner in ("+", "*") for inner in _list_heads(each))]
        return Signs(frozenset(names) & frozenset(self.kinds), frozenset(plain))

    def is_fit(self, node: Node) -> bool:
        """Tells whether an expression is small enough and discriminates.

        It must differ between the things to choose from.
        """
        differs = any(leaf.head in self.arrays for leaf in list_leaves(node))
        return differs and count_nodes(node) <= LARGEST and _count_squares(node) <= 2

    def can_write(self, node: Node) -> bool:
        """Tells whether an expression has only terminals and constants.

        Only then can it move to another program.
        """
        return all(leaf.head in self.kinds or get_value(leaf) is not None for leaf in list_leaves(node))

    def is_allowed(self, node: Node, parent: Node) -> bool:
        """Tells whether a changed expression is allowed.

        It fits, ranks differently, and joins no new unequal kinds.
        """
        other = extract_core(node, self.arrays) != extract_core(parent, self.arrays)
        return (
            other
            and self.is_fit(node)
            and count_clashes(node, self.kinds) <= count_clashes(parent, self.kinds)
        )

    def draw_priority(self, rng: Random) -> tuple[Node, str]:
        """Draws a priority to start from.

        Classical, a mutant of a classical one, or random, a third each.
        """
        origin = rng.choice(("classical", "mutant", "random")) if self.classics else "random"
        if origin == "random":
            return self.draw_expression(rng), origin
        classic = rng.choice(self.classics)
        return (classic if origin == "classical" else self.mutate(rng, classic)[0]), origin

    def draw_expression(self, rng: Random) -> Node:
        """Draws a random expression that uses at least one array.

        Its depth is drawn evenly.
        """
        for _ in range(TRIES):
            node = simplify(self.grow(rng, rng.choice(self.bases), rng.choice(DEPTHS)))
            if self.is_fit(node) and not count_clashes(node, self.kinds):
                return node
        return Node(rng.choice([name for name in self.kinds if name in self.arrays]))

    def grow(self, rng: Random, kind: Kind, depth: int) -> Node:
        """Grows a random expression of a kind."""
        if depth == 0 or rng.random() < 0.15:
            return self.draw_leaf(rng, kind)
        growths = [growth for growth in GROWTHS if growth.kind is None or growth.kind == kind]
        growth = rng.choices(growths, [growth.weight for growth in growths])[0]
        inner = growth.operands(kind, rng.choice(self.bases))
        return Node(growth.head, tuple(self.grow(rng, each, depth - 1) for each in inner))

    def draw_leaf(self, rng: Random, kind: Kind) -> Node:
        """Draws a terminal or constant of a kind.

        Where no terminal has it, a product of terminals that does.
        """
        names = [Node(name) for name, each in self.kinds.items() if each == kind]
        if kind == RATIO:
            names += [Node(rng.choice(CONSTANTS))] * max(1, len(names))
        return rng.choice(names) if names else self._draw_compound(rng, kind)

    def _draw_compound(self, rng: Random, kind: Kind) -> Node:
        bases = sorted(kind, key=lambda item: item[1] < 0)
        factors = [
            (self.draw_leaf(rng, ((base, 1),)), each) for base, each in bases for _ in range(abs(each))
        ]
        node, exponent = factors[0]
        node = node if exponent > 0 else Node("/", (Node("1"), node))
        for factor, exponent in factors[1:]:
            node = Node("*" if exponent > 0 else "/", (node, factor))
        return node

    def mutate(self, rng: Random, node: Node) -> tuple[Node, str]:
        """Changes an expression, and says what was changed.

        The same expression where nothing allowed was found.
        """
        for _ in range(TRIES):
            name = rng.choices(list(MOVES), [move.weight for move in MOVES.values()])[0]
            changed = self.move(rng, node, name)
            if changed is not None:
                return changed, name
        return node, "nothing"

    def move(self, rng: Random, node: Node, name: str) -> Node | None:
        """Makes one move of that name, None if it is not allowed."""
        changed = simplify(MOVES[name].change(self, rng, node))
        return changed if self.is_allowed(changed, node) else None

    def cross(self, rng: Random, node: Node, donor: Node) -> Node | None:
        """Replaces a part by a part of equal kind from another expression.

        None if there is none.
        """
        gifts = [get_part(donor, path) for path in list_paths(donor)]
        gifts = [gift for gift in gifts if self.can_write(gift) and get_value(gift) is None]
        for _ in range(TRIES):
            place = rng.choice(list(list_paths(node)))
            kind = find_kind(get_part(node, place), self.kinds)
            fitting = [gift for gift in gifts if find_kind(gift, self.kinds) == kind]
            changed = simplify(put(node, place, rng.choice(fitting))) if fitting else node
            if self.is_allowed(changed, node):
                return changed
        return None


def _list_heads(node: Node) -> set[str]:
    return {get_part(node, path).head for path in list_paths(node) if get_part(node, path).children}


def _count_squares(node: Node) -> int:
    """Returns the greatest depth of nested squares.

    Their powers overflow soon.
    """
    return (node.head == "square") + max((_count_squares(child) for child in node.children), default=0)


class Growth(NamedTuple):
    """How an expression can be made.

    Form, weight, kinds of the operands; `kind` None makes any kind.
    """

    head: str
    weight: float
    operands: Callable[[Kind, Kind], tuple[Kind, ...]]
    kind: Kind | None = None


def _divide_kinds(kind: Kind, divisor: Kind) -> tuple[Kind, ...]:
    """Returns the kinds of the operands of a quotient.

    The divisor is a ratio where the kind would become compound: compound kinds multiply.
    """
    inside = sum(abs(exponent) for _, exponent in multiply_kinds(kind, divisor)) <= 2
    return (multiply_kinds(kind, divisor), divisor) if inside else (kind, RATIO)


GROWTHS = (
    Growth("+", 3, lambda kind, _: (kind, kind)),
    Growth("-", 3, lambda kind, _: (kind, kind)),
    Growth("*", 2, lambda kind, _: (kind, RATIO)),
    Growth("/", 2, _divide_kinds),
    Growth("min", 1.5, lambda kind, _: (kind, kind)),
    Growth("max", 1.5, lambda kind, _: (kind, kind)),
    Growth("neg", 0.5, lambda kind, _: (kind,)),
    Growth("relu", 1, lambda kind, _: (kind,)),
    Growth("exp", 1, lambda _kind, _: (RATIO,), RATIO),
    Growth("less", 1, lambda kind, other: (other, other, kind, kind)),
)

Change = Callable[[Vocabulary, Random, Node], Node]


def _place(rng: Random, node: Node, among: Sequence[Path] | None = None) -> Path:
    return rng.choice(among or list(list_paths(node)))


def _draw_subtree(words: Vocabulary, rng: Random, node: Node) -> Node:
    place = _place(rng, node)
    kind = find_kind(get_part(node, place), words.kinds)
    return put(node, place, words.grow(rng, RATIO if kind is None else kind, rng.choice(DEPTHS[:3])))


def _wrap(words: Vocabulary, rng: Random, node: Node) -> Node:
    """Wraps a part, as p in p + q.

    The structure that was found stays.
    """
    place = _place(rng, node)
    inner = get_part(node, place)
    kind = find_kind(inner, words.kinds) or RATIO
    if rng.random() < 0.5:
        factor = words.grow(rng, RATIO, 1)
        return put(node, place, Node(rng.choice("*/"), (inner, factor)))
    addend = Node("*", (words.draw_leaf(rng, RATIO), words.grow(rng, kind, 1)))
    return put(node, place, Node(rng.choice(("+", "-", "min", "max")), (inner, addend)))


def _scale_constant(words: Vocabulary, rng: Random, node: Node) -> Node:
    """Scales one constant.

    Where there is none, a part gets a factor near 1.
    """
    constants = [path for path in list_paths(node) if get_value(get_part(node, path))]
    scale = math.exp(rng.gauss(0, 0.3))
    if not constants:
        place = _place(rng, node)
        return put(node, place, Node("*", (number(scale), get_part(node, place))))
    place = rng.choice(constants)
    value = (get_value(get_part(node, place)) or 0.0) * scale
    return put(node, place, number(max(-1000.0, min(value, 1000.0)))) if abs(value) > 1e-3 else node


def _promote_part(words: Vocabulary, rng: Random, node: Node) -> Node:
    """Replaces an expression by a part of the same kind.

    Often the whole expression.
    """
    outer = _place(rng, node, [(), *(path for path in list_paths(node) if get_part(node, path).children)])
    kind = find_kind(get_part(node, outer), words.kinds)
    inner = [get_part(get_part(node, outer), path) for path in list_paths(get_part(node, outer)) if path]
    same = [each for each in inner if kind is None or not outer or find_kind(each, words.kinds) == kind]
    return put(node, outer, rng.choice(same)) if same else node


ALIKE = (("+", "-", "min", "max"), ("*", "/"), ("neg", "relu"))


def _replace_point(words: Vocabulary, rng: Random, node: Node) -> Node:
    """Replaces one form or terminal.

    A form by another with as many operands, a terminal by another of its kind.
    """
    place = _place(rng, node)
    old = get_part(node, place)
    if not old.children:
        return put(node, place, words.draw_leaf(rng, words.kinds.get(old.head, RATIO)))
    if old.head == "less":
        return put(node, place, Node("less", (*old.children[:2], *old.children[:1:-1])))
    others = [head for group in ALIKE if old.head in group for head in group if head != old.head]
    return put(node, place, Node(rng.choice(others), old.children)) if others else node


class Move(NamedTuple):
    """A change of an expression.

    How often it is drawn, and what it does.
    """

    weight: float
    change: Change


# A new move is a line here.
MOVES = {
    "subtree": Move(0.3, _draw_subtree),
    "wrap": Move(0.2, _wrap),
    "constant": Move(0.25, _scale_constant),
    "hoist": Move(0.1, _promote_part),
    "point": Move(0.15, _replace_point),
}
