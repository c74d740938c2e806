"""Parts common to hosted models: options, costs, failures."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from gapsmith.agent.models.base import ModelError, Reply, Request
from gapsmith.agent.models.finish import Finish
from gapsmith.agent.models.hosted.prices import Price, Usage
from gapsmith.agent.models.hosted.transport.errors import (
    BILLED,
    NOBODY_THERE,
    NOT_THE_API,
    Fault,
    remove_key,
    scrub,
)

# This many failures in a row, each after retries, mean that the server is down, not that it has a transient fault.
PATIENCE = 8


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a hosted model is asked.

    Attributes:
        max_tokens: limit of one reply, reasoning included.
        effort: how much the model reasons; empty leaves it to the model.
        temperature: of the sampling; None leaves it to the model.
        seconds: how long one attempt may take.
        batch: whether questions are sent in batches, at the price of those.
        retries: further attempts after 429, 5xx, a time-out or a dropped connection; waits double from 0.5 s
            to 8 s unless the server names its own, so six of them outlast an outage of 20 seconds.
    """

    max_tokens: int = 16_000
    effort: str = ""
    temperature: float | None = None
    batch: bool = False
    seconds: float = 600.0
    retries: int = 6


@dataclass(frozen=True, kw_only=True)
class Server:
    """The server of a hosted model.

    Attributes:
        model: as on the command line, for example `openai:gpt-5`.
        name: the model's name as the server knows it.
        url: base URL.
        key: the secret; shown nowhere.
        key_variable: the environment variable that holds it.
    """

    model: str
    name: str
    url: str
    key: str = field(repr=False)
    key_variable: str

    @property
    def host(self) -> str:
        """The address without what else a URL may hold: a password, for example."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


@dataclass(frozen=True, kw_only=True)
class ProviderReply:
    """An answered call, in terms common to all providers.

    Attributes:
        text: the reply.
        finish: how it ended.
        reason: the same in the provider's word.
        usage: None where the server reported none that can be counted by.
        id: the server's.
        left_out: parameters that the model refused, unless an earlier reply reported them.
    """

    text: str
    finish: Finish
    reason: str
    usage: Usage | None
    id: str
    left_out: tuple[str, ...] = ()


def check_empty(text: str, finish: Finish) -> Finish:
    """Returns EMPTY for a complete reply without text, else the finish."""
    return Finish.EMPTY if finish is Finish.COMPLETE and not text.strip() else finish


MOST_BYTES_OF_A_TOKEN = 64
"""No text has so many bytes for each token on average: words have four, and the longest tokens are rare."""


def drop_implausible(result: ProviderReply | Fault, request: Request) -> ProviderReply | Fault:
    """Removes a usage of fewer tokens than the texts can have."""
    if isinstance(result, Fault) or result.usage is None:
        return result
    asked = len((request.system + request.prompt).encode(errors="replace"))
    answered = len(result.text.strip().encode(errors="replace"))
    few_in = result.usage.tokens_in * MOST_BYTES_OF_A_TOKEN < asked
    few_out = result.usage.tokens_out * MOST_BYTES_OF_A_TOKEN < answered
    return replace(result, usage=None) if few_in or few_out else result


BYTES_OF_A_TOKEN, USUAL_REPLY = 4, 3000
"""Bytes of a token of English text, and tokens of a usual reply, its reasoning included."""


class CostMeter:
    """Settles the calls to one server: costs and failures. Safe in threads."""

    def __init__(self, server: Server, price: Price | None, options: Options) -> None:
        self._server = server
        self._price = price
        self._options = options
        self._lock = threading.Lock()
        self._failures = 0
        self._ever_answered = False

    @property
    def model(self) -> str:
        """As on the command line."""
        return self._server.model

    def bound_usd(self, length: int) -> float | None:
        """Bounds the price of a call by its prompt's length in bytes.

        None where the price is not known.
        """
        options = self._options
        return self._price.bound_usd(length, options.max_tokens, batch=options.batch) if self._price else None

    def estimate_usd(self, length: int) -> float | None:
        """Estimates the price of a usual call by its prompt's bytes.

        Four bytes are a token, as in most English text; None where the price is not known.
        """
        usage = Usage(
            tokens_in=length // BYTES_OF_A_TOKEN, tokens_out=min(USUAL_REPLY, self._options.max_tokens)
        )
        return self._price.compute_usd(usage, batch=self._options.batch) if self._price else None

    def settle(self, result: ProviderReply | Fault, seconds: float, faults: Sequence[Fault] = ()) -> Reply:
        """Returns the reply to record.

        Raises ModelError when asking again will not help.

        Args:
            result: the answer, or what went wrong at last.
            seconds: that the call took, repetitions included.
            faults: of the earlier attempts.
        """
        before = {"faults": " ".join(fault.kind for fault in faults)} if faults else {}
        if isinstance(result, Fault):
            return self._clean(self._settle_fault(result, seconds, before))
        self._note(answered=True)
        return self._clean(self._settle_reply(result, seconds, before))

    def _clean(self, reply: Reply) -> Reply:
        """Removes the key from a reply, wherever the server put it."""
        words = {name: self._kept(value) for name, value in reply.detail.items()}
        return replace(reply, text=self._kept(reply.text), id=self._kept(reply.id), detail=words)

    def _kept(self, text: str) -> str:
        return remove_key(text, self._server.key)

    def _settle_reply(self, result: ProviderReply, seconds: float, before: dict[str, str]) -> Reply:
        usage = result.usage or Usage(tokens_in=0, tokens_out=0)
        return Reply(
            text=result.text,
            tokens_in=usage.tokens_in,
            tokens_cached=usage.cached,
            tokens_out=usage.tokens_out,
            usd=self._price_usage(result.usage),
            seconds=seconds,
            id=result.id,
            detail=_describe_reply(result) | before,
        )

    def _price_usage(self, usage: Usage | None) -> float | None:
        return self._price.compute_usd(usage, batch=self._options.batch) if self._price and usage else None

    def build_error(self, fault: Fault) -> ModelError:
        """Returns the error of batches that cannot be sent or collected."""
        said = self._said(fault)
        advice = (
            self._advise(fault) or "a batch failed at {host}: {said}; what was sent is kept, so resume later"
        )
        return ModelError(f"{self._server.model}: {advice.format(said=said, host=self._server.host)}")

    def _settle_fault(self, fault: Fault, seconds: float, before: dict[str, str]) -> Reply:
        said = self._said(fault)
        if advice := self._advise(fault):
            raise ModelError(f"{self._server.model}: {advice.format(said=said)}") from None
        failures = self._note(answered=False)
        if failures >= PATIENCE:
            raise ModelError(
                f"{self._server.model}: {failures} calls in a row failed at {self._server.host}; "
                f"the last: {said}; what was paid for is kept, so resume when the server is back"
            ) from None
        said += f"; {self._advise_less()}" if fault.is_too_long else ""
        detail = {"finish": str(Finish.FAILED), "reason": fault.code, "error": said}
        kinds = {fault.code, *before.get("faults", "").split(" ")}
        usd = None if kinds & set(BILLED) else 0.0  # an unknown price counts as the most that it can be
        return Reply(text="", usd=usd, seconds=seconds, detail=detail | before)

    def _note(self, *, answered: bool) -> int:
        """Records how a call ended, and counts failures in a row."""
        with self._lock:
            self._failures = 0 if answered else self._failures + 1
            self._ever_answered |= answered
            return self._failures

    def _advise(self, fault: Fault) -> str:
        """Says what the user can do about a permanent failure.

        Empty for a failure that may be transient.
        """
        server = self._server
        if not self._ever_answered and fault.code == NOT_THE_API:
            return f"{server.host} does not speak this API ({{said}}); check the base URL"
        if not self._ever_answered and fault.code == NOBODY_THERE:
            return (
                f"no server answers at {server.host} ({{said}}); check the base URL, or resume when it is up"
            )
        if (
            not self._ever_answered and self._failures and fault.is_too_long
        ):  # one question may be too long by itself
            return "{said}; " + self._advise_less()
        if fault.is_out_of_credit:
            return "credit or quota is used up ({said}); top it up and resume, or use --model offline"
        if fault.is_wait_too_long:
            return f"{server.host} asks to wait {fault.wait:.0f} s ({{said}}); resume after that"
        if fault.status == 401:
            refused = f"{server.host} refused the key in {server.key_variable}"
            return refused + " ({said}); set a valid one and resume, or use --model offline"
        if fault.status == 403:
            return f"the key in {server.key_variable} may not do this ({{said}}); use another key or model"
        if fault.status == 404:
            return f"{server.host} knows no such model or address ({{said}}); check the name and the base URL"
        return ""

    def _advise_less(self) -> str:
        most = self._options.max_tokens
        return f"a reply may take max_tokens={most}: give less behind the model's name, as in max_tokens={most // 4}"

    def _said(self, fault: Fault) -> str:
        head = str(fault.status) if fault.status else fault.code
        return scrub(f"{head}: {fault.message}", self._server.key)


def _describe_reply(result: ProviderReply) -> dict[str, str]:
    detail = {"finish": str(result.finish), "reason": result.reason}
    if result.left_out:
        detail["left_out"] = " ".join(result.left_out)
    if result.usage is None:
        return {**detail, "usage": "not reported"}
    counts = {"tokens_written": result.usage.written, "tokens_reasoning": result.usage.reasoning}
    return detail | {name: str(tokens) for name, tokens in counts.items() if tokens}
