"""Decisions of a run as sentences."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from gapsmith.agent.reports.decisions import _format_detail

Detail = Mapping[str, Any]


def describe_decision(kind: str, detail: Detail) -> str:
    """Describes a decision in a sentence.

    Args:
        kind: the kind of the event.
        detail: its figures, as the archive keeps them.
    """
    try:
        for pattern, describe in _KNOWN.items():
            if found := re.fullmatch(pattern, kind):
                return describe(detail, *found.groups())
    except (KeyError, TypeError, ValueError, IndexError):  # written by another version, or by hand
        pass
    return _format_detail(kind, detail)


def describe_gate(detail: Detail, is_rule: bool = False) -> str:
    """Describes a decision of the gate and its reason."""
    gain, low, high = detail.get("gain"), detail.get("low"), detail.get("high")
    if gain is None or low is None or high is None:
        return "passed without a champion to beat" if detail.get("passed") else "held back"
    if gain == low == high == 0:
        return "first champion: there was none to beat"
    interval = f"80 % interval {_format_points(low)} to {_format_points(high)}"
    figures = f"{_format_points(gain)} points in validation against the champion ({interval})"
    visible = f"a gain from {gain - low:.3f} points on could be seen"
    if is_rule:
        return f"reference rule, {'the one to beat so far' if detail.get('passed') else 'not the best'}: {figures}"
    if detail.get("passed"):
        return f"became champion: {figures}; the lower end is above 0"
    reason = "worse" if gain <= 0 else "not significant" if low <= 0 else "below one standard error"
    return f"held back, {reason}: {figures}; {visible}"


def estimate_gate_error(detail: Detail) -> float | None:
    """Estimates the standard error of a gain from its 80 % interval."""
    low, high = detail.get("low"), detail.get("high")
    return None if low is None or high is None else (high - low) / (2 * NORMAL_90)


NORMAL_90 = 1.2815515655446004
"""90 % quantile of the normal distribution."""


def _format_points(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _describe_halving(detail: Detail, number: str) -> str:
    gaps = ", ".join(f"slot {slot}: {gap:.3f} %" for slot, gap in detail["gaps"])
    kept = ", ".join(map(str, detail["kept"]))
    failed = f" Failed: {len(detail['failed'])}." if detail.get("failed") else ""
    return (
        f"Halving, round {number}: {len(detail['gaps'])} programs on {detail['instances']} new instances "
        f"({gaps}). Kept: slots {kept}.{failed}"
    )


def _describe_final_test(detail: Detail) -> str:
    low, high = _format_points(detail["low"]), _format_points(detail["high"])
    return (
        f"Slot {detail['winner']} against {detail['rule']}, the best rule, on {detail['instances']} instances: "
        f"{_format_points(detail['gain'])} points (interval {low} to {high}). Kept: {detail['kept']}."
    )


def _describe_claim(detail: Detail) -> str:
    low, high = _format_points(detail["low"]), _format_points(detail["high"])
    return (
        f"Claim, on {detail['instances']} instances by which nothing was chosen: {_format_points(detail['gain'])} "
        f"points against {detail['rule']} (95 % interval {low} to {high})."
    )


def _describe_examination(detail: Detail, what: str) -> str:
    word = f": {detail['message']}" if detail.get("message") else ""
    return f"Verified {what} again (isolated, relabelled, without look-ahead): {detail['outcome']}{word}."


def _describe_shortening(detail: Detail) -> str:
    return f"Shortened from {detail['before']} to {detail['after']} in size, by {detail['tried']} tries."


def _describe_draw(detail: Detail, slot: str) -> str:
    seed = detail["seed"]
    return f"The last instances were drawn after slot {slot}, when no program could know them (seed {seed})."


def _describe_race(detail: Detail) -> str:
    behind = f"{detail['points_behind']:.3f} points of gap behind"
    return f"dropped after {detail['met']} instances: expected to end {behind}"


def _describe_twin(detail: Detail) -> str:
    return f"behaves as slot {detail['slot']} does: not evaluated further"


_KNOWN: Mapping[str, Callable[..., str]] = {
    "gate": describe_gate,
    "raced": _describe_race,
    "twin": _describe_twin,
    r"halving round (\d+)": _describe_halving,
    "against the best rule": _describe_final_test,
    "claim": _describe_claim,
    r"examined (.+)": _describe_examination,
    "simplified": _describe_shortening,
    r"last instances, drawn after slot (\d+)": _describe_draw,
}
"""Kinds of events, as patterns, and how each is described."""
