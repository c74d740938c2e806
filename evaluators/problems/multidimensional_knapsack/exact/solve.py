"""Solves the multi-dimensional 0/1 knapsack by a Lagrangian bound (`dual_ascent`) and CP-SAT.

The Lagrangian relaxes all capacities, so its best bound is that of the linear relaxation, here without rounding
errors: multipliers and reduced profits are integers in units of 1/scale.
"""

import time

import numpy as np

from gapsmith.evaluators.base import Baseline
from gapsmith.evaluators.problems.multidimensional_knapsack.exact.cpsat import solve_with_cpsat
from gapsmith.evaluators.solvers.dual_ascent import MAX_VALUE, Ascent, Integers, ascend

MAX_SCALE = 1 << 20
MAX_DUAL_CALLS, PATIENCE = 3_000, 60


class PackingDual:
    """The negated Lagrangian bound, an exact function of the capacities' multipliers.

    Args:
        profit: of the items, integers of at least 0, shape (n,).
        weight: of the items in each constraint, integers of at least 0, shape (m, n).
        capacity: of the constraints, integers of at least 0, shape (m,).
    """

    def __init__(self, profit: Integers, weight: Integers, capacity: Integers) -> None:
        heaviest = int(capacity.sum()) + int(weight.sum(axis=0).max(initial=0)) + len(profit) + 1
        dearest = int(profit.max(initial=0)) + 1
        self.scale = MAX_SCALE
        while self.scale > 1 and 4 * self.scale * dearest * heaviest * max(1, len(profit)) > MAX_VALUE:
            self.scale //= 2
        self._profit, self._weight, self._capacity = profit * self.scale, weight, capacity
        # At this price no item with weight in the constraint is chosen: a higher price gives no better bound.
        self._limit = dearest * self.scale

    def start(self) -> Integers:
        """Starts with multipliers that share the total profit evenly among the capacities."""
        share = self._profit.sum() / max(1, len(self._capacity)) / np.maximum(self._capacity, 1)
        start: Integers = np.minimum(share, self._limit).astype(np.int64)
        return start

    def reduce_profits(self, multipliers: Integers) -> Integers:
        """Returns the reduced profits of the items, in units of 1/scale."""
        price: Integers = np.minimum(multipliers, self._limit) @ self._weight
        return self._profit - price

    def __call__(self, multipliers: Integers) -> tuple[int, Integers]:
        """Returns the negated bound at nonnegative multipliers, and a subgradient.

        The subgradient is by how much each capacity is exceeded.
        """
        reduced = self.reduce_profits(multipliers)
        chosen = reduced > 0
        bound = int(np.minimum(multipliers, self._limit) @ self._capacity) + int(reduced[chosen].sum())
        excess: Integers = self._weight[:, chosen].sum(axis=1) - self._capacity
        return -bound, excess


def bound_by_lagrangian(
    profit: Integers, weight: Integers, capacity: Integers, value: int, seconds: float = float("inf")
) -> tuple[PackingDual, Ascent, int]:
    """Computes an upper bound on the profit by dual ascent, rounded down.

    Args:
        profit: of the items, integers of at least 0, shape (n,).
        weight: of the items in each constraint, integers of at least 0, shape (m, n).
        capacity: of the constraints, integers of at least 0, shape (m,).
        value: the profit of any feasible packing.
        seconds: limit of CPU time.

    Returns:
        The dual function, the ascent with the best multipliers, and the bound.
    """
    dual = PackingDual(profit, weight, capacity)
    ascent = ascend(
        dual,
        dual.start(),
        -value * dual.scale,
        calls=MAX_DUAL_CALLS,
        patience=PATIENCE,
        seconds=seconds,
        nonnegative=True,
    )
    return dual, ascent, -ascent.bound // dual.scale


def pack_in_order(weight: Integers, capacity: Integers, order: Integers) -> list[int]:
    """Packs the items of an order one after another, as they fit."""
    left, chosen = capacity.copy(), []
    for item in order:
        if (weight[:, item] <= left).all():
            left -= weight[:, item]
            chosen.append(int(item))
    return chosen


def solve_packing(profit: Integers, weight: Integers, capacity: Integers, seconds: float) -> Baseline:
    """Finds the greatest profit, or bounds when time is short.

    The upper bound is the lower one of the Lagrangian and CP-SAT.

    Args:
        profit: of the items, integers of at least 0, shape (n,).
        weight: of the items in each constraint, integers of at least 0, shape (m, n).
        capacity: of the constraints, integers of at least 0, shape (m,).
        seconds: limit of CPU time; the time of CP-SAT is measured by its deterministic clock.
    """
    begin = time.process_time()
    by_profit = pack_in_order(weight, capacity, np.argsort(-profit, kind="stable"))
    dual, ascent, upper = bound_by_lagrangian(profit, weight, capacity, int(profit[by_profit].sum()), seconds)
    price = np.maximum(dual.scale * profit - dual.reduce_profits(ascent.multipliers), 1)
    by_ratio = pack_in_order(weight, capacity, np.argsort(-profit / price, kind="stable"))
    chosen = max(by_profit, by_ratio, key=lambda items: int(profit[items].sum()))
    solver, left = "lagrangian", seconds - (time.process_time() - begin)
    if int(profit[chosen].sum()) < upper and left > 0:
        bound, chosen = solve_with_cpsat(profit, weight, capacity, chosen, left)
        upper, solver = min(upper, bound), "lagrangian + cp-sat"
    value = int(profit[chosen].sum())
    if value > upper or (weight[:, chosen].sum(axis=1) > capacity).any():
        raise AssertionError(f"bug in {solver}: a packing of {value} above a bound of {upper}; please report")
    return Baseline(value, upper, chosen, solver, time.process_time() - begin)
