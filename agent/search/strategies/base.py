"""What a strategy is: how one trajectory of the search chooses its operator and its parents."""

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
    """What a strategy sees.

    Attributes:
        own: the elites of its trajectory.
        all: the elites of all trajectories.
        start: the best reference rule in training; None before there is one.
        operators: which of them gained, in the whole run.
        stagnant: whether nothing has gained for long.
        frontier: whether the vectors of the instances may be used.
    """

    own: Population
    all: Population
    start: Elite | None
    operators: Bandit
    stagnant: bool = False
    frontier: bool = True

    def operator(self, rng: Random, most_parents: int = 2, only: Sequence[str] = ()) -> Operator:
        """An operator by what it gained so far, of at most so many parents."""
        table = (*OPERATORS, TACTIC) if self.stagnant else OPERATORS
        fitting = {
            each.name: each
            for each in table
            if each.parents <= most_parents and (not only or each.name in only)
        }
        return fitting[self.operators.choose(rng, {name: each.weight for name, each in fitting.items()})]


class Strategy(Protocol):
    """One way to search. A new one is a file with such a class and a line in the portfolio.

    One that has operators of its own may list them as `operators`, so that a run that is resumed finds them.
    """

    @property
    def name(self) -> str:
        """A word."""
        ...

    def choose(self, view: View, rng: Random) -> Choice:
        """What this trajectory asks next; all chance comes from `rng`."""
        ...
