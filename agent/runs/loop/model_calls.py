"""Calls to models, whose replies are committed before they are used."""

import hashlib
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from random import Random

from gapsmith.agent.archive import Archive, Call, CallRow, Candidate, CandidateRow
from gapsmith.agent.models.base import Model, Reply, Request
from gapsmith.agent.models.callers import Callers, ask
from gapsmith.agent.models.manual import ManualModel
from gapsmith.agent.models.replay import ReplayModel
from gapsmith.agent.models.storable import make_call, make_storable
from gapsmith.agent.runs.budget import Ledger
from gapsmith.agent.runs.loop.batches import BatchQueue, PendingRequest
from gapsmith.evaluators.base import GapsmithError

SENT, UNSENT = "sent", "unsent"
"""Kinds of events, with a number behind them: a call was sent, and was not sent after all."""


@dataclass(frozen=True)
class Question:
    """A request of a slot.

    Attributes:
        row: the candidate as it stands before anything is known of it.
        request: as the model gets it.
        template: the name of the templates behind it.
    """

    row: Candidate
    request: Request
    template: str


class ModelCalls:
    """The calls of one run to its models.

    Args:
        run: its number in the archive.
        models: the models, each with a name of its own.
        archive: where replies are kept, by the thread that waited for them.
        ledger: settles what calls cost.
        seed: of the run.
        batches: the queue of requests to models with batches.
        is_closed: tells whether requests have ended.
    """

    def __init__(
        self,
        run: int,
        models: Sequence[Model],
        archive: Archive,
        ledger: Ledger,
        seed: int,
        batches: BatchQueue,
        is_closed: Callable[[], bool],
    ) -> None:
        self.run, self.models, self.is_closed = run, {model.name: model for model in models}, is_closed
        self.archive, self.ledger, self.batches = archive, ledger, batches
        self.out: dict[int, ModelCall] = {}
        self._seed = seed
        self._sendings: dict[int, int] = {}
        ledger.count_lost_call(self.sum_lost_usd())

    @property
    def deterministic(self) -> bool:
        """Whether equal questions get equal replies: then slots are taken in their order."""
        return all(model.deterministic for model in self.models.values())

    @property
    def patient(self) -> bool:
        """Whether useless replies are no reason to stop: they cost nothing, or a person gives them."""
        return self.deterministic or any(isinstance(model, ManualModel) for model in self.models.values())

    @property
    def has_choices(self) -> bool:
        """Whether a recording tells what was asked, and when it ended."""
        return any(model.has_choices for model in self.models.values() if isinstance(model, ReplayModel))

    def is_recalled(self, row: CandidateRow | None) -> bool:
        """Tells whether a choice is repeated from a recording or earlier session."""
        return self.has_choices or (row is not None and not self.deterministic)

    def has_ended(self, slot: int) -> bool:
        """Tells whether a replayed run had ended before that slot."""
        return any(model.has_ended(slot) for model in self.models.values() if isinstance(model, ReplayModel))

    @property
    def least_usd(self) -> float:
        """The least reservation for any call, for every model and prompt; 0 if not known."""
        return max(self.bound_usd(name, "") for name in self.models)

    def bound_usd(self, model: str, text: str) -> float:
        """Bounds the price of a call with that prompt; 0 if unknown."""
        asked = self.models.get(model)
        most = asked.bound_usd(len(text.encode(errors="replace"))) if asked else None
        return most if most is not None and 0 < most < math.inf else 0.0

    def find_paid_usd(self, call: CallRow) -> float:
        """Returns what an earlier session paid for a call, at most."""
        return self.bound_usd(call.model, call.system + call.prompt) if call.usd is None else call.usd

    def keep_late(self) -> None:
        """Commits replies that arrived, however the run ends."""
        self.batches.abandon()
        failed: GapsmithError | None = None
        for call in list(self.out.values()):
            if call.future and call.future.done() and call.future.exception() is None:
                try:
                    call.keep(call.future.result())
                except (
                    GapsmithError
                ) as error:  # the archive has the reply in memory; the next one is kept too
                    failed = failed or error
        if failed:
            raise failed

    def abandon(self) -> int:
        """Stops waiting for answers, books their bounds and counts them."""
        self.batches.abandon()
        given_up = {slot: call for slot, call in self.out.items() if call.future and not call.future.done()}
        for slot, call in given_up.items():
            del self.out[slot]
            self.ledger.settle_call(call.reserved or 0.0, None)
        return len(given_up)

    def note_sending(self, slot: int, most_usd: float) -> None:
        """Records a call's bound before it is sent, if dollars are limited."""
        if self.ledger.budget.usd is not None:
            times = self._sendings[slot] = self._sendings.get(slot, 0) + 1
            self.archive.record(self.run, slot, f"{SENT} {times}", {"most_usd": most_usd})

    def take_back(self, slot: int) -> None:
        """Records that a call was refused or not sent: no cost."""
        if times := self._sendings.get(slot):
            self.archive.record(self.run, slot, f"{UNSENT} {times}", {})

    def sum_lost_usd(self) -> float:
        """Sums the bounds of earlier calls that were never answered."""
        sent: dict[tuple[int, str], float] = {}
        for event in self.archive.read_events(self.run):
            kind, _, times = event.kind.partition(" ")
            if kind == SENT:
                self._sendings[event.slot] = max(self._sendings.get(event.slot, 0), int(times))
                sent[event.slot, times] = float(event.detail["most_usd"])
            elif kind == UNSENT:
                sent.pop((event.slot, times), None)
        answered = self.archive.list_answered_slots(self.run) if sent else set()
        for slot in answered:  # by the last of its sendings
            sent.pop((slot, str(self._sendings.get(slot, 0))), None)
        return math.fsum(sent.values())

    def make_rng(self, slot: int, what: str) -> Random:
        """Makes the random generator of a decision from seed and slot."""
        return Random(f"{self._seed}/{slot}/{what}")

    def number(self, slot: int, what: str) -> int:
        """Makes a seed for somebody else's chance, 48 bits."""
        return int.from_bytes(hashlib.sha256(f"{self._seed}/{slot}/{what}".encode()).digest()[:6])

    def commit(self, question: Question, reply: Reply) -> Call:
        """Writes a reply to the archive; the only place that does."""
        request = question.request
        call = make_call(
            reply,
            run=self.run,
            slot=request.slot,
            model=question.row.model,
            operator=request.operator,
            template=question.template,
            system=request.system,
            prompt=request.prompt,
        )
        self.archive.answer(question.row, call)
        return call


@dataclass
class ModelCall:
    """One question to a model, for the scheduler.

    A chain is sent the archive's call.

    Attributes:
        calls: the run's correspondence.
        question: what is asked.
        reserved: dollars set aside for it before it was known, None if nothing was set aside yet.
        future: of the reply, once it is sent.
    """

    calls: ModelCalls
    question: Question
    reserved: float | None = None
    future: "Future[Reply] | None" = None
    _committed: dict[int, Call] = field(default_factory=dict)

    def send(self, callers: Callers) -> "Future[Reply] | None":
        """Reserves the bound and asks; None without room or once closed."""
        request, model = self.question.request, self.calls.models[self.question.row.model]
        most = self.calls.bound_usd(model.name, request.system + request.prompt)
        if self.calls.is_closed() or not self._reserve(most):
            return None
        if self.calls.batches.is_batched(model.name):
            self.future = self.calls.batches.take(
                PendingRequest(self.question.row, request, self.question.template)
            )
        elif model.deterministic:
            self.future = Future()
            self._ask(model, self.future)
        else:
            self.calls.note_sending(request.slot, most)
            self.future = callers.submit(self._answer, model)
        self.calls.out[request.slot] = self
        return self.future

    def keep(self, reply: Reply) -> Call:
        """Commits a reply unless its thread did, and settles its price."""
        slot = self.question.request.slot
        self.calls.out.pop(slot, None)  # whatever comes of it, it is not kept a second time
        reply = make_storable(reply)
        call = self._committed.get(slot) or self.calls.commit(self.question, reply)
        self.calls.ledger.settle_call(self.reserved or 0.0, reply.usd)
        return call

    def drop(self) -> None:
        """Releases what was set aside."""
        if self.reserved is not None:
            self.calls.ledger.withdraw(self.reserved)

    def fail(self) -> None:
        """Puts on record that it cost nothing."""
        self.calls.out.pop(self.question.request.slot, None)
        self.calls.take_back(self.question.request.slot)

    def _reserve(self, usd: float) -> bool:
        ledger = self.calls.ledger
        room = (
            ledger.reserve(usd, evaluations=0)
            if self.reserved is None
            else ledger.exchange(self.reserved, usd)
        )
        if room:
            self.reserved = usd
        return room

    def _reserve_again(self) -> bool:
        """Counts an attempt that may be billed; reserves as much."""
        ledger = self.calls.ledger
        if ledger.budget.usd is None:
            return True
        if not ledger.count_attempt(self.reserved or 0.0):
            return False
        self.calls.note_sending(self.question.request.slot, self.reserved or 0.0)
        return True

    def _answer(self, model: Model) -> Reply:
        """Asks, and commits the reply in this thread, without the driver."""
        request = replace(self.question.request, may_repeat=self._reserve_again)
        reply = make_storable(ask(model, request))
        self._committed[self.question.request.slot] = self.calls.commit(self.question, reply)
        return reply

    def _ask(self, model: Model, future: "Future[Reply]") -> None:
        try:
            future.set_result(ask(model, self.question.request))
        except GapsmithError as error:
            future.set_exception(error)
