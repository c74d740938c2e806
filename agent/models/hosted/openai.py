"""`openai:NAME`: the Responses API, or Chat Completions for compatible servers."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import openai

from gapsmith.agent.models.base import Request
from gapsmith.agent.models.finish import Finish
from gapsmith.agent.models.hosted.account import Options, ProviderReply, Server, check_empty
from gapsmith.agent.models.hosted.batch.openai import OpenAIBatches
from gapsmith.agent.models.hosted.parameters import Parameter, Parameters
from gapsmith.agent.models.hosted.prices import Usage
from gapsmith.agent.models.hosted.transport.answers import (
    get_at,
    get_objects,
    get_word,
    read_content,
    read_finish,
    read_usage,
)
from gapsmith.agent.models.hosted.transport.body import post
from gapsmith.agent.models.hosted.transport.errors import Fault, find_error
from gapsmith.agent.models.hosted.transport.proxies import make_client

# The SDK insists on a key; servers that need none ignore it.
_NO_KEY = "no-key-needed"
_EFFORT = "reasoning_effort|reasoning|effort"
_KEY = "prompt_cache_key"
# Its value depends on the request.
_CACHE_KEY = Parameter(name=_KEY, body={_KEY: ""}, called=_KEY)
Answer = Mapping[str, Any]
# As above; left out, the static part is the beginning of the question.
_ROLE = "system_role"
_SYSTEM = Parameter(
    name="system role",
    body={_ROLE: True},
    called=r"system\W{0,3}(role|message|prompt|instruction)s?|role\W{0,8}system|developer instruction"
    r"|user and assistant roles|roles must alternate",
)


class Api(StrEnum):
    """The two APIs; compatible servers support the older one."""

    RESPONSES = "responses"
    CHAT = "chat"


class OpenAIApi:
    """The API of one server, with one HTTP client."""

    def __init__(self, server: Server, options: Options, api: Api) -> None:
        self._server, self._options, self._way = server, options, _WAYS[api]
        self._client = openai.OpenAI(
            api_key=server.key or _NO_KEY,
            base_url=server.url,
            timeout=openai.Timeout(options.seconds, connect=10.0),
            # The line repeats what failed, since all threads must keep to one pace.
            max_retries=0,
            http_client=make_client(server.url, openai.DefaultHttpxClient),
        )

    @property
    def parameters(self) -> list[Parameter]:
        """The optional parameters of each request."""
        return self._way.optional(self._options)

    def build_body(self, request: Request, optional: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the body of a request."""
        asked = self._way.body(request, self._options)
        return {"model": self._server.name, **asked, **_add_cache_key(optional, request)}

    def send(self, body: Mapping[str, Any]) -> Answer | Fault:
        """Sends a body once and returns the answer as JSON."""
        return post(
            self._client,
            f"/{self._way.path}",
            body,
            stream_cls=openai.Stream[Any],
            error=openai.APIError,
            seconds=self._options.seconds,
        )

    def read(self, answer: Answer) -> ProviderReply | Fault:
        """Reads an answer."""
        return self._way.read(answer)

    def open_batches(self, parameters: Parameters) -> OpenAIBatches:
        """Returns the server's batches."""
        return OpenAIBatches(
            self._client,
            f"/v1/{self._way.path}",
            lambda request: self.build_body(request, parameters.body),
            self.read,
            parameters.leave_out,
        )

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()


def connect(server: Server, options: Options, api: str) -> OpenAIApi:
    """Makes the client of a server."""
    return OpenAIApi(server, options, Api(api))


def _build_responses_body(request: Request, options: Options) -> dict[str, Any]:
    # Prompts and replies are kept in the user's archive, not on the server.
    body = {"input": request.prompt, "max_output_tokens": options.max_tokens, "store": False}
    return body | ({"instructions": request.system} if request.system else {})


def _build_chat_body(request: Request, _: Options) -> dict[str, Any]:
    # Also where there is nothing but the question: the parameter below has the messages in full.
    return {"messages": [{"role": "user", "content": _join_parts(request)}]}


def _join_parts(request: Request) -> str:
    return f"{request.system.rstrip()}\n\n{request.prompt}" if request.system else request.prompt


def _split_parts(request: Request) -> dict[str, Any]:
    user = {"role": "user", "content": request.prompt}
    return {"messages": [{"role": "system", "content": request.system}, user] if request.system else [user]}


def _list_response_parameters(options: Options) -> list[Parameter]:
    effort = Parameter(name="effort", body={"reasoning": {"effort": options.effort}}, called=_EFFORT)
    return [_CACHE_KEY, *([effort] if options.effort else []), *_list_temperature(options)]


def _list_chat_parameters(options: Options) -> list[Parameter]:
    effort = Parameter(name="effort", body={"reasoning_effort": options.effort}, called=_EFFORT)
    limit = Parameter(
        name="max_tokens",
        # Deprecated by OpenAI, yet supported by nearly all compatible servers; the others say what to use.
        body={"max_tokens": options.max_tokens},
        called="max_completion_tokens",
        instead={"max_completion_tokens": options.max_tokens},
    )
    return [limit, _SYSTEM, _CACHE_KEY, *([effort] if options.effort else []), *_list_temperature(options)]


def _list_temperature(options: Options) -> list[Parameter]:
    if options.temperature is None:
        return []
    return [Parameter(name="temperature", body={"temperature": options.temperature}, called="temperature")]


def _add_cache_key(optional: Mapping[str, Any], request: Request) -> dict[str, Any]:
    """Adds the cache key and the message with the static part.

    Requests with an equal static part are then routed to the same prompt cache.
    """
    key = f"gapsmith-{hashlib.sha256(request.system.encode()).hexdigest()[:16]}"
    valued = {name: key if name == _KEY else value for name, value in optional.items() if name != _ROLE}
    return valued | (_split_parts(request) if _ROLE in optional else {})


def _read_response(answer: Answer) -> ProviderReply | Fault:
    status = get_word(answer, "status")
    if status == "failed" and not answer.get("usage"):  # nothing was billed: as if it had been refused
        code = get_word(answer, "error", "code") or "failed"
        said = get_word(answer, "error", "message") or "no reason is given"
        return Fault(status=429 if code == "rate_limit_exceeded" else 500, code=code, message=said)
    if not isinstance(answer.get("output"), list):
        return _read_gateway_fault(find_error(answer), "a reply without output")
    parts = [part for item in get_objects(answer, "output") for part in get_objects(item, "content")]
    text = read_content([part for part in parts if part.get("type") == "output_text"])
    refused = any(part.get("type") == "refusal" for part in parts)
    finish, reason = (Finish.REFUSED, "refusal") if refused else _read_finish(answer, status)
    return ProviderReply(
        text=text,
        finish=check_empty(text, finish),
        reason=reason,
        usage=_read_response_usage(text, answer.get("usage")),
        id=get_word(answer, "id"),
    )


def _read_finish(answer: Answer, status: str) -> tuple[Finish, str]:
    if status == "incomplete":
        reason = get_word(answer, "incomplete_details", "reason") or status
        return (Finish.REFUSED if read_finish(reason) is Finish.REFUSED else Finish.TRUNCATED), reason
    finish = read_finish(status)
    return finish, (finish is Finish.FAILED and get_word(answer, "error", "code")) or status


def _read_response_usage(text: str, usage: object) -> Usage | None:
    return read_usage(
        text,
        tokens_in=get_at(usage, "input_tokens"),
        cached=get_at(usage, "input_tokens_details", "cached_tokens"),
        written=get_at(usage, "input_tokens_details", "cache_write_tokens"),
        tokens_out=get_at(usage, "output_tokens"),
        reasoning=get_at(usage, "output_tokens_details", "reasoning_tokens"),
        total=get_at(usage, "total_tokens"),
    )


def _read_completion(answer: Answer) -> ProviderReply | Fault:
    choices = get_objects(answer, "choices")
    if not choices:
        return _read_gateway_fault(find_error(answer), "a reply without choices")
    message, reason = choices[0].get("message"), get_word(choices[0], "finish_reason")
    text = read_content(get_at(message, "content")) or get_word(choices[0], "text")
    finish = Finish.REFUSED if get_word(message, "refusal") else read_finish(reason)
    return ProviderReply(
        text=text,
        finish=check_empty(text, finish),
        reason=reason,
        usage=_read_completion_usage(text, answer.get("usage")),
        id=get_word(answer, "id"),
    )


def _read_gateway_fault(said: Mapping[str, Any], otherwise: str) -> Fault:
    """Returns the failure of a server behind a gateway.

    Some gateways report it with status 200.
    """
    status, message = said.get("code"), str(said.get("message") or otherwise)
    known = isinstance(status, int) and 100 <= status < 600
    return Fault(status=status if known else None, code="no choices", message=message)


def _read_completion_usage(text: str, usage: object) -> Usage | None:
    return read_usage(
        text,
        tokens_in=get_at(usage, "prompt_tokens"),
        cached=get_at(usage, "prompt_tokens_details", "cached_tokens"),
        written=get_at(usage, "prompt_tokens_details", "cache_write_tokens"),
        tokens_out=get_at(usage, "completion_tokens"),
        reasoning=get_at(usage, "completion_tokens_details", "reasoning_tokens"),
        total=get_at(usage, "total_tokens"),
    )


@dataclass(frozen=True)
class _Route:
    """How one API writes requests and reads answers."""

    path: str
    body: Callable[[Request, Options], dict[str, Any]]
    optional: Callable[[Options], list[Parameter]]
    read: Callable[[Answer], ProviderReply | Fault]


_WAYS = {
    Api.RESPONSES: _Route("responses", _build_responses_body, _list_response_parameters, _read_response),
    Api.CHAT: _Route("chat/completions", _build_chat_body, _list_chat_parameters, _read_completion),
}
