"""Reads the body of a response within a time and a size."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from gapsmith.agent.models.hosted.transport.answers import loaded
from gapsmith.agent.models.hosted.transport.errors import DROPPED, TIMED_OUT, Fault, broken, late, not_the_api

MOST_BYTES = 32 << 20
"""A longer body is no answer: the longest replies have some hundred kilobytes."""


def received(send: Callable[[], httpx2.Response], seconds: float) -> Mapping[str, Any] | Fault:
    """The object that a server answers with, read within a time and a size.

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
