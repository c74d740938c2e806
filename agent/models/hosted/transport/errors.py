"""Failed calls.

What went wrong, in one line without secrets, and whether a retry may help.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gapsmith.agent.models.hosted.transport.retry_after import read_retry_after
from gapsmith.agent.models.spec import hide_login

# A server that asks for a longer wait than this is not waited for: the run ends, and can be resumed then.
LONGEST_WAIT_SECONDS = 120.0
# Codes of faults that no server gives: not the API's answer, connection refused, time-out, connection lost.
NOT_THE_API, NOBODY_THERE, TIMED_OUT, DROPPED = "not the API", "nobody there", "timed out", "dropped"
# An answer that is empty or cut.
BROKEN = "broken answer"
# Faults after which the server may bill the request all the same.
BILLED = (TIMED_OUT, BROKEN, DROPPED)
_PASSING = frozenset({408, 409, 425, 429})
_LOAD = frozenset({429, 503, 529})
_CREDIT_CODES = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "billing_error",
        "enforced_spend_limit_reached",
        "contract_spend_limit_reached",
        "linked_organization_spend_limit_reached",
    }
)
# Anthropic has reported an empty purse as an ordinary bad request; its words are all there is to go by.
_CREDIT_WORDS = re.compile(
    r"credit balance|exceeded your current quota|insufficient (credit|funds|balance)", re.I
)
_ROOM_WORDS = re.compile(
    r"context (length|window|size|limit)|max_(completion_|output_)?tokens.{0,60}(too large|exceed|at most)"
    r"|prompt is too long|too many (input )?tokens|reduce the length|context_length_exceeded",
    re.I,
)
_KEYLIKE = re.compile(r"\bsk-[\w*.-]+")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One request that failed.

    Attributes:
        status: of the response; None where none came.
        code: the server's own, else the kind of fault.
        message: in the server's words.
        parameter: of the request, that the server says is at fault; empty where it names none.
        wait: seconds that the server asks for.
        again: what the server itself says of asking again, where it says anything.
    """

    status: int | None
    code: str
    message: str
    parameter: str = ""
    wait: float | None = None
    again: bool | None = None

    @property
    def is_out_of_credit(self) -> bool:
        """Whether credit or quota is used up, so that waiting does not help."""
        return self.status == 402 or self.code in _CREDIT_CODES or bool(_CREDIT_WORDS.search(self.message))

    @property
    def is_too_long(self) -> bool:
        """Whether the question and the longest reply together are more than the model can hold."""
        words = f"{self.code} {self.message}"
        return self.status in (400, 413, 422) and bool(_ROOM_WORDS.search(words))

    @property
    def load(self) -> bool:
        """Whether the server is overloaded, so that all calls to it must slow down."""
        return self.status in _LOAD

    @property
    def is_wait_too_long(self) -> bool:
        """Whether the server asks for a longer wait than a run should take."""
        return self.wait is not None and self.wait > LONGEST_WAIT_SECONDS

    @property
    def is_transient(self) -> bool:
        """Whether the same request may be answered a little later."""
        if self.is_out_of_credit or self.is_wait_too_long:
            return False
        if self.again is not None:
            return self.again
        return self.status is None or self.status in _PASSING or self.status >= 500

    @property
    def kind(self) -> str:
        """In a word or two, for the record: its status, or its code where there is none."""
        return str(self.status or self.code)


def make_wrong_api(answer: object) -> Fault:
    """Returns the failure of an answer of an unexpected type."""
    return Fault(status=200, code=NOT_THE_API, message=f"not an answer of the API: {answer!r}")


def make_broken(why: str) -> Fault:
    """Returns the failure of an answer that is empty or cut.

    It is transient, like a connection that was dropped.
    """
    return Fault(status=None, code=BROKEN, message=f"the answer is not whole JSON: {why}")


def make_late(seconds: float) -> Fault:
    """Returns the failure of an attempt that missed its deadline."""
    return Fault(status=None, code=TIMED_OUT, message=f"no whole answer within {seconds:g} s")


def read_fault(error: Exception) -> Fault:
    """Reads an error of either SDK.

    Status, the server's code, its message, and the wait that it asks for.
    """
    said = find_error(getattr(error, "body", None))
    headers: Mapping[str, str] = getattr(getattr(error, "response", None), "headers", {})
    # Servers made with FastAPI, of which there are many, tell what is wrong as "detail".
    message = said.get("message") or said.get("detail") or error.__cause__ or error
    return Fault(
        status=getattr(error, "status_code", None),
        code=_read_code(said) or _classify(error),
        message=str(message),
        parameter=str(said.get("param") or ""),
        wait=read_retry_after(headers),
        again={"true": True, "false": False}.get(headers.get("x-should-retry", "")),
    )


def find_error(body: object) -> Mapping[str, Any]:
    """Returns the part of a response's body that describes the error.

    Empty where there is none.
    """
    outer = body if isinstance(body, Mapping) else {}
    inner = outer.get("error", outer)
    return inner if isinstance(inner, Mapping) else {"message": inner}


def _read_code(said: Mapping[str, Any]) -> str:
    details = said.get("details")
    fine = details.get("error_code") if isinstance(details, Mapping) else None
    return str(fine or said.get("code") or said.get("type") or "")


def _classify(error: Exception) -> str:
    """Classifies an error by the names of the SDK's error classes.

    And of those of the HTTP library below, so that neither is imported here.
    """
    name, below = type(error).__name__, type(error.__cause__).__name__
    if name == "APITimeoutError":
        return NOBODY_THERE if below == "ConnectTimeout" else TIMED_OUT
    if name == "APIConnectionError":
        return NOBODY_THERE if below == "ConnectError" else DROPPED
    return name.removesuffix("Error")


def scrub(text: str, key: str) -> str:
    """Returns a server's message on one line of at most 300 characters.

    Without the key and control characters.
    """
    # Servers echo keys, in full or with stars in them; logs and archives are no place for either.
    text = _KEYLIKE.sub("[key]", hide_login(remove_key(text, key)))
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= 300 else line[:299] + "…"


def remove_key(text: str, key: str) -> str:
    """Removes the key from a text.

    A server may echo it in an answer as well as in an error.
    """
    # A key of a few letters is a placeholder, and may be part of any word.
    return text.replace(key, "[key]") if len(key) > 5 else text
