"""Figures of the end of a run, as events keep them."""

import math
from collections.abc import Sequence
from typing import Any

from gapsmith.evaluators.base import Number
from gapsmith.evaluators.running.repeats import TIMEOUTS
from gapsmith.evaluators.scoring import Failure, Scale


def describe_failures(failures: Sequence[Failure]) -> dict[str, Any]:
    """Describes why a winner failed, by its first failure."""
    first = failures[0]
    detail = {"failed": "winner", "outcome": first.outcome, "message": f"{first.instance}: {first.message}"}
    return {**detail, "instances": len(failures)}


def encode_interval(gain: tuple[float, float, float]) -> dict[str, float | None]:
    """Encodes a gain with its limits."""
    return dict(zip(("gain", "low", "high"), map(round_finite, gain), strict=True))


def round_finite(value: float) -> float | None:
    """Rounds a number; None for infinity and nan."""
    return round(value, 6) if math.isfinite(value) else None


def is_nowhere_worse(scale: Scale, new: Sequence[Number], costs: Sequence[Number]) -> bool:
    """Tells whether no instance costs more than before."""
    return bool(
        (scale.compute_first_losses(new, len(new)) <= scale.compute_first_losses(costs, len(costs))).all()
    )


def is_tolerable(failures: Sequence[Failure], count: int) -> bool:
    """Tells whether few instances failed, and by time alone.

    On at most one instance, or on a tenth.
    """
    return len(failures) <= max(1, count // 10) and all(failure.outcome in TIMEOUTS for failure in failures)
