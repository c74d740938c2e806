"""Questions to models: rendered, sent, and their replies committed before anything is done with them."""

import hashlib
import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from random import Random
from typing import TypeVar

from gapsmith.agent.archive import Archive, CallRow, CandidateRow
from gapsmith.agent.budget import Ledger
from gapsmith.agent.models.base import Model, Reply, Request
from gapsmith.agent.prompting import render, untrusted
from gapsmith.agent.screen import encodable
from gapsmith.agent.search.bench import Bench
from gapsmith.agent.slots import Slot
from gapsmith.evaluators.base import Problem

T = TypeVar("T")
LONGEST_IDEA = 140
Asked = Callable[[Slot, Future[str]], None]


class Questions:
    """One run's correspondence with its models.

    Args:
        run: its number in the archive.
        problem: what is asked about.
        train: instances that prompts show.
        models: who answers; named differently.
        archive: where replies are kept; only the driver's thread writes.
        ledger: settles what calls cost.
        seed: of the run.
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
    ) -> None:
        self._run, self._problem, self._train = run, problem, train
        self.models = {model.name: model for model in models}
        self._archive, self._ledger, self._seed = archive, ledger, seed
        self._sent: dict[int, tuple[Callable[[Reply], str], Future[Reply]]] = {}

    @property
    def deterministic(self) -> bool:
        """Whether equal questions get equal replies: then slots are taken in their order."""
        return all(model.deterministic for model in self.models.values())

    @property
    def most_usd(self) -> float:
        """The most that one call can cost, whoever is asked; 0 where that is not known."""
        return max(model.most_usd or 0.0 for model in self.models.values())

    def ask(self, slot: Slot) -> str:
        """Asks a deterministic model, here and now. Raises ModelTrouble."""
        request, template = self._request(slot)
        return self.keep(slot, request, template, self.models[slot.model].reply(request))

    def send(self, slot: Slot, callers: ThreadPoolExecutor) -> tuple[Future[Reply], Callable[[Reply], str]]:
        """Asks in a thread; the second value commits the reply and gives its text, in the driver's thread."""
        request, template = self._request(slot)
        keep = partial(self.keep, slot, request, template)
        future = callers.submit(self.models[slot.model].reply, request)
        self._sent[slot.number] = keep, future
        return future, keep

    def keep(self, slot: Slot, request: Request, template: str, reply: Reply) -> str:
        """Commits a reply before anything is done with it; returns its text, as the archive has it."""
        text = encodable(reply.text)
        self._sent.pop(slot.number, None)
        call = CallRow(
            run=self._run,
            slot=slot.number,
            model=slot.model,
            operator=request.operator,
            template=template,
            system=request.system,
            prompt=request.prompt,
            reply=text,
            tokens_in=reply.tokens_in,
            tokens_cached=reply.tokens_cached,
            tokens_out=reply.tokens_out,
            usd=reply.usd,
            seconds=reply.seconds,
            reply_id=reply.id,
            detail=dict(reply.detail),
        )
        self._archive.answer(self.row(slot), call)
        self._ledger.settle_call(slot.usd, reply.usd)
        slot.paid = reply.usd or 0.0
        return text

    def keep_late(self) -> None:
        """However a run is left, by an error or by who iterates over it: replies that came are kept."""
        for keep, answered in list(self._sent.values()):
            if answered.exception() is None:
                keep(answered.result())

    def row(self, slot: Slot) -> CandidateRow:
        """The candidate as it stands before anything is known of it."""
        return CandidateRow(
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

    def _request(self, slot: Slot) -> tuple[Request, str]:
        choice = slot.choice
        prompt = render(self._problem, choice, self._train)
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
        return request, prompt.template


def idea_of(reply: str) -> str:
    """What a reply says of its program after the code, in one harmless line; empty where it says nothing."""
    after = re.split(r"^\s*[`~]{3,}\s*$", reply, flags=re.MULTILINE)[-1]
    line = next((line.strip() for line in after.splitlines() if line.strip()), "")
    return untrusted(line, LONGEST_IDEA) if len(after) < len(reply) else ""
