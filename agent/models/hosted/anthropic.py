"""`anthropic:NAME`: the Messages API, with the static part of the prompt cached."""

import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import anthropic
import httpx2
from anthropic.types import TextBlockParam

from gapsmith.agent.models.base import Reply, Request
from gapsmith.agent.models.hosted.account import Account, Heard, Options, Server, ended
from gapsmith.agent.models.hosted.batch.anthropic import AnthropicBatches
from gapsmith.agent.models.hosted.batch.base import Batches
from gapsmith.agent.models.hosted.parameters import Parameter, Parameters
from gapsmith.agent.models.hosted.prices import Price, Usage
from gapsmith.agent.models.hosted.transport.answers import at, content, finish_of, usage_of, word
from gapsmith.agent.models.hosted.transport.body import received
from gapsmith.agent.models.hosted.transport.calls import Line
from gapsmith.agent.models.hosted.transport.errors import Fault, error_object, fault_of
from gapsmith.agent.models.hosted.transport.proxies import reaching


class AnthropicModel:
    """One model behind the Messages API. The HTTP client is made once and shared by threads."""

    deterministic = False

    def __init__(
        self,
        server: Server,
        *,
        price: Price | None = None,
        options: Options | None = None,
        stop: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._options = options or Options()
        self._account = Account(server, price, self._options)
        self._line = Line(self._account, self._options, hang_up=self._hang_up, stop=stop, clock=clock)
        self._parameters = Parameters(_wanted(self._options))
        http = reaching(server.url, anthropic.DefaultHttpxClient)
        weakref.finalize(self, http.close)  # of a model that nobody closes
        self._client = anthropic.Anthropic(
            api_key=server.key,
            base_url=server.url,
            # Given explicitly: with its own default the SDK refuses long replies that are not streamed.
            timeout=anthropic.Timeout(self._options.seconds, connect=10.0),
            # The line repeats what failed, since all threads must keep to one pace.
            max_retries=0,
            http_client=http,
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
        parameters = self._parameters
        api = AnthropicBatches(
            self._client,
            lambda request: self._body(request, parameters.body),
            _heard,
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
        # One body for what is asked alone and in batches, and with parameters that the SDK does not know.
        body = self._body(request, optional)

        def send() -> httpx2.Response:
            return self._client.post(
                "/v1/messages",
                cast_to=httpx2.Response,
                body=body,
                stream=True,
                stream_cls=anthropic.Stream[Any],
            )  # type: ignore[return-value]  # what is cast to a response is given before it is read

        try:
            answer = received(send, self._options.seconds)
        except anthropic.APIError as error:
            return fault_of(error)
        return answer if isinstance(answer, Fault) else _heard(answer)

    def _body(self, request: Request, optional: Mapping[str, Any]) -> dict[str, Any]:
        body = {
            "model": self._server.name,
            "max_tokens": self._options.max_tokens,
            "messages": [{"role": "user", "content": request.prompt}],
            **optional,
        }
        return body | ({"system": _system(request.system)} if request.system else {})


def _wanted(options: Options) -> list[Parameter]:
    """Of the SDK's parameters, and `temperature`, which it does not name any more: older models know it."""
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
    """The static part as a block that ends a cached prefix; the API refuses an empty block."""
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
