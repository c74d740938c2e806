"""Selects the best elites."""

from dataclasses import dataclass
from random import Random

from gapsmith.agent.search.selection.population import Elite, Population


@dataclass(frozen=True)
class Best:
    """The best elites by gap, without chance."""

    def select(self, population: Population, rng: Random, count: int) -> list[Elite]:
        """Selects the first elites of the population."""
        return population.elites[:count]
