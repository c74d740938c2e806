"""Combines programs that different trajectories found."""

from dataclasses import dataclass
from random import Random

from gapsmith.agent.search.choice import Choice
from gapsmith.agent.search.operators import BY_NAME
from gapsmith.agent.search.selection import BY_INSTANCES_AND_GAP
from gapsmith.agent.search.selection.base import Selector, choose_parents
from gapsmith.agent.search.strategies.base import View


@dataclass(frozen=True)
class Merging:
    """Complementary parents from all trajectories.

    Every third child has a single parent of its own.

    Attributes:
        name: of the trajectory.
        selector: chooses the parents.
    """

    name: str = "merging"
    selector: Selector = BY_INSTANCES_AND_GAP

    def choose(self, view: View, rng: Random) -> Choice:
        """Chooses two parents to be merged, or one of its own."""
        if rng.random() < 1 / 3:
            operator = view.choose_operator(rng, most_parents=1)
            return Choice(operator, choose_parents(self.selector, view.own, rng, 1))
        return Choice(BY_NAME["merge"], choose_parents(self.selector, view.all, rng, 2))
