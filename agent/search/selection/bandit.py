"""Chooses arms, operators and models: discounted Thompson sampling on reward per cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

DISCOUNT = 0.98
"""About fifty slots of memory: what gained at the beginning need not gain at the end."""

FLOOR = 0.03
"""Share of choices that each one keeps whatever it gained."""


@dataclass(frozen=True)
class Tally:
    """The statistics of one choice.

    Attributes:
        tries: how often it was made.
        gains: how often it gave a better program than it started from.
        success: discounted sum of rewards, each in [0, 1].
        failure: discounted sum of what was missing to 1.
        cost: sum of costs, in full evaluations.
        reward: sum of rewards.
    """

    tries: int = 0
    gains: int = 0
    success: float = 0.0
    failure: float = 0.0
    cost: float = 0.0
    reward: float = 0.0

    def discount(self) -> "Tally":
        """Returns the tally one slot later, discounted."""
        success, failure = DISCOUNT * self.success, DISCOUNT * self.failure
        return Tally(self.tries, self.gains, success, failure, self.cost, self.reward)

    @property
    def mean_cost(self) -> float:
        """Of one try; 1 before the first."""
        return self.cost / self.tries if self.tries and self.cost > 0 else 1.0


UNTRIED = Tally()


@dataclass
class Bandit:
    """Discounted Thompson sampling (Raj & Kalyani, arXiv 1707.09727) over names with priors."""

    tallies: dict[str, Tally] = field(default_factory=dict)

    def choose(self, rng: Random, priors: Mapping[str, float]) -> str:
        """Chooses by weighted draws over costs, and sometimes uniformly."""
        names = list(priors)
        if rng.random() < FLOOR * len(names):
            return rng.choice(names)
        usual = sum(self._of(name).mean_cost for name in names) / len(names)
        return max(names, key=lambda name: priors[name] * self._draw(rng, name, usual))

    def learn(self, name: str, reward: float, cost: float, gained: bool) -> None:
        """Updates a tally with a result and discounts all others."""
        self.tallies = {other: tally.discount() for other, tally in self.tallies.items()}
        tally = self._of(name)
        self.tallies[name] = Tally(
            tally.tries + 1,
            tally.gains + gained,
            tally.success + reward,
            tally.failure + 1.0 - reward,
            tally.cost + cost,
            tally.reward + reward,
        )

    def _of(self, name: str) -> Tally:
        return self.tallies.get(name, UNTRIED)

    def _draw(self, rng: Random, name: str, usual: float) -> float:
        tally = self._of(name)
        dear = min(2.0, max(0.5, tally.mean_cost / usual))
        return rng.betavariate(1.0 + tally.success, 1.0 + tally.failure) / dear
