"""Selects by one of two selectors, by chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from gapsmith.agent.search.selection.base import Selector
from gapsmith.agent.search.selection.population import Elite, Population


@dataclass(frozen=True)
class Alternating:
    """Two selectors by turns.

    Attributes:
        one: the first selector.
        other: the second selector.
        share: the probability of the first.
    """

    one: Selector
    other: Selector
    share: float = 0.5

    def select(self, population: Population, rng: Random, count: int) -> Sequence[Elite]:
        """Selects by one of the two."""
        selector = self.one if rng.random() < self.share else self.other
        return selector.select(population, rng, count)
