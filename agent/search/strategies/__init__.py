"""Strategies, a file each, and the portfolio that a run starts with."""

from gapsmith.agent.search.selection import BEST, BEST_BY_GAP, BY_GAP, BY_INSTANCES_AND_GAP
from gapsmith.agent.search.selection.base import Selector
from gapsmith.agent.search.strategies.base import Strategy, View
from gapsmith.agent.search.strategies.genetic import Genetic
from gapsmith.agent.search.strategies.independent import Independent
from gapsmith.agent.search.strategies.merging import Merging
from gapsmith.agent.search.strategies.sequential import Sequential

__all__ = [
    "CONTROL",
    "Genetic",
    "Independent",
    "Merging",
    "Sequential",
    "Strategy",
    "View",
    "make_fresh",
    "make_portfolio",
]

CONTROL = "independent"


def make_portfolio(budget: float, by_instances: bool = True) -> tuple[Strategy, ...]:
    """Returns 2 to 6 trajectories, one per 150 evaluations or calls.

    Args:
        budget: of evaluations or calls.
        by_instances: whether parents may be chosen by their results on single instances.
    """
    count = int(min(6, max(2, budget / 150)))
    if by_instances:
        return _make_strategies(BY_INSTANCES_AND_GAP, BEST)[:count]
    return _make_strategies(BY_GAP, BEST_BY_GAP)[:count]


def make_fresh(by_instances: bool = True) -> tuple[Strategy, ...]:
    """Returns the strategies of fresh trajectories, by turns.

    Args:
        by_instances: as above.
    """
    selector, best = (BY_INSTANCES_AND_GAP, BEST) if by_instances else (BY_GAP, BEST_BY_GAP)
    return Genetic(selector=selector), Merging(selector=selector), Sequential(selector=selector, best=best)


def _make_strategies(selector: Selector, best: Selector) -> tuple[Strategy, ...]:
    """Lists all strategies, in the order of larger budgets.

    A new strategy is a line here.
    """
    return (
        Sequential(selector=selector, best=best),
        Independent(),
        Genetic(selector=selector),
        Merging(selector=selector),
        Genetic("genetic-2", selector),
        Sequential("sequential-2", selector, best),
    )
