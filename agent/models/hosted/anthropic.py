"""`anthropic:NAME`: the Messages API, with the static part of the prompt cached."""

from collections.abc import Mapping
from typing import Any

import anthropic
from anthropic.types import TextBlockParam

from gapsmith.agent.models.base import Request
from gapsmith.agent.models.hosted.account import Options, ProviderReply, Server, check_empty
from gapsmith.agent.models.hosted.batch.anthropic import AnthropicBatches
from gapsmith.agent.models.hosted.parameters import Parameter, Parameters
from gapsmith.agent.models.hosted.prices import Usage
from gapsmith.agent.models.hosted.transport.answers import (
    get_at,
    get_word,
    read_content,
    read_finish,
    read_usage,
)
from gapsmith.agent.models.hosted.transport.body import post
from gapsmith.agent.models.hosted.transport.errors import Fault, find_error
from gapsmith.agent.models.hosted.transport.proxies import make_client


class AnthropicApi:
    """The Messages API of one server, with one HTTP client."""

    def __init__(self, server: Server, options: Options) -> None:
        self._server, self._options = server, options
        self._client = anthropic.Anthropic(
            api_key=server.key,
            # The SDK adds /v1 itself; the documentation of many gateways has it in the URL.
            base_url=server.url.removesuffix("/v1"),
            # Given explicitly: with its own default the SDK refuses long replies that are not streamed.
            timeout=anthropic.Timeout(options.seconds, connect=10.0),
            # The line repeats what failed, since all threads must keep to one pace.
            max_retries=0,
            http_client=make_client(server.url, anthropic.DefaultHttpxClient),
        )

    @property
    def parameters(self) -> list[Parameter]:
        """The optional parameters of each request."""
        return _list_parameters(self._options)

    def build_body(self, request: Request, optional: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the body of a request."""
        body = {
            "model": self._server.name,
            "max_tokens": self._options.max_tokens,
            "messages": [{"role": "user", "content": request.prompt}],
            **optional,
        }
        return body | ({"system": _build_system(request.system)} if request.system else {})

    def send(self, body: Mapping[str, Any]) -> Mapping[str, Any] | Fault:
        """Sends a body once and returns the answer as JSON."""
        return post(
            self._client,
            "/v1/messages",
            body,
            stream_cls=anthropic.Stream[Any],
            error=anthropic.APIError,
            seconds=self._options.seconds,
        )

    def read(self, answer: Mapping[str, Any]) -> ProviderReply | Fault:
        """Reads an answer."""
        return _read_reply(answer)

    def open_batches(self, parameters: Parameters) -> AnthropicBatches:
        """Returns the server's batches."""
        return AnthropicBatches(
            self._client,
            lambda request: self.build_body(request, parameters.body),
            self.read,
            parameters.leave_out,
        )

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()


def connect(server: Server, options: Options, api: str) -> AnthropicApi:
    """Makes the client of a server; there is one API only."""
    return AnthropicApi(server, options)


def _list_parameters(options: Options) -> list[Parameter]:
    """Lists the optional parameters.

    `temperature` is not named by the SDK any more, but older models know it.
    """
    effort, temperature = {"effort": options.effort}, {"temperature": options.temperature}
    wanted = [
        Parameter(name="effort", body={"output_config": effort}, called="effort|output_config"),
        # Without it, several models answer with no reasoning at all, however great the effort.
        Parameter(name="thinking", body={"thinking": {"type": "adaptive"}}, called="thinking"),
    ]
    wanted = wanted if options.effort else []
    warm = [Parameter(name="temperature", body=temperature, called="temperature")]
    return wanted + (warm if options.temperature is not None else [])


def _build_system(text: str) -> list[TextBlockParam]:
    """Returns the static part as a block that ends a cached prefix.

    The API refuses an empty block.
    """
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]


def _read_reply(answer: Mapping[str, Any]) -> ProviderReply | Fault:
    if answer.get("content") is None:
        said = find_error(answer)
        status = said.get("code") if isinstance(said.get("code"), int) else None
        return Fault(
            status=status, code="no content", message=str(said.get("message") or "a reply without content")
        )
    text, reason = read_content(answer.get("content")), get_word(answer, "stop_reason")
    return ProviderReply(
        text=text,
        finish=check_empty(text, read_finish(reason)),
        reason=reason,
        usage=_read_usage(text, answer.get("usage")),
        id=get_word(answer, "id"),
    )


def _read_usage(text: str, usage: object) -> Usage | None:
    return read_usage(
        text,
        # Unlike OpenAI's, this API's `input_tokens` leaves out what was read from or written to the cache.
        apart=True,
        tokens_in=get_at(usage, "input_tokens"),
        cached=get_at(usage, "cache_read_input_tokens"),
        written=get_at(usage, "cache_creation_input_tokens"),
        tokens_out=get_at(usage, "output_tokens"),
        reasoning=get_at(usage, "output_tokens_details", "thinking_tokens"),
    )
