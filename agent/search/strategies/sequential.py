"""One line of descent: the best so far is the parent of what comes next."""

from dataclasses import dataclass
from random import Random

from gapsmith.agent.search.choice import Choice
from gapsmith.agent.search.strategies.base import View

DEEP = 0.9
"""Share of steps from the best; the others start from any elite, lest the line ends in a corner."""


@dataclass(frozen=True)
class Sequential:
    """Greedy: no fixed harness is surely better than this one (arXiv 2607.18235)."""

    name: str = "sequential"

    def choose(self, view: View, rng: Random) -> Choice:
        """The best elite, or seldom another one; a mate where the operator merges."""
        best, operator = view.own.best, view.operator(rng)
        if best is None or rng.random() > DEEP:
            return Choice(operator, tuple(view.own.parents(rng, operator.parents, view.frontier)))
        return Choice(operator, tuple(view.own.mated(rng, best, operator.parents, view.frontier)))
