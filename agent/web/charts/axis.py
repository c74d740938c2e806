"""Axes: from values to places, and the ticks between."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

LEAST_SPAN = 1e-12


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`, drawn from `start` to `end`.

    Attributes:
        log: whether it is logarithmic; then values of zero or less are drawn at its low end.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        """Returns the place of a value in the drawing."""
        low, high = self._scale(self.low), self._scale(self.high)
        share = (self._scale(value) - low) / max(high - low, LEAST_SPAN)
        return self.start + min(max(share, -0.02), 1.02) * (self.end - self.start)

    def _scale(self, value: float) -> float:
        return math.log10(max(value, self.low)) if self.log else value

    @property
    def ticks(self) -> list[float]:
        """Returns round values within the axis."""
        return _list_powers(self.low, self.high) if self.log else _list_steps(self.low, self.high)


def fit_axis(
    values: Iterable[float], start: float, end: float, log: bool = False, zero: bool = False
) -> Axis:
    """Fits an axis to values.

    Args:
        values: what it must hold.
        start: where it begins in the drawing.
        end: where it ends.
        log: whether it is logarithmic.
        zero: whether a linear axis begins at zero.
    """
    known = [value for value in values if math.isfinite(value)]
    if log:
        positive = [value for value in known if value > 0] or [1.0]
        low, high = min(positive), max(positive)
        low = low / 3 if len(positive) < len(known) else low / 1.15
        return Axis(low, max(high * 1.15, low * 10), start, end, True)
    low, high = min(known, default=0.0), max(known, default=1.0)
    low = min(low, 0.0) if zero else low
    margin = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return Axis(low if zero and low == 0 else low - margin, high + margin, start, end)


def _list_powers(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    few = len(powers) <= 3
    found = [factor * 10.0**power for power in powers for factor in ((1, 2, 5) if few else (1,))]
    inside = [value for value in found if low <= value <= high]
    return inside[:: max(1, len(inside) // 6)]


def _list_steps(low: float, high: float) -> list[float]:
    rough = max(high - low, LEAST_SPAN) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def format_tick(value: float) -> str:
    """Formats the value of a tick shortly."""
    if value == 0:
        return "0"
    if abs(value) >= 1e6 or abs(value) < 1e-4:
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:,.4f}".rstrip("0").rstrip(".") if abs(value) < 100 else f"{value:,.0f}"
