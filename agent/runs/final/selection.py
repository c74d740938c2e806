"""Final selection: chooses, minimises and prices the winner of a run.

Sequential halving picks the winner, which must also be significantly better than the best reference rule. It is
minimised where that raises no cost. Winner and rule are then compared on unused instances, which gives the claimed
gain. Every decision is an event of slot -1; scores are kept, so that nothing is run twice.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from random import Random
from typing import Any

from gapsmith.agent.archive import Candidate
from gapsmith.agent.codegen.screen import Screened, screen
from gapsmith.agent.evaluation.counterexamples import Counterexamples
from gapsmith.agent.evaluation.scores import Examination, Known, Scorer, list_costs
from gapsmith.agent.runs.final.details import (
    describe_failures,
    encode_interval,
    is_nowhere_worse,
    is_tolerable,
    round_finite,
)
from gapsmith.agent.runs.final.halving import average_loss, plan_rounds, select_survivors
from gapsmith.agent.runs.final.minimise import MOST, yield_simpler
from gapsmith.agent.runs.final.significance import Decision, Further, decide, find_worse_subgroup
from gapsmith.agent.search.acceptance.gate import cross_validate
from gapsmith.agent.search.instances import InstanceSet
from gapsmith.agent.search.selection.population import Elite
from gapsmith.evaluators.base import Instance, Number, Problem, Split
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.evaluators.scoring import MIN_INSTANCES, Gain

SLOT = -1
"""The slot of the final selection's events and of the minimised winner."""
FINALISTS = 10
ERRORS = 0.03, 0.01, 0.01
"""Significance levels of the successive tests against the best rule: at most three programs are tested."""
EXAMINED = 20
FIRST_BLOCK = 8
UNSEEN_FROM = 1_000_000
"""A place in the stream of validation instances beyond all that a gate uses."""

Costs = tuple[Number, ...]


@dataclass(frozen=True)
class Unseen:
    """Instances that neither trained nor gated any program.

    Attributes:
        selection: choose the winner.
        claim: estimate the claimed gain; choose nothing; empty where there are too few for a claim.
        further: more selection instances, while the difference to the best rule is not significant.
        generated: whether both are new; else they are the two halves of the user's own validation instances,
            which gated the search, so that the claim leans a little towards the winner.
        crossed: whether these are so few that they trained the programs, too, so that cross-validation decides.
    """

    selection: tuple[Instance, ...]
    claim: tuple[Instance, ...]
    further: Further = lambda _: ()
    generated: bool = True
    crossed: bool = False


@dataclass(frozen=True)
class Finale:
    """The result of the final selection.

    Attributes:
        winner: the program to take; the reference rule where no program is significantly better.
        reference: the reference rule that was best on the selection instances; None if no rule solved them.
        claimed: the gain of the winner over the rule on the claim instances; None where it is the rule.
        selection: number of instances that chose the winner.
        claim: number of claim instances.
        generated: see `Unseen`.
    """

    winner: Elite
    reference: Elite | None
    claimed: Gain | None
    selection: int = 0
    claim: int = 0
    generated: bool = True


def make_unseen(problem: Problem, seed: int, own: Sequence[Instance] = ()) -> Unseen:
    """Generates unseen instances, or splits the user's own validation instances.

    Own instances are halved into selection and claim if each half has enough; fewer are all for selection.
    """
    if own and len(own) < 2 * MIN_INSTANCES:
        return Unseen(tuple(own), (), generated=False)
    if own:
        mixed = Random(seed).sample(own, len(own))
        return Unseen(tuple(mixed[0::2]), tuple(mixed[1::2]), generated=False)
    count = problem.counts[Split.VALIDATION]
    new = problem.generate_instances(Split.VALIDATION, seed, 2 * count, start=UNSEEN_FROM)

    def further(more: int) -> Sequence[Instance]:
        if problem.expensive:
            return ()
        return problem.generate_instances(Split.VALIDATION, seed, more, start=UNSEEN_FROM + 2 * count)

    return Unseen(tuple(new[:count]), tuple(new[count:]), further)


def choose_finalists(champion: Elite, elites: Sequence[Elite]) -> list[Elite]:
    """Returns the champion and the first elites, each program once."""
    return list({elite.program: elite for elite in (champion, *elites[:FINALISTS])}.values())


def finish(
    run: int, contestants: Sequence[Elite], train: InstanceSet, instances: Unseen, scorer: Scorer
) -> Finale:
    """Picks, shortens and prices the winner of a run.

    Args:
        run: its number; its reference rules are known by it, and its decisions kept under it.
        contestants: at least one; earlier ones win ties.
        train: the training bench, in the order of the elites' costs.
        instances: to choose by, and to claim by.
        scorer: runs programs.
    """
    end = _End(run, train, instances, scorer)
    rule = end.find_reference()
    for number, (elite, costs) in enumerate(end.yield_challengers(contestants, rule), 1):
        if found := end.attempt(number, elite, costs, rule):
            return found
    counts = len(instances.selection), len(instances.claim)
    return Finale(rule or contestants[0], rule, None, *counts, instances.generated)


class _End:
    """The steps of the final selection, and their common data.

    Args:
        run: the number of the run.
        train: its training bench.
        instances: to choose by, and to claim by.
        scorer: runs programs.
    """

    def __init__(self, run: int, train: InstanceSet, instances: Unseen, scorer: Scorer) -> None:
        self._run, self._train, self._instances, self._scorer = run, train, instances, scorer
        self._bench = scorer.build_instance_set(instances.selection)
        self._archive, self._problem = scorer.archive, scorer.problem
        rows = sorted(self._archive.read_candidates(run).items(), reverse=True)
        self._slots = {row.program: slot for slot, row in rows if slot >= 0}
        self._rules = [row for _, row in reversed(rows) if row.operator == "rule"]
        self._number = 1

    def yield_challengers(
        self, contestants: Sequence[Elite], rule: Elite | None
    ) -> Iterator[tuple[Elite, Costs]]:
        """Yields the best programs ranked before any rule, with selection costs."""
        ranking = self.keep_honest(self.drop_if_worse_in_subgroup(self.halve_contestants(contestants), rule))
        return islice(takewhile(lambda found: not found[0].name, ranking), len(ERRORS))

    def attempt(self, number: int, elite: Elite, costs: Costs, rule: Elite | None) -> Finale | None:
        """Returns the finale if the program beats the rule and the claim.

        Args:
            number: how many were tried with this one.
            elite: the program.
            costs: on the selection instances.
            rule: the reference rule; None if no rule solved them.
        """
        self._number = number
        decided = self.compare_with_rule(elite, rule) if rule else None
        if decided is not None and not decided.sure:
            return None
        winner = self.shorten_winner(elite, costs)
        more = decided.instances - len(costs) if decided else 0
        if not self._is_same_alone(winner, [*self._bench.instances, *self._instances.further(more)]):
            return None
        if (claimed := self.compute_claim(winner, rule)) is None:
            return None
        self.keep(winner, elite)
        counts = decided.instances if decided else len(costs), len(self._instances.claim)
        return Finale(winner, rule, claimed, *counts, self._instances.generated)

    # Choosing

    def halve_contestants(self, contestants: Sequence[Elite]) -> list[Elite]:
        """Halves the contestants; returns those that solved, the winner first."""
        left, out = list(contestants), list[Elite]()
        for number, plan in enumerate(plan_rounds(len(left), len(self._bench.instances)), 1):
            results = self._scorer.run(left, self._bench.instances[: plan.instances])
            found = {
                e.program: c for e, r in zip(left, results, strict=True) if (c := list_costs(r)) is not None
            }
            order = select_survivors(self._bench.scale, found, len(found))
            by_number = {elite.program: elite for elite in left}
            self._record_round(number, plan.instances, left, found, order[: plan.survivors])
            out = [by_number[program] for program in order[plan.survivors :]] + out
            left = [by_number[program] for program in order[: plan.survivors]]
        return left + out

    def drop_if_worse_in_subgroup(self, ranking: Sequence[Elite], rule: Elite | None) -> Iterator[Elite]:
        """Drops programs that are significantly worse than the rule in a subgroup."""
        for elite in ranking:
            worse_in = (
                ""
                if elite.name or rule is None
                else find_worse_subgroup(elite, rule, self._bench.instances, self._scorer)
            )
            if worse_in:
                self._record(f"passed over slot {self._find_slot(elite)}", {"worse in": worse_in})
            else:
                yield elite

    def keep_honest(self, ranking: Iterable[Elite]) -> Iterator[tuple[Elite, Costs]]:
        """Keeps programs that solve all selection instances and pass the examination."""
        for elite in ranking:
            costs = self._find_costs(elite)
            if (
                costs is not None
                and (elite.name or self._is_honest(f"slot {self._find_slot(elite)}", elite, costs))
                and self._is_same_alone(elite, self._bench.instances)
            ):
                yield elite, costs

    def find_reference(self) -> Elite | None:
        """Finds the reference rule with the least loss in selection."""
        solved = [row for row in self._rules if row.train_gap is not None and row.program is not None]
        known = [Known.build(self._archive.find(row.program or 0), row) for row in solved]
        results = zip(known, self._scorer.run(known, self._bench.instances), strict=True)
        losses = [
            (average_loss(self._bench.scale, costs), place, rule)
            for place, (rule, result) in enumerate(results)
            if (costs := list_costs(result)) is not None
        ]
        if not losses:
            return None
        rule = min(losses)[2]
        return self._make_elite(rule.program, rule.source, rule.size, rule.name)

    def compare_with_rule(self, winner: Elite, rule: Elite) -> Decision:
        """Tests whether the winner is significantly better than the rule."""
        further, error = self._instances.further, ERRORS[self._number - 1]
        if self._instances.crossed:
            found = self._leave_out(winner, rule)
        else:
            found = decide(winner, rule, self._bench.instances, further, self._scorer, error)
        detail = {"winner": self._find_slot(winner), "rule": rule.name, "instances": found.instances}
        detail |= {"worse in": found.worse_in} if found.worse_in else {}
        shown = encode_interval((found.gain, found.low, found.high))
        self._record_try(
            "against the best rule", {**detail, **shown, "kept": "winner" if found.sure else "rule"}
        )
        return found

    def _leave_out(self, winner: Elite, rule: Elite) -> Decision:
        """Decides by cross-validation, where there are few instances."""
        costs, other = self._find_costs(winner), self._find_costs(rule)
        if costs is None or other is None:
            return Decision(len(self._bench.instances), -math.inf, -math.inf, -math.inf)
        verdict = cross_validate(self._bench.scale, costs, other)
        return Decision(len(costs), verdict.gain, verdict.low, verdict.high)

    # Shortening

    def shorten_winner(self, winner: Elite, costs: Costs) -> Elite:
        """Shortens the winner where no selection instance costs more."""
        if not self._problem.editable:
            return winner
        best, tried = winner, set[str]()
        while (step := self._step(best, costs, tried)) is not None:
            best, costs = step
        self._record_try("simplified", {"tried": len(tried), "before": winner.size, "after": best.size})
        return best

    def _step(self, elite: Elite, costs: Costs, tried: set[str]) -> tuple[Elite, Costs] | None:
        for text in yield_simpler(elite.source, self._problem.entry.name):
            screened = screen(text, self._problem.entry)
            if screened.outcome != CandidateOutcome.OK or screened.hash in tried:
                continue
            if len(tried) >= MOST:
                return None
            tried.add(screened.hash)
            if (found := self._keep_if_as_good(screened, elite, costs)) is not None:
                return found
        return None

    def _keep_if_as_good(self, screened: Screened, longer: Elite, costs: Costs) -> tuple[Elite, Costs] | None:
        """Keeps the shorter form if it is honest and costs no more."""
        problem = self._problem
        program, _ = self._archive.add_program(
            problem.name, screened.hash, screened.source, screened.size, problem.version
        )
        elite = Elite(program, screened.source, screened.size, 0.0, ())
        for count in (FIRST_BLOCK, len(costs)):
            new = self._find_costs(elite, count)
            if new is None or not is_nowhere_worse(self._bench.scale, new, costs[:count]):
                return None
        if new is None or not self._is_honest(screened.hash[:8], elite, new):
            return None
        measured = self._make_elite(program, screened.source, screened.size)
        if measured is None or not is_nowhere_worse(self._train.scale, measured.costs, longer.costs):
            return None
        return measured, new

    def keep(self, shorter: Elite, winner: Elite) -> None:
        """Records the shorter form, so that it can be shown and exported."""
        if shorter.program in self._slots:  # the winner itself, or the search had found it too
            return
        if self._archive.find_candidate(self._run, SLOT) is None:
            parents = [winner.program]
            self._archive.answer(Candidate(run=self._run, slot=SLOT, operator="shorten", parents=parents))
        values = {"program": shorter.program, "outcome": CandidateOutcome.OK, "train_gap": shorter.gap}
        self._archive.settle(self._run, SLOT, values)

    # Claiming

    def compute_claim(self, winner: Elite, reference: Elite | None) -> Gain | None:
        """Returns the gain on the claim instances; None if it fails.

        Calls that ran out of time on few of them are counted and told: time is measured, and a machine may be slow.
        """
        if not self._instances.claim:
            return Gain(0.0, None, 0)
        bench, rule = self._scorer.build_instance_set(self._instances.claim), reference or winner
        others = self._scorer.run([rule], bench.instances, whole=True)
        results = (self._scorer.run_alone(winner, bench.instances), *others)
        gain = bench.scale.compare(*(result.scores for result in results))
        if not is_tolerable(gain.failures, len(bench.instances)):
            self._record_try("claim", describe_failures(gain.failures))
            return None
        late = {"out of time": [failure.instance for failure in gain.failures]} if gain.failures else {}
        interval = encode_interval((gain.points, *(gain.ci95 or (math.nan, math.nan))))
        self._record_try("claim", {"instances": gain.instances, "rule": rule.name, **interval, **late})
        return gain

    # Shared

    def _find_costs(self, elite: Elite, count: int | None = None) -> Costs | None:
        (result,) = self._scorer.run([elite], self._bench.instances[:count])
        return list_costs(result)

    def _make_elite(self, program: int, source: str, size: int, name: str = "") -> Elite | None:
        """Makes an elite of a program; None if it fails in training."""
        bare = Elite(program, source, size, 0.0, (), name=name)
        (result,) = self._scorer.run([bare], self._train.instances)
        costs = list_costs(result)
        if costs is None:
            return None
        seconds = sum(score.cpu_seconds for score in result.scores) / len(result.scores)
        return Elite(program, source, size, self._train.scale.search(costs), costs, seconds, name)

    def _is_honest(self, label: str, elite: Elite, costs: Costs) -> bool:
        """Tells whether an examination passed; one on record is not repeated."""
        kind = f"examined {label}"
        detail = next(
            (e.detail for e in self._archive.read_events(self._run) if (e.slot, e.kind) == (SLOT, kind)), None
        )
        if detail is None:
            shown = self._bench.instances[:EXAMINED]
            work = Examination(self._problem, elite.source, shown, costs[:EXAMINED])
            found = self._scorer.executor.submit(work).result()
            detail = {"outcome": found.outcome, "message": found.message, **found.detail}
            if wrong := detail.get("counterexample"):
                Counterexamples(self._problem.name, self._archive).add(SLOT, elite.program, wrong)
            self._record(kind, detail)
        return bool(detail["outcome"] == CandidateOutcome.OK)

    def _is_same_alone(self, elite: Elite, instances: Sequence[Instance]) -> bool:
        """Tells whether instances cost the same in own processes."""
        found = self._scorer.run_alone(elite, instances)
        if found.outcome != CandidateOutcome.OK:
            detail = {"outcome": found.outcome, "message": found.message}
            self._record_try(f"alone, slot {self._find_slot(elite)}", detail)
        return found.outcome == CandidateOutcome.OK

    def _find_slot(self, elite: Elite) -> int | None:
        """Finds a program's slot: decisions do not name archive numbers."""
        return self._slots.get(elite.program)

    def _record_round(
        self, number: int, count: int, left: Sequence[Elite], found: dict[int, Costs], kept: Sequence[int]
    ) -> None:
        losses = {p: round_finite(average_loss(self._bench.scale, costs)) for p, costs in found.items()}
        detail = {
            "instances": count,
            "gaps": [[self._find_slot(e), losses[e.program]] for e in left if e.program in found],
            "failed": [self._find_slot(e) for e in left if e.program not in found],
            "kept": [self._slots.get(program) for program in kept],
        }
        self._record(f"halving round {number}", detail)

    def _record_try(self, kind: str, detail: dict[str, Any]) -> None:
        """Records an attempt; later ones have a kind of their own."""
        self._record(f"{kind}, {self._number}" if self._number > 1 else kind, detail)

    def _record(self, kind: str, detail: dict[str, Any]) -> None:
        self._archive.record(self._run, SLOT, kind, detail)
