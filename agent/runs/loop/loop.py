"""The system's pseudo-code, and the only place where its parts meet.

    while there is room: ask      (an arm chooses parents and operator; the reply is committed as it comes)
    take up whose turn it is      (screen, then probe; told apart, then raced; the gate; what was learnt)
    else wait for a reply or a trial

Where answers take time, what has come is taken up first, and a trial keeps no question from being asked.

A slot is one question and what came of it. A deterministic model is asked in the driver's own thread, so many
slots are open at once whatever the number of workers, and decisions are made in the order of the slots: so the
state from which slot k is asked is a function of the seed alone. On resume the same loop runs again from slot
0; what the archive holds is not asked, not paid and not run again.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from queue import Empty, Queue
from typing import TypeVar

from gapsmith.agent.archive import Archive, CallRow, CandidateRow
from gapsmith.agent.codegen.replies.extract import idea_of
from gapsmith.agent.evaluation.executor import Executor
from gapsmith.agent.models.base import Model, ModelTrouble, Stopped
from gapsmith.agent.models.callers import GLANCE_SECONDS, Callers
from gapsmith.agent.models.hosted.batch.base import batches_of
from gapsmith.agent.models.hosted.finish import excuse
from gapsmith.agent.models.router import Pool
from gapsmith.agent.runs.budget import Ledger
from gapsmith.agent.runs.loop.batches import Mail, Waiting
from gapsmith.agent.runs.loop.candidates import Candidates
from gapsmith.agent.runs.loop.model_calls import Question, Questions
from gapsmith.agent.runs.loop.replies import STOP_AFTER, WARN_AFTER, Replies
from gapsmith.agent.runs.loop.slot import WAITS, Progress, Slot, Stage
from gapsmith.agent.runs.loop.tuning import most_evaluations, most_instances
from gapsmith.agent.search.choice import Choice, Failure
from gapsmith.agent.search.instances import Bench, Course
from gapsmith.agent.search.operators import BY_NAME, REPAIR, RULE, SEED, TUNE, Operator
from gapsmith.agent.search.selection.population import Elite
from gapsmith.agent.search.state import SearchState
from gapsmith.evaluators.base import Trouble
from gapsmith.sandbox import SandboxTrouble

T = TypeVar("T")
WINDOW = 16
"""Slots that are open at once at most: more would be faster, and each would be asked knowing less."""

BACKLOG = 2
"""So many windows of slots are open at most where answers come faster than they can be tried."""

BARREN = 500
"""So many slots in a row without anything new to measure end a run: its space is exhausted."""

TUNING_SHARE, TUNING_SHARE_OF_CALLS = 0.25, 2.0
"""What tuning may run, by all else that was run: a quarter where evaluations are short, twice where calls are."""


class Loop:
    """One run. Iterate over it to let it work; it yields after every slot.

    Args:
        run: its number in the archive.
        course: the instances.
        models: who answers.
        pool: who of them is asked.
        archive: what is remembered.
        executor: where candidates run.
        ledger: the budget.
        state: the search, as it begins.
        seed: all choices follow from it and from the verdicts.
        stop: once set, nothing more is asked; what is under way is waited for and kept.
        over: set when the time is used up: models send nothing more, and nobody waits for an answer.
        seeds: programs of an older archive to start from besides the reference rules.
        fresh: gives other validation instances for worn ones, None where there are no more.
        window: slots that may be open at once.
        operators: of the caller's own, by which a resumed run takes up what it had asked.

    Attributes:
        left_behind: questions without an answer when the time was used up.
    """

    def __init__(
        self,
        run: int,
        course: Course,
        models: Sequence[Model],
        pool: Pool,
        archive: Archive,
        executor: Executor,
        ledger: Ledger,
        state: SearchState,
        *,
        seed: int,
        stop: threading.Event,
        over: threading.Event | None = None,
        seeds: Sequence[str] = (),
        fresh: Callable[[Bench], Bench | None] = lambda _: None,
        window: int = WINDOW,
        operators: Sequence[Operator] = (),
    ) -> None:
        self.state = state
        self._run, self._course, self._archive, self._ledger = run, course, archive, ledger
        self._arrivals: Queue[Callable[[], None]] = Queue()
        self._over = over or threading.Event()
        self._mail = Mail(run, archive, batches_of(models), self._arrivals.put, self._over)
        self._questions = Questions(
            run, course.problem, course.train, models, archive, ledger, seed, self._mail
        )
        by_calls = ledger.budget.of_calls
        self._candidates = Candidates(run, course, archive, executor, state, self._when, fresh, by_calls)
        self._pool = pool
        self._rules, self._seeds = course.problem.rules, tuple(seeds)
        self._open: dict[int, Slot] = {}
        self._candidates.open = self._open
        self._recorded = archive.recorded(run)
        self._next, self._window = 0, window
        self._operators = {**BY_NAME, **{operator.name: operator for operator in operators}}
        self._stop = stop
        self._trouble: Exception | None = None
        self._held: tuple[Slot, Question] | None = None  # for which the dollars do not suffice yet
        self._used_up = False
        self._barren = 0
        self._replies = Replies()
        self.left_behind = 0
        self._tuning, self._most_tuned = 0, most_instances(course.train)

    def __iter__(self) -> Iterator[Progress]:
        try:
            with Callers(self._ledger.out_of_time) as callers:
                try:
                    yield from self._work(callers)
                except BaseException:  # whatever ends the run, paid replies under way are kept
                    self._stop.set()
                    self._over.set()  # so that leaving the pool waits for what was sent, and for nobody else
                    raise
        finally:
            self._questions.keep_late()
        if self._trouble:
            raise self._trouble

    @property
    def waiting(self) -> list[Waiting]:
        """The batches of questions that are waited for."""
        return list(self._mail.waiting.values())

    def _work(self, callers: Callers) -> Iterator[Progress]:
        while True:
            if self._questions.out and self._ledger.out_of_time():
                self._leave_behind()
            slot = self._due()
            # What has come is taken up first, so that more is known of it when the next question is put.
            if (slot is None or self._questions.deterministic) and (ask := self._asks()) is not None:
                ask(callers)
            elif slot is not None:
                if slot.stage is Stage.ENDED:
                    self._apply(slot)
                    yield self._progress(slot)
                else:
                    self._advance(slot)
            elif self._open:
                self._post(callers)
                self._arrive()
            else:
                break

    def _arrive(self) -> None:
        """Takes up the next thing that comes, in the time that is left where answers are waited for."""
        # A signal that comes just before the wait is heard only after it: so none is long.
        left = self._ledger.left if self._questions.out else None
        try:
            arrival = self._arrivals.get(
                timeout=GLANCE_SECONDS if left is None else min(left, GLANCE_SECONDS)
            )
        except Empty:
            return
        arrival()

    def _leave_behind(self) -> None:
        """The time is used up: what was sent and is not answered is given up; it may be billed all the same."""
        self._over.set()
        self._used_up = True
        for number in self._questions.abandon():
            self._ledger.settle_call(self._open.pop(number).usd, None)
            self.left_behind += 1

    def _post(self, callers: Callers) -> None:
        """Once all that is open waits for answers, nothing more comes: what goes in batches is sent."""
        if self._trouble:
            self._mail.abandon()
        elif sum(not self._questions.asked(number) for number in self._open) == (self._held is not None):
            self._mail.post(callers)

    # Asking

    def _asks(self) -> Callable[[Callers], None] | None:
        """What may be asked now, with the budget for it set aside; None where nothing may."""
        if self._held is not None:
            return self._ask_held(*self._held)
        if self._ending or self._full:
            return None
        if self._next < len(self._rules):
            return lambda _: self._open_rule()
        if self._waits_for(RULE):  # candidates descend from the rules
            return None
        if self._next < len(self._rules) + len(self._seeds):
            return (lambda _: self._open_seed()) if self._ledger.reserve(calls=0) else None
        if self._waits_for(SEED):
            return None
        if self._ledger.out_of_time():  # only what an earlier sitting paid for is taken up still
            self._next = self._next_paid()
        if self._may_tune():
            return lambda _: self._open_tuning()
        call = self._call(self._next)
        usd = self._questions.least_usd if call is None else self._questions.paid_usd(call)
        if not self._ledger.reserve(usd, paid=self._paid(self._next)):
            return None
        return lambda callers: self._open_question(usd, call, callers)

    @property
    def _ending(self) -> bool:
        """Whether nothing is asked any more."""
        over = self._used_up or self._questions.ended(self._next)
        return over or self._stop.is_set() or bool(self._trouble) or self._barren >= BARREN

    @property
    def _full(self) -> bool:
        """Whether enough is open: a question whose answer is being tried does not keep the next from being asked."""
        if self._questions.deterministic:
            return len(self._open) >= self._window
        return self._questions.out >= self._window or len(self._open) >= BACKLOG * self._window

    def _waits_for(self, operator: object) -> bool:
        return any(slot.choice.operator is operator for slot in self._open.values())

    def _call(self, number: int) -> CallRow | None:
        """The call of an earlier sitting."""
        return self._archive.call(self._run, number) if number < self._recorded else None

    def _paid(self, number: int) -> bool:
        """Whether an earlier sitting asked, and the answer is there or will be."""
        return self._call(number) is not None or self._mail.sent(number) is not None

    def _next_paid(self) -> int:
        later = (number for number in range(self._next, self._recorded) if self._paid(number))
        return next(later, self._next)

    def _row(self, number: int) -> CandidateRow | None:
        return self._archive.candidate(self._run, number) if number < self._recorded else None

    def _opened(self, choice: Choice, reserved: int = 1, name: str = "") -> Slot:
        """A new slot; what nobody is asked for is recorded at once."""
        slot = Slot(self._next, choice, name=name, reserved=reserved)
        if choice.operator not in (RULE, SEED):
            slot.bar, slot.rivals = self.state.bar(choice.arm), self.state.everyone.elites
        self._open[slot.number] = slot
        self._next += 1
        return slot

    def _open_given(self, choice: Choice, source: str, reserved: int, name: str = "") -> None:
        slot = self._opened(choice, reserved, name)
        if self._row(slot.number) is None:
            self._archive.answer(self._questions.row(slot))
        self._replied(slot, source)

    def _open_rule(self) -> None:
        rule = self._rules[self._next]
        self._open_given(Choice(RULE), rule.source(self._course.problem.entry.name), 0, rule.name)

    def _open_seed(self) -> None:
        self._open_given(Choice(SEED), self._seeds[self._next - len(self._rules)], 1)

    def _may_tune(self) -> bool:
        """Whether constants are tuned now: something waits for it, and it has not had its share of the budget."""
        row = self._row(self._next)
        if self._questions.recalls(row):
            wanted = row is not None and row.operator == TUNE.name
        else:
            share = TUNING_SHARE if self._ledger.budget.evaluations else TUNING_SHARE_OF_CALLS
            spent = share * self._ledger.evaluations * len(self._course.train.instances)
            wanted = bool(self.state.untuned) and self._tuning + self._most_tuned <= spent
        evaluations = most_evaluations(self._course.train)
        return wanted and self._ledger.reserve(evaluations=evaluations, calls=0)

    def _open_tuning(self) -> None:
        row, number = self._row(self._next), self._next
        choice = self._choose(number, may_tune=True)
        self._tuning += self._most_tuned
        slot = self._opened(choice, most_evaluations(self._course.train))
        if row is None:
            self._archive.answer(self._questions.row(slot))
        elif row.program is not None and row.outcome != "asked":
            slot.tuned = self._most_tuned
            self._replied(slot, self._archive.find(row.program).source)
            return
        self._candidates.tune(slot, self._questions.number(number, "tuning"), self._replied)

    def _open_question(self, usd: float, call: CallRow | None, callers: Callers) -> None:
        number = self._next
        slot = self._opened(self._choose(number))
        slot.usd, slot.model = usd, self._model(slot)
        if call is not None:
            self._ledger.settle_call(usd, call.usd)
            slot.paid, slot.finish = call.usd or 0.0, excuse(call.detail)
            self._replied(slot, call.reply)
        else:
            self._held = slot, self._questions.compose(slot)

    def _ask_held(self, slot: Slot, question: Question) -> Callable[[Callers], None] | None:
        """What was composed is asked once there is room for what it can cost, or given up where there will be none."""
        if self._ledger.exchange(slot.usd, question.most_usd):
            slot.usd, self._held = question.most_usd, None
            return lambda callers: self._ask(slot, question, callers)
        if self._ending or len(self._open) == 1:
            self._held, self._used_up = None, True
            self._ledger.withdraw(slot.usd)
            del self._open[slot.number]
        return None

    def _ask(self, slot: Slot, question: Question, callers: Callers) -> None:
        slot.fresh = True
        if self._questions.deterministic:
            try:
                self._replied(slot, self._questions.ask(slot, question))
            except Trouble as error:
                self._give_up(slot, error)
        else:
            future, keep = self._questions.send(slot, question, callers)
            self._when(slot, future, lambda reply: self._replied(slot, keep(reply)))

    def _choose(self, number: int, may_tune: bool = False) -> Choice:
        row = self._row(number)
        if row is None or not self._questions.recalls(row):
            return self.state.choose(self._questions.rng(number, "choice"), may_tune)
        return self._recall(row)

    def _model(self, slot: Slot) -> str:
        row = self._row(slot.number)
        if row is not None and row.model in self._questions.models:
            return row.model
        rng = self._questions.rng(slot.number, "model")
        return self._pool.choose(rng, slot.choice.operator.name, self.state.models)

    def _recall(self, row: CandidateRow) -> Choice:
        """The choice of an earlier sitting, whose order of events is not repeated."""
        operator = self._operators[row.operator]
        if operator not in (REPAIR, TUNE):
            found = [self.state.find(program) for program in row.parents]
            return Choice(operator, tuple(elite for elite in found if elite), arm=row.arm)
        program = row.parents[0] if row.parents else 0  # a recording may not know it
        source = self._archive.find(program).source if row.parents else ""
        if operator is TUNE:
            elite = self.state.tuned(program) or Elite(program, source, 0, float("inf"), ())
            return Choice(operator, (elite,), arm=row.arm)
        lost = Failure(program, source, "did not run to its end", 1)
        return Choice(operator, failure=self.state.mended(program) or lost, arm=row.arm)

    def _replied(self, slot: Slot, text: str) -> None:
        slot.text, slot.idea, slot.stage = text, idea_of(text) if slot.model else "", Stage.REPLIED

    # What has come is taken up by the driver's thread, in the order of the slots

    def _when(self, slot: Slot, future: Future[T], then: Callable[[T], None]) -> None:
        """Has the driver's thread take up a result when it is there."""

        def arrive() -> None:
            if slot.number not in self._open:
                return
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
        self._questions.take_back(slot.number)
        if isinstance(error, Stopped):
            self._used_up = True  # who was told to stop, or has no more replies, is not asked again
        else:
            self._trouble = self._trouble or error

    def _due(self) -> Slot | None:
        """The slot whose turn it is: the first that waits for nothing, and is not ahead of an earlier one."""
        in_order = self._questions.deterministic or self._next <= len(self._rules) + len(self._seeds)
        least = Stage.ENDED + 1
        for slot in self._open.values():
            stage = slot.stage
            late = stage is Stage.RACED or stage is Stage.ENDED  # what the state of the search decides
            if stage in WAITS and (not in_order or (slot is self._oldest if late else stage < least)):
                return slot
            if stage < least:
                least = stage
        return None

    @property
    def _oldest(self) -> Slot:
        return self._open[min(self._open)]

    def _advance(self, slot: Slot) -> None:
        if slot.stage is Stage.REPLIED:
            self._candidates.screen(slot)
        elif slot.stage is Stage.PROBED:
            self._candidates.tell_apart(slot)
        else:
            self._candidates.weigh(slot)

    def _apply(self, slot: Slot) -> None:
        if slot.elite and slot.validated and slot.bench is not self.state.gate.bench:
            self._candidates.weigh(slot)  # the gate's instances were exchanged meanwhile
            return
        del self._open[slot.number]
        self._barren = 0 if slot.charged else self._barren + 1
        used = -(-slot.tuned // len(self._course.train.instances)) + slot.charged
        self._ledger.settle_evaluations(slot.reserved, used if slot.reserved else 0)
        self._candidates.apply(slot)
        if slot.fresh:
            self._count_reply(slot)
        if gone := self.state.arms.cut(self._ledger.share):
            self._archive.record(self._run, slot.number, "arms", {"given up": gone})

    def _count_reply(self, slot: Slot) -> None:
        """Ends the search where nothing that a model wrote is a program: more of the same costs money alone."""
        replies = self._replies
        replies.add(slot.outcome, slot.message)
        if replies.useless and replies.count >= STOP_AFTER and not self._questions.patient:
            self._trouble = self._trouble or ModelTrouble(f"stopped asking: {replies}")

    @property
    def _warning(self) -> str:
        """What is to be said of the replies so far, once."""
        replies = self._replies
        told = replies.useless and replies.count == WARN_AFTER and not self._questions.patient
        return f"so far {replies}" if told else ""

    def _progress(self, slot: Slot) -> Progress:
        best, champion = self.state.best, self.state.champion
        return Progress(
            slot.number,
            slot.choice.operator.name,
            slot.choice.arm,
            slot.outcome,
            self._ledger.evaluations,
            self._ledger.calls,
            self._ledger.dollars,
            self._ledger.seconds,
            best.gap if best else None,
            champion.program if champion else None,
            self._warning if slot.fresh else "",
        )
