"""Trajectories in parallel: which asks next, and which are dropped."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from gapsmith.agent.search.selection.bandit import Bandit
from gapsmith.agent.search.selection.population import Elite, Population
from gapsmith.agent.search.strategies import CONTROL, Strategy

CONTROL_LEAST, CONTROL_MOST = 0.15, 0.20
"""Share of the slots that the control gets, whatever it gains."""

CUTS = (0.25, 0.50)
"""Shares of the budget after which the worse half of the trajectories is given up; never before."""


FRESH = "fresh-"
"""How names of trajectories begin that a plateau started."""


def is_fresh(name: str) -> bool:
    """Tells whether a plateau started the trajectory of this name."""
    return name.startswith(FRESH) and name.removeprefix(FRESH).isdecimal()


@dataclass
class Arm:
    """One trajectory: a strategy with its own elites.

    Attributes:
        strategy: chooses its questions.
        population: its elites.
        asked: its questions so far.
        fresh: its number among those that a plateau started, from 1; 0 for others.
        avoided: a model that it does not ask where there are others.
    """

    strategy: Strategy
    population: Population = field(default_factory=Population)
    asked: int = 0
    fresh: int = 0
    avoided: str = ""

    @property
    def name(self) -> str:
        """Its strategy's, or a number after a plateau."""
        return f"{FRESH}{self.fresh}" if self.fresh else self.strategy.name

    @property
    def gap(self) -> float:
        """Of its best elite, percent."""
        return self.population.best.gap if self.population.best else float("inf")


class Arms:
    """The trajectories of a run.

    Args:
        strategies: one each; names differ.
    """

    def __init__(self, strategies: Sequence[Strategy]) -> None:
        self.all = {strategy.name: Arm(strategy) for strategy in strategies}
        self.live = list(self.all)
        self.bandit = Bandit()
        self._cuts = 0
        self.fresh = 0

    def choose(self, rng: Random, with_control: bool = True) -> Arm:
        """Chooses the next arm: the control within its share, others by gains."""
        asked = sum(arm.asked for arm in self.all.values())
        names = list(self.live)
        if CONTROL in names and len(names) > 1:
            share = self.all[CONTROL].asked / max(1, asked)
            if not with_control:
                names.remove(CONTROL)
            elif share < CONTROL_LEAST:
                names = [CONTROL]
            elif share >= CONTROL_MOST:
                names.remove(CONTROL)
        arm = self.all[self.bandit.choose(rng, dict.fromkeys(names, 1.0))]
        arm.asked += 1
        return arm

    def seed(self, elite: Elite) -> None:
        """Gives a program to all trajectories."""
        for arm in self.all.values():
            arm.population.add(elite)

    def start_fresh(self, strategy: Strategy, best: Elite | None, avoided: str) -> tuple[Arm, str]:
        """Starts a trajectory from one program, in place of the worst.

        Of equally good ones that which was asked most gives way; never the control.

        Returns:
            The new trajectory, and the name of the replaced one; empty if none was.
        """
        self.fresh += 1
        arm = self.all[f"{FRESH}{self.fresh}"] = Arm(strategy, fresh=self.fresh, avoided=avoided)
        if best:
            arm.population.add(best)
        searching = [self.all[name] for name in self.live if name != CONTROL]
        worst = max(searching, key=lambda each: (each.gap, each.asked), default=None)
        self.live = [*(name for name in self.live if worst is None or name != worst.name), arm.name]
        return arm, worst.name if worst else ""

    def cut(self, share: float) -> list[str]:
        """Drops the worse half of the arms when due; returns their names."""
        gone: list[str] = []
        while self._cuts < len(CUTS) and share >= CUTS[self._cuts]:
            self._cuts += 1
            searching = [name for name in self.live if name != CONTROL]
            ranked = sorted(searching, key=lambda name: self.all[name].gap)
            gone += ranked[max(1, (len(ranked) + 1) // 2) :]
            self.live = [name for name in self.live if name not in gone]
        return gone
