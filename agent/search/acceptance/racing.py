"""Racing: candidates that will not catch up are dropped early.

The most discriminating instances come first.

Classes alternate, since a candidate that is behind in one may be ahead in another; a larger deficit is needed to drop
it before all classes were evaluated. Differences are paired: candidate and reference are compared on the same
instances, in points of the search's gap. How well an instance discriminates is learnt from the elites: its share in
their squared differences from the reference. A candidate is dropped only if a one-sided confidence bound says that it
will end behind, whichever noise is larger: that of the elites, or that of its own paired differences. Measured on
recordings, see docs/results/search/racing.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsmith.agent.search.selection.population import Elite
from gapsmith.evaluators.scoring import ROUNDING_TOLERANCE

BLOCKS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 17, 20, 24, 30)
"""Instances evaluated by the end of each block; the last block is all the rest."""

DROP_AT, DOUBT = 1.25, 2.0
"""A candidate is dropped if its expected deficit exceeds DROP_AT standard deviations of the remaining differences,
times 1 + DOUBT / n after n instances: about the 90 % quantile of Student's t, since few instances estimate a
deviation badly."""


@dataclass(frozen=True, eq=False)
class RaceReference:
    """The elite that a candidate is raced against.

    With weights that say how well each instance discriminates the elites of the run.

    Attributes:
        losses: the losses of that elite on every training instance, in points of the gap; shape [instances].
        order: places of the instances, the most discriminating of every class first; shape [instances].
        spread: mean square of what elites typically differ from it on each instance; shape [instances].
    """

    losses: NDArray[np.float64]
    order: tuple[int, ...]
    spread: NDArray[np.float64]

    @classmethod
    def build(cls, elite: Elite, elites: Sequence[Elite], classes: Sequence[str]) -> "RaceReference":
        """Makes the reference from an elite and the classes of the instances."""
        losses = np.array(elite.losses)
        squares = _select_nonzero((np.array([each.losses for each in elites]) - losses) ** 2)
        if not squares.size:  # without other elites, the optimum is the only alternative
            squares = _select_nonzero(losses[None, :] ** 2)
        if not squares.size:
            squares = np.ones((1, losses.size))
        whole = squares.sum(axis=1)
        # Each elite's differences have equal weight, however far it is from the reference: most are old and far.
        shares = (squares / whole[:, None]).mean(axis=0)
        return cls(losses, _interleave_classes(shares, classes), shares * np.exp(np.log(whole).mean()))

    @cached_property
    def thresholds(self) -> tuple["Threshold", ...]:
        """The limits of the race by the number of evaluated instances, from none to all."""
        losses, spread = self.losses[list(self.order)], self.spread[list(self.order)]
        lost, informed, seen = (_sum_prefixes(values) for values in (losses, np.sqrt(spread), spread))
        trend = 1.0 + (informed[-1] - informed) / np.maximum(
            informed, ROUNDING_TOLERANCE
        )  # the deficit so far, extrapolated to the rest by its discrimination
        doubt = 1.0 + DOUBT / np.maximum(1, np.arange(seen.size))
        rest = np.maximum(0.0, seen[-1] - seen)
        noise = DROP_AT * doubt * np.sqrt(rest)
        # Of the predicted sum of the rest: its variance is that of a mean of n and of N - n more (Cochran 1977, 2.3).
        own = DROP_AT * doubt * np.sqrt(seen.size - 1) * np.sqrt(rest / np.maximum(seen, ROUNDING_TOLERANCE))
        table = np.column_stack((lost, lost[-1] - lost, trend, noise, own)).tolist()
        return tuple(Threshold(*row) for row in table)


class Threshold(NamedTuple):
    """The limits of the race after some instances.

    Attributes:
        lost: losses of the reference so far, in points of the gap.
        left: its losses on the remaining instances: the most that can be gained there.
        trend: factor from the difference so far to the expected final one.
        limit: the largest deficit that a candidate may still make up, within the noise of the elites.
        own_limit: the same within its own noise, for a standard deviation of 1 of its differences so far.
    """

    lost: float
    left: float
    trend: float
    limit: float
    own_limit: float


@lru_cache(maxsize=64)
def split_blocks(count: int) -> tuple[range, ...]:
    """Splits a number of instances into blocks."""
    ends = [*(end for end in BLOCKS if end < count), count]
    return tuple(range(begin, end) for begin, end in zip([0, *ends], ends, strict=False))


def estimate_deficit(own: NDArray[np.float64], reference: RaceReference | None) -> float:
    """Estimates how far a candidate will end behind the reference.

    In points of the gap; 0 where it may still catch up.

    Args:
        own: the candidate's losses on the first instances of the reference's order, in points; shape [evaluated].
        reference: the elite to compare with; None while there is none.
    """
    if reference is None or not 0 < len(own) < len(reference.order):
        return 0.0
    threshold = reference.thresholds[len(own)]
    behind = float(own.sum()) - threshold.lost
    if behind <= ROUNDING_TOLERANCE:
        return 0.0
    expected = behind * threshold.trend
    hopeless = behind > threshold.left + ROUNDING_TOLERANCE  # even with the optimum everywhere
    limit = max(threshold.limit, threshold.own_limit * _compute_deviation(own, reference))
    return expected if hopeless or expected > limit else 0.0


def _compute_deviation(own: NDArray[np.float64], reference: RaceReference) -> float:
    """Computes the standard deviation of paired differences; 0 for one."""
    paired = own - reference.losses[list(reference.order[: len(own)])]
    return float(paired.std(ddof=1)) if len(own) > 1 else 0.0


def _select_nonzero(squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Selects the rows that are not 0 everywhere."""
    some: NDArray[np.float64] = squares[squares.sum(axis=1) > 0]
    return some


def _interleave_classes(shares: NDArray[np.float64], classes: Sequence[str]) -> tuple[int, ...]:
    """Interleaves the classes, the most informative instance of each first."""
    met: dict[str, int] = {}
    turns: list[tuple[int, int]] = []  # rank by discrimination, by turn
    places = np.argsort(-shares, kind="stable").tolist()
    for rank, place in enumerate(places):
        turn = met[classes[place]] = met.get(classes[place], -1) + 1
        turns.append((turn, rank))
    return tuple(places[rank] for _, rank in sorted(turns))


def _sum_prefixes(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums every prefix; shape [instances + 1]."""
    return np.concatenate(([0.0], np.cumsum(values)))
