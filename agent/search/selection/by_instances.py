"""Selects by the number of instances on which an elite wins."""

from dataclasses import dataclass
from random import Random

import numpy as np

from gapsmith.agent.search.selection.base import draw
from gapsmith.agent.search.selection.population import WORST, Elite, Population

NEAR_BEST = 0.1
"""Percent of an instance's bound within which a program counts as the best on it."""


@dataclass(frozen=True)
class ByInstances:
    """The frontier over instances.

    Elites that are the best, or nearly, on some instance (GEPA, arXiv 2507.19457).
    """

    def select(self, population: Population, rng: Random, count: int) -> list[Elite]:
        """Draws elites by the number of their best instances."""
        return draw(rng, population.elites, weigh_by_instances(population), count)


def weigh_by_instances(population: Population) -> list[float]:
    """Counts the instances on which each elite is the best, or nearly."""
    losses = np.array([elite.losses for elite in population.elites])
    near = losses <= losses.min(axis=0, initial=WORST) + NEAR_BEST / max(1, losses.shape[1])
    return [float(count) + 1e-9 for count in near.sum(axis=1)]
