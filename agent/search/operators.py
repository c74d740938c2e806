"""Operators as data: how to ask for a new program. A new one is a line here and a template of its name."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random


@dataclass(frozen=True)
class Operator:
    """A way of asking.

    Attributes:
        name: its own name and its template's.
        parents: how many programs it starts from.
        weight: how often it is chosen before anything is known.
    """

    name: str
    parents: int
    weight: float


OPERATORS = (
    Operator("explore", 1, 0.25),
    Operator("refine", 1, 0.40),
    Operator("recombine", 2, 0.25),
    Operator("simplify", 1, 0.10),
)
REPAIR = Operator("repair", 1, 0.0)
REPAIRS_AT_MOST = 2


@dataclass(frozen=True)
class Arms:
    """How often each operator was tried and gained; chooses the next one by Thompson sampling, weighted."""

    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def choose(self, rng: Random, operators: tuple[Operator, ...] = OPERATORS) -> Operator:
        """The operator whose weighted draw is the greatest."""
        return max(operators, key=lambda operator: operator.weight * self._draw(rng, operator.name))

    def after(self, name: str, gained: bool) -> "Arms":
        """The arms once a try has ended."""
        tries, gains = self.counts.get(name, (0, 0))
        return replace(self, counts={**self.counts, name: (tries + 1, gains + gained)})

    def _draw(self, rng: Random, name: str) -> float:
        tries, gains = self.counts.get(name, (0, 0))
        # The square root keeps an operator that gains seldom from dying out.
        return math.sqrt(rng.betavariate(1 + gains, 1 + tries - gains))
