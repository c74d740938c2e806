"""Batches of requests: gathered, committed, sent, awaited, sorted into slots.

A batch is recorded before it is sent, with the questions as they are, and again with the provider's id once it is
accepted; `resume` collects it, and finds one of which only the first record was made. All but the waiting is
done in the driver's thread, the only one that writes.
"""

import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial

from gapsmith.agent.archive import Archive, BatchRow, Candidate
from gapsmith.agent.codegen.prompt import Prompt
from gapsmith.agent.models.base import ModelError, Reply, Request, Stopped
from gapsmith.agent.models.callers import Callers
from gapsmith.agent.models.hosted.account import ProviderReply
from gapsmith.agent.models.hosted.batch.base import Batches
from gapsmith.agent.models.hosted.transport.errors import Fault

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
"""Seconds between two looks at a batch: they grow by half each time."""

ANSWERED = "answered"
MISSING = Fault(status=None, code="missing", message="the results of the batch lack it")
Results = Mapping[str, ProviderReply | Fault]


@dataclass
class PendingRequest:
    """A request that waits for its reply.

    Attributes:
        row: the candidate.
        request: as the model gets it.
        template: the name of the templates behind it.
        future: of the reply.
        faults: its failures in earlier batches.
    """

    row: Candidate
    request: Request
    template: str
    future: Future[Reply] = field(default_factory=Future)
    faults: list[Fault] = field(default_factory=list)


@dataclass
class BatchStatus:
    """An open batch: its record and its number of known replies."""

    row: BatchRow
    done: int = 0


class BatchQueue:
    """One run's batches.

    Args:
        run: its number in the archive.
        archive: where batches are recorded.
        models: the models with batches, by name.
        driver: has something done in the driver's thread.
        stop: once set, nothing is sent any more, and nobody waits; what was sent goes on without us.
        clock: seconds since the epoch.

    Attributes:
        waiting: the batches that are waited for, by name.
    """

    def __init__(
        self,
        run: int,
        archive: Archive,
        models: Mapping[str, Batches],
        driver: Callable[[Callable[[], None]], None],
        stop: threading.Event,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._run, self._archive, self._models = run, archive, models
        self._driver, self._stop, self._clock = driver, stop, clock
        self._pending: dict[int, PendingRequest] = {}
        self._gathered: dict[int, PendingRequest] = {}
        self._sent = _find_unanswered(archive, run) if models else {}
        self._early: dict[int, tuple[BatchRow, ProviderReply | Fault]] = {}
        self._foreign_ids: set[str] = set()
        self.waiting: dict[str, BatchStatus] = {}

    def is_batched(self, model: str) -> bool:
        """Tells whether the model's questions go in batches."""
        return model in self._models

    def find_sent(self, slot: int) -> BatchRow | None:
        """Finds the unanswered batch of an earlier session with the slot's question."""
        early = self._early.get(slot)
        return early[0] if early else self._sent.get(slot)

    def restore_prompt(self, slot: int) -> Prompt | None:
        """Restores the prompt of `find_sent`, as it was sent."""
        if (row := self.find_sent(slot)) is None:
            return None
        question = row.slots[str(slot)]
        return Prompt(row.system, question["prompt"], question["template"])

    def take(self, waiting: PendingRequest) -> Future[Reply]:
        """Adds a question to the next batch; returns the reply's future."""
        slot = waiting.request.slot
        self._pending[slot] = waiting
        if slot in self._early:
            self._settle(waiting, *self._early.pop(slot))
        elif slot not in self._sent:
            self._gathered[slot] = waiting
        return waiting.future

    def post(self, callers: Callers) -> None:
        """Sends a batch per model; a thread waits for each.

        Raises ModelError; what was sent by then is collected by `resume`.
        """
        try:
            for row in {row.name: row for row in self._sent.values()}.values():
                if row.name not in self.waiting:
                    self._resume_batch(row, callers)
            for model, pending in _group_by_model(self._gathered.values()).items():
                self._send(model, pending, callers)
        except Stopped:
            self.abandon()

    def abandon(self) -> None:
        """Ends all waiting; what was sent goes on without us."""
        given_up, self._pending, self._gathered = self._pending, {}, {}
        for waiting in given_up.values():
            waiting.future.set_exception(Stopped("stopped before an answer came; resume takes it up"))

    # Sending

    def _send(self, model: str, pending: list[PendingRequest], callers: Callers) -> None:
        if self._stop.is_set():
            raise Stopped("stopped before it was sent")
        row = self._record_batch(model, pending)
        requests = {_id(row, waiting.request.slot): waiting.request for waiting in pending}
        row.id = self._models[model].submit(row.name, requests, row.made, self._known)
        for waiting in pending:
            del self._gathered[waiting.request.slot]
        self._wait(row, callers)

    def _record_batch(self, model: str, pending: list[PendingRequest]) -> BatchRow:
        row = BatchRow(
            name=f"gapsmith-{secrets.token_hex(8)}",
            run=self._run,
            model=model,
            system=pending[0].request.system,
            slots={str(waiting.request.slot): _as_sent(waiting) for waiting in pending},
            made=self._clock(),
        )
        self._archive.post(row, [waiting.row for waiting in pending])
        return row

    @property
    def _known(self) -> set[str]:
        return self._archive.list_batch_ids() | self._foreign_ids

    def _resume_batch(self, row: BatchRow, callers: Callers) -> None:
        """Resumes a batch of an earlier session, even if acceptance is unknown."""
        row.id = row.id or self._models[row.model].find(row.name, row.made, len(row.slots), self._known)
        if row.id:
            self._wait(row, callers)
        else:
            self._mark_lost(row)

    def _mark_lost(self, row: BatchRow) -> None:
        """Marks a batch as lost: its questions are asked again."""
        row.state = "lost"
        self._archive.follow(row)
        self._forget(row)
        self._gathered |= {slot: self._pending[slot] for slot in _slots(row) if slot in self._pending}

    def _forget(self, row: BatchRow) -> None:
        self.waiting.pop(row.name, None)
        self._sent = {slot: sent for slot, sent in self._sent.items() if sent.name != row.name}

    # Waiting

    def _wait(self, row: BatchRow, callers: Callers) -> None:
        if row.state == "sending":
            row.state = "sent"
            self._archive.follow(row)
        waiting = self.waiting[row.name] = BatchStatus(row)
        fetched = callers.submit(self._fetch, waiting)
        fetched.add_done_callback(lambda _: self._driver(partial(self._sort, row, fetched, callers)))

    def _fetch(self, waiting: BatchStatus) -> Results | Fault:
        """Fetches a batch's results; a Fault if all failed. Raises ModelError."""
        row, pause = waiting.row, FIRST_PAUSE
        while (results := self._results(waiting)) is None:
            if self._stop.wait(pause):
                raise Stopped(f"batch {row.id} goes on without us; resume collects it")
            pause = min(LONGEST_PAUSE, 1.5 * pause)
        return results

    def _results(self, waiting: BatchStatus) -> Results | Fault | None:
        batches, id_ = self._models[waiting.row.model], waiting.row.id
        if (standing := batches.read_status(id_)) is None:
            return None
        waiting.done = standing.done
        results = batches.collect(id_) if standing.ended else None
        return None if isinstance(results, Fault) and results.is_transient else results

    # Sorting

    def _sort(self, row: BatchRow, fetched: Future[Results | Fault], callers: Callers) -> None:
        """Gives each slot what came of its question."""
        if isinstance(error := fetched.exception(), ModelError):
            self._fail(row, error)
        elif isinstance(results := fetched.result(), Fault):
            self._mark_lost(row)
            self._fail(row, self._models[row.model].build_error(results))
        elif any(id_.startswith(row.name) for id_ in results):
            self._distribute(row, {slot: results.get(_id(row, slot), MISSING) for slot in _slots(row)})
        else:  # not the batch that was looked for
            self._foreign_ids.add(row.id)
            row.id = ""
            self._resume_batch(row, callers)

    def _distribute(self, row: BatchRow, results: Mapping[int, ProviderReply | Fault]) -> None:
        ends = defaultdict(list)
        for slot, result in results.items():
            ends[result.kind if isinstance(result, Fault) else ANSWERED].append(slot)
        row.state, row.ends = "ended", dict(ends)
        self._archive.follow(row)
        wanted = {slot for slot, sent in self._sent.items() if sent.name == row.name}
        self._forget(row)
        for slot, result in results.items():
            if slot in self._pending:
                self._settle(self._pending[slot], row, result)
            elif slot in wanted and isinstance(
                result, ProviderReply
            ):  # its turn has not come in this session
                self._early[slot] = row, result

    def _settle(self, waiting: PendingRequest, row: BatchRow, result: ProviderReply | Fault) -> None:
        slot = waiting.request.slot
        try:
            reply = self._models[row.model].settle(
                result, waiting.request, self._clock() - row.made, waiting.faults
            )
        except ModelError as error:
            self._pending.pop(slot).future.set_exception(error)
            return
        if reply is None and isinstance(result, Fault):
            waiting.faults.append(result)
            self._gathered[slot] = waiting
        elif reply is not None:
            detail = {**reply.detail, "batch": row.id}
            self._pending.pop(slot).future.set_result(replace(reply, detail=detail))

    def _fail(self, row: BatchRow, error: ModelError) -> None:
        for slot in _slots(row):
            self._gathered.pop(slot, None)
            if waiting := self._pending.pop(slot, None):
                waiting.future.set_exception(error)


def _find_unanswered(archive: Archive, run: int) -> dict[int, BatchRow]:
    """Finds slots with sent questions whose answers are still to come."""
    batches = archive.read_batches(run)
    answered = archive.list_answered_slots(run) if batches else set()
    return {slot: row for row in batches for slot in _list_expected(row) if slot not in answered}


def _list_expected(row: BatchRow) -> list[int]:
    if row.state == "lost":
        return []
    return row.ends.get(ANSWERED, []) if row.state == "ended" else _slots(row)


def _slots(row: BatchRow) -> list[int]:
    return [int(slot) for slot in row.slots]


def _id(row: BatchRow, slot: int) -> str:
    return f"{row.name}-{slot}"


def _as_sent(waiting: PendingRequest) -> dict[str, str]:
    return {"prompt": waiting.request.prompt, "template": waiting.template}


def _group_by_model(pending: Iterable[PendingRequest]) -> dict[str, list[PendingRequest]]:
    found = defaultdict(list)
    for waiting in pending:
        found[waiting.row.model].append(waiting)
    return dict(found)
