"""Solves the multi-dimensional 0/1 knapsack: a Lagrangian bound by `dual_ascent`, and CP-SAT.

The Lagrangian relaxes all capacities, so that its best bound is the linear relaxation's, here without a linear
programme's rounding: multipliers and reduced profits are integers in units of 1/scale.
"""

import time

import numpy as np

from gapsmith.evaluators.base import Baseline
from gapsmith.evaluators.problems.multidimensional_knapsack.exact.cpsat import cpsat_packing
from gapsmith.evaluators.solvers.dual_ascent import LARGEST, Ascent, Integers, ascend

FINEST = 1 << 20
CALLS, PATIENCE = 3_000, 60


class PackingDual:
    """The negated Lagrangian bound of a packing, as a function of its capacities' multipliers; exact.

    Args:
        profit: of the items, integers of at least 0, shape (n,).
        weight: of the items in each constraint, integers of at least 0, shape (m, n).
        capacity: of the constraints, integers of at least 0, shape (m,).
    """

    def __init__(self, profit: Integers, weight: Integers, capacity: Integers) -> None:
        heaviest = int(capacity.sum()) + int(weight.sum(axis=0).max(initial=0)) + len(profit) + 1
        dearest = int(profit.max(initial=0)) + 1
        self.scale = FINEST
        while self.scale > 1 and 4 * self.scale * dearest * heaviest * max(1, len(profit)) > LARGEST:
            self.scale //= 2
        self._profit, self._weight, self._capacity = profit * self.scale, weight, capacity
        # An item of any weight in a constraint is out at this price already: more would be no better.
        self._limit = dearest * self.scale

    def start(self) -> Integers:
        """Multipliers that share the total profit evenly among the capacities."""
        share = self._profit.sum() / max(1, len(self._capacity)) / np.maximum(self._capacity, 1)
        start: Integers = np.minimum(share, self._limit).astype(np.int64)
        return start

    def reduced(self, multipliers: Integers) -> Integers:
        """The items' profits less what their weights cost, in units of 1/scale."""
        price: Integers = np.minimum(multipliers, self._limit) @ self._weight
        return self._profit - price

    def __call__(self, multipliers: Integers) -> tuple[int, Integers]:
        """Minus the bound at multipliers of at least 0, and a subgradient: by how much each capacity is exceeded."""
        reduced = self.reduced(multipliers)
        chosen = reduced > 0
        bound = int(np.minimum(multipliers, self._limit) @ self._capacity) + int(reduced[chosen].sum())
        excess: Integers = self._weight[:, chosen].sum(axis=1) - self._capacity
        return -bound, excess


def lagrangian(
    profit: Integers, weight: Integers, capacity: Integers, value: int, seconds: float = float("inf")
) -> tuple[PackingDual, Ascent, int]:
    """The best multipliers found, and the upper bound on the profit that they prove, rounded down.

    Args:
        profit: of the items, integers of at least 0, shape (n,).
        weight: of the items in each constraint, integers of at least 0, shape (m, n).
        capacity: of the constraints, integers of at least 0, shape (m,).
        value: of any feasible packing.
        seconds: limit of CPU time.
    """
    dual = PackingDual(profit, weight, capacity)
    ascent = ascend(
        dual,
        dual.start(),
        -value * dual.scale,
        calls=CALLS,
        patience=PATIENCE,
        seconds=seconds,
        nonnegative=True,
    )
    return dual, ascent, -ascent.bound // dual.scale


def packed(weight: Integers, capacity: Integers, order: Integers) -> list[int]:
    """The items of an order that fit, one after another."""
    left, chosen = capacity.copy(), []
    for item in order:
        if (weight[:, item] <= left).all():
            left -= weight[:, item]
            chosen.append(int(item))
    return chosen


def packing_baseline(profit: Integers, weight: Integers, capacity: Integers, seconds: float) -> Baseline:
    """The greatest profit within the limit of seconds, else bounds: the Lagrangian's or CP-SAT's, the lesser.

    Args:
        profit: of the items, integers of at least 0, shape (n,).
        weight: of the items in each constraint, integers of at least 0, shape (m, n).
        capacity: of the constraints, integers of at least 0, shape (m,).
        seconds: limit of CPU time; CP-SAT's share is measured in its deterministic time.
    """
    begin = time.process_time()
    by_profit = packed(weight, capacity, np.argsort(-profit, kind="stable"))
    dual, ascent, upper = lagrangian(profit, weight, capacity, int(profit[by_profit].sum()), seconds)
    price = np.maximum(dual.scale * profit - dual.reduced(ascent.multipliers), 1)
    by_ratio = packed(weight, capacity, np.argsort(-profit / price, kind="stable"))
    chosen = max(by_profit, by_ratio, key=lambda items: int(profit[items].sum()))
    solver, left = "lagrangian", seconds - (time.process_time() - begin)
    if int(profit[chosen].sum()) < upper and left > 0:
        bound, chosen = cpsat_packing(profit, weight, capacity, chosen, left)
        upper, solver = min(upper, bound), "lagrangian + cp-sat"
    value = int(profit[chosen].sum())
    if value > upper or (weight[:, chosen].sum(axis=1) > capacity).any():
        raise AssertionError(f"bug in {solver}: a packing of {value} above a bound of {upper}; please report")
    return Baseline(value, upper, chosen, solver, time.process_time() - begin)
