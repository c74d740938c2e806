"""Converts replies to calls of an archive, and back.

It also removes from a reply what an archive cannot hold.

A paid reply is never lost for an impossible figure beside it.
"""

import math
from dataclasses import replace

from gapsmith.agent.archive import Call, CallRow
from gapsmith.agent.codegen.screen import make_encodable
from gapsmith.agent.models.base import Reply
from gapsmith.agent.models.hosted.transport.answers import MOST_TOKENS

MOST_USD = 1e6
"""A single call that costs more has no price but a fault."""

LONGEST_WORD = 2000
"""Characters of an id, or of a detail."""


def make_storable(reply: Reply) -> Reply:
    """Returns a reply with counts, price and words in bounds.

    An impossible price becomes unknown.
    """
    return replace(
        reply,
        text=make_encodable(reply.text),
        tokens_in=_count(reply.tokens_in),
        tokens_cached=_count(reply.tokens_cached),
        tokens_out=_count(reply.tokens_out),
        usd=_price(reply.usd),
        seconds=_read_amount(reply.seconds) or 0.0,
        id=_limit_word(reply.id),
        detail={_limit_word(key): _limit_word(value) for key, value in reply.detail.items()},
    )


def make_call(
    reply: Reply,
    *,
    run: int,
    slot: int,
    model: str,
    operator: str,
    template: str = "",
    system: str = "",
    prompt: str = "",
) -> Call:
    """Returns a reply as the call that an archive keeps.

    Args:
        reply: as the model gave it, or a recording.
        run: number of the run.
        slot: number of the question in the run.
        model: the name of the model.
        operator: what was asked for.
        template: name of the templates behind the prompt.
        system: the static part of the prompt.
        prompt: the part that changes; empty where it is not known.
    """
    return Call(
        run=run,
        slot=slot,
        model=model,
        operator=operator,
        template=template,
        system=system,
        prompt=prompt,
        reply=reply.text,
        tokens_in=reply.tokens_in,
        tokens_cached=reply.tokens_cached,
        tokens_out=reply.tokens_out,
        usd=reply.usd,
        seconds=reply.seconds,
        reply_id=reply.id,
        detail=dict(reply.detail),
    )


def read_reply(call: CallRow) -> Reply:
    """Returns the reply of a call, as the model gave it."""
    return Reply(
        text=call.reply,
        tokens_in=call.tokens_in,
        tokens_cached=call.tokens_cached,
        tokens_out=call.tokens_out,
        usd=call.usd,
        seconds=call.seconds,
        id=call.reply_id,
        detail=call.detail,
    )


def _limit_word(value: object) -> str:
    return make_encodable(str(value)[:LONGEST_WORD])


def _count(value: object) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
    return int(value) if whole else 0  # type: ignore[call-overload]  # as was just looked at


def _price(usd: object) -> float | None:
    found = _read_amount(usd)
    return found if found is not None and found <= MOST_USD else None


def _read_amount(value: object) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and math.isfinite(value) and value >= 0 else None  # type: ignore[arg-type, operator]
