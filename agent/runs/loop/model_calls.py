"""Questions to models: rendered, sent, and their replies committed before anything is done with them."""

import hashlib
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from random import Random

from gapsmith.agent.archive import Archive, Call, CallRow, Candidate, CandidateRow
from gapsmith.agent.codegen.prompt import Prompt, render
from gapsmith.agent.models.base import Model, Reply, Request
from gapsmith.agent.models.callers import Callers
from gapsmith.agent.models.hosted.finish import excuse
from gapsmith.agent.models.manual import ManualModel
from gapsmith.agent.models.replay import ReplayModel
from gapsmith.agent.models.storable import storable
from gapsmith.agent.runs.budget import Ledger
from gapsmith.agent.runs.loop.batches import Mail, Parcel
from gapsmith.agent.runs.loop.slot import Slot
from gapsmith.agent.search.instances import Bench
from gapsmith.evaluators.base import Problem, Trouble

SENT, UNSENT = "sent", "unsent"
"""Kinds of events, with a number behind them: a call was sent, and was not sent after all."""


@dataclass(frozen=True)
class Question:
    """What a model is asked.

    Attributes:
        request: as the model gets it.
        template: the name of the templates behind it.
        most_usd: the most that its answer can cost; 0 where that is not known.
    """

    request: Request
    template: str
    most_usd: float


class Questions:
    """One run's correspondence with its models.

    Args:
        run: its number in the archive.
        problem: what is asked about.
        train: instances that prompts show.
        models: who answers; named differently.
        archive: where replies are kept, by the thread that waited for them.
        ledger: settles what calls cost.
        seed: of the run.
        mail: carries the questions to models that are asked in batches.
    """

    def __init__(
        self,
        run: int,
        problem: Problem,
        train: Bench,
        models: Sequence[Model],
        archive: Archive,
        ledger: Ledger,
        seed: int,
        mail: Mail,
    ) -> None:
        self._run, self._problem, self._train = run, problem, train
        self.models = {model.name: model for model in models}
        self._archive, self._ledger, self._seed, self._mail = archive, ledger, seed, mail
        self._sendings: dict[int, int] = {}
        ledger.lose(self.lost_usd())
        self._sent: dict[int, tuple[Callable[[Reply], str], Future[Reply]]] = {}

    @property
    def deterministic(self) -> bool:
        """Whether equal questions get equal replies: then slots are taken in their order."""
        return all(model.deterministic for model in self.models.values())

    @property
    def patient(self) -> bool:
        """Whether useless replies are no reason to stop: they cost nothing, or a person gives them."""
        return self.deterministic or any(isinstance(model, ManualModel) for model in self.models.values())

    def recalls(self, row: CandidateRow | None) -> bool:
        """Whether a choice is taken as it was made before, by a recorded run or by an earlier sitting."""
        told = any(model.told for model in self.models.values() if isinstance(model, ReplayModel))
        return told or (row is not None and not self.deterministic)

    def ended(self, slot: int) -> bool:
        """Whether a recorded run, which is run again, had ended before that slot."""
        return any(model.ended(slot) for model in self.models.values() if isinstance(model, ReplayModel))

    @property
    def least_usd(self) -> float:
        """What must be set aside for any call, whoever is asked, however short the prompt; 0 if not known."""
        return max(self._most_usd(name, "") for name in self.models)

    def paid_usd(self, call: CallRow) -> float:
        """What an earlier sitting paid for a call, or at most paid, where the price is not known."""
        return self._most_usd(call.model, call.system + call.prompt) if call.usd is None else call.usd

    def ask(self, slot: Slot, question: Question) -> str:
        """Asks a deterministic model, here and now. Raises ModelTrouble."""
        return self.keep(slot, question, self._reply(slot.model, question))

    def send(
        self, slot: Slot, question: Question, callers: Callers
    ) -> tuple[Future[Reply], Callable[[Reply], str]]:
        """Asks in a thread, or by mail; the second value settles what came and gives its text (driver's thread)."""
        row, keep = self.row(slot), partial(self._settle, slot)
        if self._mail.carries(slot.model):
            future = self._mail.take(Parcel(row, question.request, question.template))
            keep = partial(self.keep, slot, question)
        else:
            self._note_sending(slot.number, question.most_usd)
            future = callers.submit(self._answered, row, question)
        self._sent[slot.number] = keep, future
        return future, keep

    def _note_sending(self, slot: int, most_usd: float) -> None:
        """Where dollars are limited, what a call can cost is on record before it is sent."""
        if self._ledger.budget.usd is not None:
            times = self._sendings[slot] = self._sendings.get(slot, 0) + 1
            self._archive.record(self._run, slot, f"{SENT} {times}", {"most_usd": most_usd})

    def take_back(self, slot: int) -> None:
        """Puts on record that a call was refused or not sent after all, so that it cost nothing."""
        if times := self._sendings.get(slot):
            self._archive.record(self._run, slot, f"{UNSENT} {times}", {})

    def lost_usd(self) -> float:
        """What calls of earlier sittings can have cost that were sent, and that nobody received."""
        sent: dict[tuple[int, str], float] = {}
        for event in self._archive.events(self._run):
            kind, _, times = event.kind.partition(" ")
            if kind == SENT:
                self._sendings[event.slot] = max(self._sendings.get(event.slot, 0), int(times))
                sent[event.slot, times] = float(event.detail["most_usd"])
            elif kind == UNSENT:
                sent.pop((event.slot, times), None)
        answered = self._archive.answered(self._run) if sent else set()
        for slot in answered:  # by the last of its sendings
            sent.pop((slot, str(self._sendings.get(slot, 0))), None)
        return math.fsum(sent.values())

    def keep(self, slot: Slot, question: Question, reply: Reply) -> str:
        """Commits a reply before anything is done with it; returns its text, as the archive has it."""
        self._sent.pop(slot.number, None)  # whatever comes of it, it is not kept a second time
        reply = storable(reply)
        self._commit(self.row(slot), question, reply)
        return self._settle(slot, reply)

    def _reply(self, model: str, question: Question) -> Reply:
        return storable(self.models[model].reply(question.request))

    def _answered(self, row: Candidate, question: Question) -> Reply:
        """Asks, and commits the reply in this very thread: it does not wait until the driver has time for it."""
        reply = self._reply(row.model, question)
        self._commit(row, question, reply)
        return reply

    def _commit(self, row: Candidate, question: Question, reply: Reply) -> None:
        request = question.request
        call = Call(
            run=self._run,
            slot=row.slot,
            model=row.model,
            operator=request.operator,
            template=question.template,
            system=request.system,
            prompt=request.prompt,
            reply=reply.text,
            tokens_in=reply.tokens_in,
            tokens_cached=reply.tokens_cached,
            tokens_out=reply.tokens_out,
            usd=reply.usd,
            seconds=reply.seconds,
            reply_id=reply.id,
            detail=dict(reply.detail),
        )
        self._archive.answer(row, call)

    def _settle(self, slot: Slot, reply: Reply) -> str:
        self._sent.pop(slot.number, None)
        self._ledger.settle_call(slot.usd, reply.usd)
        slot.paid, slot.finish = reply.usd or 0.0, excuse(reply.detail)
        return reply.text

    @property
    def out(self) -> int:
        """How many questions wait for their answers."""
        return len(self._sent)

    def asked(self, slot: int) -> bool:
        """Whether a slot's question is out, and its answer has not been kept yet."""
        return slot in self._sent

    def abandon(self) -> list[int]:
        """Waits for no answer any more; the slots of the questions that were out."""
        self._mail.abandon()
        given_up = [number for number, (_, answered) in self._sent.items() if not answered.done()]
        for number in given_up:
            del self._sent[number]
        return given_up

    def keep_late(self) -> None:
        """However a run is left, by an error or by who iterates over it: replies that came are kept."""
        self._mail.abandon()
        failed: Trouble | None = None
        for keep, answered in list(self._sent.values()):
            if answered.done() and answered.exception() is None:
                try:
                    keep(answered.result())
                except Trouble as error:  # the archive has the reply in memory; the next one is kept too
                    failed = failed or error
        if failed:
            raise failed

    def row(self, slot: Slot) -> Candidate:
        """The candidate as it stands before anything is known of it."""
        return Candidate(
            run=self._run,
            slot=slot.number,
            operator=slot.choice.operator.name,
            name=slot.name,
            parents=slot.choice.programs,
            arm=slot.choice.arm,
            model=slot.model,
        )

    def rng(self, slot: int, what: str) -> Random:
        """Chance for one decision on a slot: a function of the run's seed, the slot and the decision."""
        return Random(f"{self._seed}/{slot}/{what}")

    def number(self, slot: int, what: str) -> int:
        """A seed for somebody else's chance, 48 bits."""
        return int.from_bytes(hashlib.sha256(f"{self._seed}/{slot}/{what}".encode()).digest()[:6])

    def compose(self, slot: Slot) -> Question:
        """Renders what a slot asks."""
        choice, prompt = slot.choice, self._prompt(slot)
        request = Request(
            slot=slot.number,
            operator=choice.operator.name,
            system=prompt.system,
            prompt=prompt.text,
            seed=self.number(slot.number, "reply"),
            problem=self._problem,
            parents=choice.sources,
            message=choice.failure.message if choice.failure else "",
        )
        most = self._most_usd(slot.model, prompt.system + prompt.text)
        return Question(request, prompt.template, most)

    def _prompt(self, slot: Slot) -> Prompt:
        """As an earlier sitting sent it in a batch, else rendered."""
        if (batch := self._mail.sent(slot.number)) is None:
            return render(self._problem, slot.choice, self._train)
        sent = batch.slots[str(slot.number)]
        return Prompt(batch.system, sent["prompt"], sent["template"])

    def _most_usd(self, model: str, text: str) -> float:
        """The most that a call can cost; 0 where that is not known, or the model is not there any more."""
        asked = self.models.get(model)
        most = asked.most_usd(len(text.encode(errors="replace"))) if asked else None
        return most if most is not None and 0 < most < math.inf else 0.0
