"""Sends a request through an SDK and reads the body of its response within a time and a size."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from gapsmith.agent.models.hosted.transport.answers import loaded
from gapsmith.agent.models.hosted.transport.errors import (
    DROPPED,
    TIMED_OUT,
    Fault,
    broken,
    fault_of,
    late,
    not_the_api,
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
        return received(send, seconds)
    except error as raised:
        return fault_of(raised)


def received(send: Callable[[], httpx2.Response], seconds: float) -> Mapping[str, Any] | Fault:
    """Reads the answer of a server within a time and a size.

    Args:
        send: sends the request; its response is not read yet.
        seconds: from now on, for all of it.
    """
    ends = time.monotonic() + seconds
    response = send()
    try:
        body = _body(response, seconds, ends)
    except httpx2.TimeoutException as error:
        return Fault(status=None, code=TIMED_OUT, message=str(error) or "no answer in time")
    except (httpx2.HTTPError, httpx2.StreamError) as error:
        return Fault(status=None, code=DROPPED, message=str(error) or "the connection ended in the answer")
    finally:
        response.close()
    return body if isinstance(body, Fault) else _object(body, response.headers.get("content-type", ""))


def _body(response: httpx2.Response, seconds: float, ends: float) -> bytes | Fault:
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if time.monotonic() > ends:
            return late(seconds)
        if len(body) > MOST_BYTES:
            return not_the_api(f"a body of more than {MOST_BYTES >> 20} MiB")
    return bytes(body)


def _object(body: bytes, kind: str) -> Mapping[str, Any] | Fault:
    try:
        found = loaded(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        if body.strip() and "json" not in kind:
            return not_the_api(body[:300].decode("utf-8", "replace"))
        return broken(str(error))
    return found if isinstance(found, dict) else not_the_api(str(found)[:300])
