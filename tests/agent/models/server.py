"""A server on this machine that speaks OpenAI Responses, OpenAI Chat Completions and Anthropic Messages.

Real SDKs talk to it over real sockets: a test of a model, or of the whole loop, needs no network, no key::

    with LoopbackServer(lambda prompt: "def schedule(p, d): ...") as server:
        model = open_model("openai:gpt-5", base_url=server.openai_url, environment={})
        ...
        assert server.tally.tokens_out == sum(reply.tokens_out for reply in replies)

It imports nothing of gapsmith and nothing but the standard library.
"""

import itertools
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# The SDKs wait as long as a server says; a `retry-after` of 0 they take for "none given".
SOON = {"retry-after-ms": "1"}


@dataclass(frozen=True)
class Fault:
    """What a request gets instead of an answer: a status with a body; without status, a drop."""

    status: int | None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=lambda: SOON)


DROPPED = Fault(None)
RATE_LIMITED = Fault(429, {"error": {"type": "rate_limit_error", "message": "slow down"}})
BROKEN = Fault(500, {"error": {"type": "api_error", "message": "internal error"}})


@dataclass(frozen=True)
class Shaped:
    """An answer that does not end well: `finish` is "truncated" or "refused"."""

    text: str
    finish: str


@dataclass(frozen=True)
class Received:
    """One request as it came: headers by lower-case name, the JSON body as a dict."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass
class Tally:
    """The server's own account: what it would bill."""

    requests: int = 0
    answered: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0


class LoopbackServer:
    """Answers with `answer(prompt)`: a text, or a `Shaped` one. Tokens are words.

    Cached tokens are those of a system prompt that came before. Answers are made in one thread a connection,
    at the same time, so `answer` may wait for others.

    Args:
        answer: from the prompt (without the system part) to the answer.
        faults: taken by the requests in their order; None is no fault, and so is the end of the faults.
        key: when given, requests without it are refused with 401, and the refusal echoes what they had.
    """

    def __init__(
        self,
        answer: Callable[[str], str | Shaped] = lambda prompt: f"answer to {prompt}",
        *,
        faults: Iterable[Fault | None] = (),
        key: str | None = None,
    ) -> None:
        self.answer = answer
        self.key = key
        self.record_tallies = Tally()
        self.received: list[Received] = []
        self.errors: list[BaseException] = []
        self._faults = iter(faults)
        self._seen: set[str] = set()
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def anthropic_url(self) -> str:
        """Base URL for the Anthropic SDK."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def openai_url(self) -> str:
        """Base URL for the OpenAI SDK."""
        return f"{self.anthropic_url}/v1"

    def close(self) -> None:
        """Ends the server and every connection to it, waits for its threads, and raises what went wrong in them."""
        self._http.shutdown()
        self._http.hang_up()
        self._http.server_close()
        self._thread.join()
        for error in self.errors[:1]:
            raise error

    def __enter__(self) -> "LoopbackServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def handle(self, request: Received) -> tuple[int, Any, Mapping[str, str]] | None:
        """Status, body and headers of the response; None drops the connection."""
        with self._lock:
            self.received.append(request)
            self.record_tallies.requests += 1
            fault = next(self._faults, None)
        if fault is not None:
            return None if fault.status is None else (fault.status, fault.body, fault.headers)
        if refusal := self._refusal(request):
            return 401, refusal, {}
        if request.path not in _SHAPES:
            return 404, {"error": {"type": "not_found_error", "message": f"no {request.path} here"}}, {}
        return 200, self._settle_reply(request), {}

    def _refusal(self, request: Received) -> Any:
        given = request.headers.get("x-api-key") or request.headers.get("authorization", "").removeprefix(
            "Bearer "
        )
        if self.key is None or given == self.key:
            return None
        return {"error": {"type": "authentication_error", "message": f"Incorrect API key provided: {given}."}}

    def _settle_reply(self, request: Received) -> Any:
        system, prompt = _READERS[request.path](request.body)
        answer = self.answer(prompt)
        shaped = answer if isinstance(answer, Shaped) else Shaped(answer, "complete")
        with self._lock:
            usage = self._bill(system, prompt, shaped.text)
            number = next(self._ids)
        return _SHAPES[request.path](shaped, usage, f"id-{number}", request.body["model"])

    @staticmethod
    def prompt_of(path: str, body: Mapping[str, Any]) -> str:
        """What a request asks, without the system part."""
        return _READERS[path](body)[1]

    def _bill(self, system: str, prompt: str, text: str) -> Tally:
        static = len(system.split())
        usage = Tally(
            tokens_in=static + len(prompt.split()),
            tokens_cached=static if system in self._seen else 0,
            tokens_out=len(text.split()),
        )
        self._seen.add(system)
        self.record_tallies.answered += 1
        self.record_tallies.tokens_in += usage.tokens_in
        self.record_tallies.tokens_cached += usage.tokens_cached
        self.record_tallies.tokens_out += usage.tokens_out
        return usage


def _read_responses(body: Mapping[str, Any]) -> tuple[str, str]:
    return body.get("instructions", ""), body["input"]


def _read_chat(body: Mapping[str, Any]) -> tuple[str, str]:
    texts = {message["role"]: message["content"] for message in body["messages"]}
    return texts.get("system", ""), texts["user"]


def _read_messages(body: Mapping[str, Any]) -> tuple[str, str]:
    system = "".join(block["text"] for block in body.get("system", []))
    return system, body["messages"][0]["content"]


def _responses(answer: Shaped, usage: Tally, id_: str, model: str) -> Any:
    refused = answer.finish == "refused"
    part = {"type": "refusal", "refusal": "I cannot help with that."}
    text = {"type": "output_text", "text": answer.text, "annotations": []}
    cut = answer.finish == "truncated"
    return {
        "id": id_,
        "object": "response",
        "created_at": 0,
        "model": model,
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "error": None,
        "output": [
            {"type": "reasoning", "id": "reasoning", "summary": []},
            {
                "type": "message",
                "id": "message",
                "role": "assistant",
                "status": "incomplete" if cut else "completed",
                "content": [part if refused else text],
            },
        ],
        "usage": {
            "input_tokens": usage.tokens_in,
            "input_tokens_details": {"cached_tokens": usage.tokens_cached, "cache_write_tokens": 0},
            "output_tokens": usage.tokens_out,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage.tokens_in + usage.tokens_out,
        },
    }


def _chat(answer: Shaped, usage: Tally, id_: str, model: str) -> Any:
    finish = {"truncated": "length", "refused": "content_filter"}.get(answer.finish, "stop")
    return {
        "id": id_,
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "logprobs": None,
                "message": {"role": "assistant", "content": answer.text, "refusal": None},
            }
        ],
        "usage": {
            "prompt_tokens": usage.tokens_in,
            "completion_tokens": usage.tokens_out,
            "total_tokens": usage.tokens_in + usage.tokens_out,
            "prompt_tokens_details": {"cached_tokens": usage.tokens_cached},
        },
    }


def _messages(answer: Shaped, usage: Tally, id_: str, model: str) -> Any:
    stop = {"truncated": "max_tokens", "refused": "refusal"}.get(answer.finish, "end_turn")
    return {
        "id": id_,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": answer.text}] if answer.text else [],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {
            # This API counts cached tokens beside the input, not in it.
            "input_tokens": usage.tokens_in - usage.tokens_cached,
            "cache_read_input_tokens": usage.tokens_cached,
            "cache_creation_input_tokens": 0,
            "output_tokens": usage.tokens_out,
        },
    }


_READERS = {
    "/v1/responses": _read_responses,
    "/v1/chat/completions": _read_chat,
    "/v1/messages": _read_messages,
}
_SHAPES = {"/v1/responses": _responses, "/v1/chat/completions": _chat, "/v1/messages": _messages}


class _Http(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, loopback: LoopbackServer) -> None:
        self.loopback = loopback
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        # A client that hangs up is not an error.
        if error is not None and not isinstance(error, ConnectionError):
            self.loopback.errors.append(error)

    def hang_up(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # The client was quicker.
                continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet a response: headers and body in two would wait for the client's delayed acknowledgement.
    wbufsize = -1
    server: _Http

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["content-length"]))
        self._answer(json.loads(data) if "json" in self.headers["content-type"] else {"data": data.decode()})

    def do_GET(self) -> None:
        self._answer({})

    def _answer(self, body: Any) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        response = self.server.loopback.handle(Received(self.path, headers, body))
        if response is None:
            self.close_connection = True
            return
        self._send(*response)

    def _send(self, status: int, body: Any, headers: Mapping[str, str]) -> None:
        text = isinstance(body, str)
        data = (body if text else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-type", "text/html" if text else "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the tally tells it all."""
