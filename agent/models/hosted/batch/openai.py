"""OpenAI's Batches API.

A file of requests goes up, files of answers and of errors come down.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import openai
from openai.types import Batch

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

_MARK = "gapsmith"
_ENDED = ("completed", "failed", "expired", "cancelled")
# Clocks differ, ours from the server's.
_SKEW_SECONDS = 3600.0


class OpenAIBatches:
    """The Batches API of one server.

    Args:
        client: the SDK's.
        endpoint: that each request is for, for example `/v1/responses`.
        body: of a request.
        read: of the body of an answer.
        leave_out: whether a request failed for a parameter that is left out from now on.
    """

    def __init__(
        self,
        client: openai.OpenAI,
        endpoint: str,
        body: Callable[[Request], Mapping[str, Any]],
        read: Callable[[Mapping[str, Any]], ProviderReply | Fault],
        leave_out: Callable[[Fault], bool],
    ) -> None:
        self._client, self._endpoint = client, endpoint
        self._body, self._read = body, read
        self.leave_out = leave_out

    def submit(self, name: str, requests: Mapping[str, Request]) -> str | Fault:
        """Sends requests; the batch carries its name as metadata."""
        lines = "".join(f"{json.dumps(self._queue(*each))}\n" for each in requests.items())
        try:
            file = self._client.files.create(file=(f"{name}.jsonl", lines.encode()), purpose="batch")
            return self._client.batches.create(
                completion_window="24h",
                endpoint=self._endpoint,  # type: ignore[arg-type]  # one of those that the SDK lists
                input_file_id=file.id,
                metadata={_MARK: name},
            ).id
        except openai.APIError as error:
            return read_fault(error)
        except MALFORMED as error:
            return make_broken(str(error))

    def find(self, name: str, made: float, count: int, known: Collection[str]) -> str | Fault:
        """Finds the batch with the name; the newest come first."""
        try:
            for batch in self._client.batches.list(limit=100):
                if (batch.metadata or {}).get(_MARK) == name:
                    return batch.id
                if batch.created_at < made - _SKEW_SECONDS:
                    break
        except openai.APIError as error:
            return read_fault(error)
        except MALFORMED as error:
            return make_broken(str(error))
        return ""

    def read_status(self, id_: str) -> BatchStatus | Fault:
        """Returns the status of a batch."""
        try:
            batch = self._client.batches.retrieve(id_)
        except openai.APIError as error:
            return read_fault(error)
        except MALFORMED as error:
            return make_broken(str(error))
        counts = batch.request_counts
        return BatchStatus(batch.status in _ENDED, counts.completed + counts.failed if counts else 0)

    def read_results(self, id_: str) -> Mapping[str, ProviderReply | Fault] | Fault:
        """Reads the files of a batch: answers and errors."""
        try:
            batch = self._client.batches.retrieve(id_)
            if batch.status == "failed":
                return _describe_failure(batch)
            return dict(self._answers(batch))
        except openai.APIError as error:
            return read_fault(error)
        except MALFORMED as error:
            return make_wrong_api(error)

    def _queue(self, id_: str, request: Request) -> Mapping[str, Any]:
        return {"custom_id": id_, "method": "POST", "url": self._endpoint, "body": self._body(request)}

    def _answers(self, batch: Batch) -> Iterator[tuple[str, ProviderReply | Fault]]:
        for file in filter(None, (batch.error_file_id, batch.output_file_id)):
            for answer in parse_lines(self._client.files.content(file).text):
                yield answer["custom_id"], self._answer(answer)

    def _answer(self, answer: Mapping[str, Any]) -> ProviderReply | Fault:
        if error := answer.get("error"):
            return Fault(
                status=None, code=_strip_prefix(error.get("code")), message=str(error.get("message", ""))
            )
        response = answer.get("response") or {}
        body = response.get("body") or {}
        if response.get("status_code") == 200:
            return self._read(body)
        said = find_error(body)
        return Fault(
            status=response.get("status_code"),
            code=str(said.get("code") or said.get("type") or "errored"),
            message=str(said.get("message") or "no reason is given"),
            parameter=str(said.get("param") or ""),
        )


def _strip_prefix(code: object) -> str:
    """Returns a code without its prefix: `batch_expired` is expired."""
    return str(code or "errored").removeprefix("batch_")


def _describe_failure(batch: Batch) -> Fault:
    errors = (batch.errors and batch.errors.data) or []
    first = errors[0] if errors else None
    words = (first and first.message) or "no reason is given"
    return Fault(status=400, code=(first and first.code) or "failed", message=words)
