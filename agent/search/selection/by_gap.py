"""Selects by gap, with fewer chances for elites that have many children."""

import math
from dataclasses import dataclass
from random import Random
from statistics import median

from gapsmith.agent.search.selection.base import draw
from gapsmith.agent.search.selection.population import WORST, Elite, Population


@dataclass(frozen=True)
class ByGap:
    """Selects by a sigmoid of the gap and number of children.

    The gap is in robust units (ShinkaEvolve, arXiv 2509.19349).
    """

    def select(self, population: Population, rng: Random, count: int) -> list[Elite]:
        """Draws elites by these weights."""
        return draw(rng, population.elites, weigh_by_gap(population), count)


def weigh_by_gap(population: Population) -> list[float]:
    """Computes the weight of each elite; all are positive."""
    gaps = [min(elite.gap, WORST) for elite in population.elites]
    middle = median(gaps)
    spread = 1.4826 * median(abs(gap - middle) for gap in gaps) + 1e-9
    return [
        1.0
        / (1.0 + math.exp(min(50.0, 10.0 * (gap - middle) / spread)))
        / (1 + population.children.get(elite.program, 0))
        + 1e-12
        for elite, gap in zip(population.elites, gaps, strict=True)
    ]
