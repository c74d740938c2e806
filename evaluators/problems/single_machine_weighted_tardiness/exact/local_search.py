"""An iterated local search for 1‖ΣwjTj.

The upper bound that the exact search starts from.

Moves: the best exchange of two jobs and the best insertion of one, which together are the neighbourhood of
Congram, Potts and van de Velde 2002; kicks are a few random exchanges.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.solvers.compiled import compile_kernel

Integers = NDArray[np.int64]

KICKS = 4
"""Random exchanges before each descent."""

PATIENCE = 20
"""Descents without gain before the search goes back to the best sequence."""


class Jobs(NamedTuple):
    """The jobs of an instance: arrays of shape (n,).

    Attributes:
        processing: processing times.
        weight: weights of their tardiness.
        due: due dates.
    """

    processing: Integers
    weight: Integers
    due: Integers


@compile_kernel
def compute_cost(jobs: Jobs, job: int, completion: int) -> int:
    """Returns the weighted tardiness of one job."""
    tardiness: int = max(0, completion - jobs.due[job])
    weight: int = jobs.weight[job]
    return weight * tardiness


@compile_kernel
def write_completions(jobs: Jobs, order: Integers, completion: Integers) -> int:
    """Writes the completion times; returns the sequence's weighted tardiness."""
    moment = total = 0
    for position in range(order.size):
        moment += jobs.processing[order[position]]
        completion[position] = moment
        total += compute_cost(jobs, order[position], moment)
    return total


@compile_kernel
def price_exchange(jobs: Jobs, order: Integers, completion: Integers, first: int, second: int) -> int:
    """Returns the change of cost when two positions trade their jobs."""
    early, late = order[first], order[second]
    shift = jobs.processing[late] - jobs.processing[early]
    change = compute_cost(jobs, late, completion[first] + shift) - compute_cost(
        jobs, late, completion[second]
    )
    change += compute_cost(jobs, early, completion[second]) - compute_cost(jobs, early, completion[first])
    for position in range(first + 1, second):
        job, moment = order[position], completion[position]
        change += compute_cost(jobs, job, moment + shift) - compute_cost(jobs, job, moment)
    return change


@compile_kernel
def move_job(order: Integers, source: int, target: int) -> None:
    """Takes the job at `source` out and puts it in at `target`."""
    job = order[source]
    step = 1 if target > source else -1
    for position in range(source, target, step):
        order[position] = order[position + step]
    order[target] = job


@compile_kernel
def find_best_insertion(jobs: Jobs, order: Integers, completion: Integers, place: int) -> tuple[int, int]:
    """Returns the best move of the job at `place`.

    It is given by its change of cost and its target; (0, place) if none helps.
    """
    job = order[place]
    length, own = jobs.processing[job], compute_cost(jobs, job, completion[place])
    best, target = 0, place
    start, change = completion[place] - length, -own
    for position in range(place - 1, -1, -1):
        other, moment = order[position], completion[position]
        change += compute_cost(jobs, other, moment + length) - compute_cost(jobs, other, moment)
        start -= jobs.processing[other]
        gain = change + compute_cost(jobs, job, start + length)
        if gain < best:
            best, target = gain, position
    change = -own
    for position in range(place + 1, order.size):
        other, moment = order[position], completion[position]
        change += compute_cost(jobs, other, moment - length) - compute_cost(jobs, other, moment)
        gain = change + compute_cost(jobs, job, moment)
        if gain < best:
            best, target = gain, position
    return best, target


@compile_kernel
def descend(jobs: Jobs, order: Integers, completion: Integers, attempts: int) -> int:
    """Makes the best move of each position until none helps.

    `order` is changed in place and its cost is returned. The number of positions tried is limited, each in O(n²).
    """
    cost = write_completions(jobs, order, completion)
    stable, place = 0, 0
    while stable < order.size and attempts > 0:
        attempts -= 1
        best, target = find_best_insertion(jobs, order, completion, place)
        exchange = -1
        for other in range(order.size):
            if other != place:
                gain = price_exchange(jobs, order, completion, min(place, other), max(place, other))
                if gain < best:
                    best, exchange = gain, other
        stable += 1
        if best < 0:
            if exchange >= 0:
                order[place], order[exchange] = order[exchange], order[place]
            else:
                move_job(order, place, target)
            cost = write_completions(jobs, order, completion)
            stable = 0
        place = (place + 1) % order.size
    return cost


@compile_kernel
def copy(source: Integers, target: Integers) -> None:
    """Copies a sequence."""
    for position in range(source.size):
        target[position] = source[position]


@compile_kernel
def iterate(
    jobs: Jobs,
    best: Integers,
    order: Integers,
    completion: Integers,
    rounds: int,
    seed: int,
    attempts: int,
) -> int:
    """Improves a sequence by descents and kicks; returns its cost.

    It starts from `best` and writes the best sequence there.

    Args:
        jobs: the instance.
        best: a sequence to start from; overwritten.
        order: scratch, shape (n,).
        completion: scratch, shape (n,).
        rounds: number of kicks.
        seed: of the random exchanges; equal seeds give equal sequences.
        attempts: positions that each descent tries at most.
    """
    size = best.size
    least = descend(jobs, best, completion, attempts)
    copy(best, order)
    current, failures, state = least, 0, seed
    for _ in range(rounds):
        if least == 0:
            break
        for _kick in range(KICKS):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            first = (state >> 8) % size
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            second = (state >> 8) % size
            order[first], order[second] = order[second], order[first]
        cost = descend(jobs, order, completion, attempts)
        failures += 1
        if cost < current:
            current, failures = cost, 0
        if cost < least:
            least = cost
            copy(order, best)
        if failures > PATIENCE:
            copy(best, order)
            current, failures = least, 0
    return least
