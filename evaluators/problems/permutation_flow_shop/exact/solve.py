"""Proven makespans of permutation flow shops, each with its sequence.

The cost of every sequence is computed again.
"""

import math
import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline

if TYPE_CHECKING:
    from gapsmith.evaluators.problems.permutation_flow_shop.exact.search import Stack

Integers = NDArray[np.int64]

SLICE_NODES, SLICE_WORK = 100_000, 20_000_000
"""Nodes between two looks at the clock, fewer of large shops: some tens of milliseconds."""

MOST_JOBS = 2000
"""Larger shops are not searched: the path through the tree alone would take hundreds of megabytes."""

FIRST_INSERTIONS = 300_000_000
"""Operations looked at in building the first sequence at most, beyond a second's work for each second."""


def compute_completion_times(p: Integers, sequence: Integers) -> Integers:
    """Computes when each job leaves each machine.

    The shape is [jobs in the sequence, m].
    """
    done = np.zeros((len(sequence) + 1, p.shape[1] + 1), np.int64)
    for i, job in enumerate(sequence, 1):
        for k in range(1, p.shape[1] + 1):
            done[i, k] = max(done[i - 1, k], done[i, k - 1]) + p[job, k - 1]
    return done[1:, 1:]


def makespan(p: Integers, sequence: Integers) -> int:
    """Computes the makespan of a sequence, exactly for times of any size."""
    done = [0] * p.shape[1]
    for row in p[sequence].tolist():
        ready = 0
        for k, time_needed in enumerate(row):
            ready = done[k] = max(ready, done[k]) + time_needed
    return done[-1]


def bound_by_machine(p: Integers) -> int:
    """Returns the greatest bound of one machine (Taillard 1993).

    It is the sum of the shortest way to the machine, its work, and the shortest way from it. With two jobs or more,
    the first and the last job differ, so that the two ways belong to two jobs.
    """
    before = np.cumsum(p, axis=1) - p
    after = p.sum(axis=1, keepdims=True) - before - p
    bounds = [p.sum(axis=1).max()]
    for k in range(p.shape[1]):
        bounds.append(p[:, k].sum() + _add_least_ways(before[:, k], after[:, k]))
    return int(max(bounds))


def _add_least_ways(ways: Integers, others: Integers) -> int:
    """Returns the least sum of the ways of two jobs.

    With one job only, both ways are its own.
    """
    if len(ways) == 1:
        return int(ways[0] + others[0])
    (a, b), (c, d) = np.argsort(ways, kind="stable")[:2], np.argsort(others, kind="stable")[:2]
    return int(ways[a] + others[c] if a != c else min(ways[a] + others[d], ways[b] + others[c]))


def bound_by_two_machines(p: Integers, deadline: float = np.inf) -> int:
    """Returns the greatest bound of two machines (Lageweg et al. 1978).

    It is Johnson's optimum with time lags: the machines between the two count as lags. The shortest ways to the
    first and from the second machine are added. If the CPU time is over, only the pairs so far count.
    """
    before = np.cumsum(p, axis=1) - p
    after = p.sum(axis=1, keepdims=True) - before - p
    best = 0
    for first in range(p.shape[1]):
        for second in range(first + 1, p.shape[1]):
            if time.process_time() > deadline:
                return best
            lag = before[:, second] - before[:, first]  # from the start on one to the start on the other
            span = _solve_johnson(p[:, first], p[:, second], lag)
            best = max(best, int(before[:, first].min() + span + after[:, second].min()))
    return best


def _solve_johnson(a: Integers, b: Integers, lag: Integers) -> int:
    """Returns the least makespan of two machines with start lags (Mitten 1959)."""
    early = lag <= lag + b - a  # a + l <= l + b, l the wait between the two operations
    one = np.flatnonzero(early)[np.argsort(lag[early], kind="stable")]
    two = np.flatnonzero(~early)[np.argsort(-(lag + b - a)[~early], kind="stable")]
    order = np.concatenate([one, two])
    start = np.cumsum(a[order]) - a[order] + lag[order]
    tail = np.cumsum(b[order][::-1])[::-1]
    return int((start + tail).max())


def solve_flow_shop(p: Integers, seconds: float, known: Baseline | None = None) -> Baseline:
    """Runs iterated greedy, then branch and bound, within the CPU limit.

    Args:
        p: processing times, shape [n, m].
        seconds: CPU seconds, compilation not counted.
        known: bounds and a sequence of an earlier solve, from which this one continues.
    """
    from gapsmith.evaluators.problems.permutation_flow_shop.exact import search as kernel

    p = np.ascontiguousarray(p, np.int64)
    _compile(p[:1, :1])
    start = time.process_time()
    root = max(bound_by_machine(p), bound_by_two_machines(p, start + seconds / 2))
    root = max(root, math.ceil(known.lower) if known else 0)
    best = _run_greedy(p, root, seconds - (time.process_time() - start))
    if known is not None and known.solution is not None:
        best = min(best, np.array(known.solution, np.int64), key=lambda sequence: makespan(p, sequence))
    upper = makespan(p, best)
    if len(p) > MOST_JOBS:
        return Baseline(root, upper, best.tolist(), "flow-shop bounds", time.process_time() - start)
    stack, nodes = kernel.make_stack(p, upper, best), max(1, min(SLICE_NODES, SLICE_WORK // p.size))
    while root < stack.state[kernel.UPPER] and stack.state[kernel.DEPTH] >= 0:
        if time.process_time() - start > seconds:
            break
        kernel.search_tree(p, stack, stack.state[kernel.NODES] + nodes)
    upper = makespan(p, best)
    lower = max(root, _bound_open_nodes(stack, upper))
    solver = "flow-shop branch-and-bound" if lower == upper else "flow-shop bounds"
    return Baseline(lower, upper, [int(job) for job in best], solver, time.process_time() - start)


def _bound_open_nodes(stack: "Stack", upper: int) -> int:
    """Returns the least bound of all nodes that are still open.

    No sequence can be better.
    """
    from gapsmith.evaluators.problems.permutation_flow_shop.exact import search as kernel

    lower = upper
    depth = int(stack.state[kernel.DEPTH])
    if depth >= 0 and stack.state[kernel.FRESH]:
        frame = stack.frames[depth - 1] if depth else None
        lower = 0 if frame is None else int(stack.bounds[depth - 1, frame[kernel.NEXT] - 1])
        depth -= 1
    for level in range(depth + 1):
        frame = stack.frames[level]
        # The child that the path goes through is accounted for by what is below it.
        if frame[kernel.NEXT] < frame[kernel.COUNT]:
            lower = min(lower, int(stack.bounds[level, frame[kernel.NEXT]]))
    return lower


def _run_greedy(p: Integers, stop: int, seconds: float) -> Integers:
    from gapsmith.evaluators.problems.permutation_flow_shop.exact import search as kernel

    n, m = p.shape
    best = np.argsort(-p.sum(axis=1), kind="stable").astype(np.int64)
    room = (np.zeros((n + 1, m + 1), np.int64), *(np.zeros(size, np.int64) for size in (n, n, 4)))
    back = np.zeros((n + 2, m + 2), np.int64)
    heat = 0.04 * float(p.mean()) + 1e-9  # Ruiz and Stützle: 0.4 of a tenth of the mean time
    # Some tens of millions of operations a second: large shops take a part of the limit, never all of it.
    rounds = max(0, min(100 * n, int(2e7 * seconds / (n * m))))
    if n * n * m > FIRST_INSERTIONS * (1 + max(0.0, seconds)):
        return best
    kernel.run_iterated_greedy(p, best, rounds, stop, heat, room, back)
    return best


def _compile(p: Integers) -> None:
    """Compiles the kernels on a single operation.

    No time limit is then spent on the compiler.
    """
    from gapsmith.evaluators.problems.permutation_flow_shop.exact import search as kernel

    kernel.search_tree(p, kernel.make_stack(p, int(p.sum()) + 1, np.zeros(1, np.int64)), 10)
    _run_greedy(p, 0, 1.0)
