"""The interface of strategies.

How one trajectory of the search chooses its operator and its parents.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from gapsmith.agent.search.choice import Choice
from gapsmith.agent.search.operators import OPERATORS, TACTIC, Operator
from gapsmith.agent.search.selection.bandit import Bandit
from gapsmith.agent.search.selection.population import Elite, Population


@dataclass(frozen=True)
class View:
    """The state of the search that a strategy sees.

    Attributes:
        own: the elites of its trajectory.
        all: the elites of all trajectories.
        best_rule: the best reference rule in training; None before there is one.
        operators: the gains of the operators in the whole run.
        stagnant: whether no better program was found for a long time.
    """

    own: Population
    all: Population
    best_rule: Elite | None
    operators: Bandit
    stagnant: bool = False

    def choose_operator(self, rng: Random, most_parents: int = 2, only: Sequence[str] = ()) -> Operator:
        """Chooses an operator by its gains so far.

        Args:
            rng: makes the choice.
            most_parents: operators that need more are left out, and those that need more than there are elites.
            only: names to choose from; empty for all.
        """
        table = (*OPERATORS, TACTIC) if self.stagnant else OPERATORS
        most = min(most_parents, max(1, len(self.own.elites)))
        fitting = {
            each.name: each for each in table if each.parents <= most and (not only or each.name in only)
        }
        return fitting[self.operators.choose(rng, {name: each.weight for name, each in fitting.items()})]


class Strategy(Protocol):
    """One way to search.

    A new one is a file with such a class and a line in the portfolio.

    A strategy with operators of its own lists them as `operators`, so that a resumed run finds them.
    """

    @property
    def name(self) -> str:
        """A name without spaces."""
        ...

    def choose(self, view: View, rng: Random) -> Choice:
        """Chooses the next question of this trajectory; all chance comes from `rng`."""
        ...
