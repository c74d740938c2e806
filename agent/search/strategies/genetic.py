"""A population: parents by weight or by frontier, mates by what they do better."""

from dataclasses import dataclass
from random import Random

from gapsmith.agent.search.choice import Choice
from gapsmith.agent.search.strategies.base import View


@dataclass(frozen=True)
class Genetic:
    """All operators on the trajectory's own elites."""

    name: str = "genetic"

    def choose(self, view: View, rng: Random) -> Choice:
        """Soft selection; two parents where the operator merges."""
        operator = view.operator(rng)
        return Choice(operator, tuple(view.own.parents(rng, operator.parents, view.frontier)))
