"""Figures of the end of a run, as events keep them."""

import math
from collections.abc import Sequence
from typing import Any

from gapsmith.evaluators.scoring import Failure


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
