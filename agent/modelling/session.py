"""One run of models from words while it is worked on: what chains ask for, and what is kept of it.

The scheduler is that of discovery runs. Every reply is committed before it is used, and every verdict too. On resume
the same chains start again; what the archive holds is not asked, not paid and not run again.
"""

import hashlib
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from gapsmith.agent.archive import Archive, CallRow, Candidate, CandidateRow
from gapsmith.agent.codegen.prompt import Prompt
from gapsmith.agent.codegen.screen import Screened
from gapsmith.agent.evaluation.executor import Executor
from gapsmith.agent.modelling.answer import Answer, Kind, Verdict
from gapsmith.agent.modelling.program import turned_away, work
from gapsmith.agent.models import close_model
from gapsmith.agent.models.base import Model, Request
from gapsmith.agent.models.callers import Callers
from gapsmith.agent.models.hosted.batch.base import batches_of
from gapsmith.agent.runs.budget import Ledger
from gapsmith.agent.runs.loop.batches import Mail
from gapsmith.agent.runs.loop.model_calls import ModelCall, ModelCalls, Question
from gapsmith.agent.runs.loop.scheduler import Chain, Evaluate, Scheduler
from gapsmith.evaluators.base import CandidateOutcome

T = TypeVar("T")
PROBLEM = "modelling"
"""Under this name the archive keeps runs and programs that began with words."""

VERDICT = "verdict"


@dataclass(frozen=True)
class Letter:
    """A question to a model.

    Attributes:
        slot: its place in the run.
        model: who is asked, as on the command line.
        operator: what is asked for.
        prompt: the words.
        parents: programs that it shows.
        outcome: what the archive says of its slot as long as no program of it has been judged.
    """

    slot: int
    model: str
    operator: str
    prompt: Prompt
    parents: tuple[int, ...] = ()
    outcome: str = CandidateOutcome.ASKED


@dataclass(frozen=True)
class Ran:
    """What came of a program: its number in the archive, None where there is none, and the verdict."""

    program: int | None
    verdict: Verdict


class Session:
    """One run while it is worked on.

    Args:
        run: its number in the archive.
        models: who answers.
        archive: what is remembered.
        executor: where programs run.
        ledger: the budget.
        seed: all that models may do by chance follows from it and from the slot.
        stop: once set, nothing more is asked; what is under way is waited for and kept.
        window: chains that are open at once, for models that are not deterministic.
    """

    def __init__(
        self,
        run: int,
        models: Sequence[Model],
        archive: Archive,
        executor: Executor,
        ledger: Ledger,
        seed: int,
        stop: threading.Event,
        window: int,
    ) -> None:
        self._run, self._models, self._archive = run, tuple(models), archive
        self._executor, self._ledger, self._seed, self._stop = executor, ledger, seed, stop
        # Equal questions get equal replies only if they are asked one at a time, in order.
        self._window = 1 if any(model.deterministic for model in models) else window
        self._verdicts = {e.slot: e.detail for e in archive.events(run) if e.kind == VERDICT}
        self._begin()

    def work(self, chains: Iterable[Chain[T]]) -> Generator[T, None, None]:
        """Yields the results of chains as they finish.

        An error is raised once the rest has ended.

        Close it if it is left early: then what is under way is waited for, and kept.
        """
        self._begin()
        try:
            with self._callers:
                try:
                    yield from self._all(iter(chains))
                except BaseException:  # whatever it is: nothing more is asked; it is raised again
                    self._stop.set()
                    raise
        finally:
            self._calls.keep_late()
        if self._scheduler.error:
            raise self._scheduler.error

    def ask(self, letter: Letter) -> Chain[CallRow | None]:
        """Asks a model; returns None where the budget does not allow it.

        A call that the archive has is returned from there.
        """
        kept = self._archive.call(self._run, letter.slot)
        if kept is None:
            asked: CallRow | None = yield ModelCall(self._calls, self._question(letter))
            return asked
        paid = self._calls.paid_usd(kept)
        self._ledger.reserve(paid, paid=True, evaluations=0)
        self._ledger.settle_call(paid, kept.usd)
        return kept

    def attempt(self, slot: int, found: Screened, cpu_seconds: float) -> Chain[Ran]:
        """Runs the program found in a reply, if there is one."""
        row = self._archive.candidate(self._run, slot)
        if row is not None and slot in self._verdicts:
            return Ran(row.program, _verdict(row, self._verdicts[slot]))
        if found.outcome != CandidateOutcome.OK:
            return self._settle(slot, found, turned_away(found))
        (verdict,) = yield Evaluate((work(found.source, cpu_seconds),))
        return self._settle(slot, found, verdict)

    def _begin(self) -> None:
        self._callers = Callers(self._ledger.out_of_time)
        self._scheduler = Scheduler[Any](self._executor, self._callers)
        self._mail = Mail(
            self._run, self._archive, batches_of(self._models), self._scheduler.call_soon, self._stop
        )
        self._calls = ModelCalls(
            self._run, self._models, self._archive, self._ledger, self._seed, self._mail, self._is_closed
        )

    def _is_closed(self) -> bool:
        return self._stop.is_set() or self._scheduler.error is not None or self._scheduler.exhausted

    def _all(self, chains: Iterator[Chain[T]]) -> Iterator[T]:
        numbers, scheduler = count(), self._scheduler
        while True:
            self._fill(chains, numbers)
            while scheduler.ended:
                yield scheduler.ended.popleft()
            if len(scheduler) > scheduler.held:
                self._post()
                scheduler.wait(self._ledger.left if self._calls.out else None)
                if self._calls.out and self._ledger.out_of_time():
                    self._leave_behind()
            elif scheduler.held:  # nothing is under way that could leave the budget more room
                scheduler.drop_held()
            else:
                break

    def _fill(self, chains: Iterator[Chain[T]], numbers: "count[int]") -> None:
        """Sends requests that were held back, then begins new chains."""
        scheduler = self._scheduler
        while scheduler.retry_held():
            pass
        while len(scheduler) < self._window and not scheduler.held and not self._is_closed():
            if (chain := next(chains, None)) is None:
                break
            scheduler.start(next(numbers), chain)

    def _leave_behind(self) -> None:
        """Stops waiting for replies when the time is used up.

        Programs that run are still waited for.
        """
        for model in self._models:
            close_model(model)
        self._calls.abandon()
        self._scheduler.abandon_questions()

    def _post(self) -> None:
        """Sends the batch once everything open waits for replies."""
        if self._scheduler.error:
            self._mail.abandon()
        elif len(self._calls.out) == len(self._scheduler) - self._scheduler.held:
            self._mail.post(self._callers)

    def _question(self, letter: Letter) -> Question:
        row = Candidate(
            run=self._run,
            slot=letter.slot,
            operator=letter.operator,
            parents=list(letter.parents),
            outcome=letter.outcome,
            model=letter.model,
        )
        request = Request(
            slot=letter.slot,
            operator=letter.operator,
            system=letter.prompt.system,
            prompt=letter.prompt.text,
            seed=self._calls.number(letter.slot, "reply"),
        )
        return Question(row, request, letter.prompt.template)

    def _settle(self, slot: int, found: Screened, verdict: Verdict) -> Ran:
        """Commits what came of a program."""
        program = None
        if found.source.strip() and verdict.kind is not Kind.NO_CODE:
            hash_ = found.hash or hashlib.sha256(found.source.encode()).hexdigest()[:32]
            program, _ = self._archive.program(PROBLEM, hash_, found.source, found.size)
        values = {"program": program, "outcome": str(verdict.kind), "message": verdict.message}
        detail = vars(verdict.answer) if verdict.answer else {}
        self._archive.settle(self._run, slot, values, events=[(VERDICT, detail)])
        return Ran(program, verdict)


def _verdict(row: CandidateRow, detail: dict[str, Any]) -> Verdict:
    return Verdict(Kind(row.outcome), row.message, Answer(**detail) if detail else None)
