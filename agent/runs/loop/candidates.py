"""The evaluation of candidates in a run.

`Candidates.follow` is a candidate's whole way: its description, and the code that does it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from gapsmith.agent.archive import Archive
from gapsmith.agent.codegen.replies.extract import extract
from gapsmith.agent.codegen.screen import Screened, reject_unparsable, screen
from gapsmith.agent.evaluation.counterexamples import Counterexamples
from gapsmith.agent.evaluation.executors.base import Executor
from gapsmith.agent.evaluation.staged import Probe, Race, StageResult, Validation
from gapsmith.agent.models.hosted.finish import take_usable_part
from gapsmith.agent.runs.loop.scheduler import Chain, Evaluate, Turn
from gapsmith.agent.runs.loop.slot import Judged, Origin, Slot
from gapsmith.agent.search.acceptance.novelty import (
    Decisions,
    decode_behaviour,
    encode_behaviour,
    find_duplicate,
    hash_behaviour,
)
from gapsmith.agent.search.choice import Lesson
from gapsmith.agent.search.instances import InstanceSet, Splits
from gapsmith.agent.search.operators import ACCELERATE, RULE
from gapsmith.agent.search.selection.population import Elite
from gapsmith.agent.search.state import SearchState
from gapsmith.evaluators.base import Instance, Number
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.evaluators.scoring import Score

NO_FRESH = "the user's own instances have no fresh ones; looks are counted anew"
"""What is recorded where a worn gate goes on with the same instances."""


@dataclass
class _Program:
    """A candidate in progress, as it is recorded.

    Its program, its scores that the archive held before, and its events.

    Attributes:
        slot: its place.
        origin: its text.
        screened: its code.
        number: of the program in the archive.
        is_new: whether the archive did not have it before.
        known: digests of instances whose scores the archive had before.
        decisions: what the program did, as an earlier session or another run found it.
        events: what is recorded with its end.
    """

    slot: Slot
    origin: Origin
    screened: Screened
    number: int
    is_new: bool
    known: frozenset[str] = frozenset()
    decisions: Decisions = field(default_factory=dict)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def judge(self, outcome: str, message: str = "", **more: Any) -> Judged:
        """Ends it."""
        return Judged(
            self.slot, self.origin, self.screened, self.number, CandidateOutcome(outcome), message, **more
        )


class Candidates:
    """Screens, evaluates and judges candidates.

    Every decision is recorded in the archive.

    Args:
        run: its number in the archive.
        splits: the instances.
        archive: what is remembered.
        executor: where the gate's champion is measured on new instances.
        state: the search.
        next_instances: gives other validation instances for worn ones, None where there are no more.
        by_calls: whether the budget counts questions alone.
    """

    def __init__(
        self,
        run: int,
        splits: Splits,
        archive: Archive,
        executor: Executor,
        state: SearchState,
        next_instances: Callable[[InstanceSet], InstanceSet | None],
        by_calls: bool = False,
    ) -> None:
        self._run, self._splits, self._problem = run, splits, splits.problem
        self._archive, self._executor, self._state = archive, executor, state
        self._next_instances = next_instances
        self._screened: dict[int, int] = {}  # open slots and their programs
        self._refuters = Counterexamples(splits.problem.name, archive)
        self._behaviours: dict[bytes, tuple[int, int | None]] = {}  # first to do so, dropped or not
        self._usual_usd, self._by_calls = 0.0, by_calls

    def follow(self, slot: Slot, origin: Chain[Origin | None]) -> Chain[Judged | None]:
        """Takes a candidate from its text to its end; None without text."""
        text = yield from origin
        if text is None:
            return None
        yield Turn.SCREEN
        program = self._screen(slot, text)
        judged = self._reject(program) or (yield from self._measure(program))
        while True:
            self._record(program, judged)
            yield Turn.LEARN
            if not judged.elite or not judged.validated or judged.bench is self._state.gate.bench:
                break
            judged = yield from self._weigh(program, judged.stage)  # the gate's instances were exchanged
        self._learn(judged)
        return judged

    def _measure(self, program: _Program) -> Chain[Judged]:
        """Runs probe, novelty check, race and gate."""
        (stage,) = yield Evaluate((self._probe(program),))
        if stage.outcome != CandidateOutcome.OK:
            return program.judge(stage.outcome, stage.message, stage=stage)
        yield Turn.NOVELTY
        if (duplicate := self._find_twin(program, stage)) is not None:
            return program.judge(
                CandidateOutcome.TWIN, f"behaves as program {duplicate}", stage=stage, duplicate=duplicate
            )
        if stage.costs is None:
            race = Race(
                self._splits, program.screened.source, program.slot.reference, stage, program.decisions
            )
            (stage,) = yield Evaluate((race,))
        if stage.outcome != CandidateOutcome.OK:
            return program.judge(stage.outcome, stage.message, stage=stage)
        yield Turn.GATE
        return (yield from self._weigh(program, stage))

    def _weigh(self, program: _Program, stage: StageResult | None) -> Chain[Judged]:
        """Validates reference rules, and programs that are the best in training."""
        if stage is None or stage.costs is None:
            raise RuntimeError(f"slot {program.slot.number} is weighed without having been measured")
        elite = self._make_elite(program, stage, stage.costs)
        if program.slot.choice.operator is not RULE and not self._state.is_leading(elite):
            return program.judge(CandidateOutcome.OK, stage=stage, elite=elite)
        bench = self._state.gate.bench
        (validated,) = yield Evaluate((self._make_validation(program, bench),))
        if validated.costs is not None:
            return program.judge(
                CandidateOutcome.OK, stage=stage, elite=elite, validated=validated, bench=bench
            )
        if validated.evaluated == len(bench.instances):  # it solved them all, but not by its own work
            words = validated.outcome, validated.message
            return program.judge(*words, stage=stage, validated=validated, bench=bench)
        words = CandidateOutcome.OK, f"failed in validation: {validated.outcome}: {validated.message}"
        return program.judge(*words, stage=stage, elite=elite, validated=validated, bench=bench)

    # Screening

    def _screen(self, slot: Slot, origin: Origin) -> _Program:
        """Finds the program in a text; repairs of the form are recorded."""
        events, source = list(origin.events), origin.text
        if slot.model:
            extracted = extract(take_usable_part(source, origin.finish[0]), self._problem.entry)
            source = extracted.source
            if extracted.detail:
                events.append(("extracted", {"detail": extracted.detail}))
        unread = extracted.trouble if slot.model else ""
        found = reject_unparsable(unread) if unread else screen(source, self._problem.entry)
        number, is_new = self._archive.add_program(
            self._problem.name, found.key, found.source, found.size, self._problem.version
        )
        return _Program(slot, origin, found, number, is_new, events=events)

    def _reject(self, program: _Program) -> Judged | None:
        """Ends programs that may not run or are not new; else None."""
        slot, found, finish = program.slot, program.screened, program.origin.finish
        duplicate = not program.is_new and self._is_claimed(program)
        if not duplicate or found.outcome != CandidateOutcome.OK:
            self._screened[slot.number] = program.number
        if found.outcome.is_incomplete and finish[0]:
            return program.judge(*finish)
        if found.outcome != CandidateOutcome.OK:
            return program.judge(found.outcome, found.message)
        if duplicate:
            return program.judge(CandidateOutcome.DUPLICATE, f"is program {program.number} over again")
        return None

    def _is_claimed(self, program: _Program) -> bool:
        """Tells whether another slot of the run has this very program."""
        if program.number in self._screened.values():
            return True
        return self._archive.find_first_slot(self._run, program.number, program.slot.number) is not None

    def _known(self, program: _Program, bench: InstanceSet) -> dict[str, Score]:
        """Loads known scores; their number is kept with the candidate."""
        known = self._archive.read_scores(program.number, [i.digest for i in bench.instances])
        program.known |= frozenset(known)
        return known

    # Measuring

    def _probe(self, program: _Program) -> Probe:
        known: dict[str, Score] = {}
        if not program.is_new:
            known = self._known(program, self._splits.train)
            program.decisions = decode_behaviour(self._archive.read_behaviours(program.number))
        refuters = self._refuters.select(program.slot.number)
        reference, source = program.slot.reference, program.screened.source
        return Probe(self._splits, source, reference, known, program.decisions, refuters)

    def _make_validation(self, program: _Program, bench: InstanceSet) -> Validation:
        known, refuters = self._known(program, bench), self._refuters.select(program.slot.number)
        return Validation(self._splits, bench, program.screened.source, known, refuters)

    def _find_twin(self, program: _Program, stage: StageResult) -> int | None:
        """Finds an earlier program with the same behaviour; None if new."""
        first = self._first(program, stage.decisions)
        if first is None or not self._state.switches.novelty or self._state.speed.begun:
            return None
        number, duplicate = first
        program.events.append(("twin", {"slot": number}))
        return duplicate

    def _first(self, program: _Program, decisions: Decisions) -> tuple[int, int | None] | None:
        slot = program.slot
        duplicate = find_duplicate(decisions, slot.rivals)
        number = (
            self._archive.find_first_slot(self._run, duplicate.program, slot.number) if duplicate else None
        )
        here = (
            (number, duplicate.program) if duplicate and number is not None else (slot.number, program.number)
        )
        first = self._behaviours.setdefault(hash_behaviour(decisions), here)
        return None if first[0] == slot.number or slot.choice.operator is RULE else first

    def _make_elite(self, program: _Program, stage: StageResult, costs: tuple[Number, ...]) -> Elite:
        train = self._splits.train
        times = [score.cpu_seconds for _, score in _list_scores(train, stage)]
        return Elite(
            program.number,
            program.screened.source,
            program.screened.size,
            train.scale.search(costs),
            costs,
            sum(times) / len(times),
            program.slot.name,
            train.compute_losses(costs),
            stage.decisions,
        )

    # Recording

    def _record(self, program: _Program, judged: Judged) -> None:
        """Records a candidate's end; the search learns from it later."""
        slot, stage, gate, bench = judged.slot, judged.stage, judged.validated, judged.bench
        if judged.outcome == CandidateOutcome.RACED and stage:
            program.events.append(
                ("raced", {"met": stage.evaluated, "points_behind": round(stage.deficit, 6)})
            )
        scores = _list_scores(self._splits.train, stage) + (_list_scores(bench, gate) if bench else [])
        values = {
            "program": judged.program,
            "outcome": judged.outcome,
            "message": judged.message,
            "train_gap": judged.elite.gap if judged.elite else None,
            "validation_gap": bench.scale.compute_pooled_gap(gate.costs)
            if bench and gate and gate.costs
            else None,
            "behaviour": encode_behaviour(stage.decisions) if stage else "",
            "cpu_seconds": judged.elite.cpu_seconds if judged.elite else None,
            "evaluated": judged.evaluated,
            "charged": int(judged.charged),
        }
        self._note_examinations(program, judged)
        self._archive.settle(self._run, slot.number, values, scores, program.known, program.events)

    def _note_examinations(self, program: _Program, judged: Judged) -> None:
        """Records examinations, and keeps counterexamples for later programs."""
        for stage in (judged.stage, judged.validated):
            detail = dict(stage.detail) if stage else {}
            if found := detail.pop("counterexample", None):
                self._refuters.add(judged.slot.number, judged.program, found)
            if detail:
                program.events.append(("verified", detail))

    # Learning

    def _learn(self, judged: Judged) -> None:
        """Has the search learn what came of a slot."""
        self._screened.pop(judged.slot.number, None)
        reward, state, choice = 0.0, self._state, judged.slot.choice
        if judged.outcome == CandidateOutcome.REFUTED:
            state.refutation = judged.message
        if judged.duplicate is not None:
            self._take_duplicate(judged)
            state.record_failure()
        elif judged.elite is None:
            state.record_failure(judged.find_failure())
        else:
            reward = state.add_candidate(choice, judged.elite)
            if judged.validated and judged.validated.costs:
                self._pass_gate(judged, judged.elite, judged.validated.costs)
        self._note(judged)
        ran = not judged.outcome.is_failure and judged.outcome != CandidateOutcome.DUPLICATE
        state.update_bandits(choice, judged.slot.model, reward, self._price_slot(judged), ran)

    def _take_duplicate(self, judged: Judged) -> None:
        elite, found = self._state.find(judged.duplicate) if judged.duplicate else None, judged.screened
        if elite and not elite.name and found.size < elite.size and self._state.champion is not elite:
            shorter = replace(elite, program=judged.program, source=found.source, size=found.size)
            self._state.replace_elite(elite.program, shorter)

    def _pass_gate(self, judged: Judged, elite: Elite, costs: tuple[Number, ...]) -> None:
        verdict = self._state.validate(elite, costs)
        limits = verdict.gain, verdict.low, verdict.high
        self._archive.record_gate(self._run, judged.slot.number, verdict.passed, *limits)
        if self._state.gate.worn:
            self._refresh(judged.slot)

    def _refresh(self, slot: Slot) -> None:
        """Exchanges half of the gate's instances and measures the champion on them."""
        gate, elites = self._state.gate, (self._state.champion, self._state.best_rule)
        gate.looks = 0
        if (bench := self._next_instances(gate.bench)) is None:
            self._archive.record(self._run, slot.number, "refresh", {"instances": 0, "why": NO_FRESH})
            return
        for elite in (each for each in elites if each):
            if costs := self._measure_elite(elite, bench):
                gate.refresh(bench, elite, costs)
                # By its hash: the record is part of the fingerprint, and numbers depend on earlier runs.
                champion = self._archive.find(elite.program).hash
                detail = {"instances": len(bench.instances), "champion": champion}
                self._archive.record(self._run, slot.number, "refresh", detail)
                return

    def _measure_elite(self, elite: Elite, bench: InstanceSet) -> tuple[Number, ...] | None:
        """Measures an elite on other instances; None unless it solves them all."""
        known = self._archive.read_scores(elite.program, [i.digest for i in bench.instances])
        validation = Validation(self._splits, bench, elite.source, known)
        stage = self._executor.submit(validation).result()
        self._archive.add_scores(elite.program, _list_scores(bench, stage))
        return stage.costs

    def _note(self, judged: Judged) -> None:
        """Keeps a lesson where the reply described its idea."""
        choice, idea = judged.slot.choice, judged.origin.idea
        if not idea or not choice.parents:
            return
        before = min(parent.gap for parent in choice.parents)
        after = judged.elite.gap if judged.elite and choice.operator is not ACCELERATE else None
        ended = _describe_end(judged)
        self._state.add_lesson(Lesson(judged.slot.number, choice.operator.name, idea, before, after, ended))

    def _price_slot(self, judged: Judged) -> float:
        """Prices a slot in full evaluations, calls included."""
        if self._by_calls:
            return 1.0
        cost, usd = (
            (judged.evaluated - judged.origin.tuned) / len(self._splits.train.instances),
            judged.origin.usd,
        )
        if usd > 0:
            self._usual_usd = 0.9 * self._usual_usd + 0.1 * usd if self._usual_usd else usd
            cost += usd / self._usual_usd
        return max(cost, 0.01)


def _describe_end(judged: Judged) -> str:
    """Describes for a lesson how a candidate ended."""
    if judged.elite:
        return f"{judged.elite.gap:.3f} % in {1000 * judged.elite.cpu_seconds:.1f} ms of CPU"
    raced = judged.outcome == CandidateOutcome.RACED
    return judged.message if raced else f"{judged.outcome}: {judged.message}"


def _list_scores(bench: InstanceSet, stage: StageResult | None) -> list[tuple[Instance, Score]]:
    """Lists the evaluated instances of a stage, with their scores."""
    evaluated = [bench.instances[place] for place in stage.places] if stage else []
    return [(instance, stage.scores[instance.digest]) for instance in evaluated if stage]
