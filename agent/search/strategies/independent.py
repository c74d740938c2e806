"""Best of N independent samples.

The control that tells whether searching pays at all.
"""

from dataclasses import dataclass
from random import Random

from gapsmith.agent.search.choice import Choice
from gapsmith.agent.search.operators import BY_NAME
from gapsmith.agent.search.strategies.base import View


@dataclass(frozen=True)
class Independent:
    """Every program is asked for from the best reference rule alone.

    Nothing is learnt from the others.
    """

    name: str = "independent"

    def choose(self, view: View, rng: Random) -> Choice:
        """Chooses another mechanism than the best rule's, or refines the rule."""
        operator = BY_NAME[rng.choice(("explore", "refine"))]
        return Choice(operator, (view.best_rule,) if view.best_rule else ())
