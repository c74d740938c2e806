"""The loop of a run, which connects models, sandboxes and archive.

    while there is room: open a slot     (an arm chooses parents and operator; the reply is committed as it comes)
    grant the next turn                  (see candidates.py: screen, probe, novelty, race, gate, learn)
    else wait for a reply or a result

Replies that have arrived are handled before the next request; evaluations do not delay requests.

A deterministic model is asked in the driver's own thread, and decisions are made in the order of the slots: equal
seeds give equal archives. On resume the loop runs again from slot 0; what the archive holds is reused.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gapsmith.agent.archive import Archive, CallRow, CandidateRow
from gapsmith.agent.codegen.replies.extract import extract_idea
from gapsmith.agent.evaluation.executors.base import Executor
from gapsmith.agent.models.base import Model, ModelError
from gapsmith.agent.models.callers import Callers
from gapsmith.agent.models.hosted.batch.base import find_batches
from gapsmith.agent.models.hosted.finish import describe_finish
from gapsmith.agent.models.router import Pool
from gapsmith.agent.runs.budget import Ledger
from gapsmith.agent.runs.loop.batches import BatchQueue, BatchStatus
from gapsmith.agent.runs.loop.candidates import Candidates
from gapsmith.agent.runs.loop.compose import compose_question, make_candidate_row, recall_choice
from gapsmith.agent.runs.loop.model_calls import ModelCall, ModelCalls
from gapsmith.agent.runs.loop.replies import STOP_AFTER, Replies
from gapsmith.agent.runs.loop.scheduler import Chain, Scheduler
from gapsmith.agent.runs.loop.slot import Judged, Origin, Progress, Slot
from gapsmith.agent.runs.loop.tuning import TuningShare, tune
from gapsmith.agent.runs.loop.turns import take_turns
from gapsmith.agent.search.choice import Choice
from gapsmith.agent.search.instances import InstanceSet, Splits
from gapsmith.agent.search.operators import BY_NAME, RULE, SEED, TUNE, Operator
from gapsmith.agent.search.state import SearchState
from gapsmith.evaluators.outcomes import CandidateOutcome

WINDOW = 16
"""Maximum number of open slots: more would be faster, but each request would know fewer results."""

BACKLOG = 2
"""Maximum number of windows of open slots, where replies come faster than they can be evaluated."""

BARREN = 500
"""Slots in a row without a new program after which a run ends: its space is exhausted."""


Opening = Callable[[], None]


class Loop:
    """One discovery run; iterate over it: it yields after every slot.

    Args:
        run: its number in the archive.
        splits: the instances.
        models: the models.
        pool: chooses among them.
        archive: stores and recalls everything.
        executor: where candidates run.
        ledger: the budget.
        state: the search, as it begins.
        seed: all choices follow from it and from the verdicts.
        stop: once set, no request is made; work in progress is finished and kept.
        over: set at the time limit: models send nothing more, and no reply is waited for.
        seeds: programs of an older archive to start from besides the reference rules.
        next_instances: gives other validation instances for worn ones, None where there are no more.
        window: slots that may be open at once.
        operators: of the caller's own, by which a resumed run takes up what it had asked.

    Attributes:
        splits: the instances that candidates are measured on now.
        left_behind: requests without a reply at the time limit.
    """

    def __init__(
        self,
        run: int,
        splits: Splits,
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
        next_instances: Callable[[InstanceSet], InstanceSet | None] = lambda _: None,
        window: int = WINDOW,
        operators: Sequence[Operator] = (),
    ) -> None:
        self.state = state
        self._run, self.splits, self._archive, self._ledger = run, splits, archive, ledger
        self._over = over or threading.Event()
        self._callers = Callers(ledger.is_out_of_time)
        self._scheduler = Scheduler[Judged | None](executor, self._callers)
        self._batches = BatchQueue(run, archive, find_batches(models), self._scheduler.call_soon, self._over)
        self._calls = ModelCalls(run, models, archive, ledger, seed, self._batches, self._is_closed)
        self._candidates = Candidates(
            run, splits, archive, executor, state, next_instances, ledger.budget.of_calls
        )
        self._pool = pool
        self._rules, self._seeds = splits.problem.rules, tuple(seeds)
        self._slots: dict[int, Slot] = {}
        self._recorded = archive.count_slots(run)
        self._next, self._window, self._stop = 0, window, stop
        self._used_up = False
        self._barren = 0
        self._replies = Replies()
        self.left_behind = 0
        self._operators = {**BY_NAME, **{operator.name: operator for operator in operators}}
        self._tuning = TuningShare(splits.train, bool(ledger.budget.evaluations))

    def __iter__(self) -> Iterator[Progress]:
        try:
            with self._callers:
                try:
                    yield from self._work()
                except BaseException:  # paid replies in transit are kept, whatever ends the run
                    self._stop.set()
                    self._over.set()  # so that leaving the pool waits for what was sent, and for nothing else
                    raise
        finally:
            self._calls.keep_late()
        if self._scheduler.error:
            raise self._scheduler.error

    @property
    def waiting(self) -> list[BatchStatus]:
        """The batches of questions that are waited for."""
        return list(self._batches.waiting.values())

    def _work(self) -> Iterator[Progress]:
        scheduler = self._scheduler
        while True:
            if self._calls.out and self._ledger.is_out_of_time():
                self._leave_behind()
            due = scheduler.is_due(self._in_order)
            # Arrived results first, so that the next request knows more.
            if (not due or self._calls.deterministic) and (opening := self._find_opening()) is not None:
                opening()
            elif due:
                scheduler.grant_turn(self._in_order)
            elif len(scheduler):
                self._post()
                scheduler.wait(self._ledger.left if self._calls.out else None)
            else:
                break
            while scheduler.ended:
                if (judged := scheduler.ended.popleft()) is not None:
                    yield self._settle(judged)

    @property
    def _in_order(self) -> bool:
        return self._calls.deterministic or self._next <= len(self._rules) + len(self._seeds)

    def _leave_behind(self) -> None:
        """Gives up unanswered questions once the time is used up.

        They may be billed all the same.
        """
        self._over.set()
        self.left_behind += self._calls.abandon()
        self._scheduler.drop_questions()

    def _is_closed(self) -> bool:
        return self._stop.is_set() or self._over.is_set() or self._scheduler.error is not None

    def _post(self) -> None:
        """Sends batches once everything open waits for answers."""
        if self._scheduler.error:
            self._batches.abandon()
        elif self._scheduler.held == sum(number not in self._calls.out for number in self._scheduler.numbers):
            self._batches.post(self._callers)

    # Opening slots

    def _find_opening(self) -> Opening | None:
        """Returns what may be opened now, with its budget reserved; else None."""
        if self._scheduler.held:
            return self._take_up_held()
        if self._ending or self._full:
            return None
        if self._next < len(self._rules):
            return self._open_rule
        if self._is_waiting_for(RULE):  # candidates descend from the rules
            return None
        if self._next < len(self._rules) + len(self._seeds):
            return self._open_seed if self._ledger.reserve(calls=0) else None
        if self._is_waiting_for(SEED):
            return None
        if self._ledger.is_out_of_time():  # only slots that an earlier session paid for are continued
            self._next = self._find_next_paid()
        if self._may_tune():
            return self._open_tuning
        call = self._call(self._next)
        usd = self._calls.least_usd if call is None else self._calls.find_paid_usd(call)
        if not self._ledger.reserve(usd, paid=self._is_paid(self._next)):
            return None
        return lambda: self._open_question(usd, call)

    def _take_up_held(self) -> Opening | None:
        """Sends a held question, or drops it where no room comes."""
        if self._scheduler.retry_held():
            return lambda: None
        if not self._ending and len(self._scheduler) > 1:
            return None
        self._used_up = True
        self._scheduler.drop_held()
        return lambda: None

    @property
    def _ending(self) -> bool:
        """Whether nothing is asked any more."""
        over = self._used_up or self._scheduler.exhausted or self._calls.has_ended(self._next)
        over = over or (self.state.is_solved and not self._calls.has_choices)
        return over or self._is_closed() or self._barren >= BARREN

    @property
    def _full(self) -> bool:
        """Whether the window is full; for slow models a slot in evaluation does not count."""
        if self._calls.deterministic:
            return len(self._scheduler) >= self._window
        return len(self._calls.out) >= self._window or len(self._scheduler) >= BACKLOG * self._window

    def _is_waiting_for(self, operator: object) -> bool:
        return any(self._slots[number].choice.operator is operator for number in self._scheduler.numbers)

    def _call(self, number: int) -> CallRow | None:
        """Returns the call of an earlier session."""
        return self._archive.call(self._run, number) if number < self._recorded else None

    def _is_paid(self, number: int) -> bool:
        """Tells whether an earlier session asked, answered or still to be."""
        return self._call(number) is not None or self._batches.find_sent(number) is not None

    def _find_next_paid(self) -> int:
        later = (number for number in range(self._next, self._recorded) if self._is_paid(number))
        return next(later, self._next)

    def _row(self, number: int) -> CandidateRow | None:
        return self._archive.find_candidate(self._run, number) if number < self._recorded else None

    def _open(self, choice: Choice, origin: Callable[[Slot], Chain[Origin | None]], **facts: Any) -> None:
        """Starts the next slot; its candidate's text comes from `origin`."""
        if not choice.operator.is_start:
            facts |= {
                "reference": self.state.find_race_reference(choice.arm),
                "rivals": self.state.all_elites.elites,
            }
        slot = Slot(self._next, choice, **facts)
        self._slots[slot.number] = slot
        self._next += 1
        self._scheduler.start(slot.number, self._candidates.follow(slot, origin(slot)))

    def _given(self, slot: Slot, source: str, tuned: int = 0) -> Chain[Origin | None]:
        """Returns a text that no model writes; records its slot."""
        self._note(slot)
        yield from ()
        return Origin(source, tuned=tuned)

    def _note(self, slot: Slot) -> None:
        if self._row(slot.number) is None:
            self._archive.answer(make_candidate_row(slot, self._run))

    def _open_rule(self) -> None:
        rule = self._rules[self._next]
        source = rule.source(self.splits.problem.entry.name)
        self._open(Choice(RULE), lambda slot: self._given(slot, source), name=rule.name)

    def _open_seed(self) -> None:
        source = self._seeds[self._next - len(self._rules)]
        self._open(Choice(SEED), lambda slot: self._given(slot, source), reserved=1)

    # Tuning

    def _may_tune(self) -> bool:
        """Tells whether tuning is due and within its share."""
        row = self._row(self._next)
        if self._calls.is_recalled(row):
            wanted = row is not None and row.operator == TUNE.name
        else:
            wanted = bool(self.state.untuned) and self._tuning.has_room
        return wanted and self._ledger.reserve(evaluations=self._tuning.evaluations, calls=0)

    def _open_tuning(self) -> None:
        row, choice = self._row(self._next), self._choose(self._next, may_tune=True)
        self._tuning.begin()
        if row is not None and row.program is not None and row.outcome != CandidateOutcome.ASKED:
            source = self._archive.find(row.program).source
            self._open(
                choice,
                lambda slot: self._given(slot, source, self._tuning.instances),
                reserved=self._tuning.evaluations,
            )
        else:
            self._open(choice, self._tune, reserved=self._tuning.evaluations)

    def _tune(self, slot: Slot) -> Chain[Origin | None]:
        """Tunes the constants of the slot's parent."""
        self._note(slot)
        seed = self._calls.number(slot.number, "tuning")
        tuned = yield from tune(self.splits, slot.choice.parents[0].source, seed)
        event = ("tuned", {"before": tuned.before, "after": tuned.after, "run": tuned.run})
        # The reserved amount: the same whether it was tuned now or in an earlier session.
        return Origin(tuned.source, tuned=self._tuning.instances, events=(event,))

    # Asking

    def _open_question(self, usd: float, call: CallRow | None) -> None:
        number, choice = self._next, self._choose(self._next)
        model = self._model(number, choice)
        self._open(choice, lambda slot: self._ask(slot, usd, call), model=model, reserved=1)

    def _ask(self, slot: Slot, usd: float, call: CallRow | None) -> Chain[Origin | None]:
        """Returns a model's reply, new or archived; None without room."""
        fresh = call is None
        if call is not None:
            self._ledger.settle_call(usd, call.usd)
        else:
            call = yield ModelCall(self._calls, compose_question(slot, self.splits, self._calls), usd)
        if call is None:
            return None
        finish, idea = describe_finish(call.detail), extract_idea(call.reply)
        return Origin(call.reply, finish, idea, call.usd or 0.0, fresh=fresh)

    def _choose(self, number: int, may_tune: bool = False) -> Choice:
        row = self._row(number)
        if row is None or not self._calls.is_recalled(row):
            return self.state.choose(self._calls.make_rng(number, "choice"), may_tune)
        return recall_choice(row, self._operators, self.state, self._archive)

    def _model(self, number: int, choice: Choice) -> str:
        row = self._row(number)
        if row is not None and row.model in self._calls.models:
            return row.model
        rng, arm = self._calls.make_rng(number, "model"), self.state.arms.all.get(choice.arm)
        avoided = arm.avoided if arm else ""
        return self._pool.choose(rng, choice.operator.name, self.state.models, avoided)

    # Settling

    def _settle(self, judged: Judged) -> Progress:
        """Settles what a slot used."""
        slot = self._slots.pop(judged.slot.number)
        self._barren = 0 if judged.charged else self._barren + 1
        used = -(-judged.origin.tuned // len(self.splits.train.instances)) + judged.charged
        self._ledger.settle_evaluations(slot.reserved, used if slot.reserved else 0)
        self._tuning.count(judged)
        if judged.origin.fresh:
            self._count_reply(judged)
        news = take_turns(self.state, self._archive, self._run, slot.number, self._ledger.share)
        return self._report_progress(judged, news)

    def _count_reply(self, judged: Judged) -> None:
        """Ends the search where no reply held a program."""
        replies = self._replies
        replies.add(judged.outcome, judged.message)
        if replies.useless and replies.count >= STOP_AFTER and not self._calls.patient:
            self._scheduler.error = self._scheduler.error or ModelError(f"stopped asking: {replies}")

    def _report_progress(self, judged: Judged, news: str) -> Progress:
        warning = self._replies.warning if judged.origin.fresh and not self._calls.patient else ""
        best, champion, choice = self.state.best, self.state.champion, judged.slot.choice
        return Progress(
            judged.slot.number,
            choice.operator.name,
            choice.arm,
            judged.outcome,
            self._ledger.evaluations,
            self._ledger.calls,
            self._ledger.dollars,
            self._ledger.seconds,
            best.gap if best else None,
            champion.program if champion else None,
            warning or news,
        )
