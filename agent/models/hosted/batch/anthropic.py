"""Anthropic's Message Batches: all requests in one body; the results are lines of JSON, in any order."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import anthropic
from anthropic.types.messages import MessageBatch

from gapsmith.agent.models.base import Request
from gapsmith.agent.models.hosted.account import Heard
from gapsmith.agent.models.hosted.batch.base import Standing, lines_of
from gapsmith.agent.models.hosted.transport.answers import MALFORMED
from gapsmith.agent.models.hosted.transport.errors import Fault, broken, error_object, fault_of, not_the_api

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
        read: Callable[[Mapping[str, Any]], Heard | Fault],
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
            return fault_of(error)
        except MALFORMED as error:
            return broken(str(error))

    def find(self, name: str, made: float, count: int, known: Collection[str]) -> str | Fault:
        """Finds a batch of that time, size and name.

        A batch whose results are not there yet matches, too. This API keeps no text of ours with a batch, and gives
        the ids of its requests with their results only.
        """
        try:
            candidates = [batch for batch in self._since(made - _SKEW_SECONDS) if batch.id not in known]
            for batch in candidates:
                if _total(batch) == count and (not _ended(batch) or self._has(batch.id, name)):
                    return batch.id
        except anthropic.APIError as error:
            return fault_of(error)
        except MALFORMED as error:
            return not_the_api(error)
        return ""

    def look(self, id_: str) -> Standing | Fault:
        """Returns the status of a batch."""
        try:
            batch = self._client.messages.batches.retrieve(id_)
        except anthropic.APIError as error:
            return fault_of(error)
        except MALFORMED as error:
            return broken(str(error))
        return Standing(_ended(batch), _total(batch) - batch.request_counts.processing)

    def results(self, id_: str) -> Mapping[str, Heard | Fault] | Fault:
        """Reads the lines of a batch's results."""
        try:
            return {line["custom_id"]: self._result(line["result"]) for line in self._lines(id_)}
        except anthropic.APIError as error:
            return fault_of(error)
        except MALFORMED as error:
            return not_the_api(error)

    def _since(self, made: float) -> list[MessageBatch]:
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
        return lines_of(text)

    def _result(self, result: Mapping[str, Any]) -> Heard | Fault:
        kind = str(result.get("type"))
        if kind == "succeeded":
            return self._read(result.get("message") or {})
        said = error_object(result.get("error"))
        code = str(said.get("type") or kind)
        return Fault(status=_STATUSES.get(code), code=code, message=str(said.get("message") or kind))


def _ended(batch: MessageBatch) -> bool:
    return batch.processing_status == "ended"


def _total(batch: MessageBatch) -> int:
    counts = batch.request_counts
    return counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired
