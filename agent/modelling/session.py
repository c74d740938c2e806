"""A modelling run in progress.

Sends the requests of chains, runs programs and stores the results.

The scheduler is that of discovery runs. Every reply and every verdict is committed before it is used. On resume the
same chains start again; calls and runs that the archive has are reused.
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
from gapsmith.agent.evaluation.executors.base import Executor
from gapsmith.agent.modelling.answer import Answer, Kind, Verdict
from gapsmith.agent.modelling.program import judge_rejected, make_work
from gapsmith.agent.models import close_model
from gapsmith.agent.models.base import Model, Request
from gapsmith.agent.models.callers import Callers
from gapsmith.agent.models.hosted.batch.base import find_batches
from gapsmith.agent.runs.budget import Ledger
from gapsmith.agent.runs.loop.batches import BatchQueue, BatchStatus
from gapsmith.agent.runs.loop.model_calls import ModelCall, ModelCalls, Question
from gapsmith.agent.runs.loop.scheduler import Chain, Evaluate, Scheduler
from gapsmith.evaluators.outcomes import CandidateOutcome

T = TypeVar("T")
PROBLEM = "modelling"
"""The problem name of modelling runs and their programs in the archive."""

VERDICT = "verdict"


@dataclass(frozen=True)
class AskModel:
    """A request to a model.

    Attributes:
        slot: its slot in the run.
        model: the model, as on the command line.
        operator: the kind of request.
        prompt: the prompt.
        parents: programs that the prompt shows.
        outcome: outcome of the slot in the archive until its program has a verdict.
    """

    slot: int
    model: str
    operator: str
    prompt: Prompt
    parents: tuple[int, ...] = ()
    outcome: str = CandidateOutcome.ASKED


@dataclass(frozen=True)
class RunResult:
    """The result of a program.

    Its number in the archive, or None, and the verdict.
    """

    program: int | None
    verdict: Verdict


class Session:
    """A run in progress.

    Args:
        run: its number in the archive.
        models: the models.
        archive: the archive.
        executor: runs programs.
        ledger: the budget.
        seed: seed of the requests, combined with the slot.
        stop: once set, no more requests are sent; open requests are waited for and saved.
        window: maximum number of open chains, for models that are not deterministic.
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
        # Deterministic models give equal replies only if requests are sent one at a time, in order.
        self._window = 1 if any(model.deterministic for model in models) else window
        self._verdicts = {e.slot: e.detail for e in archive.read_events(run) if e.kind == VERDICT}
        self._begin()

    @property
    def waiting(self) -> list[BatchStatus]:
        """The batches that are waited for, or that a stop left at work."""
        return list(self._batches.waiting.values())

    def work(self, chains: Iterable[Chain[T]]) -> Generator[T, None, None]:
        """Yields the results of chains as they finish.

        An error is raised once the rest has ended.

        Close the generator if you leave it early: open requests are then waited for and saved.
        """
        self._begin()
        try:
            with self._callers:
                try:
                    yield from self._all(iter(chains))
                except BaseException:  # no more requests are sent; the error is raised again
                    self._stop.set()
                    raise
        finally:
            self._calls.keep_late()
        if self._scheduler.error:
            raise self._scheduler.error

    def ask(self, task: AskModel) -> Chain[CallRow | None]:
        """Asks a model; returns None where the budget does not allow it.

        A call that the archive has is returned from there.
        """
        kept = self._archive.call(self._run, task.slot)
        if kept is None:
            asked: CallRow | None = yield ModelCall(self._calls, self._make_question(task))
            return asked
        paid = self._calls.find_paid_usd(kept)
        self._ledger.reserve(paid, paid=True, evaluations=0)
        self._ledger.settle_call(paid, kept.usd)
        return kept

    def attempt(self, slot: int, found: Screened, cpu_seconds: float) -> Chain[RunResult]:
        """Runs the program found in a reply, if there is one."""
        row = self._archive.find_candidate(self._run, slot)
        if row is not None and slot in self._verdicts:
            return RunResult(row.program, _restore_verdict(row, self._verdicts[slot]))
        if found.outcome != CandidateOutcome.OK:
            return self._settle(slot, found, judge_rejected(found))
        (verdict,) = yield Evaluate((make_work(found.source, cpu_seconds),))
        return self._settle(slot, found, verdict)

    def _begin(self) -> None:
        self._callers = Callers(self._ledger.is_out_of_time)
        self._scheduler = Scheduler[Any](self._executor, self._callers)
        self._batches = BatchQueue(
            self._run, self._archive, find_batches(self._models), self._scheduler.call_soon, self._stop
        )
        self._calls = ModelCalls(
            self._run, self._models, self._archive, self._ledger, self._seed, self._batches, self._is_closed
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
                if self._calls.out and self._ledger.is_out_of_time():
                    self._leave_behind()
            elif scheduler.held:  # no open request can return budget
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
        self._scheduler.drop_questions()

    def _post(self) -> None:
        """Sends the batch once everything open waits for replies."""
        if self._scheduler.error:
            self._batches.abandon()
        elif len(self._calls.out) == len(self._scheduler) - self._scheduler.held:
            self._batches.post(self._callers)

    def _make_question(self, task: AskModel) -> Question:
        row = Candidate(
            run=self._run,
            slot=task.slot,
            operator=task.operator,
            parents=list(task.parents),
            outcome=task.outcome,
            model=task.model,
        )
        prompt = self._batches.restore_prompt(task.slot) or task.prompt
        request = Request(
            slot=task.slot,
            operator=task.operator,
            system=prompt.system,
            prompt=prompt.text,
            seed=self._calls.number(task.slot, "reply"),
        )
        return Question(row, request, prompt.template)

    def _settle(self, slot: int, found: Screened, verdict: Verdict) -> RunResult:
        """Commits what came of a program."""
        program = None
        if found.source.strip() and verdict.kind is not Kind.NO_CODE:
            hash_ = found.hash or hashlib.sha256(found.source.encode()).hexdigest()[:32]
            program, _ = self._archive.add_program(PROBLEM, hash_, found.source, found.size)
        values = {"program": program, "outcome": str(verdict.kind), "message": verdict.message}
        detail = vars(verdict.answer) if verdict.answer else {}
        self._archive.settle(self._run, slot, values, events=[(VERDICT, detail)])
        return RunResult(program, verdict)


def _restore_verdict(row: CandidateRow, detail: dict[str, Any]) -> Verdict:
    return Verdict(Kind(row.outcome), row.message, Answer(**detail) if detail else None)
