"""The race: a candidate meets the training instances in blocks, and is dropped once it is surely behind.

Differences are paired: candidate and bar are compared on the same instances, in the unit of the search's gap.
"""

from collections.abc import Sequence

import numpy as np

from gapsmith.evaluators.base import Number
from gapsmith.evaluators.scoring import Scale

BLOCKS = (4, 6, 9, 14, 22)
"""Instances met by the end of each block, half as many again each time; the last block is all the rest."""

DROP_AT = 1.01
"""Standard errors behind the bar at which a candidate is dropped; measured on recordings, see docs/search.md.

Above 1: where candidate and bar differ on one instance alone, the mean is exactly one standard error.
"""


def blocks(count: int) -> list[range]:
    """The blocks of so many instances."""
    ends = [*(end for end in BLOCKS if end < count), count]
    return [range(begin, end) for begin, end in zip([0, *ends], ends, strict=False)]


def lag(scale: Scale, own: Sequence[Number], bar: Sequence[Number]) -> float:
    """How far a candidate is surely behind the bar on the first instances, in points of the gap; 0 if unsure.

    Args:
        scale: of all training instances.
        own: the candidate's costs on the first of them.
        bar: costs of the one it is compared with, on all of them; empty while there is none.
    """
    met = len(own)
    if not len(bar) or met < 2 or met >= scale.bound.size:
        return 0.0
    weights = scale.weights[:met]
    difference = (scale.loss_of(own, met) - scale.loss_of(bar[:met], met)) * weights
    error = float(difference.std(ddof=1)) / np.sqrt(met)
    mean = float(difference.mean())
    return mean * scale.bound.size if mean > DROP_AT * error else 0.0
