"""The gate: a champion is replaced only by what is surely better on instances that did not drive the search."""

from collections.abc import Sequence
from dataclasses import dataclass

from gapsmith.evaluators.base import Number
from gapsmith.evaluators.scoring import Scale

CONFIDENCE = 0.90


@dataclass(frozen=True)
class Verdict:
    """A challenger against the champion on validation.

    Attributes:
        passed: whether the lower limit of the gain is above zero.
        gain: points of pooled gap by which the challenger is better.
        low: lower limit of the gain's interval.
        high: upper limit.
    """

    passed: bool
    gain: float
    low: float
    high: float


def judge(scale: Scale, challenger: Sequence[Number], champion: Sequence[Number] | None) -> Verdict:
    """Paired bootstrap over the instances; without a champion the challenger passes."""
    if champion is None:
        return Verdict(True, 0.0, 0.0, 0.0)
    # One-sided 90 % is the lower end of a two-sided 80 % interval.
    gain, low, high = scale.gain(challenger, champion, 2 * CONFIDENCE - 1)
    return Verdict(low > 0, gain, low, high)
