"""Calls without an answer: what went wrong in one scrubbed line, and which faults no retry mends."""

import json
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

# A server that asks for a longer wait than this is not waited for: the run records the failure and goes on.
LONGEST_WAIT_SECONDS = 120.0
# Code of a fault: a page of some other server came with status 200, and the SDK handed it out as text.
NOT_THE_API = "not the API"
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
_KEYLIKE = re.compile(r"\bsk-[\w*.-]+")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A call without an answer, after all retries. `status` is None where no response came at all."""

    status: int | None
    code: str
    message: str

    @property
    def credit(self) -> bool:
        """Whether money, not patience, is what helps."""
        return self.status == 402 or self.code in _CREDIT_CODES or bool(_CREDIT_WORDS.search(self.message))


def not_the_api(answer: object) -> Fault:
    """The fault of an answer that is not of the type that the SDK promises."""
    return Fault(status=200, code=NOT_THE_API, message=f"not an answer of the API: {answer!r}")


def fault_of(error: Exception) -> Fault:
    """Reads an error of either SDK: status, the server's code, and its message."""
    body = getattr(error, "body", None)
    said = _error_object(body)
    message = said.get("message") or error.__cause__ or error
    return Fault(
        status=getattr(error, "status_code", None), code=_code(said) or _kind(error), message=str(message)
    )


def _error_object(body: object) -> Mapping[str, Any]:
    outer = body if isinstance(body, Mapping) else {}
    inner = outer.get("error", outer)
    return inner if isinstance(inner, Mapping) else {"message": inner}


def _code(said: Mapping[str, Any]) -> str:
    details = said.get("details")
    fine = details.get("error_code") if isinstance(details, Mapping) else None
    return str(fine or said.get("code") or said.get("type") or "")


def _kind(error: Exception) -> str:
    return type(error).__name__.removesuffix("Error")


class _Response(Protocol):
    """As much as is needed of the HTTP library's response, so that it needs no import here."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> MutableMapping[str, str]: ...
    def read(self) -> bytes: ...


def end_vain_retries(response: _Response) -> None:
    """Tells the SDK, by the header it obeys, not to repeat a request that cannot succeed soon.

    Both SDKs repeat every 429, also one that says that the credit is out; and one of them would sleep for as
    long as a server asks. Hook for responses of the HTTP client.
    """
    if response.status_code >= 400 and (_far_off(response.headers) or _no_credit(response)):
        response.headers["x-should-retry"] = "false"


def _no_credit(response: _Response) -> bool:
    try:
        said = _error_object(json.loads(response.read()))
    except ValueError:
        return False
    return Fault(status=response.status_code, code=_code(said), message=str(said.get("message", ""))).credit


def _far_off(headers: Mapping[str, str]) -> bool:
    waits = (_number(headers.get("retry-after-ms", "")) / 1000, _number(headers.get("retry-after", "")))
    return max(waits) > LONGEST_WAIT_SECONDS


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # A date, or nothing.
        return 0.0


def scrubbed(text: str, key: str) -> str:
    """A server's words on one line of at most 300 characters, without the key or control characters."""
    # Servers echo keys, in full or with stars in them; logs and archives are no place for either.
    # A key of a few letters is a placeholder, and may be part of any word.
    text = _KEYLIKE.sub("[key]", text.replace(key, "[key]") if len(key) > 5 else text)
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= 300 else line[:299] + "…"
