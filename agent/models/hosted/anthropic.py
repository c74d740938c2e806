"""`anthropic:NAME`: the Messages API, with the static part of the prompt cached."""

from collections.abc import Mapping
from typing import Any

import anthropic
from anthropic.types import TextBlockParam

from gapsmith.agent.models.base import Request
from gapsmith.agent.models.hosted.account import Heard, Options, Server, ended
from gapsmith.agent.models.hosted.batch.anthropic import AnthropicBatches
from gapsmith.agent.models.hosted.parameters import Parameter, Parameters
from gapsmith.agent.models.hosted.prices import Usage
from gapsmith.agent.models.hosted.transport.answers import at, content, finish_of, usage_of, word
from gapsmith.agent.models.hosted.transport.body import post
from gapsmith.agent.models.hosted.transport.errors import Fault, error_object
from gapsmith.agent.models.hosted.transport.proxies import reaching


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
            http_client=reaching(server.url, anthropic.DefaultHttpxClient),
        )

    @property
    def parameters(self) -> list[Parameter]:
        """The optional parameters of each request."""
        return _wanted(self._options)

    def body(self, request: Request, optional: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the body of a request."""
        body = {
            "model": self._server.name,
            "max_tokens": self._options.max_tokens,
            "messages": [{"role": "user", "content": request.prompt}],
            **optional,
        }
        return body | ({"system": _system(request.system)} if request.system else {})

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

    def read(self, answer: Mapping[str, Any]) -> Heard | Fault:
        """Reads an answer."""
        return _heard(answer)

    def batches(self, parameters: Parameters) -> AnthropicBatches:
        """Returns the server's batches."""
        return AnthropicBatches(
            self._client,
            lambda request: self.body(request, parameters.body),
            self.read,
            parameters.leave_out,
        )

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()


def connect(server: Server, options: Options, api: str) -> AnthropicApi:
    """Makes the client of a server; there is one API only."""
    return AnthropicApi(server, options)


def _wanted(options: Options) -> list[Parameter]:
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


def _system(text: str) -> list[TextBlockParam]:
    """Returns the static part as a block that ends a cached prefix.

    The API refuses an empty block.
    """
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]


def _heard(answer: Mapping[str, Any]) -> Heard | Fault:
    if answer.get("content") is None:
        said = error_object(answer)
        status = said.get("code") if isinstance(said.get("code"), int) else None
        return Fault(
            status=status, code="no content", message=str(said.get("message") or "a reply without content")
        )
    text, reason = content(answer.get("content")), word(answer, "stop_reason")
    return Heard(
        text=text,
        finish=ended(text, finish_of(reason)),
        reason=reason,
        usage=_usage(text, answer.get("usage")),
        id=word(answer, "id"),
    )


def _usage(text: str, usage: object) -> Usage | None:
    return usage_of(
        text,
        # Unlike OpenAI's, this API's `input_tokens` leaves out what was read from or written to the cache.
        apart=True,
        tokens_in=at(usage, "input_tokens"),
        cached=at(usage, "cache_read_input_tokens"),
        written=at(usage, "cache_creation_input_tokens"),
        tokens_out=at(usage, "output_tokens"),
        reasoning=at(usage, "output_tokens_details", "thinking_tokens"),
    )
