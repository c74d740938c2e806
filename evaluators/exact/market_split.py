"""Market split by halves (Horowitz and Sahni 1974), exact up to forty columns or so; CP-SAT beyond."""

import time
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline

Integers: TypeAlias = "NDArray[np.int64]"

MOST_COLUMNS = 40
"""Two halves of 2^20 sums: a few hundred megabytes at most, and minutes."""

SLICE = 1024
"""Sums of the first half between two looks at the clock."""


def total_slack(a: Integers, b: Integers, x: Integers) -> int:
    """The sum over the rows of |Ax - b|."""
    return int(np.abs(a @ x - b).sum())


def flipped(a: Integers, b: Integers, x: Integers) -> Integers:
    """Flips one or two variables as long as that lowers the total slack, the best first."""
    x = x.copy()
    i, j = np.triu_indices(len(x))
    while True:
        change = a * (1 - 2 * x)
        pairs = change[:, i] + np.where(i == j, 0, change[:, j])
        totals = np.abs((a @ x - b)[:, None] + pairs).sum(axis=0)
        k = int(np.argmin(totals))
        if totals[k] >= total_slack(a, b, x):
            return x
        x[i[k]] ^= 1
        if i[k] != j[k]:
            x[j[k]] ^= 1


def market_split_baseline(a: Integers, b: Integers, seconds: float) -> Baseline:
    """The least total slack within a limit of CPU seconds, or honest bounds on it.

    Args:
        a: coefficients, at least 0, shape (m, n).
        b: right-hand sides, shape (m,).
        seconds: of CPU time.
    """
    start = time.process_time()
    rng = np.random.default_rng(1)
    found = [flipped(a, b, point) for point in rng.integers(0, 2, (8, a.shape[1]))]
    x = min(found, key=lambda point: total_slack(a, b, point))
    lower, solver = 0, "descent"
    if total_slack(a, b, x) > 0 and a.shape[1] <= MOST_COLUMNS:
        x, proven = _by_halves(a, b, x, start + seconds)
        lower, solver = total_slack(a, b, x) if proven else 0, "halves"
    elif total_slack(a, b, x) > 0:
        from gapsmith.evaluators.exact.market_split_model import cpsat_market_split

        lower, x = cpsat_market_split(a, b, x, max(0.01, seconds - (time.process_time() - start)))
        solver = "CP-SAT"
    return Baseline(lower, total_slack(a, b, x), x.tolist(), solver, time.process_time() - start)


def _by_halves(a: Integers, b: Integers, x: Integers, deadline: float) -> tuple[Integers, bool]:
    """The best x, and whether no other has less slack: every pair of half sums that could is looked at."""
    from gapsmith.evaluators.exact.halves import nearest_pair, subset_sums

    half = a.shape[1] // 2
    # The row of the widest spread goes first: its window holds the fewest sums.
    rows = np.argsort(-a.sum(axis=1), kind="stable")
    columns = np.ascontiguousarray(a[rows].T)
    left = np.zeros((1 << half, len(b)), np.int64)
    right = np.zeros((1 << a.shape[1] - half, len(b)), np.int64)
    subset_sums(columns[:half], left)
    subset_sums(columns[half:], right)
    left -= b[rows]
    order = np.argsort(right[:, 0], kind="stable")
    right = right[order]
    best = np.array([total_slack(a, b, x), -1, -1])
    for first in range(0, len(left), SLICE):
        nearest_pair(left, right, first, min(first + SLICE, len(left)), best)
        if time.process_time() > deadline and first + SLICE < len(left):
            return _x_of(best, order, half, x), False
    return _x_of(best, order, half, x), True


def _x_of(best: Integers, order: Integers, half: int, x: Integers) -> Integers:
    if best[1] < 0:
        return x
    bits = int(best[1]) | int(order[best[2]]) << half
    return np.array([bits >> j & 1 for j in range(len(x))], dtype=np.int64)
