"""Solves market split by meet in the middle, or CP-SAT.

Meet in the middle (Horowitz and Sahni 1974) up to about forty columns; CP-SAT beyond.
"""

import time
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline

Integers: TypeAlias = "NDArray[np.int64]"

MAX_COLUMNS = 40
"""Columns up to which meet in the middle is used: two halves of 2^20 sums take a few hundred megabytes."""

MAX_SUMS = 1 << 25
"""Limit on rows times subset sums of one half: a quarter of a gigabyte."""

FIRST_TARGET = 4
"""Total slack to beat at first; it is doubled until a pair beats it."""

SLICE = 1 << 13
"""Partial sums of one half that are looked at between two checks of the clock."""

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
    # The rows with the largest sums go first: their windows have the fewest partial sums.
    rows = np.argsort(-a.sum(axis=1), kind="stable")
    columns, sides = np.ascontiguousarray(a[rows].T), b[rows]
    if len(rows) == 1:
        columns, sides = np.column_stack((columns, np.zeros_like(columns))), np.append(sides, 0)
    left = np.zeros((1 << half, len(sides)), np.int64)
    right = np.zeros((1 << a.shape[1] - half, len(sides)), np.int64)
    sum_subsets(columns[:half], left)
    sum_subsets(columns[half:], right)
    left -= sides
    order = np.lexsort((right[:, 1], right[:, 0]))
    right = right[order]
    # Neighbours look into the same windows.
    near = np.argsort(left[:, 0], kind="stable")
    left = left[near]
    values, begins = np.unique(right[:, 0], return_index=True)
    begins = np.append(begins, len(right))
    known = compute_total_slack(a, b, x)
    # Narrow windows first: they are fast, and mostly hold the best.
    target = min(known, FIRST_TARGET)
    while True:
        best = np.array([target, -1, -1])
        for first in range(0, len(left), SLICE):
            find_nearest_pair(left, right, values, begins, first, min(first + SLICE, len(left)), best)
            if time.process_time() > deadline and first + SLICE < len(left):
                return _restore_solution(best, near, order, half, x), False
        if best[1] >= 0 or target == known:
            return _restore_solution(best, near, order, half, x), True
        target = min(known, 2 * target)


def _restore_solution(best: Integers, near: Integers, order: Integers, half: int, x: Integers) -> Integers:
    """Returns the solution of the best pair, or `x` without one."""
    if best[1] < 0:
        return x
    bits = int(near[best[1]]) | int(order[best[2]]) << half
    return np.array([bits >> j & 1 for j in range(len(x))], dtype=np.int64)
