"""A genetic algorithm: all operators, with parents from the trajectory's own elites."""

from dataclasses import dataclass
from random import Random

from gapsmith.agent.search.choice import Choice
from gapsmith.agent.search.selection import BY_INSTANCES_AND_GAP
from gapsmith.agent.search.selection.base import Selector, choose_parents
from gapsmith.agent.search.strategies.base import View


@dataclass(frozen=True)
class Genetic:
    """All operators on the trajectory's own elites.

    Attributes:
        name: of the trajectory.
        selector: chooses the parents.
    """

    name: str = "genetic"
    selector: Selector = BY_INSTANCES_AND_GAP

    def choose(self, view: View, rng: Random) -> Choice:
        """Chooses an operator, and as many parents as it needs."""
        operator = view.choose_operator(rng)
        return Choice(operator, choose_parents(self.selector, view.own, rng, operator.parents))
