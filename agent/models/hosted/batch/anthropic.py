"""Anthropic's Message Batches.

All requests in one body; the results are lines of JSON, in any order.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import anthropic
from anthropic.types.messages import MessageBatch

from gapsmith.agent.models.base import Request
from gapsmith.agent.models.hosted.account import ProviderReply
from gapsmith.agent.models.hosted.batch.base import BatchStatus, parse_lines
from gapsmith.agent.models.hosted.transport.answers import MALFORMED
from gapsmith.agent.models.hosted.transport.errors import (
    Fault,
    find_error,
    make_broken,
    make_wrong_api,
    read_fault,
)

# Clocks differ, ours from the server's.
_SKEW_SECONDS = 300.0
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


class AnthropicBatches:
    """The Message Batches API.

    Args:
        client: the SDK's.
        body: of a request.
        read: of an answer.
        leave_out: whether a request failed for a parameter that is left out from now on.
    """

    def __init__(
        self,
        client: anthropic.Anthropic,
        body: Callable[[Request], Mapping[str, Any]],
        read: Callable[[Mapping[str, Any]], ProviderReply | Fault],
        leave_out: Callable[[Fault], bool],
    ) -> None:
        self._client, self._body, self._read = client, body, read
        self.leave_out = leave_out

    def submit(self, name: str, requests: Mapping[str, Request]) -> str | Fault:
        """Sends requests."""
        wanted: list[Any] = [{"custom_id": id_, "params": self._body(each)} for id_, each in requests.items()]
        try:
            return self._client.messages.batches.create(requests=wanted).id
        except anthropic.APIError as error:
            return read_fault(error)
        except MALFORMED as error:
            return make_broken(str(error))

    def find(self, name: str, made: float, count: int, known: Collection[str]) -> str | Fault:
        """Finds a batch of that time, size and name.

        A batch whose results are not there yet matches, too. This API keeps no text of ours with a batch, and gives
        the ids of its requests with their results only.
        """
        try:
            candidates = [batch for batch in self._list_since(made - _SKEW_SECONDS) if batch.id not in known]
            for batch in candidates:
                if _count_requests(batch) == count and (not _has_ended(batch) or self._has(batch.id, name)):
                    return batch.id
        except anthropic.APIError as error:
            return read_fault(error)
        except MALFORMED as error:
            return make_wrong_api(error)
        return ""

    def read_status(self, id_: str) -> BatchStatus | Fault:
        """Returns the status of a batch."""
        try:
            batch = self._client.messages.batches.retrieve(id_)
        except anthropic.APIError as error:
            return read_fault(error)
        except MALFORMED as error:
            return make_broken(str(error))
        return BatchStatus(_has_ended(batch), _count_requests(batch) - batch.request_counts.processing)

    def read_results(self, id_: str) -> Mapping[str, ProviderReply | Fault] | Fault:
        """Reads the lines of a batch's results."""
        try:
            return {line["custom_id"]: self._result(line["result"]) for line in self._lines(id_)}
        except anthropic.APIError as error:
            return read_fault(error)
        except MALFORMED as error:
            return make_wrong_api(error)

    def _list_since(self, made: float) -> list[MessageBatch]:
        """Lists the batches since a time, the oldest first."""
        found = []
        for batch in self._client.messages.batches.list(limit=100):
            if batch.created_at.timestamp() < made:
                break
            found.append(batch)
        return found[::-1]

    def _has(self, id_: str, name: str) -> bool:
        return any(str(line["custom_id"]).startswith(name) for line in self._lines(id_))

    def _lines(self, id_: str) -> list[Mapping[str, Any]]:
        # Not by the SDK's method: that follows an address in the server's answer, with the key, and reads line by
        # line, so that a connection that is lost in between would be none of its own errors.
        path = f"/v1/messages/batches/{id_}/results"
        text = self._client.get(path, cast_to=str, options={"headers": {"Accept": "application/binary"}})
        return parse_lines(text)

    def _result(self, result: Mapping[str, Any]) -> ProviderReply | Fault:
        kind = str(result.get("type"))
        if kind == "succeeded":
            return self._read(result.get("message") or {})
        said = find_error(result.get("error"))
        code = str(said.get("type") or kind)
        return Fault(status=_STATUSES.get(code), code=code, message=str(said.get("message") or kind))


def _has_ended(batch: MessageBatch) -> bool:
    return batch.processing_status == "ended"


def _count_requests(batch: MessageBatch) -> int:
    counts = batch.request_counts
    return counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired
