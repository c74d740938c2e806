"""A few programs that complement each other: run them all, take the best solution of each instance.

The greedy choice of EoH-S (Liu et al., arXiv 2508.03082): the sum over the instances of the best loss among the
chosen is supermodular, for which the greedy choice is near the best one (Nemhauser, Wolsey & Fisher 1978).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Number
from gapsmith.evaluators.scoring import Scale

MOST = 5


def complementary(
    scale: Scale, costs: Sequence[Sequence[Number]], most: int = MOST, first: Sequence[int] = ()
) -> list[int]:
    """Chooses programs by their places, in the order of choice; ends where no program adds anything.

    Args:
        scale: of the instances.
        costs: one row per program, one column per instance.
        most: how many at most.
        first: places that are chosen already.
    """
    losses = np.array([scale.loss(row) for row in costs]).reshape(len(costs), -1)
    best: NDArray[np.float64] = np.full(losses.shape[1], np.inf)
    chosen = list(first)
    for place in chosen:
        best = np.minimum(best, losses[place])
    while len(chosen) < min(most, len(costs)):
        sums = np.minimum(losses, best).sum(axis=1)
        place = int(sums.argmin())  # the first of equal ones
        if not sums[place] < best.sum():
            break
        chosen.append(place)
        best = np.minimum(best, losses[place])
    return chosen


def pooled_together(scale: Scale, costs: Sequence[Sequence[Number]]) -> list[float]:
    """For each k, the pooled gap in percent of running the first k programs and taking the best: k runs."""
    rows = np.array(costs, dtype=float)
    losses = np.array([scale.loss(row) for row in costs])
    found = []
    for k in range(1, len(costs) + 1):
        best = rows[losses[:k].argmin(axis=0), np.arange(rows.shape[1])]
        found.append(scale.pooled([float(cost) for cost in best]))
    return found
