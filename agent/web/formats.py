"""How pages write numbers, amounts and times."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from gapsmith.agent.archive.costs import format_dollars
from gapsmith.agent.codegen.instance_text import format_number


def format_gap(value: float | None, digits: int = 3) -> str:
    """Formats a gap in percent; a dash for none."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "∞ %"
    return f"{value:.{digits}f} %" if abs(value) < 100 else f"{value:,.1f} %"


def format_points(value: float | None) -> str:
    """Formats a difference of gaps with its sign."""
    return "–" if value is None else f"{value:+.3f}".replace("-", "−")


def format_interval(limits: Any) -> str:
    """Formats an interval; empty for none."""
    if not limits or None in limits:
        return ""
    return f"{limits[0]:.3f} to {limits[1]:.3f}".replace("-", "−")


def format_count(value: float | None) -> str:
    """Formats a whole number with separators."""
    return "–" if value is None else f"{value:,.0f}"


def format_milliseconds(seconds: float | None) -> str:
    """Formats CPU seconds in the unit that suits them."""
    if seconds is None:
        return "–"
    return f"{1000 * seconds:,.2f} ms" if seconds < 1 else f"{seconds:,.2f} s"


def format_seconds(seconds: float | None) -> str:
    """Formats a duration for people."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def format_time(epoch: float) -> str:
    """Formats a time of the epoch in this machine's zone."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(epoch))


def format_cost(value: float | None) -> str:
    """Formats a cost or bound as it would be written by hand."""
    return "–" if value is None or not math.isfinite(value) else format_number(value, 12)


def format_share(value: float | None) -> str:
    """Formats a share as a percentage."""
    return "–" if value is None else f"{100 * value:.1f} %"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "gap": format_gap,
    "points": format_points,
    "interval": format_interval,
    "count": format_count,
    "cpu": format_milliseconds,
    "duration": format_seconds,
    "when": format_time,
    "cost": format_cost,
    "share": format_share,
    "dollars": format_dollars,
}
