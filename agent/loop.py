"""The system's pseudo-code, and the only place where its parts meet.

    while there is room: ask          (choose parents, render, send; the reply is committed as it comes)
    apply what has ended              (population, gate; in the order of the slots for deterministic models)
    else wait for a reply or a trial

A slot is one question and what came of it. A deterministic model is asked in the driver's own thread, and
at most WINDOW slots are open whatever the number of workers: so the state from which slot k is asked is a
function of the seed alone. On resume the same loop runs again from slot 0; what the archive holds is not
asked, not paid and not run again.
"""

import hashlib
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from queue import Queue
from random import Random
from typing import TypeVar

from gapsmith.agent.archive import Archive, CallRow, CandidateRow
from gapsmith.agent.budget import Ledger
from gapsmith.agent.executor import Executor
from gapsmith.agent.models.base import Model, Reply, Request, Stopped
from gapsmith.agent.prompting import render
from gapsmith.agent.screen import Screened, encodable, extract, screen
from gapsmith.agent.search.operators import OPERATORS, REPAIR, Operator
from gapsmith.agent.search.population import Elite
from gapsmith.agent.search.state import Choice, Failure, SearchState
from gapsmith.agent.search.trial import Bar, Course, Trial, Trialled
from gapsmith.evaluators.base import Trouble
from gapsmith.evaluators.scoring import Score
from gapsmith.sandbox import SandboxTrouble

T = TypeVar("T")
WINDOW = 16
BARREN = 500
"""So many slots in a row without anything new to measure end a run: its space is exhausted."""
RULE = Operator("rule", 0, 0.0)


@dataclass(frozen=True)
class Progress:
    """How a run stands after a slot has ended."""

    slot: int
    operator: str
    outcome: str
    evaluations: int
    calls: int
    usd: float
    seconds: float
    best_gap: float | None
    champion: int | None


@dataclass
class Slot:
    """One question on its way.

    Attributes:
        number: its place in the run; reference rules come first.
        choice: the operator and the parents.
        bar: what the candidate must reach, as of the asking.
        name: of a reference rule, else empty.
        usd: reserved for its call.
        program: its number, once known.
        screened: its code, once known.
        trialled: how it ended on the instances; None while it is under way, or where it was not run.
        outcome: in words, once it has ended.
        message: why.
    """

    number: int
    choice: Choice
    bar: Bar
    name: str = ""
    usd: float = 0.0
    program: int | None = None
    screened: Screened | None = None
    trialled: Trialled | None = None
    outcome: str = ""
    message: str = ""


class Loop:
    """One run. Iterate over it to let it work; it yields after every slot.

    Args:
        run: its number in the archive.
        course: the instances.
        model: who answers.
        archive: what is remembered; only this thread writes.
        executor: where candidates run.
        ledger: the budget.
        seed: all choices follow from it and from the verdicts.
        stop: once set, nothing more is asked; what is under way is waited for and kept.
    """

    def __init__(
        self,
        run: int,
        course: Course,
        model: Model,
        archive: Archive,
        executor: Executor,
        ledger: Ledger,
        *,
        seed: int,
        stop: threading.Event,
    ) -> None:
        self.state = SearchState(course.validation)
        self._run, self._course, self._problem = run, course, course.problem
        self._model, self._archive, self._executor = model, archive, executor
        self._ledger, self._seed = ledger, seed
        self._recorded, self._calls = archive.candidates(run), archive.calls(run)
        self._open: dict[int, Slot] = {}
        self._asked: dict[int, tuple[Callable[[Reply], str], Future[Reply]]] = {}
        self._claimed: set[int] = set()
        self._next = 0
        self._arrivals: Queue[Callable[[], None]] = Queue()
        self._stop = stop
        self._trouble: Exception | None = None
        self._barren = 0

    def __iter__(self) -> Iterator[Progress]:
        try:
            with ThreadPoolExecutor(WINDOW, thread_name_prefix="model") as callers:
                try:
                    yield from self._work(callers)
                except (
                    BaseException
                ):  # whatever ends the run, paid replies under way are kept; it is raised again
                    self._stop.set()  # so that leaving the pool waits for what was sent, and for nobody else
                    raise
        finally:
            self._keep_late_replies()
        if self._trouble:
            raise self._trouble

    def _work(self, callers: ThreadPoolExecutor) -> Iterator[Progress]:
        while True:
            if self._may_ask():
                self._ask(callers)
            elif (slot := self._ended()) is not None:
                self._apply(slot)
                yield self._progress(slot)
            elif self._open:
                self._arrivals.get()()
            else:
                break

    def _keep_late_replies(self) -> None:
        """However the run is left, by an error or by who iterates over it: replies that came are kept."""
        for keep, answered in list(self._asked.values()):
            if answered.exception() is None:
                keep(answered.result())

    # Asking

    def _may_ask(self) -> bool:
        if self._stop.is_set() or self._trouble or self._barren >= BARREN or len(self._open) >= WINDOW:
            return False
        if self._next < len(self._problem.rules):
            return True
        # Candidates descend from the rules: they wait for them.
        rules_open = any(slot.choice.operator is RULE for slot in self._open.values())
        if self._ledger.out_of_time():  # only what an earlier sitting paid for is taken up still
            self._next = min((slot for slot in self._calls if slot >= self._next), default=self._next)
        paid = self._next in self._calls
        return not rules_open and self._ledger.reserve(self._model.most_usd or 0.0, paid)

    def _ask(self, callers: ThreadPoolExecutor) -> None:
        number, self._next = self._next, self._next + 1
        if number < len(self._problem.rules):
            self._open_rule(number)
            return
        slot = Slot(number, self._choose(number), self.state.bar(), usd=self._model.most_usd or 0.0)
        self._open[number] = slot
        if (call := self._calls.get(number)) is not None:
            self._ledger.settle_call(slot.usd, call.usd)
            self._receive(slot, call.reply)
        elif self._model.deterministic:
            request, template = self._question(slot)
            try:
                reply = self._model.reply(request)
            except Trouble as error:
                self._give_up(slot, error)
            else:
                self._receive(slot, self._keep(slot, request, template, reply))
        else:
            request, template = self._question(slot)
            keep = partial(self._keep, slot, request, template)
            answered = callers.submit(self._model.reply, request)
            self._asked[number] = keep, answered
            self._when(slot, answered, lambda reply: self._receive(slot, keep(reply)))

    def _open_rule(self, number: int) -> None:
        rule = self._problem.rules[number]
        slot = self._open[number] = Slot(number, Choice(RULE), self.state.bar(), name=rule.name)
        if number not in self._recorded:
            self._archive.answer(self._row(slot))
        self._receive(slot, rule.source(self._problem.entry.name))

    def _row(self, slot: Slot) -> CandidateRow:
        operator, parents = slot.choice.operator.name, slot.choice.programs
        return CandidateRow(
            run=self._run, slot=slot.number, operator=operator, name=slot.name, parents=parents
        )

    def _choose(self, number: int) -> Choice:
        row = self._recorded.get(number)
        if row is None or self._model.deterministic:
            return self.state.choose(Random(f"{self._seed}/{number}/choice"))
        return self._recall(row)

    def _recall(self, row: CandidateRow) -> Choice:
        """The choice of an earlier sitting, whose order of events is not repeated."""
        operator = next(
            o for o in (*OPERATORS, REPAIR, Operator(row.operator, 1, 0.0)) if o.name == row.operator
        )
        failure = next(
            (f for f in self.state.failures if operator is REPAIR and f.program in row.parents), None
        )
        if operator is REPAIR and failure is None:
            failed = self._archive.find(row.parents[0])
            failure = Failure(row.parents[0], failed.source, "did not run to its end", 1)
        elites = tuple(elite for elite in self.state.population.elites if elite.program in row.parents)
        return Choice(operator, elites, failure)

    def _question(self, slot: Slot) -> tuple[Request, str]:
        prompt = render(self._problem, slot.choice, self._course.train)
        digest = hashlib.sha256(f"{self._seed}/{slot.number}/reply".encode()).digest()
        request = Request(
            slot=slot.number,
            operator=slot.choice.operator.name,
            system=prompt.system,
            prompt=prompt.text,
            seed=int.from_bytes(digest[:6]),
            problem=self._problem,
            parents=slot.choice.sources,
        )
        return request, prompt.template

    # Replies and trials, as they come

    def _keep(self, slot: Slot, request: Request, template: str, reply: Reply) -> str:
        """Commits a reply before anything is done with it; returns its text, as the archive has it."""
        text = encodable(reply.text)
        self._asked.pop(slot.number, None)
        self._archive.answer(
            self._row(slot),
            CallRow(
                run=self._run,
                slot=slot.number,
                model=self._model.name,
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
            ),
        )
        self._ledger.settle_call(slot.usd, reply.usd)
        return text

    def _receive(self, slot: Slot, text: str) -> None:
        entry = self._problem.entry
        slot.screened = screened = screen(text if slot.name else extract(text, entry), entry)
        if screened.outcome != "ok":
            hash_ = hashlib.sha256(screened.source.encode()).hexdigest()[:32]
            slot.program, _ = self._archive.program(self._problem.name, hash_, screened.source, screened.size)
            self._settle(slot, screened.outcome, screened.message)
            return
        name, hash_ = self._problem.name, screened.hash
        slot.program, new = self._archive.program(name, hash_, screened.source, screened.size)
        if slot.program in self._claimed:
            self._settle(slot, "duplicate", f"is program {slot.program} over again")
            return
        self._claimed.add(slot.program)
        instances = (*self._course.train.instances, *self._course.validation.instances)
        known = {} if new else self._archive.scores(slot.program, [i.digest for i in instances])
        trial = Trial(self._course, screened.source, slot.bar, known)
        self._when(slot, self._executor.submit(trial), lambda trialled: self._measured(slot, trialled, known))

    def _measured(self, slot: Slot, trialled: Trialled, known: Mapping[str, Score]) -> None:
        slot.trialled = trialled
        self._settle(slot, trialled.outcome, trialled.message, known)

    def _settle(self, slot: Slot, outcome: str, message: str, known: Collection[str] = ()) -> None:
        slot.outcome, slot.message = outcome, message
        train, validation = self._course.train.scale, self._course.validation.scale
        done = slot.trialled or Trialled(outcome, message, ())
        values = {
            "program": slot.program,
            "outcome": outcome,
            "message": message,
            "train_gap": train.search(done.train) if done.train else None,
            "validation_gap": validation.pooled(done.validation) if done.validation else None,
        }
        self._archive.settle(self._run, slot.number, values, done.scores, known)

    def _when(self, slot: Slot, future: Future[T], then: Callable[[T], None]) -> None:
        """Has the driver's thread take up a result when it is there."""

        def arrive() -> None:
            try:
                result = future.result()
            except (Trouble, SandboxTrouble) as error:
                self._give_up(slot, error)
            else:
                then(result)

        future.add_done_callback(lambda _: self._arrivals.put(arrive))

    def _give_up(self, slot: Slot, error: Exception) -> None:
        """Ends the run once the other slots have ended; this one is asked again by `resume`."""
        del self._open[slot.number]
        if not isinstance(error, Stopped):
            self._trouble = self._trouble or error

    # Applying, which is what the next choice is made from

    def _ended(self) -> Slot | None:
        """A slot that can be applied: for deterministic models the oldest one only."""
        if not self._open:
            return None
        if self._model.deterministic or self._next <= len(self._problem.rules):
            oldest = self._open[min(self._open)]
            return oldest if oldest.outcome else None
        return next((slot for slot in self._open.values() if slot.outcome), None)

    def _apply(self, slot: Slot) -> None:
        del self._open[slot.number]
        self._barren = 0 if slot.trialled is not None else self._barren + 1
        name = slot.choice.operator.name
        if slot.choice.operator is not RULE:
            self._ledger.settle_evaluation(used=slot.trialled is not None)
        if slot.outcome == "raced" and slot.trialled:
            self._archive.record(
                self._run, slot.number, "raced", {"points_behind": round(slot.trialled.lag, 6)}
            )
        if slot.trialled is None or slot.trialled.train is None:
            self.state.miss(name, self._failure(slot))
            return
        self._take(slot, slot.trialled)

    def _take(self, slot: Slot, trialled: Trialled) -> None:
        if slot.screened is None or slot.program is None or trialled.train is None:
            raise RuntimeError(f"slot {slot.number} was measured without a program")
        times = [score.cpu_seconds for _, score in trialled.scores[: len(trialled.train)]]
        elite = Elite(
            slot.program,
            slot.screened.source,
            slot.screened.size,
            self._course.train.scale.search(trialled.train),
            trialled.train,
            sum(times) / len(times),
            slot.name,
        )
        parent_gap = min((parent.gap for parent in slot.choice.parents), default=float("inf"))
        verdict = self.state.take(slot.choice.operator.name, elite, trialled, parent_gap)
        if verdict is not None:
            self._archive.gate(
                self._run, slot.number, verdict.passed, verdict.gain, verdict.low, verdict.high
            )

    def _failure(self, slot: Slot) -> Failure | None:
        if (
            slot.outcome in ("duplicate", "raced", "no_code", "zygote_died", "harness_failure")
            or not slot.screened
        ):
            return None
        tries = slot.choice.failure.tries + 1 if slot.choice.failure else 0
        return Failure(slot.program or 0, slot.screened.source, f"{slot.outcome}: {slot.message}", tries)

    def _progress(self, slot: Slot) -> Progress:
        best, champion = self.state.population.best, self.state.champion
        return Progress(
            slot.number,
            slot.choice.operator.name,
            slot.outcome,
            self._ledger.evaluations,
            self._ledger.calls,
            self._ledger.usd,
            self._ledger.seconds,
            best.gap if best else None,
            champion.program if champion else None,
        )
