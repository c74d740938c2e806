"""Parent selection: the interface of selectors, and drawing of parents."""

from collections.abc import Sequence
from random import Random
from typing import Protocol

from gapsmith.agent.search.selection.population import Elite, Population


class Selector(Protocol):
    """One way to choose parents.

    A new one is a file with such a class; strategies take it as an argument.
    """

    def select(self, population: Population, rng: Random, count: int) -> Sequence[Elite]:
        """Selects different elites.

        Args:
            population: holds at least `count` elites, the best first.
            rng: the only source of chance.
            count: number of elites, at least 1.
        """
        ...


def choose_parents(selector: Selector, population: Population, rng: Random, count: int) -> tuple[Elite, ...]:
    """Returns the selected parents, the best first, and counts their child.

    There are fewer than `count` where the population is smaller.
    """
    most = min(count, len(population.elites))
    if most == 0:
        return ()
    chosen = selector.select(population, rng, most)
    population.count_child(chosen)
    return tuple(sorted(chosen, key=lambda elite: (elite.gap, elite.size)))


def draw(rng: Random, elites: Sequence[Elite], weights: Sequence[float], count: int) -> list[Elite]:
    """Draws elites by weight, without repetition."""
    chosen: list[Elite] = []
    left = dict(enumerate(weights))
    while len(chosen) < count:
        place = rng.choices(list(left), list(left.values()))[0]
        chosen.append(elites[place])
        del left[place]
    return chosen
