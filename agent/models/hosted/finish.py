"""Handles replies that did not end well.

Says what of them can be used, and words the error where nothing can.
"""

import re
from collections.abc import Mapping

from gapsmith.agent.models.finish import Finish

_FENCE = re.compile(r"^[ \t]*(?P<fence>`{3,}|~{3,})(?P<rest>[^\n]*)$", re.MULTILINE)
_WORDS = {
    Finish.TRUNCATED: "the reply was cut off before its code ended; more room: max_tokens= behind the model's name",
    Finish.REFUSED: "the model refused to answer",
    Finish.EMPTY: "the reply is empty",
    Finish.FAILED: "no answer came",
}
ENDINGS = tuple(str(finish) for finish in _WORDS)
"""How replies end that hold no program, beside `complete`: outcomes of their slots."""


def take_usable_part(reply: str, finish: str) -> str:
    """Returns the usable part of a reply that ended early.

    A reply that was cut off is used up to its last closed block.
    """
    if finish not in (Finish.TRUNCATED, Finish.REFUSED):
        return reply
    begin, fence, closed = 0, "", 0
    for found in _FENCE.finditer(reply):
        if not fence:
            begin, fence = found.start(), found["fence"]
        elif found["fence"].startswith(fence) and not found["rest"].strip():
            fence, closed = "", found.end()
    return reply[:begin] if fence and closed else reply if closed else ""


def describe_finish(detail: Mapping[str, str]) -> tuple[str, str]:
    """Returns how a reply ended and why, from its record.

    Two empty strings for a complete reply.
    """
    finish = detail.get("finish", "")
    if finish not in ENDINGS:
        return "", ""
    return finish, detail.get("error") or _WORDS[Finish(finish)]
