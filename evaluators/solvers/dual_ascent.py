"""Maximises a concave, piecewise linear dual function by subgradients: Lagrangian bounds of several problems.

What is proven and what is guessed are kept apart. The ascent itself reckons in floating point, for it only
chooses where to look. The dual is asked at integer multipliers and answers in integers, both in a unit of its own
that is a small fraction of the objective's, so that every bound it gives is exact whatever multipliers it was asked
at: no tolerance, no rounding to make safe afterwards. Weak duality does the rest.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Integers: TypeAlias = "NDArray[np.int64]"

Dual: TypeAlias = Callable[[Integers], tuple[int, Integers]]
"""Integer multipliers -> (the dual's value there, a subgradient of it): value and multipliers in the dual's unit."""

LARGEST = 1 << 62
"""Sums of scaled quantities must stay below: int64 would wrap without a word."""

MEMORY = 0.3
"""Share of the last direction in the next: Volgenant and Jonker 1982, section 2."""

FARTHEST = 2.0**40
"""No multiplier goes farther from 0 than this, in units of the dual."""

SHORTEST = 1e-4
"""The ascent ends when the step's factor, which starts at 2, has been halved below this."""


@dataclass(frozen=True)
class Ascent:
    """The best that an ascent saw.

    Attributes:
        bound: the dual's greatest value, in its unit; proven if the dual is exact.
        multipliers: where it was attained, in the same unit.
        calls: how often the dual was asked.
    """

    bound: int
    multipliers: Integers
    calls: int


def ascend(
    dual: Dual,
    start: Integers,
    target: int,
    *,
    calls: int = 1000,
    patience: int = 20,
    seconds: float = float("inf"),
    nonnegative: bool = False,
) -> Ascent:
    """Climbs by the step rule of Held, Wolfe and Crowder (1974), with the direction of Volgenant and Jonker (1982).

    The step is factor·(target - value)/|direction|². The factor starts at 2 and is halved after `patience` calls
    without gain, when the walk also returns to the best point so far (Fisher 1981).

    Args:
        dual: the function; see `Dual`.
        start: multipliers to begin at, in the dual's unit, shape [multipliers].
        target: a value that the dual cannot exceed, such as a feasible solution's cost, in the dual's unit. The
            ascent ends early when it is reached, or at a point where the subgradient is 0.
        calls: limit of calls of the dual, at least 1.
        patience: calls without gain before the factor is halved.
        seconds: limit of CPU time.
        nonnegative: whether multipliers below 0 are cut off at 0, as those of inequalities must be.
    """
    deadline = time.process_time() + seconds
    point = start.astype(float)
    direction = np.zeros_like(point)
    best: Ascent | None = None
    factor, waited, call = 2.0, 0, 0
    while True:
        call += 1
        multipliers = np.rint(point).astype(np.int64)
        value, slope = dual(multipliers)
        if best is None or value > best.bound:
            best, waited = Ascent(value, multipliers, call), 0
        else:
            waited += 1
        square = _square(slope)
        if value >= target or not square or factor < SHORTEST or call >= calls or _late(deadline):
            return Ascent(best.bound, best.multipliers, call)
        direction = (1 - MEMORY) * slope + MEMORY * direction
        if waited >= patience:
            factor, waited = factor / 2, 0
            point, direction = best.multipliers.astype(float), np.zeros_like(point)
            continue
        length = factor * (target - value) / max(float(direction @ direction), 1e-9)
        point = point + length * direction
        # Where slope and memory cancel each other a step can be as long as one likes; whole numbers cannot.
        point = np.clip(point, 0.0 if nonnegative else -FARTHEST, FARTHEST)


def _square(slope: Integers) -> float:
    return float(slope.astype(float) @ slope.astype(float))


def _late(deadline: float) -> bool:
    return time.process_time() > deadline
