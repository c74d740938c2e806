"""Reads answers of servers as plain JSON.

Whatever stands in them, and whatever is missing, nothing is raised.
"""

import json
from collections.abc import Mapping
from typing import Any

from gapsmith.agent.models.finish import Finish
from gapsmith.agent.models.hosted.prices import Usage

MOST_TOKENS = 100_000_000
"""Ten times the largest context there is: more cannot have been counted."""

MALFORMED = (ValueError, TypeError, AttributeError, KeyError, RecursionError)
"""What reading an answer through an SDK may raise where it is not of the form that the SDK promises."""

_WHOLE = 18  # digits that fit 64 bits
_TRUNCATED = "length max_tokens max_output_tokens max_length model_length token_limit pause_turn incomplete "
_REFUSED = "content_filter refusal safety recitation prohibited_content blocklist sensitive spii guardrail"
_FAILED = "error failed cancelled abort network_error insufficient_system_resource malformed_function_call"
_FINISHES = {
    **dict.fromkeys((_TRUNCATED + "model_context_window_exceeded").split(), Finish.TRUNCATED),
    **dict.fromkeys(_REFUSED.split(), Finish.REFUSED),
    **dict.fromkeys(_FAILED.split(), Finish.FAILED),
}


def read_finish(reason: str) -> Finish:
    """Maps a provider's finish reason, in either case, to a Finish."""
    return _FINISHES.get(reason.strip().lower(), Finish.COMPLETE)


def get_at(source: object, *path: str) -> Any:
    """Returns the value at a path in nested objects, or None."""
    for name in path:
        source = source.get(name) if isinstance(source, Mapping) else None
    return source


def get_word(source: object, *path: str) -> str:
    """Returns the text at a path; empty where there is none."""
    found = get_at(source, *path)
    return found if isinstance(found, str) else ""


def get_objects(source: object, *path: str) -> list[Mapping[str, Any]]:
    """Lists the objects of the list at a path."""
    found = get_at(source, *path)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def read_content(found: object) -> str:
    """Returns the text of a message.

    It is a string, or the parts of type text of a list.
    """
    if isinstance(found, str):
        return found
    parts = found if isinstance(found, list) else []
    texts = [part for part in parts if get_at(part, "type") in ("text", "output_text")]
    return "".join(get_word(part, "text") or get_word(part, "text", "value") for part in texts)


def read_usage(
    text: str,
    *,
    tokens_in: object,
    tokens_out: object,
    cached: object = None,
    written: object = None,
    reasoning: object = None,
    total: object = None,
    apart: bool = False,
) -> Usage | None:
    """Returns the usage that a server reports.

    None where the figures are impossible.

    Args:
        text: the reply: one with a text took tokens.
        tokens_in: of the input.
        tokens_out: of the output.
        cached: of the input, read from the cache; missing is 0.
        written: of the input, written to it; missing is 0.
        reasoning: of the output; missing is 0.
        total: of both; some servers count reasoning here alone.
        apart: whether cached and written tokens are no part of `tokens_in`.
    """
    whole = [_read_tokens(each) for each in (tokens_in, tokens_out)]
    parts = [0 if each is None else _read_tokens(each) for each in (cached, written, reasoning, total)]
    if None in whole or None in parts:
        return None
    given, said = (each or 0 for each in whole)
    read, kept, thought, both = (each or 0 for each in parts)
    given += (read + kept) * apart
    said = max(said, both - given)
    if given < 1 or read + kept > given or (text.strip() and said < 1):
        return None
    return Usage(tokens_in=given, cached=read, written=kept, tokens_out=said, reasoning=min(thought, said))


def _read_tokens(value: object) -> int | None:
    """Reads a count of tokens.

    None for anything else: text, fractions, negative or impossibly large numbers.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_TOKENS:
        return None
    return int(value) if int(value) == value else None


def load_json(text: str) -> Any:
    """Parses JSON whose numbers may have any length.

    Raises ValueError or RecursionError.
    """
    return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) <= _WHOLE else float(digits))
