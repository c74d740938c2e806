"""Maximises a concave, piecewise linear dual function by subgradients.

Lagrangian bounds of several problems.

Proofs and heuristics are kept apart. The ascent itself computes in floating point, since it only chooses where
to look. The dual is evaluated at integer multipliers and returns integers, both in a unit that is a small
fraction of the objective's, so that every bound it gives is exact for any multipliers: no tolerance, no
rounding to make safe afterwards. Weak duality does the rest.
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

MAX_VALUE = 1 << 62
"""Sums of scaled quantities must stay below it: int64 would overflow silently."""

MEMORY = 0.3
"""Weight of the last direction in the next: Volgenant and Jonker 1982, section 2."""

MAX_MULTIPLIER = 2.0**40
"""The largest absolute value of a multiplier, in units of the dual."""

MIN_STEP_FACTOR = 1e-4
"""The ascent ends when the step's factor, which starts at 2, has been halved below this."""


@dataclass(frozen=True)
class Ascent:
    """The best point of an ascent.

    Attributes:
        bound: the dual's greatest value, in its unit; proven if the dual is exact.
        multipliers: the multipliers of that value, in the same unit.
        calls: the number of calls of the dual.
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
    """Runs the ascent and returns its best point.

    The step rule is that of Held, Wolfe and Crowder (1974), the direction that of Volgenant and Jonker (1982).
    The step is factor·(target - value)/|direction|². The factor starts at 2 and is halved after `patience`
    calls without gain, when the walk also returns to the best point so far (Fisher 1981).

    Args:
        dual: the function; see `Dual`.
        start: multipliers to begin at, in the dual's unit, shape [multipliers].
        target: a value that the dual cannot exceed, such as a feasible solution's cost, in the dual's unit. The
            ascent ends early when it is reached, or at a point where the subgradient is 0.
        calls: limit of calls of the dual, at least 1.
        patience: calls without gain before the factor is halved.
        seconds: limit of CPU time.
        nonnegative: whether negative multipliers become 0, as those of inequalities must.
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
        square = _compute_square(slope)
        if value >= target or not square or factor < MIN_STEP_FACTOR or call >= calls or _is_late(deadline):
            return Ascent(best.bound, best.multipliers, call)
        direction = (1 - MEMORY) * slope + MEMORY * direction
        if waited >= patience:
            factor, waited = factor / 2, 0
            point, direction = best.multipliers.astype(float), np.zeros_like(point)
            continue
        length = factor * (target - value) / max(float(direction @ direction), 1e-9)
        point = point + length * direction
        # Where slope and memory cancel each other a step can be arbitrarily long; integers cannot.
        point = np.clip(point, 0.0 if nonnegative else -MAX_MULTIPLIER, MAX_MULTIPLIER)


def _compute_square(slope: Integers) -> float:
    return float(slope.astype(float) @ slope.astype(float))


def _is_late(deadline: float) -> bool:
    return time.process_time() > deadline
