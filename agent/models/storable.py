"""What an archive can hold of a reply, whoever made it: a paid reply is not lost for an odd figure beside it."""

import math
from dataclasses import replace

from gapsmith.agent.codegen.screen import encodable
from gapsmith.agent.models.base import Reply
from gapsmith.agent.models.hosted.transport.answers import MOST_TOKENS

MOST_USD = 1e6
"""A single call that costs more has no price but a fault."""

LONGEST_WORD = 2000
"""Characters of an id, or of a detail."""


def storable(reply: Reply) -> Reply:
    """The reply with counts, price and words in bounds; a price that cannot be is unknown."""
    return replace(
        reply,
        text=encodable(reply.text),
        tokens_in=_count(reply.tokens_in),
        tokens_cached=_count(reply.tokens_cached),
        tokens_out=_count(reply.tokens_out),
        usd=_price(reply.usd),
        seconds=_amount(reply.seconds) or 0.0,
        id=_word(reply.id),
        detail={_word(key): _word(value) for key, value in reply.detail.items()},
    )


def _word(value: object) -> str:
    return encodable(str(value)[:LONGEST_WORD])


def _count(value: object) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
    return int(value) if whole else 0  # type: ignore[call-overload]  # as was just looked at


def _price(usd: object) -> float | None:
    found = _amount(usd)
    return found if found is not None and found <= MOST_USD else None


def _amount(value: object) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and math.isfinite(value) and value >= 0 else None  # type: ignore[arg-type, operator]
