"""Strategies, a file each, and the portfolio that a run starts with."""

from gapsmith.agent.search.strategies.base import Strategy, View
from gapsmith.agent.search.strategies.genetic import Genetic
from gapsmith.agent.search.strategies.independent import Independent
from gapsmith.agent.search.strategies.merging import Merging
from gapsmith.agent.search.strategies.sequential import Sequential

__all__ = ["CONTROL", "Genetic", "Independent", "Merging", "Sequential", "Strategy", "View", "portfolio"]

CONTROL = "independent"

PORTFOLIO: tuple[Strategy, ...] = (
    Sequential(),
    Independent(),
    Genetic(),
    Merging(),
    Genetic("genetic-2"),
    Sequential("sequential-2"),
)
"""In the order in which a larger budget adds them. A new strategy is a file and a line here."""


def portfolio(budget: float) -> tuple[Strategy, ...]:
    """So many trajectories as a budget of evaluations or calls can feed: a hundred and fifty each, 2 to 6."""
    return PORTFOLIO[: int(min(6, max(2, budget / 150)))]
