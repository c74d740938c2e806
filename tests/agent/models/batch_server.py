"""A loopback server that speaks OpenAI's Batches and Anthropic's Message Batches too.

What it says of a batch is by its own clock, which is the number of looks at the batch: after `looks` of them it has
ended. What becomes of a question is what `fate` says; only answers are billed::

    with BatchServer(fate=lambda slot, times: "expired" if times == 1 else "answered") as server: ...
"""

import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from loopback import Fault, LoopbackServer, Received

FATES = ("answered", "errored", "refused", "expired", "cancelled", "missing")


@dataclass
class Batch:
    """One that was accepted: questions by custom id, and how often it was looked at."""

    id: str
    questions: Mapping[str, Mapping[str, Any]]
    endpoint: str
    metadata: Mapping[str, str]
    made: float = field(default_factory=time.time)
    looks: int = 0
    results: dict[str, tuple[str, Any]] | None = None


class BatchServer(LoopbackServer):
    """Accepts batches besides all else.

    Args:
        answer: as of a LoopbackServer.
        fate: what becomes of a question, one of FATES, by its slot and how often it was asked by now, from 1.
        looks: at a batch, before it has ended.
        failed: a code with which the validation of every batch fails; empty is none.
        struck: faults by the request's place among those of its kind: ("POST /v1/batches", 0) is the first
            creation. A fault with the status 0 drops the connection after the request was carried out.
        options: as of a LoopbackServer.
    """

    def __init__(
        self,
        answer: Callable[[str], Any] = lambda prompt: f"answer to {prompt}",
        *,
        fate: Callable[[int, int], str] = lambda slot, times: "answered",
        looks: int = 1,
        failed: str = "",
        struck: Mapping[tuple[str, int], Fault] | None = None,
        **options: Any,
    ) -> None:
        self.batches: dict[str, Batch] = {}
        self.files: dict[str, str] = {}
        self.asked: Counter[int] = Counter()
        self.billed: Counter[int] = Counter()
        self.looks, self.failed, self._fate = looks, failed, fate
        self.on_look: Callable[[], None] | None = None
        self._struck, self._kinds = dict(struck or {}), Counter[str]()
        self._check_names = itertools.count(1)
        super().__init__(answer, **options)

    def handle(self, request: Received) -> tuple[int, Any, Mapping[str, str]] | None:
        """As of a LoopbackServer, batches and files included."""
        method = "POST" if request.body else "GET"
        place = request.path.partition("?")[0]
        if not place.startswith(("/v1/files", "/v1/batches", "/v1/messages/batches")):
            return super().handle(request)
        with self._lock:
            self.received.append(request)
            kind = f"{method} {kind_of(place)}"
            fault = self._struck.get((kind, self._kinds[kind]))
            self._kinds[kind] += 1
        if refusal := self._refusal(request):
            return 401, refusal, {}
        if fault and fault.status != 0:
            return None if fault.status is None else (fault.status, fault.body, fault.headers)
        found = self._of_openai(method, place, request) or self._of_anthropic(method, place, request)
        return None if fault else (found or (404, {"error": {"message": f"no {place} here"}}, {}))

    # OpenAI

    def _of_openai(self, method: str, place: str, request: Received) -> Any:
        parts = place.split("/")[2:]
        if parts[0] == "files":
            return self._file(parts, request)
        if parts[0] != "batches":
            return None
        if len(parts) == 1 and method == "GET":
            newest = sorted(self.batches.values(), key=lambda batch: -batch.made)
            return 200, {"object": "list", "data": [self._openai(b) for b in newest], "has_more": False}, {}
        if len(parts) == 1:
            lines = map(json.loads, self.files[request.body["input_file_id"]].splitlines())
            questions = {line["custom_id"]: line["body"] for line in lines}
            return 200, self._openai(self._accepted(questions, request.body["endpoint"], request.body)), {}
        return self._looked(parts[1], self._openai)

    def _file(self, parts: list[str], request: Received) -> Any:
        if len(parts) > 1:
            return 200, self.files[parts[1]], {}
        name = f"file-{next(self._check_names)}"
        data = request.body["data"]
        self.files[name] = "\n".join(line for line in data.splitlines() if line.startswith("{"))
        return 200, {"id": name, "object": "file", "bytes": 1, "created_at": 0, "purpose": "batch"}, {}

    def _openai(self, batch: Batch) -> Any:
        ended = self._ended(batch)
        made = {
            "id": batch.id,
            "object": "batch",
            "endpoint": batch.endpoint,
            "completion_window": "24h",
            "input_file_id": "file",
            "created_at": int(batch.made),
            "metadata": batch.metadata,
            "status": "completed" if ended else "in_progress",
            "request_counts": {"total": len(batch.questions), "completed": 0, "failed": 0},
        }
        if self.failed:
            errors = {"data": [{"code": self.failed, "message": "the file is not valid"}]}
            return {**made, "status": "failed", "errors": errors}
        if not ended:
            return made
        results = self._results(batch)
        answers = [_openai_line(*each) for each in results.items() if each[1][0] == "answered"]
        errors_ = [
            _openai_line(*each) for each in results.items() if each[1][0] not in ("answered", "missing")
        ]
        for key, lines in (("output_file_id", answers), ("error_file_id", errors_)):
            if lines:
                self.files[f"{batch.id}-{key}"] = "".join(f"{json.dumps(line)}\n" for line in lines)
                made[key] = f"{batch.id}-{key}"
        return made

    # Anthropic

    def _of_anthropic(self, method: str, place: str, request: Received) -> Any:
        parts = place.split("/")[4:]
        if not parts and method == "GET":
            newest = sorted(self.batches.values(), key=lambda batch: -batch.made)
            return 200, {"data": [self._anthropic(b) for b in newest], "has_more": False}, {}
        if not parts:
            questions = {each["custom_id"]: each["params"] for each in request.body["requests"]}
            return 200, self._anthropic(self._accepted(questions, "/v1/messages", {})), {}
        if parts[1:] == ["results"]:
            results = self._results(self.batches[parts[0]])
            lines = [_anthropic_line(*each) for each in results.items() if each[1][0] != "missing"]
            return 200, "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines), {}
        return self._looked(parts[0], self._anthropic)

    def _anthropic(self, batch: Batch) -> Any:
        ended = self._ended(batch)
        made = datetime.fromtimestamp(batch.made, UTC).isoformat()
        return {
            "id": batch.id,
            "type": "message_batch",
            "created_at": made,
            "expires_at": made,
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": {
                "processing": 0 if ended else len(batch.questions),
                "succeeded": len(batch.questions) if ended else 0,
                **dict.fromkeys(("errored", "canceled", "expired"), 0),
            },
            "results_url": "http://elsewhere.invalid/results",
        }

    # Both

    def _looked(self, id_: str, shown: Callable[[Batch], Any]) -> Any:
        if id_ not in self.batches:
            return None
        self.batches[id_].looks += 1
        if self.on_look:
            self.on_look()
        return 200, shown(self.batches[id_]), {}

    def _accepted(self, questions: Mapping[str, Any], endpoint: str, body: Mapping[str, Any]) -> Batch:
        batch = Batch(f"batch-{next(self._check_names)}", questions, endpoint, body.get("metadata", {}))
        self.batches[batch.id] = batch
        return batch

    def _ended(self, batch: Batch) -> bool:
        return batch.looks >= self.looks

    def _results(self, batch: Batch) -> dict[str, tuple[str, Any]]:
        if batch.results is None:
            batch.results = {
                id_: self._end(int(id_.rpartition("-")[2]), batch, body)
                for id_, body in batch.questions.items()
            }
        return batch.results

    def _end(self, slot: int, batch: Batch, body: Mapping[str, Any]) -> tuple[str, Any]:
        self.asked[slot] += 1
        fate = self._fate(slot, self.asked[slot])
        if fate != "answered":
            return fate, None
        self.billed[slot] += 1
        return fate, self._settle_reply(Received(batch.endpoint, {}, body))


def kind_of(place: str) -> str:
    """The path without ids."""
    parts = ["ID" if any(letter.isdigit() for letter in part[1:]) else part for part in place.split("/")]
    return "/".join([parts[0], place.split("/")[1], *parts[2:]])


def _openai_line(id_: str, end: tuple[str, Any]) -> Any:
    fate, body = end
    line = {"id": f"line-{id_}", "custom_id": id_, "response": None, "error": None}
    if fate == "answered":
        return {**line, "response": {"status_code": 200, "request_id": "r", "body": body}}
    if fate in ("errored", "refused"):
        status = 500 if fate == "errored" else 400
        body = {"error": {"type": fate, "message": "temperature is not supported", "code": None}}
        return {**line, "response": {"status_code": status, "request_id": "r", "body": body}}
    return {**line, "error": {"code": f"batch_{fate}", "message": f"the request {fate}"}}


def _anthropic_line(id_: str, end: tuple[str, Any]) -> Any:
    fate, body = end
    if fate == "answered":
        return {"custom_id": id_, "result": {"type": "succeeded", "message": body}}
    if fate in ("errored", "refused"):
        kind = "api_error" if fate == "errored" else "invalid_request_error"
        error = {"type": "error", "error": {"type": kind, "message": "temperature is not supported"}}
        return {"custom_id": id_, "result": {"type": "errored", "error": error}}
    return {"custom_id": id_, "result": {"type": "canceled" if fate == "cancelled" else fate}}
