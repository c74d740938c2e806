"""Costs of a run's model calls and the improvements they gave.

By model and by operator.

There are two kinds of improvement. A *best* has a smaller training gap than the program of every earlier slot,
reference rules included; a *champion* passed the gate. Cost-of-pass is the cost of all calls, including those
without result, divided by the number of improvements (Erol et al. 2025 define it for answers that are right or
wrong). Gains from tuning count for the incumbent but are not credited to any model.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gapsmith.agent.archive import Archive, SlotCost


@dataclass(frozen=True)
class CostLine:
    """Costs and improvements of some calls.

    Attributes:
        name: the model or the operator.
        calls: number of answered requests.
        usd: dollars; None if a price is not known.
        tokens_in: all input tokens.
        tokens_cached: input tokens read from the provider's cache.
        tokens_out: all output tokens.
        bests: programs that were the best in training so far.
        champions: programs that passed the gate.
    """

    name: str
    calls: int
    usd: float | None
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    bests: int
    champions: int

    @property
    def cached_share(self) -> float | None:
        """Share of the input read from the provider's cache; None without input."""
        return self.tokens_cached / self.tokens_in if self.tokens_in else None

    @property
    def usd_per_best(self) -> float | None:
        """Dollars for each new best in training; None if unknown."""
        return None if self.usd is None or not self.bests else self.usd / self.bests

    @property
    def usd_per_champion(self) -> float | None:
        """Dollars for each new champion; None if unknown."""
        return None if self.usd is None or not self.champions else self.usd / self.champions


@dataclass(frozen=True)
class CostSummary:
    """Costs of a run.

    In total, by model and by operator, the most expensive first.
    """

    whole: CostLine
    models: tuple[CostLine, ...]
    operators: tuple[CostLine, ...]


def summarise_costs(archive: Archive, run: int) -> CostSummary:
    """Sums what a run has paid so far."""
    rows, best = [], math.inf
    for row in _sort_slots(archive.list_slot_costs(run)):
        leads = row.train_gap is not None and row.train_gap < best
        best = min(best, math.inf if row.train_gap is None else row.train_gap)
        rows += [(row, leads)] if row.model else []
    models = {row.model: [each for each in rows if each[0].model == row.model] for row, _ in rows}
    operators = {row.operator: [each for each in rows if each[0].operator == row.operator] for row, _ in rows}
    return CostSummary(
        _summarise_calls("all", rows),
        _sort_by_cost(_summarise_calls(name, some) for name, some in models.items()),
        _sort_by_cost(_summarise_calls(name, some) for name, some in operators.items()),
    )


def _sort_slots(rows: Iterable[SlotCost]) -> list[SlotCost]:
    """Sorts slots by number; slot -1, the end, comes last."""
    return sorted(rows, key=lambda row: (row.slot < 0, row.slot))


def _summarise_calls(name: str, rows: Sequence[tuple[SlotCost, bool]]) -> CostLine:
    costs = [row.usd for row, _ in rows]
    known = [cost for cost in costs if cost is not None]
    return CostLine(
        name,
        calls=len(rows),
        usd=math.fsum(known) if len(known) == len(costs) else None,
        tokens_in=sum(row.tokens_in for row, _ in rows),
        tokens_cached=sum(row.tokens_cached for row, _ in rows),
        tokens_out=sum(row.tokens_out for row, _ in rows),
        bests=sum(leads for _, leads in rows),
        champions=sum(row.gate == "passed" for row, _ in rows),
    )


def _sort_by_cost(found: Iterable[CostLine]) -> tuple[CostLine, ...]:
    return tuple(sorted(found, key=lambda spent: (-(spent.usd or 0.0), -spent.calls, spent.name)))


def format_dollars(usd: float | None) -> str:
    """Formats an amount of dollars."""
    return "price unknown" if usd is None else f"${usd:.2f}"
