"""What the offline model may say in a priority: terminals, and how expressions grow and change."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import NamedTuple

from gapsmith.agent.models.offline.algebra import core, simplify
from gapsmith.agent.models.offline.expressions import (
    RATIO,
    Kind,
    Node,
    Path,
    Signs,
    clashes,
    kind_of,
    leaves,
    number,
    part,
    paths,
    product,
    put,
    read_text,
    size,
    value_of,
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
    def of(cls, grammar: Grammar) -> "Vocabulary":
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
        parts = [part(tree, path) for tree in self.classics for path in paths(tree)]
        divisors = [each.children[1] for each in parts if each.head == "/"]
        names = [leaf.head for each in divisors if each.head != "+" for leaf in leaves(each)]
        plain = [each for each in divisors if all(inner in ("+", "*") for inner in _heads(each))]
        return Signs(frozenset(names) & frozenset(self.kinds), frozenset(plain))

    def fits(self, node: Node) -> bool:
        """Tells whether an expression is small enough and discriminates.

        It must differ between the things to choose from.
        """
        differs = any(leaf.head in self.arrays for leaf in leaves(node))
        return differs and size(node) <= LARGEST and _squares(node) <= 2

    def speaks(self, node: Node) -> bool:
        """Tells whether an expression has only terminals and constants.

        Only then can it move to another program.
        """
        return all(leaf.head in self.kinds or value_of(leaf) is not None for leaf in leaves(node))

    def allows(self, node: Node, parent: Node) -> bool:
        """Tells whether a changed expression is allowed.

        It fits, ranks differently, and joins no new unequal kinds.
        """
        other = core(node, self.arrays) != core(parent, self.arrays)
        return other and self.fits(node) and clashes(node, self.kinds) <= clashes(parent, self.kinds)

    def fresh(self, rng: Random) -> tuple[Node, str]:
        """Draws a priority to start from.

        Classical, a mutant of a classical one, or random, a third each.
        """
        origin = rng.choice(("classical", "mutant", "random")) if self.classics else "random"
        if origin == "random":
            return self.random(rng), origin
        classic = rng.choice(self.classics)
        return (classic if origin == "classical" else self.mutated(rng, classic)[0]), origin

    def random(self, rng: Random) -> Node:
        """Draws a random expression that uses at least one array.

        Its depth is drawn evenly.
        """
        for _ in range(TRIES):
            node = simplify(self.grown(rng, rng.choice(self.bases), rng.choice(DEPTHS)))
            if self.fits(node) and not clashes(node, self.kinds):
                return node
        return Node(rng.choice([name for name in self.kinds if name in self.arrays]))

    def grown(self, rng: Random, kind: Kind, depth: int) -> Node:
        """Grows a random expression of a kind."""
        if depth == 0 or rng.random() < 0.15:
            return self.leaf(rng, kind)
        growths = [growth for growth in GROWTHS if growth.kind is None or growth.kind == kind]
        growth = rng.choices(growths, [growth.weight for growth in growths])[0]
        inner = growth.operands(kind, rng.choice(self.bases))
        return Node(growth.head, tuple(self.grown(rng, each, depth - 1) for each in inner))

    def leaf(self, rng: Random, kind: Kind) -> Node:
        """Draws a terminal or constant of a kind.

        Where no terminal has it, a product of terminals that does.
        """
        names = [Node(name) for name, each in self.kinds.items() if each == kind]
        if kind == RATIO:
            names += [Node(rng.choice(CONSTANTS))] * max(1, len(names))
        return rng.choice(names) if names else self._compound(rng, kind)

    def _compound(self, rng: Random, kind: Kind) -> Node:
        bases = sorted(kind, key=lambda item: item[1] < 0)
        factors = [(self.leaf(rng, ((base, 1),)), each) for base, each in bases for _ in range(abs(each))]
        node, exponent = factors[0]
        node = node if exponent > 0 else Node("/", (Node("1"), node))
        for factor, exponent in factors[1:]:
            node = Node("*" if exponent > 0 else "/", (node, factor))
        return node

    def mutated(self, rng: Random, node: Node) -> tuple[Node, str]:
        """Changes an expression, and says what was changed.

        The same expression where nothing allowed was found.
        """
        for _ in range(TRIES):
            name = rng.choices(list(MOVES), [move.weight for move in MOVES.values()])[0]
            changed = self.moved(rng, node, name)
            if changed is not None:
                return changed, name
        return node, "nothing"

    def moved(self, rng: Random, node: Node, name: str) -> Node | None:
        """Makes one move of that name, None if it is not allowed."""
        changed = simplify(MOVES[name].change(self, rng, node))
        return changed if self.allows(changed, node) else None

    def crossed(self, rng: Random, node: Node, donor: Node) -> Node | None:
        """Replaces a part by a part of equal kind from another expression.

        None if there is none.
        """
        gifts = [part(donor, path) for path in paths(donor)]
        gifts = [gift for gift in gifts if self.speaks(gift) and value_of(gift) is None]
        for _ in range(TRIES):
            place = rng.choice(list(paths(node)))
            kind = kind_of(part(node, place), self.kinds)
            fitting = [gift for gift in gifts if kind_of(gift, self.kinds) == kind]
            changed = simplify(put(node, place, rng.choice(fitting))) if fitting else node
            if self.allows(changed, node):
                return changed
        return None


def _heads(node: Node) -> set[str]:
    return {part(node, path).head for path in paths(node) if part(node, path).children}


def _squares(node: Node) -> int:
    """Returns the greatest depth of nested squares.

    Their powers overflow soon.
    """
    return (node.head == "square") + max((_squares(child) for child in node.children), default=0)


class Growth(NamedTuple):
    """How an expression can be made: form, weight, kinds of the operands; `kind` None makes any kind."""

    head: str
    weight: float
    operands: Callable[[Kind, Kind], tuple[Kind, ...]]
    kind: Kind | None = None


def _quotient(kind: Kind, divisor: Kind) -> tuple[Kind, ...]:
    """Returns the kinds of the operands of a quotient.

    The divisor is a ratio where the kind would become compound: compound kinds multiply.
    """
    inside = sum(abs(exponent) for _, exponent in product(kind, divisor)) <= 2
    return (product(kind, divisor), divisor) if inside else (kind, RATIO)


GROWTHS = (
    Growth("+", 3, lambda kind, _: (kind, kind)),
    Growth("-", 3, lambda kind, _: (kind, kind)),
    Growth("*", 2, lambda kind, _: (kind, RATIO)),
    Growth("/", 2, _quotient),
    Growth("min", 1.5, lambda kind, _: (kind, kind)),
    Growth("max", 1.5, lambda kind, _: (kind, kind)),
    Growth("neg", 0.5, lambda kind, _: (kind,)),
    Growth("relu", 1, lambda kind, _: (kind,)),
    Growth("exp", 1, lambda _kind, _: (RATIO,), RATIO),
    Growth("less", 1, lambda kind, other: (other, other, kind, kind)),
)

Change = Callable[[Vocabulary, Random, Node], Node]


def _place(rng: Random, node: Node, among: Sequence[Path] | None = None) -> Path:
    return rng.choice(among or list(paths(node)))


def _subtree(words: Vocabulary, rng: Random, node: Node) -> Node:
    place = _place(rng, node)
    kind = kind_of(part(node, place), words.kinds)
    return put(node, place, words.grown(rng, RATIO if kind is None else kind, rng.choice(DEPTHS[:3])))


def _wrapped(words: Vocabulary, rng: Random, node: Node) -> Node:
    """Wraps a part, as p in p + q.

    The structure that was found stays.
    """
    place = _place(rng, node)
    inner = part(node, place)
    kind = kind_of(inner, words.kinds) or RATIO
    if rng.random() < 0.5:
        factor = words.grown(rng, RATIO, 1)
        return put(node, place, Node(rng.choice("*/"), (inner, factor)))
    addend = Node("*", (words.leaf(rng, RATIO), words.grown(rng, kind, 1)))
    return put(node, place, Node(rng.choice(("+", "-", "min", "max")), (inner, addend)))


def _constant(words: Vocabulary, rng: Random, node: Node) -> Node:
    """Scales one constant.

    Where there is none, a part gets a factor near 1.
    """
    constants = [path for path in paths(node) if value_of(part(node, path))]
    scale = math.exp(rng.gauss(0, 0.3))
    if not constants:
        place = _place(rng, node)
        return put(node, place, Node("*", (number(scale), part(node, place))))
    place = rng.choice(constants)
    value = (value_of(part(node, place)) or 0.0) * scale
    return put(node, place, number(max(-1000.0, min(value, 1000.0)))) if abs(value) > 1e-3 else node


def _hoist(words: Vocabulary, rng: Random, node: Node) -> Node:
    """Replaces an expression by a part of the same kind.

    Often the whole expression.
    """
    outer = _place(rng, node, [(), *(path for path in paths(node) if part(node, path).children)])
    kind = kind_of(part(node, outer), words.kinds)
    inner = [part(part(node, outer), path) for path in paths(part(node, outer)) if path]
    same = [each for each in inner if kind is None or not outer or kind_of(each, words.kinds) == kind]
    return put(node, outer, rng.choice(same)) if same else node


ALIKE = (("+", "-", "min", "max"), ("*", "/"), ("neg", "relu"))


def _point(words: Vocabulary, rng: Random, node: Node) -> Node:
    """Replaces one form or terminal.

    A form by another with as many operands, a terminal by another of its kind.
    """
    place = _place(rng, node)
    old = part(node, place)
    if not old.children:
        return put(node, place, words.leaf(rng, words.kinds.get(old.head, RATIO)))
    if old.head == "less":
        return put(node, place, Node("less", (*old.children[:2], *old.children[:1:-1])))
    others = [head for group in ALIKE if old.head in group for head in group if head != old.head]
    return put(node, place, Node(rng.choice(others), old.children)) if others else node


class Move(NamedTuple):
    """A change of an expression: how often it is drawn, and what it does."""

    weight: float
    change: Change


# A new move is a line here.
MOVES = {
    "subtree": Move(0.3, _subtree),
    "wrap": Move(0.2, _wrapped),
    "constant": Move(0.25, _constant),
    "hoist": Move(0.1, _hoist),
    "point": Move(0.15, _point),
}
