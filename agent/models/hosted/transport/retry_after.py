"""Reads the waiting times that servers ask for."""

import email.utils
import math
import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime

# When a window of the rate limit is full again is later than when it has room for one more request.
LONGEST_RESET_SECONDS = 60.0

_WINDOWS = (
    *((f"x-ratelimit-remaining-{what}", f"x-ratelimit-reset-{what}") for what in ("requests", "tokens")),
    *(
        (f"anthropic-ratelimit-{what}-remaining", f"anthropic-ratelimit-{what}-reset")
        for what in ("requests", "tokens", "input-tokens", "output-tokens")
    ),
)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[dhms]))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])")


def read_retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Returns the seconds to wait by a response's headers.

    Above 0; None where they ask for none.

    `retry-after-ms` and `retry-after` (seconds, RFC 9110 also allows a date) say it outright. Else the windows of
    the rate limit that are used up say when they are full again: OpenAI's as a duration such as 6m0s,
    Anthropic's as a time by RFC 3339.

    Args:
        headers: by lower-case name, or of a mapping that knows no case.
        now: seconds since the epoch.
    """
    moment = time.time() if now is None else now
    asked = _scale(headers.get("retry-after-ms", ""), 1000.0) or _parse_seconds(
        headers.get("retry-after", ""), moment
    )
    resets = (
        [] if asked else [min(LONGEST_RESET_SECONDS, seconds) for seconds in _read_resets(headers, moment)]
    )
    wait = asked[0] if asked else max(resets, default=0.0)
    return wait if wait > 0 else None


def _read_resets(headers: Mapping[str, str], now: float) -> Iterator[float]:
    for remaining, reset in _WINDOWS:
        if headers.get(remaining, "").strip() == "0":
            yield from _parse_seconds(headers.get(reset, ""), now)


def _parse_seconds(text: str, now: float) -> list[float]:
    """Parses one number; None where the text has no known form."""
    return _scale(text, 1.0) or _parse_duration(text) or _parse_date(text, now)


def _scale(text: str, divisor: float) -> list[float]:
    try:
        number = float(text) / divisor
    except ValueError:
        return []
    return [] if math.isnan(number) else [number]


def _parse_duration(text: str) -> list[float]:
    if not _DURATION.fullmatch(text.strip()):
        return []
    return [sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))]


def _parse_date(text: str, now: float) -> list[float]:
    try:
        return [datetime.fromisoformat(text.strip()).timestamp() - now]
    except (ValueError, OverflowError):
        parsed = email.utils.parsedate_tz(text)
    try:
        return [email.utils.mktime_tz(parsed) - now] if parsed else []
    except (ValueError, OverflowError):
        return []
