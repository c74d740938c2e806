"""Decisions of a run as sentences."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from gapsmith.agent.models.spec import hide_login
from gapsmith.agent.reports.decisions import _format_detail
from gapsmith.agent.search.plateaus import describe_fresh_start

Detail = Mapping[str, Any]
Name = Callable[[int], str]
"""Names the program of a slot."""


def name_slot(slot: int) -> str:
    """Names a program by its slot."""
    return f"slot {slot}"


def describe_decision(kind: str, detail: Detail, name: Name = name_slot) -> str:
    """Describes a decision in a sentence.

    Args:
        kind: the kind of the event.
        detail: its figures, as the archive keeps them.
        name: names the program of a slot.
    """
    try:
        for pattern, describe in _KNOWN.items():
            if found := re.fullmatch(pattern, kind):
                return describe(detail, name, *found.groups())
    except (KeyError, TypeError, ValueError, IndexError):  # written by another version, or by hand
        pass
    return _format_detail(kind, detail)


def describe_gate(detail: Detail, is_rule: bool = False) -> str:
    """Describes a decision of the gate and its reason."""
    gain, low, high = detail.get("gain"), detail.get("low"), detail.get("high")
    if gain is None or low is None or high is None:
        return "passed without a champion to beat" if detail.get("passed") else "held back"
    if gain == low == high == 0:
        return "first champion, or as good as the one before and faster"
    interval = f"80 % interval {_format_points(low)} to {_format_points(high)}"
    figures = f"{_format_points(gain)} points in validation against the champion ({interval})"
    visible = f"a gain from {gain - low:.3f} points on could be seen"
    if is_rule:
        return f"reference rule, {'the one to beat so far' if detail.get('passed') else 'not the best'}: {figures}"
    if detail.get("passed"):
        reason = "the lower end is above 0" if low > 0 else "no worse, and faster"
        return f"became champion: {figures}; {reason}"
    reason = "worse" if gain <= 0 else "not significant" if low <= 0 else "below one standard error"
    return f"held back, {reason}: {figures}; {visible}"


def describe_verdict(report: Detail) -> str:
    """Describes how the winner of a report stands to its best rule.

    Args:
        report: as `run --json` gives it.
    """
    best, rule, gain = report.get("best") or {}, report.get("reference") or {}, report.get("gain") or {}
    name, other, interval = f"Program {best.get('id')}", rule.get("name"), gain.get("ci95")
    if best.get("pooled_gap_percent") is None:
        return f"{name} failed on the sealed test; keep {other}."
    if best.get("name") == other:
        return f"No program is shown to be better than {other}, the best rule; keep it."
    points = f"{_format_points(gain.get('pooled_gap_points') or 0.0)} points of pooled gap"
    if not interval or None in interval:
        return f"{name} against {other}, the best rule: {points}; no claim, there are too few instances."
    low, high = map(_format_points, interval)
    differs = "is better than" if interval[0] > 0 else "is worse than" if interval[1] < 0 else None
    words = differs or "is not shown to differ from"
    count = gain.get("instances")
    return f"{name} {words} {other}, the best rule: {points} (95 % interval {low} to {high}; {count} test instances)."


def estimate_gate_error(detail: Detail) -> float | None:
    """Estimates the standard error of a gain from its 80 % interval."""
    low, high = detail.get("low"), detail.get("high")
    return None if low is None or high is None else (high - low) / (2 * NORMAL_90)


NORMAL_90 = 1.2815515655446004
"""90 % quantile of the normal distribution."""


def _format_points(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _describe_halving(detail: Detail, name: Name, number: str) -> str:
    gaps = ", ".join(f"{name(slot)}: {gap:.3f} %" for slot, gap in detail["gaps"])
    kept = ", ".join(map(name, detail["kept"]))
    failed = f" Failed: {', '.join(map(name, detail['failed']))}." if detail.get("failed") else ""
    return (
        f"Halving, round {number}: {len(detail['gaps'])} programs on {detail['instances']} new instances "
        f"({gaps}). Kept: {kept}.{failed}"
    )


def _describe_rejection(detail: Detail, name: Name, slot: str) -> str:
    return f"{_begin(name(int(slot)))} was passed over: it is significantly worse in {detail['worse in']}."


def _describe_final_test(detail: Detail, name: Name, number: str | None = None) -> str:
    low, high = _format_points(detail["low"]), _format_points(detail["high"])
    if detail.get("worse in"):
        why = f"it is significantly worse in {detail['worse in']}, so the rule is kept"
    else:
        why = "it wins" if detail["kept"] == "winner" else "that may be chance, so the rule is kept"
    program = _begin(name(detail["winner"]))
    return (
        f"{program} against {detail['rule']}, the best rule, on {detail['instances']} instances: "
        f"{_format_points(detail['gain'])} points (interval of the test {low} to {high}); {why}."
    )


def _describe_claim(detail: Detail, name: Name, number: str | None = None) -> str:
    low, high = _format_points(detail["low"]), _format_points(detail["high"])
    return (
        f"Claim, on {detail['instances']} instances by which nothing was chosen: {_format_points(detail['gain'])} "
        f"points against {detail['rule']} (95 % interval {low} to {high})."
    )


def _describe_examination(detail: Detail, name: Name, what: str) -> str:
    word = f": {detail['message']}" if detail.get("message") else ""
    slot = what.removeprefix("slot ")
    named = name(int(slot)) if slot != what and slot.isdecimal() else what
    return f"Verified {named} again (isolated, relabelled, without look-ahead): {detail['outcome']}{word}."


def _describe_shortening(detail: Detail, name: Name, number: str | None = None) -> str:
    if detail["before"] == detail["after"]:
        return f"No shorter form is as good, by {detail['tried']} tries."
    return f"Shortened from {detail['before']} to {detail['after']} in size, by {detail['tried']} tries."


def _describe_draw(detail: Detail, name: Name, slot: str) -> str:
    seed = detail["seed"]
    return f"The last instances were drawn after slot {slot}, when no program could know them (seed {seed})."


def _describe_race(detail: Detail, name: Name) -> str:
    behind = f"some {detail['points_behind']:.3f} points of gap behind the program it was compared with"
    return f"dropped early, after {detail['met']} instances: {behind}"


def _describe_plateau(detail: Detail, name: Name) -> str:
    return describe_fresh_start({**detail, "not by": hide_login(detail["not by"])})


def _describe_speed(detail: Detail, name: Name) -> str:
    return str(detail["goal"])


def _describe_twin(detail: Detail, name: Name) -> str:
    return f"behaves as {name(detail['slot'])} does: not evaluated further"


def _describe_gate(detail: Detail, name: Name) -> str:
    return describe_gate(detail)


def _begin(words: str) -> str:
    """Begins a sentence with a capital letter."""
    return words[:1].upper() + words[1:]


_KNOWN: Mapping[str, Callable[..., str]] = {
    "gate": _describe_gate,
    "raced": _describe_race,
    "plateau": _describe_plateau,
    "speed": _describe_speed,
    "twin": _describe_twin,
    r"halving round (\d+)": _describe_halving,
    r"passed over slot (\d+)": _describe_rejection,
    r"against the best rule(?:, (\d+))?": _describe_final_test,
    r"claim(?:, (\d+))?": _describe_claim,
    r"examined (.+)": _describe_examination,
    r"simplified(?:, (\d+))?": _describe_shortening,
    r"last instances, drawn after slot (\d+)": _describe_draw,
}
"""Kinds of events, as patterns, and how each is described."""
