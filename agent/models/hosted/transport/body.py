"""Sends a request and reads its response within limits.

The request goes through an SDK; time and size of the response's body are limited.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from gapsmith.agent.models.hosted.transport.answers import load_json
from gapsmith.agent.models.hosted.transport.errors import (
    DROPPED,
    TIMED_OUT,
    Fault,
    make_broken,
    make_late,
    make_wrong_api,
    read_fault,
)

MOST_BYTES = 32 << 20
"""A longer body is no answer: the longest replies have some hundred kilobytes."""


def post(
    client: Any,
    path: str,
    body: Mapping[str, Any],
    *,
    stream_cls: object,
    error: type[Exception],
    seconds: float,
) -> Mapping[str, Any] | Fault:
    """Sends a body through OpenAI's or Anthropic's SDK and returns the answer.

    The body is the same for single requests and batches, and may have parameters that the SDK does not know.

    Args:
        client: the SDK's.
        path: below the base URL.
        body: of the request.
        stream_cls: the SDK's class of streams, which it wants to know although none is made.
        error: the SDK's class of errors.
        seconds: from now on, for all of it.
    """

    def send() -> httpx2.Response:
        response: httpx2.Response = client.post(
            path, cast_to=httpx2.Response, body=body, stream=True, stream_cls=stream_cls
        )
        return response

    try:
        return receive(send, seconds)
    except error as raised:
        return read_fault(raised)


def receive(send: Callable[[], httpx2.Response], seconds: float) -> Mapping[str, Any] | Fault:
    """Reads the answer of a server within a time and a size.

    Args:
        send: sends the request; its response is not read yet.
        seconds: from now on, for all of it.
    """
    ends = time.monotonic() + seconds
    response = send()
    try:
        body = _read_body(response, seconds, ends)
    except httpx2.TimeoutException as error:
        return Fault(status=None, code=TIMED_OUT, message=str(error) or "no answer in time")
    except (httpx2.HTTPError, httpx2.StreamError) as error:
        return Fault(status=None, code=DROPPED, message=str(error) or "the connection ended in the answer")
    finally:
        response.close()
    return body if isinstance(body, Fault) else _parse_object(body, response.headers.get("content-type", ""))


def _read_body(response: httpx2.Response, seconds: float, ends: float) -> bytes | Fault:
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if time.monotonic() > ends:
            return make_late(seconds)
        if len(body) > MOST_BYTES:
            return make_wrong_api(f"a body of more than {MOST_BYTES >> 20} MiB")
    return bytes(body)


def _parse_object(body: bytes, kind: str) -> Mapping[str, Any] | Fault:
    try:
        found = load_json(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        if body.strip() and "json" not in kind:
            return make_wrong_api(body[:300].decode("utf-8", "replace"))
        return make_broken(str(error))
    return found if isinstance(found, dict) else make_wrong_api(str(found)[:300])
