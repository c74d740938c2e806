"""Mates of a first parent.

By chance, or by what they do better than it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from gapsmith.agent.search.selection.base import Selector
from gapsmith.agent.search.selection.population import Elite, Population

DRAWN = 5
"""Number of elites that are drawn, and of which one becomes the mate."""


@dataclass(frozen=True)
class RandomMates:
    """A first parent with mates by chance.

    Attributes:
        first: selects the first parent.
    """

    first: Selector

    def select(self, population: Population, rng: Random, count: int) -> list[Elite]:
        """Selects the first parent and draws its mates."""
        chosen = list(self.first.select(population, rng, 1))
        while len(chosen) < count:
            chosen.append(_draw_candidates(population, rng, chosen)[0])
        return chosen


@dataclass(frozen=True)
class Complementary:
    """Adds mates that are good where the first parent is weak.

    EoH-S, arXiv 2508.03082.

    Attributes:
        first: selects the first parent.
    """

    first: Selector

    def select(self, population: Population, rng: Random, count: int) -> list[Elite]:
        """Selects the first parent and its mates."""
        chosen = list(self.first.select(population, rng, 1))
        losses = np.array(chosen[0].losses)
        while len(chosen) < count:
            drawn = _draw_candidates(population, rng, chosen)
            chosen.append(max(drawn, key=lambda e: float(np.maximum(0.0, losses - np.array(e.losses)).sum())))
        return chosen


def _draw_candidates(population: Population, rng: Random, chosen: Sequence[Elite]) -> list[Elite]:
    others = [elite for elite in population.elites if elite not in chosen]
    return rng.sample(others, min(DRAWN, len(others)))
