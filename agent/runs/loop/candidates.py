"""A candidate on its way: screened, probed, told apart from what is known, raced, gated, and learnt from."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Any

from gapsmith.agent.archive import Archive
from gapsmith.agent.codegen.replies.extract import extract
from gapsmith.agent.codegen.screen import Screened, screen, unparsable
from gapsmith.agent.evaluation.counterexamples import Refuters
from gapsmith.agent.evaluation.executor import Executor
from gapsmith.agent.evaluation.staged import Heat, Probe, Race, Validation
from gapsmith.agent.models.hosted.finish import usable
from gapsmith.agent.runs.loop.slot import Slot, Stage
from gapsmith.agent.runs.loop.tuning import Tuning, most_instances
from gapsmith.agent.search.acceptance.novelty import Decisions, fingerprint, recalled, told, twin_of
from gapsmith.agent.search.choice import Lesson
from gapsmith.agent.search.instances import Bench, Course
from gapsmith.agent.search.operators import RULE
from gapsmith.agent.search.selection.population import Elite
from gapsmith.agent.search.state import SearchState
from gapsmith.evaluators.base import Instance, Number
from gapsmith.evaluators.scoring import Score

REFUTED = "refuted"
"""What `Problem.verify` says of a program that is wrong on an instance, which the message tells."""
NO_FRESH = "the user's own instances have no fresh ones; looks are counted anew"
"""What is recorded where a worn gate goes on with the same instances."""
NO_PROGRAM = ("no_code", "syntax_error", "no_entry")
"""Outcomes of screening that are no wonder where the reply itself did not end well."""

When = Callable[[Slot, Future[Any], Callable[[Any], None]], None]


class Candidates:
    """What is done with programs. Every decision is recorded; what waits for the sandbox is taken up by `when`.

    Args:
        run: its number in the archive.
        course: the instances.
        archive: what is remembered.
        executor: where programs run.
        state: the search.
        when: has the driver take up a result.
        fresh: gives other validation instances for worn ones, None where there are no more.
        by_calls: whether the budget counts questions alone.
    """

    def __init__(
        self,
        run: int,
        course: Course,
        archive: Archive,
        executor: Executor,
        state: SearchState,
        when: When,
        fresh: Callable[[Bench], Bench | None],
        by_calls: bool = False,
    ) -> None:
        self._run, self._course, self._problem = run, course, course.problem
        self._archive, self._executor, self._state = archive, executor, state
        self._when, self._fresh = when, fresh
        self.open: Mapping[int, Slot] = {}
        self._refuters = Refuters(course.problem.name, archive)
        self._behaviours: dict[bytes, tuple[int, int | None]] = {}  # who did so first, dropped or not
        self._usual_usd, self._by_calls = 0.0, by_calls

    def tune(self, slot: Slot, seed: int, then: Callable[[Slot, str], None]) -> None:
        """Tunes the constants of the slot's parent; what comes of it is the slot's program."""

        def done(tuning: Tuning) -> None:
            # What was set aside: the same whether it was tuned now or in an earlier sitting.
            slot.tuned = most_instances(self._course.train)
            slot.events.append(("tuned", {"before": tuning.before, "after": tuning.after, "run": tuning.run}))
            then(slot, tuning.best)

        source = slot.choice.parents[0].source
        Tuning(self._course, source, seed, self._executor, partial(self._when, slot), done).begin()

    def screen(self, slot: Slot) -> None:
        """Finds the program in a reply; what may run and is new goes to its probe."""
        slot.screened = found = self._found(slot)
        slot.program, new = self._archive.program(
            self._problem.name, found.key, found.source, found.size, self._problem.version
        )
        if found.outcome in NO_PROGRAM and slot.finish[0]:
            self._end(slot, *slot.finish)
        elif found.outcome != "ok":
            self._end(slot, found.outcome, found.message)
        elif not new and self._claimed(slot):
            self._end(slot, "duplicate", f"is program {slot.program} over again")
        else:
            known = {} if new else self._known(slot, self._course.train)
            slot.known = frozenset(known)
            slot.recalled = {} if new else recalled(self._archive.behaviours(slot.program))
            probe = Probe(
                self._course, found.source, slot.bar, known, slot.recalled, self._refuters.of(slot.number)
            )
            self._run_in(slot, Stage.PROBING, probe)

    def _found(self, slot: Slot) -> Screened:
        """The program of a slot; what had to be put right in a reply is recorded."""
        entry = self._problem.entry
        if not slot.model:
            return screen(slot.text, entry)
        extracted = extract(usable(slot.text, slot.finish[0]), entry)
        if extracted.detail:
            slot.events.append(("extracted", {"detail": extracted.detail}))
        if extracted.trouble:
            return unparsable(extracted.trouble)
        return screen(extracted.source, entry)

    def _claimed(self, slot: Slot) -> bool:
        """Whether an earlier slot of the run has this very program."""
        others = (o for o in self.open.values() if o.program == slot.program and o.stage > Stage.REPLIED)
        if any(other is not slot and other.outcome != "duplicate" for other in others):
            return True
        return self._archive.claimed(self._run, slot.program or 0, slot.number) is not None

    def _known(self, slot: Slot, bench: Bench) -> dict[str, Score]:
        return self._archive.scores(slot.program or 0, [i.digest for i in bench.instances])

    def _run_in(self, slot: Slot, stage: Stage, work: Callable[..., Heat]) -> None:
        slot.stage = stage
        self._when(slot, self._executor.submit(work), partial(self._ran, slot))

    def _ran(self, slot: Slot, heat: Heat) -> None:
        """A part of the trial has come back."""
        if slot.stage is Stage.VALIDATING:
            slot.validated = heat
            self._validated(slot, heat)
            return
        slot.heat = heat
        if heat.outcome != "ok":
            self._end(slot, heat.outcome, heat.message)
        else:
            slot.stage = Stage.PROBED if slot.stage is Stage.PROBING else Stage.RACED

    def tell_apart(self, slot: Slot) -> None:
        """A program that does what another one does is not measured further; any other goes on with the race."""
        heat = slot.heat
        assert heat is not None  # the stage says so
        first = self._first(slot, heat.decisions)
        if first is not None and self._state.switches.novelty:
            number, slot.twin = first
            slot.events.append(("twin", {"slot": number}))
            self._end(slot, "twin", f"behaves as program {slot.twin}")
        elif heat.costs is not None:
            slot.stage = Stage.RACED
        else:
            self._run_in(slot, Stage.RACING, Race(self._course, slot.source, slot.bar, heat, slot.recalled))

    def _first(self, slot: Slot, decisions: Decisions) -> tuple[int, int | None] | None:
        """The slot and the program that did the same before, whether it was dropped or is an elite; None if new."""
        twin = twin_of(decisions, slot.rivals)
        number = self._archive.claimed(self._run, twin.program, slot.number) if twin else None
        here = (number, twin.program) if twin and number is not None else (slot.number, slot.program)
        first = self._behaviours.setdefault(fingerprint(decisions), here)
        return None if first[0] == slot.number or slot.choice.operator is RULE else first

    # The gate

    def weigh(self, slot: Slot) -> None:
        """Reference rules and what is the best so far in training go on to the gate."""
        if slot.heat is None or slot.heat.costs is None or slot.screened is None:
            raise RuntimeError(f"slot {slot.number} is weighed without having been measured")
        slot.elite = elite = self._elite(slot, slot.heat.costs)
        slot.validated = None  # of a gate whose instances were exchanged meanwhile
        if slot.choice.operator is RULE or elite.gap < self._state.record:
            slot.bench = self._state.gate.bench
            known = self._known(slot, slot.bench)
            slot.known |= frozenset(known)
            refuters = self._refuters.of(slot.number)
            validation = Validation(self._course, slot.bench, slot.source, known, refuters)
            self._run_in(slot, Stage.VALIDATING, validation)
        else:
            self._end(slot, "ok")

    def _elite(self, slot: Slot, costs: tuple[Number, ...]) -> Elite:
        train, decided = self._course.train, slot.heat.decisions if slot.heat else {}
        return Elite(
            slot.program or 0,
            slot.source,
            slot.size,
            train.scale.search(costs),
            costs,
            self._cpu_seconds(slot),
            slot.name,
            train.losses(costs),
            decided,
        )

    def _cpu_seconds(self, slot: Slot) -> float:
        times = [score.cpu_seconds for _, score in _scores(self._course.train, slot.heat)]
        return sum(times) / len(times)

    def _validated(self, slot: Slot, heat: Heat) -> None:
        if heat.costs is not None:
            self._end(slot, "ok")
        elif slot.bench and heat.met == len(slot.bench.instances):
            slot.elite = None  # it solved them all, but not by its own work
            self._end(slot, heat.outcome, heat.message)
        else:
            self._end(slot, "ok", f"failed in validation: {heat.outcome}: {heat.message}")

    # Recording and learning

    def _end(self, slot: Slot, outcome: str, message: str = "") -> None:
        """Records what came of a slot. Its turn to be learnt from comes later."""
        slot.end(outcome, message)
        heat, gate = slot.heat, slot.validated
        if outcome == "raced" and heat:
            slot.events.append(("raced", {"met": heat.met, "points_behind": round(heat.lag, 6)}))
        scores = _scores(self._course.train, heat)
        if gate and slot.bench:
            scores += _scores(slot.bench, gate)
        values = {
            "program": slot.program,
            "outcome": outcome,
            "message": message,
            "train_gap": slot.elite.gap if slot.elite else None,
            "validation_gap": slot.bench.scale.pooled(gate.costs)
            if slot.bench and gate and gate.costs
            else None,
            "behaviour": told(heat.decisions) if heat else "",
            "cpu_seconds": slot.elite.cpu_seconds if slot.elite else None,
            "evaluated": slot.met,
            "charged": int(slot.charged),
        }
        self._note_examinations(slot)
        self._archive.settle(self._run, slot.number, values, scores, slot.known, slot.events)

    def _note_examinations(self, slot: Slot) -> None:
        """What examinations found is an event; an instance that refuted a program is kept for all later ones."""
        for heat in (slot.heat, slot.validated):
            detail = dict(heat.detail) if heat else {}
            if found := detail.pop("counterexample", None):
                self._refuters.add(slot.number, slot.program, found)
            if detail:
                slot.events.append(("verified", detail))

    def apply(self, slot: Slot) -> None:
        """The search learns what came of a slot: its turn has come."""
        reward, state = 0.0, self._state
        if slot.outcome == REFUTED:
            state.refutation = slot.message
        if slot.twin is not None:
            self._take_twin(slot)
            state.miss()
        elif slot.elite is None:
            state.miss(slot.failure())
        else:
            reward = state.take(slot.choice, slot.elite)
            if slot.validated and slot.validated.costs:
                self._pass_gate(slot, slot.elite, slot.validated.costs)
        self._note(slot)
        ran = slot.outcome in ("ok", "raced", "twin")
        state.learn(slot.choice, slot.model, reward, self._cost(slot), ran)

    def _take_twin(self, slot: Slot) -> None:
        elite = self._state.find(slot.twin) if slot.twin else None
        if elite and not elite.name and slot.size < elite.size and self._state.champion is not elite:
            shorter = replace(elite, program=slot.program or 0, source=slot.source, size=slot.size)
            self._state.exchange(elite.program, shorter)

    def _pass_gate(self, slot: Slot, elite: Elite, costs: tuple[Number, ...]) -> None:
        verdict = self._state.validate(elite, costs)
        limits = verdict.gain, verdict.low, verdict.high
        self._archive.gate(self._run, slot.number, verdict.passed, *limits)
        if self._state.gate.worn:
            self._refresh(slot)

    def _refresh(self, slot: Slot) -> None:
        """Exchanges half of the gate's instances; the champion, or else the best rule, is measured on them."""
        gate, elites = self._state.gate, (self._state.champion, self._state.start)
        gate.looks = 0
        if (bench := self._fresh(gate.bench)) is None:
            self._archive.record(self._run, slot.number, "refresh", {"instances": 0, "why": NO_FRESH})
            return
        for elite in (each for each in elites if each):
            if costs := self._measured(elite, bench):
                gate.refresh(bench, elite, costs)
                # By its hash: the record is part of the fingerprint, and numbers depend on earlier runs.
                champion = self._archive.find(elite.program).hash
                detail = {"instances": len(bench.instances), "champion": champion}
                self._archive.record(self._run, slot.number, "refresh", detail)
                return

    def _measured(self, elite: Elite, bench: Bench) -> tuple[Number, ...] | None:
        """Costs of an elite on other instances; None unless it solves them all."""
        known = self._archive.scores(elite.program, [i.digest for i in bench.instances])
        validation = Validation(self._course, bench, elite.source, known)
        heat = self._executor.submit(validation).result()
        self._archive.add_scores(elite.program, _scores(bench, heat))
        return heat.costs

    def _note(self, slot: Slot) -> None:
        """A lesson for the next prompts, where the reply said what it tried."""
        if not slot.idea or not slot.choice.parents:
            return
        before = min(parent.gap for parent in slot.choice.parents)
        after = slot.elite.gap if slot.elite else None
        ended = "" if slot.elite else f"{slot.outcome}: {slot.message}"
        self._state.note(Lesson(slot.number, slot.choice.operator.name, slot.idea, before, after, ended))

    def _cost(self, slot: Slot) -> float:
        """Of a slot, in full evaluations; dollars are counted by what a call usually costs, or calls as equals."""
        if self._by_calls:
            return 1.0
        cost = (slot.met - slot.tuned) / len(self._course.train.instances)
        if slot.paid > 0:
            self._usual_usd = 0.9 * self._usual_usd + 0.1 * slot.paid if self._usual_usd else slot.paid
            cost += slot.paid / self._usual_usd
        return max(cost, 0.01)


def _scores(bench: Bench, heat: Heat | None) -> list[tuple[Instance, Score]]:
    """Of the instances that a part of a trial met."""
    met = [bench.instances[place] for place in heat.places] if heat else []
    return [(instance, heat.scores[instance.digest]) for instance in met if heat]
