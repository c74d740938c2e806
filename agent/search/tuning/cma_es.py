"""Tunes the constants of a program by CMA-ES.

Hansen, arXiv 1604.00772; some 32 trials at a time.

Pure decisions: what to try, and what was learnt. Constants are tuned here, since a language model does it badly
and at a price (arXiv 2605.20086).
"""

import math
from collections.abc import Sequence
from operator import itemgetter
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gapsmith.agent.search.tuning.parameters import Number, Parameter

GENERATION = 8
"""Trials that are asked for at once, and may run at once."""
TRIALS = 32
STEP = 0.15
"""The first standard deviation, as a part of a parameter's range."""
BARREN = 20
"""Generations in a row without a new point, after which the space counts as exhausted."""

Point: TypeAlias = tuple[Number, ...]


class Tuner:
    """An ask-and-tell tuner with a limited number of trials.

    Whole parameters are rounded; what was tried once is not asked for again. Equal arguments and losses give equal
    questions.

    Args:
        parameters: at least one.
        seed: of the search's own random generator.
        trials: how many values are tried at most.
        loss: of the defaults, where it is known: the one to beat, and not tried again.
    """

    def __init__(
        self, parameters: Sequence[Parameter], seed: int, trials: int = TRIALS, loss: float = math.inf
    ) -> None:
        from cmaes import CMA  # here, because it loads scipy.stats, which takes long and few commands need

        self._parameters = tuple(parameters)
        self._best: tuple[Point, float] = tuple(p.default for p in parameters), loss
        self._losses = dict([self._best]) if loss < math.inf else {}
        self._left = trials
        self._sample: list[NDArray[np.float64]] = []
        self._asked: list[Point] = []
        self._search = CMA(
            mean=np.array([_coordinate(p, p.default) for p in parameters]),
            sigma=STEP,
            bounds=np.tile([0.0, 1.0], (len(parameters), 1)),
            population_size=GENERATION,
            seed=seed % 2**32,
        )

    @property
    def done(self) -> bool:
        """Whether there is nothing more to ask: all trials are spent, or the space is exhausted."""
        return not self.ask()

    @property
    def best(self) -> tuple[dict[str, Number], float]:
        """The values of least loss, and that loss; the defaults until something is below them."""
        point, loss = self._best
        return self._name_values(point), loss

    def ask(self) -> list[dict[str, Number]]:
        """Returns the next values to try; none once it is done.

        At most GENERATION; the same until their losses are told.
        """
        for _ in range(BARREN):
            if self._asked or not self._left:
                break
            self._draw()
        return [self._name_values(point) for point in self._asked]

    def tell(self, losses: Sequence[float]) -> None:
        """Takes the losses in the order of the questions. Raises ValueError.

        A failed trial has the loss infinity.
        """
        measured = dict(
            zip(self._asked, (math.inf if math.isnan(loss) else loss for loss in losses), strict=True)
        )
        self._losses |= measured
        self._best = min([self._best, *measured.items()], key=itemgetter(1))
        self._left -= len(measured)
        self._asked = []
        self._learn()

    def _draw(self) -> None:
        """Draws a sample; unknown values of it are then asked for."""
        self._sample = [self._search.ask() for _ in range(GENERATION)]
        points = dict.fromkeys(self._make_point(coordinates) for coordinates in self._sample)
        self._asked = [point for point in points if point not in self._losses][: self._left]
        if not self._asked:
            self._learn()

    def _learn(self) -> None:
        losses = [self._losses.get(self._make_point(coordinates), math.inf) for coordinates in self._sample]
        if min(losses) < max(losses):  # equal losses would make it drift in the order of the draws
            self._search.tell(list(zip(self._sample, losses, strict=True)))

    def _make_point(self, coordinates: NDArray[np.float64]) -> Point:
        pairs = zip(self._parameters, coordinates.tolist(), strict=True)
        return tuple(_round_value(parameter, coordinate) for parameter, coordinate in pairs)

    def _name_values(self, point: Point) -> dict[str, Number]:
        return {parameter.name: value for parameter, value in zip(self._parameters, point, strict=True)}


def _coordinate(parameter: Parameter, value: Number) -> float:
    """Computes a value's place in its range, 0 to 1.

    On a logarithmic scale where it is varied by factors.
    """
    if parameter.log:
        low, high = math.log(parameter.low), math.log(parameter.high)  # the quotient may be infinite
        return (math.log(value) - low) / (high - low) if low < high else 0.5
    return (value - parameter.low) / (parameter.high - parameter.low)


def _round_value(parameter: Parameter, coordinate: float) -> Number:
    """Computes the value at a place of the range, rounded for programs."""
    low, high = parameter.low, parameter.high
    if parameter.log:
        value = math.exp(math.log(low) + (math.log(high) - math.log(low)) * coordinate)
    else:
        value = low + (high - low) * coordinate
    return round(value) if parameter.whole else min(max(float(f"{value:.6g}"), low), high)
