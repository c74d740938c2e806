"""What the trajectories found apart is brought together."""

from dataclasses import dataclass
from random import Random

from gapsmith.agent.search.choice import Choice
from gapsmith.agent.search.operators import BY_NAME
from gapsmith.agent.search.strategies.base import View


@dataclass(frozen=True)
class Merging:
    """Complementary parents from all trajectories; every third child is refined among its own."""

    name: str = "merging"

    def choose(self, view: View, rng: Random) -> Choice:
        """Two parents that are best on different instances, or one of its own."""
        if rng.random() < 1 / 3:
            operator = view.operator(rng, most_parents=1)
            return Choice(operator, tuple(view.own.parents(rng, 1, view.frontier)))
        return Choice(BY_NAME["merge"], tuple(view.all.parents(rng, 2, view.frontier)))
