"""One line of descent.

The best program so far is the parent of the next.
"""

from dataclasses import dataclass
from random import Random

from gapsmith.agent.search.choice import Choice
from gapsmith.agent.search.selection import BEST, BY_INSTANCES_AND_GAP
from gapsmith.agent.search.selection.base import Selector, choose_parents
from gapsmith.agent.search.strategies.base import View

DEEP = 0.9
"""Share of steps from the best elite; the others start from any elite, to leave local optima."""


@dataclass(frozen=True)
class Sequential:
    """Greedy search from the best elite.

    No fixed procedure is reliably better (arXiv 2607.18235).

    Attributes:
        name: of the trajectory.
        selector: chooses the parents of the other steps.
        best: chooses the parents of steps from the best elite.
    """

    name: str = "sequential"
    selector: Selector = BY_INSTANCES_AND_GAP
    best: Selector = BEST

    def choose(self, view: View, rng: Random) -> Choice:
        """Chooses the best elite as the parent, or sometimes another one."""
        operator = view.choose_operator(rng)
        deep = view.own.best is not None and rng.random() <= DEEP
        selector = self.best if deep else self.selector
        return Choice(operator, choose_parents(selector, view.own, rng, operator.parents))
