"""The first relaxation of 1‖ΣwjTj.

Time-indexed, any job any number of times, but never twice running.

A walk from time 0 to the end of all processing chooses a job at each step. Its price is its jobs' weighted
tardiness less their multipliers; the least price, plus the sum of the multipliers, bounds the optimum from below
(Abdul-Razaq and Potts 1988). All prices are integers, so that every bound is exact.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.solvers.compiled import compile_kernel

Integers = NDArray[np.int64]

NEVER = 1 << 60
"""The price of what is ruled out. Sums of three such stay below 2^63."""

NOBODY = -1


class Steps(NamedTuple):
    """For each moment the two best walks that start or end.

    They are of different jobs at that end; shape (T + 1,).

    Attributes:
        best: the least price.
        job: its job at this moment.
        next_best: the least price with another job.
        next_job: that job.
    """

    best: Integers
    job: Integers
    next_best: Integers
    next_job: Integers


@compile_kernel
def get_other_walk(steps: Steps, moment: int, job: int) -> int:
    """Returns the least price of a walk with another job.

    It is another job than `job` at this moment.
    """
    price: int = steps.next_best[moment] if steps.job[moment] == job else steps.best[moment]
    return price


@compile_kernel
def record_walk(steps: Steps, moment: int, price: int, job: int) -> None:
    """Records a walk if it is one of the best two."""
    if price < steps.best[moment]:
        steps.next_best[moment], steps.next_job[moment] = steps.best[moment], steps.job[moment]
        steps.best[moment], steps.job[moment] = price, job
    elif price < steps.next_best[moment]:
        steps.next_best[moment], steps.next_job[moment] = price, job


@compile_kernel
def clear_walks(steps: Steps) -> None:
    """Forgets all walks."""
    for moment in range(steps.best.size):
        steps.best[moment] = steps.next_best[moment] = NEVER
        steps.job[moment] = steps.next_job[moment] = NOBODY


@compile_kernel
def walk_forward(table: Integers, processing: Integers, multiplier: Integers, heads: Steps) -> int:
    """Computes the walks from time 0; returns the best complete price.

    Args:
        table: cost of job j when complete at t, at [t, j]; NEVER where ruled out.
        processing: processing times.
        multiplier: what each visit of a job is paid.
        heads: overwritten.
    """
    clear_walks(heads)
    horizon, size = table.shape[0] - 1, table.shape[1]
    heads.best[0] = 0
    for moment in range(1, horizon + 1):
        for job in range(size):
            start = moment - processing[job]
            if start >= 0 and table[moment, job] < NEVER:
                before = get_other_walk(heads, start, job)
                if before < NEVER:
                    record_walk(heads, moment, before + table[moment, job] - multiplier[job], job)
    least: int = heads.best[horizon]
    return least


@compile_kernel
def count_visits(processing: Integers, heads: Steps, visits: Integers) -> None:
    """Counts how often the best complete walk visits each job."""
    for job in range(visits.size):
        visits[job] = 0
    moment, job = heads.best.size - 1, NOBODY
    while moment > 0:
        job = heads.next_job[moment] if heads.job[moment] == job else heads.job[moment]
        visits[job] += 1
        moment -= processing[job]


@compile_kernel
def prune_table(
    table: Integers, processing: Integers, multiplier: Integers, heads: Steps, tails: Steps, limit: int
) -> int:
    """Removes completions through which no walk up to `limit` goes.

    Returns how many pairs of completion time and job are left.

    Args:
        table: see `walk_forward`; changed.
        processing: processing times.
        multiplier: those that `heads` was filled with.
        heads: filled.
        tails: overwritten with the walks from each moment to the end.
        limit: in the price of a walk, multipliers paid.
    """
    clear_walks(tails)
    horizon, size = table.shape[0] - 1, table.shape[1]
    tails.best[horizon] = 0
    left = 0
    for moment in range(horizon, 0, -1):
        for job in range(size):
            if table[moment, job] == NEVER:
                continue
            start = moment - processing[job]
            after = get_other_walk(tails, moment, job)
            before = get_other_walk(heads, start, job) if start >= 0 else NEVER
            price = after + table[moment, job] - multiplier[job]
            if after == NEVER or before == NEVER or before + price > limit:
                table[moment, job] = NEVER
            else:
                left += 1
                record_walk(tails, start, price, job)
    return left
