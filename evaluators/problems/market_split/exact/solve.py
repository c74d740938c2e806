"""Market split by meet in the middle (Horowitz and Sahni 1974) up to about forty columns; by CP-SAT beyond."""

import time
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline

Integers: TypeAlias = "NDArray[np.int64]"

MAX_COLUMNS = 40
"""Columns up to which meet in the middle is used: two halves of 2^20 sums take a few hundred megabytes and minutes."""

MAX_SUMS = 1 << 25
"""Limit on rows times subset sums of one half: a quarter of a gigabyte."""

MAX_PAIRS_PER_SLICE = 1 << 24
"""Limit on pairs of sums between two checks of the clock."""

MAX_FOR_PAIR_FLIPS = 20_000_000
"""Coefficients times columns above which the descent flips single variables only."""

MAX_COEFFICIENTS = 100_000
"""Coefficients up to which the CP-SAT model is built; a larger one takes too long to build."""


def compute_total_slack(a: Integers, b: Integers, x: Integers) -> int:
    """Returns the sum over the rows of |Ax - b|."""
    return int(np.abs(a @ x - b).sum())


def flip_while_better(a: Integers, b: Integers, x: Integers, deadline: float = np.inf) -> Integers:
    """Flips one or two variables while that lowers the total slack.

    It takes the best flip each time, in large systems of single variables only. It ends at the deadline of CPU time.
    """
    x = x.copy()
    single = a.size * len(x) > MAX_FOR_PAIR_FLIPS
    i, j = (np.arange(len(x)),) * 2 if single else np.triu_indices(len(x))
    while time.process_time() < deadline:
        change = a * (1 - 2 * x)
        pairs = change[:, i] + np.where(i == j, 0, change[:, j])
        totals = np.abs((a @ x - b)[:, None] + pairs).sum(axis=0)
        k = int(np.argmin(totals))
        if totals[k] >= compute_total_slack(a, b, x):
            return x
        x[i[k]] ^= 1
        if i[k] != j[k]:
            x[j[k]] ^= 1
    return x


def solve_market_split(a: Integers, b: Integers, seconds: float) -> Baseline:
    """Finds the least total slack, or bounds when time is short.

    Args:
        a: coefficients, at least 0, shape (m, n).
        b: right-hand sides, shape (m,).
        seconds: limit of CPU time.
    """
    _compile_kernels()
    start = time.process_time()
    rng = np.random.default_rng(1)
    deadline = start + seconds / 2
    found = [flip_while_better(a, b, point, deadline) for point in rng.integers(0, 2, (8, a.shape[1]))]
    x = min(found, key=lambda point: compute_total_slack(a, b, point))
    lower, solver = 0, "descent"
    few = a.shape[1] <= MAX_COLUMNS and len(b) << (a.shape[1] + 1) // 2 <= MAX_SUMS
    if compute_total_slack(a, b, x) > 0 and few:
        x, proven = _meet_in_the_middle(a, b, x, start + seconds)
        lower, solver = compute_total_slack(a, b, x) if proven else 0, "halves"
    elif compute_total_slack(a, b, x) > 0 and a.size <= MAX_COEFFICIENTS:
        from gapsmith.evaluators.problems.market_split.exact.cpsat import solve_with_cpsat

        lower, x = solve_with_cpsat(a, b, x, max(0.01, seconds - (time.process_time() - start)))
        solver = "CP-SAT"
    return Baseline(lower, compute_total_slack(a, b, x), x.tolist(), solver, time.process_time() - start)


@cache
def _compile_kernels() -> None:
    """Compiles the kernels, so that compilation does not use up a limit."""
    _meet_in_the_middle(np.array([[2, 3]]), np.array([1]), np.zeros(2, np.int64), np.inf)


def _meet_in_the_middle(a: Integers, b: Integers, x: Integers, deadline: float) -> tuple[Integers, bool]:
    """Searches all pairs of partial sums.

    Returns:
        The best solution, and whether it is proven optimal.
    """
    from gapsmith.evaluators.problems.market_split.exact.meet_in_the_middle import (
        find_nearest_pair,
        sum_subsets,
    )

    half = a.shape[1] // 2
    # The row with the largest sum goes first: its window has the fewest partial sums.
    rows = np.argsort(-a.sum(axis=1), kind="stable")
    columns = np.ascontiguousarray(a[rows].T)
    left = np.zeros((1 << half, len(b)), np.int64)
    right = np.zeros((1 << a.shape[1] - half, len(b)), np.int64)
    sum_subsets(columns[:half], left)
    sum_subsets(columns[half:], right)
    left -= b[rows]
    order = np.argsort(right[:, 0], kind="stable")
    right = right[order]
    best = np.array([compute_total_slack(a, b, x), -1, -1])
    step = max(1, MAX_PAIRS_PER_SLICE // len(right))
    for first in range(0, len(left), step):
        find_nearest_pair(left, right, first, min(first + step, len(left)), best)
        if time.process_time() > deadline and first + step < len(left):
            return _restore_solution(best, order, half, x), False
    return _restore_solution(best, order, half, x), True


def _restore_solution(best: Integers, order: Integers, half: int, x: Integers) -> Integers:
    """Returns the solution of the best pair, or `x` without one."""
    if best[1] < 0:
        return x
    bits = int(best[1]) | int(order[best[2]]) << half
    return np.array([bits >> j & 1 for j in range(len(x))], dtype=np.int64)
