"""`openai:NAME`: the Responses API of the official server, Chat Completions of compatible ones."""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import openai
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion
from openai.types.chat.chat_completion import Choice
from openai.types.responses import Response, ResponseUsage

from gapsmith.agent.models.base import Reply, Request
from gapsmith.agent.models.batch import Batches
from gapsmith.agent.models.batch_openai import OpenAIBatches
from gapsmith.agent.models.faults import Fault, error_object, fault_of, not_the_api
from gapsmith.agent.models.hosted import Account, Finish, Heard, Options, Server, count, ended
from gapsmith.agent.models.line import Line
from gapsmith.agent.models.parameters import Parameter, Parameters
from gapsmith.agent.models.prices import Price, Usage

# The SDK insists on a key; servers that need none ignore it.
_NO_KEY = "no-key-needed"
_EFFORT = "reasoning_effort|reasoning|effort"
_KEY = "prompt_cache_key"
# Its value depends on the request.
_CACHE_KEY = Parameter(name=_KEY, body={_KEY: ""}, called=_KEY)
_CHOICE_FINISHES: dict[str, Finish] = {
    "length": Finish.TRUNCATED,
    "content_filter": Finish.REFUSED,
    "error": Finish.FAILED,
}


class Api(StrEnum):
    """The two ways of asking: compatible servers know the older one."""

    RESPONSES = "responses"
    CHAT = "chat"


class OpenAIModel:
    """One model behind an OpenAI API. The HTTP client is made once and shared by threads."""

    deterministic = False

    def __init__(
        self,
        server: Server,
        api: Api,
        *,
        price: Price | None = None,
        options: Options | None = None,
        stop: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._options = options or Options()
        self._account = Account(server, price, self._options)
        self._line = Line(
            self._account, retries=self._options.retries, hang_up=self._hang_up, stop=stop, clock=clock
        )
        self._way = _WAYS[api]
        self._parameters = Parameters(self._way.optional(self._options))
        self._client = openai.OpenAI(
            api_key=server.key or _NO_KEY,
            base_url=server.url,
            timeout=openai.Timeout(self._options.seconds, connect=10.0),
            # The line repeats what failed, since all threads must keep to one pace.
            max_retries=0,
        )

    @property
    def name(self) -> str:
        """As on the command line."""
        return self._server.model

    def most_usd(self, length: int) -> float | None:
        """The most that a call can cost whose prompt has so many bytes; None for a model without a price."""
        return self._account.most_usd(length)

    def reply(self, request: Request) -> Reply:
        """Answers one request. Raises ModelTrouble when the run cannot go on."""
        return self._line.reply(lambda: self._call(request))

    @property
    def batches(self) -> Batches | None:
        """The model's batches, where it is asked in such."""
        way, parameters = self._way, self._parameters
        api = OpenAIBatches(
            self._client,
            f"/v1/{way.path}",
            lambda request: self._body(request, parameters.body),
            lambda body: way.heard(way.answer.construct(**body)),
            parameters.leave_out,
        )
        return Batches(api, self._line, self._account) if self._options.batch else None

    def close(self) -> None:
        """Sends nothing any more; replies on their way still come, and the last one closes the connections."""
        self._line.close()

    def _hang_up(self) -> None:
        self._client.close()

    def _call(self, request: Request) -> Heard | Fault:
        return self._parameters.ask(lambda optional: self._send(request, optional))

    def _send(self, request: Request, optional: dict[str, Any]) -> Heard | Fault:
        way, body = self._way, self._body(request, optional)
        try:
            # One body for what is asked alone and in batches, and with parameters that the SDK does not know.
            answer = self._client.post(f"/{way.path}", cast_to=way.answer, body=body)
        except openai.APIError as error:
            return fault_of(error)
        return way.heard(answer) if isinstance(answer, way.answer) else not_the_api(answer)

    def _body(self, request: Request, optional: Mapping[str, Any]) -> dict[str, Any]:
        asked = self._way.body(request, self._options)
        return {"model": self._server.name, **asked, **_keyed(optional, request)}


def _responses_body(request: Request, options: Options) -> dict[str, Any]:
    # Prompts and replies are kept in the user's archive, not on the server.
    body = {"input": request.prompt, "max_output_tokens": options.max_tokens, "store": False}
    return body | ({"instructions": request.system} if request.system else {})


def _chat_body(request: Request, _: Options) -> dict[str, Any]:
    user = {"role": "user", "content": request.prompt}
    return {"messages": [{"role": "system", "content": request.system}, user] if request.system else [user]}


def _of_responses(options: Options) -> list[Parameter]:
    effort = Parameter(name="effort", body={"reasoning": {"effort": options.effort}}, called=_EFFORT)
    return [_CACHE_KEY, *([effort] if options.effort else []), *_warmth(options)]


def _of_chat(options: Options) -> list[Parameter]:
    effort = Parameter(name="effort", body={"reasoning_effort": options.effort}, called=_EFFORT)
    limit = Parameter(
        name="max_tokens",
        # Deprecated by OpenAI, yet the one name that all compatible servers know; who does not says what to use.
        body={"max_tokens": options.max_tokens},
        called="max_completion_tokens",
        instead={"max_completion_tokens": options.max_tokens},
    )
    return [limit, _CACHE_KEY, *([effort] if options.effort else []), *_warmth(options)]


def _warmth(options: Options) -> list[Parameter]:
    if options.temperature is None:
        return []
    return [Parameter(name="temperature", body={"temperature": options.temperature}, called="temperature")]


def _keyed(optional: Mapping[str, Any], request: Request) -> dict[str, Any]:
    """Has requests with an equal static part be routed to the same prompt cache."""
    key = f"gapsmith-{hashlib.sha256(request.system.encode()).hexdigest()[:16]}"
    return {name: key if name == _KEY else value for name, value in optional.items()}


def _heard_response(answer: Response) -> Heard | Fault:
    if answer.status == "failed" and answer.usage is None:  # nothing was billed: as if it had been refused
        code = answer.error.code if answer.error else "failed"
        said = answer.error.message if answer.error else "no reason is given"
        return Fault(status=429 if code == "rate_limit_exceeded" else 500, code=code, message=said)
    # Text is gathered here, not by `output_text`, which fails on what compatible servers leave out.
    parts = [part for item in answer.output or [] if item.type == "message" for part in item.content or []]
    text = "".join(part.text or "" for part in parts if part.type == "output_text")
    refused = any(part.type == "refusal" for part in parts)
    finish, reason = (Finish.REFUSED, "refusal") if refused else _response_finish(answer)
    return Heard(
        text=text,
        finish=ended(text, finish),
        reason=reason,
        usage=_response_usage(answer.usage),
        id=answer.id or "",
    )


def _response_finish(answer: Response) -> tuple[Finish, str]:
    if answer.status == "incomplete":
        reason = (answer.incomplete_details and answer.incomplete_details.reason) or "incomplete"
        return (Finish.REFUSED if reason == "content_filter" else Finish.TRUNCATED), reason
    if answer.status in ("failed", "cancelled"):
        return Finish.FAILED, (answer.error and answer.error.code) or answer.status
    return Finish.COMPLETE, answer.status or ""


def _response_usage(usage: ResponseUsage | None) -> Usage | None:
    if usage is None:
        return None
    return Usage(
        tokens_in=count(usage, "input_tokens"),
        cached=count(usage, "input_tokens_details", "cached_tokens"),
        written=count(usage, "input_tokens_details", "cache_write_tokens"),
        tokens_out=count(usage, "output_tokens"),
        reasoning=count(usage, "output_tokens_details", "reasoning_tokens"),
    )


def _heard_completion(answer: ChatCompletion) -> Heard | Fault:
    if not answer.choices:
        return _behind(error_object(answer.model_extra))
    choice = answer.choices[0]
    said = choice.message.content if choice.message else None
    text = said if isinstance(said, str) else ""
    return Heard(
        text=text,
        finish=ended(text, _choice_finish(choice)),
        reason=choice.finish_reason or "",
        usage=_completion_usage(answer.usage),
        id=answer.id or "",
    )


def _behind(said: Mapping[str, Any]) -> Fault:
    """Some gateways report the failure of the server behind them with status 200."""
    status, message = said.get("code"), str(said.get("message") or "a reply without choices")
    return Fault(status=status if isinstance(status, int) else None, code="no choices", message=message)


def _choice_finish(choice: Choice) -> Finish:
    if choice.message and choice.message.refusal:
        return Finish.REFUSED
    return _CHOICE_FINISHES.get(choice.finish_reason, Finish.COMPLETE)


def _completion_usage(usage: CompletionUsage | None) -> Usage | None:
    if usage is None:
        return None
    return Usage(
        tokens_in=count(usage, "prompt_tokens"),
        cached=count(usage, "prompt_tokens_details", "cached_tokens"),
        written=count(usage, "prompt_tokens_details", "cache_write_tokens"),
        tokens_out=count(usage, "completion_tokens"),
        reasoning=count(usage, "completion_tokens_details", "reasoning_tokens"),
    )


@dataclass(frozen=True)
class _Way:
    """How a question is put, and its answer read."""

    path: str
    answer: type[Any]
    body: Callable[[Request, Options], dict[str, Any]]
    optional: Callable[[Options], list[Parameter]]
    heard: Callable[[Any], Heard | Fault]


_WAYS = {
    Api.RESPONSES: _Way("responses", Response, _responses_body, _of_responses, _heard_response),
    Api.CHAT: _Way("chat/completions", ChatCompletion, _chat_body, _of_chat, _heard_completion),
}
