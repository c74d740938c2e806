"""A descent for 1‖ΣTj.

The upper bound where the exact search runs out of time.
"""

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.problems.single_machine_tardiness.exact.positions import compute_tardiness
from gapsmith.evaluators.solvers.compiled import compile_kernel


@compile_kernel
def descend_by_insertion(
    processing: NDArray[np.int64],
    due: NDArray[np.int64],
    order: NDArray[np.int64],
    completion: NDArray[np.int64],
    attempts: int,
) -> None:
    """Moves single jobs to their best places until no move helps.

    All places of a job are priced in O(n), each from its neighbour by one swap.

    Args:
        processing: processing times, shape (n,).
        due: due dates, shape (n,).
        order: the sequence to start from; holds the better one in the end.
        completion: scratch, shape (n,).
        attempts: how many jobs are tried at most, each in O(n).
    """
    size, stable, place = order.size, 0, 0
    while stable < size and attempts > 0:
        attempts -= 1
        moment = 0
        for position in range(size):
            moment += processing[order[position]]
            completion[position] = moment
        job = order[place]
        length, best, target = processing[job], 0, place
        start, change = completion[place] - length, 0
        for position in range(place - 1, -1, -1):
            other = order[position]
            change += compute_tardiness(completion[position] + length, due[other])
            change -= compute_tardiness(completion[position], due[other])
            start -= processing[other]
            gain = (
                change
                + compute_tardiness(start + length, due[job])
                - compute_tardiness(completion[place], due[job])
            )
            if gain < best:
                best, target = gain, position
        change = 0
        for position in range(place + 1, size):
            other = order[position]
            change += compute_tardiness(completion[position] - length, due[other])
            change -= compute_tardiness(completion[position], due[other])
            gain = (
                change
                + compute_tardiness(completion[position], due[job])
                - compute_tardiness(completion[place], due[job])
            )
            if gain < best:
                best, target = gain, position
        stable = 0 if target != place else stable + 1
        step = 1 if target > place else -1
        for position in range(place, target, step):
            order[position] = order[position + step]
        order[target] = job
        place = (place + 1) % size
