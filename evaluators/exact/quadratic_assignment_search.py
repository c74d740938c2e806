"""Solves the quadratic assignment problem: swap descents, and branch and bound by the Gilmore-Lawler bound.

Bounds are sums of integers. All costs are multiples of a step that follows from the matrices (2 where both are
symmetric, times their common divisors), which lets a bound be rounded up to the next multiple.
"""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline

Integers = NDArray[np.int64]

STARTS_PER_FACILITY = 20
SLICE_NODES = 20_000
LARGEST = 1 << 58


def assignment_cost(flow: Integers, distance: Integers, place: Sequence[int]) -> int:
    """The sum of flows times distances, of each facility with itself included."""
    where = np.asarray(place, dtype=np.int64)
    return int((flow * distance[np.ix_(where, where)]).sum())


def cost_step(flow: Integers, distance: Integers) -> int:
    """A number that divides the cost of every assignment, at least 1."""
    if (flow.diagonal().any() and distance.diagonal().any()) or not (flow.any() and distance.any()):
        return 1
    off = ~np.eye(len(flow), dtype=bool)
    step = int(np.gcd.reduce(flow[off])) * int(np.gcd.reduce(distance[off]))
    both = (flow == flow.T).all() and (distance == distance.T).all()
    return max(1, 2 * step if both else step)


def descended(flow: Integers, distance: Integers, starts: int) -> list[int]:
    """The best of so many swap descents from random assignments, the same ones every time."""
    from gapsmith.evaluators.exact.assignment_search import swap_descent

    rng, n = np.random.default_rng(0), len(flow)
    tried = []
    for _ in range(starts):
        place = rng.permutation(n).astype(np.int64)
        swap_descent(flow, distance, place)
        tried.append(place.tolist())
    return min(tried, key=lambda place: assignment_cost(flow, distance, place))


def branch_and_bound(
    flow: Integers, distance: Integers, start: list[int], seconds: float
) -> tuple[int, list[int], int]:
    """Searches for an assignment that costs less than `start`.

    Args:
        flow: between facilities, integers, shape (n, n).
        distance: between locations, integers, shape (n, n).
        start: an assignment: the location of each facility.
        seconds: limit of CPU time, looked at every `SLICE_NODES` nodes.

    Returns:
        A proven lower bound, the best assignment, and the nodes that were looked into.
    """
    from gapsmith.evaluators.exact import assignment_search as kernel

    deadline, n = time.process_time() + seconds, len(flow)
    step = cost_step(flow, distance)
    flow_order, distance_order = _others(flow), _others(-distance)
    linear = np.zeros((n + 1, n, n), dtype=np.int64)
    linear[0] = np.outer(flow.diagonal(), distance.diagonal())
    places = np.zeros((4, n), dtype=np.int64)
    places[:2] = -1
    branch = np.full((2, n + 1), -1, dtype=np.int64)
    fixed, best = np.zeros(n + 1, dtype=np.int64), np.array(start, dtype=np.int64)
    children, bounds = (np.zeros((n + 1, n), dtype=np.int64) for _ in range(2))
    rows, costs = np.zeros((2, n, n), dtype=np.int64), np.zeros((n + 1, n + 1), dtype=np.int64)
    work = np.zeros((6, n + 1), dtype=np.int64)
    state = np.array([0, assignment_cost(flow, distance, start), 0, 0, 0], dtype=np.int64)
    while not state[kernel.DONE]:
        kernel.search(
            flow, distance, flow_order, distance_order, linear, fixed, places, branch, children, bounds, rows,
            costs, work, best, state, step, SLICE_NODES,
        )  # fmt: skip
        if time.process_time() > deadline:
            break
    least = int(state[kernel.BEST])
    root = -(-int(state[kernel.ROOT]) // step) * step
    return least if state[kernel.DONE] else min(least, root), best.tolist(), int(state[kernel.NODES])


def _others(matrix: Integers) -> Integers:
    """The other indices of each row by value, least first, shape (n, n - 1)."""
    n = len(matrix)
    order = np.argsort(matrix, axis=1, kind="stable")
    others: Integers = order[order != np.arange(n)[:, None]].reshape(n, n - 1).astype(np.int64)
    return others


def quadratic_assignment_baseline(flow: Integers, distance: Integers, seconds: float) -> Baseline:
    """The cheapest assignment within the limit of CPU seconds, else the Gilmore-Lawler bound and a good one.

    Args:
        flow: between facilities, integers, shape (n, n).
        distance: between locations, integers, shape (n, n).
        seconds: limit of CPU time.

    Raises:
        ValueError: sums of such products may not fit into int64.
    """
    begin, n = time.process_time(), len(flow)
    flow, distance = (np.ascontiguousarray(matrix, dtype=np.int64) for matrix in (flow, distance))
    if int(np.abs(flow).max()) * int(np.abs(distance).max()) * 4 * n * n > LARGEST:
        raise ValueError("flows and distances are too large to reckon exactly")
    start = descended(flow, distance, STARTS_PER_FACILITY * n)
    lower, place, _ = branch_and_bound(flow, distance, start, seconds - (time.process_time() - begin))
    upper = assignment_cost(flow, distance, place)
    if lower > upper or sorted(place) != list(range(n)):
        raise AssertionError(f"bug in branch and bound: {lower} on an assignment of {upper}; please report")
    return Baseline(lower, upper, place, "gilmore-lawler branch and bound", time.process_time() - begin)
