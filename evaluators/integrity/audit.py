"""Checks that results are the program's own work.

On each instance alone.

A program that carries information over from earlier instances, that recognises instances by the numbering of
their parts, or that is not deterministic can look better than it is. Elites are audited before they count: they
are run again with a process for every instance, and on relabelled instances.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gapsmith.evaluators.base import Instance, Number, Problem
from gapsmith.evaluators.integrity.online import UNSTEADY, check_foresight
from gapsmith.evaluators.outcomes import CandidateOutcome, IntegrityResult
from gapsmith.evaluators.running.assess import Runner, assess, assess_all
from gapsmith.evaluators.running.calls import make_warm_up
from gapsmith.evaluators.scoring import Score
from gapsmith.sandbox import Ending, Job, Outcome

CPU_LIMIT_FACTOR = 2.0
"""Factor on the CPU limits: speed is not audited, and each instance has a process that must warm up."""

CHECKED_INSTANCES, CHECKED_FACTOR = 2, 5.0
"""Instances on which compiled functions check their indices, and the factor on their CPU limits."""

INSTANCES_WITH_OTHER_FUTURES = 2
"""The number of on-line instances on which other futures are tried."""

MIN_STANDARD_ERRORS = 3.0
"""Standard errors of a sign test by which relabelled instances must cost more; ties change both ways."""


def examine(
    problem: Problem,
    source: str,
    instances: Sequence[Instance],
    costs: Sequence[Number],
    runner: Runner,
    refuters: Sequence[Instance] = (),
) -> IntegrityResult:
    """Audits a program: isolated runs, relabelled instances, look-ahead, the problem's own check.

    Args:
        problem: with `relabel` where its instances have labels.
        source: the program.
        instances: the instances on which it was run, in this order, in one process; on-line ones event by event.
        costs: its costs in that run.
        runner: the sandbox.
        refuters: counterexamples to other programs; see `Problem.verify`.
    """
    patient = replace(problem, cpu_share=CPU_LIMIT_FACTOR * problem.cpu_share)
    for examination in (
        (_check_foresight, _check_relabelled, _check_bounds)
        if problem.online
        else (_check_isolated, _check_relabelled, _check_bounds)
    ):
        if found := examination(patient, source, instances, costs, runner):
            return found
    return (
        problem.verify(source, runner, refuters, True)
        if problem.verify
        else IntegrityResult(CandidateOutcome.OK)
    )


def mark_differing(scores: Sequence[Score], alone: Sequence[Score]) -> tuple[Score, ...]:
    """Replaces scores that a program does not reach alone.

    Args:
        scores: of runs in which a process met several instances.
        alone: of the same instances, each in a process of its own.
    """
    return tuple(
        score
        if score.cost is None or score.cost == other.cost
        else Score(
            CandidateOutcome.STATE_DEPENDENT,
            f"{_describe_end(other)} in a process of its own, and cost {score.cost:g} after other instances",
            None,
            score.cpu_seconds,
            score.level,
        )
        for score, other in zip(scores, alone, strict=True)
    )


def _check_isolated(
    problem: Problem, source: str, instances: Sequence[Instance], costs: Sequence[Number], runner: Runner
) -> IntegrityResult | None:
    scores = assess_all(problem, source, instances, runner, isolated=True)
    for instance, before, score in zip(instances, costs, scores, strict=True):
        if score.cost != before:
            return IntegrityResult(
                CandidateOutcome.STATE_DEPENDENT,
                f"{instance.name} {_describe_end(score)} in a process of its own, and cost {before:g} after other "
                "instances: results must depend on the arguments alone, not on earlier calls, chance or the clock",
            )
    return None


def _check_relabelled(
    problem: Problem, source: str, instances: Sequence[Instance], costs: Sequence[Number], runner: Runner
) -> IntegrityResult | None:
    if problem.relabel is None:
        return None
    others = [problem.relabel(i, np.random.default_rng([7, k])) for k, i in enumerate(instances)]
    result = assess(problem, source, others, runner)
    if result.outcome != CandidateOutcome.OK:
        return IntegrityResult(
            CandidateOutcome.LABEL_DEPENDENT,
            f"fails when the parts of an instance are renumbered: {result.message}",
        )
    worse, better = _count_changes(costs, [score.cost for score in result.scores], problem.maximise)
    if worse - better > MIN_STANDARD_ERRORS * np.sqrt(worse + better):
        return IntegrityResult(
            CandidateOutcome.LABEL_DEPENDENT,
            f"costs more on {worse} of {len(instances)} instances, and less on {better}, when their parts are "
            "renumbered: an answer must not depend on the numbering, except in ties",
        )
    return None


def _check_foresight(
    problem: Problem, source: str, instances: Sequence[Instance], costs: Sequence[Number], runner: Runner
) -> IntegrityResult | None:
    """Checks that an on-line program does not look ahead.

    It must cost the same with all events of an instance visible, and decide alike on other futures of some
    instances.
    """
    wholes = [replace(instance, whole=True) for instance in instances]
    scores = assess_all(problem, source, wholes, runner, isolated=True)
    for place, (instance, cost, score) in enumerate(zip(instances, costs, scores, strict=True)):
        differs = score.cost != cost
        if place >= INSTANCES_WITH_OTHER_FUTURES and not differs:
            continue
        verdict = check_foresight(
            problem, source, instance, runner, 8 if place < INSTANCES_WITH_OTHER_FUTURES else 0
        )
        if not verdict.honest:
            return IntegrityResult(verdict.outcome, f"{instance.name}: {verdict.message}")
        if differs:
            return IntegrityResult(
                UNSTEADY, f"{instance.name}: cost {cost:g}, and then {_describe_end(score)}"
            )
    return None


def _check_bounds(
    problem: Problem, source: str, instances: Sequence[Instance], costs: Sequence[Number], runner: Runner
) -> IntegrityResult | None:
    """Runs a compiled program once more, with its indices checked.

    Without checks, numba reads and writes whatever memory is beside an array. What is slower with them, or ends for
    another reason, is no finding.
    """
    if not instances or make_warm_up(problem, source, instances[0]) is None:
        return None
    patient = replace(problem, cpu_share=CHECKED_FACTOR * problem.cpu_share)
    result = assess(patient, source, instances[:CHECKED_INSTANCES], _CheckingRunner(runner), tries=1)
    if result.outcome == Ending.CANDIDATE_EXCEPTION and "IndexError" in result.message:
        return IntegrityResult(
            CandidateOutcome.OUT_OF_BOUNDS,
            f"{result.message}: a compiled function reads or writes beside an array (checked with NUMBA_BOUNDSCHECK=1)",
        )
    return None


@dataclass(frozen=True)
class _CheckingRunner:
    """A sandbox whose compiled functions check their indices."""

    runner: Runner

    def run(self, job: Job) -> Outcome:
        """Runs a job with checks."""
        return self.runner.run(replace(job, checked=True))


def _describe_end(score: Score) -> str:
    return f"costs {score.cost:g}" if score.cost is not None else f"ends with {score.outcome}"


def _count_changes(costs: Sequence[Number], now: Sequence[Number | None], maximise: bool) -> tuple[int, int]:
    """Counts the instances that cost more now, and those that cost less."""
    sign = -1 if maximise else 1
    changes = [sign * (after - before) for before, after in zip(costs, now, strict=True) if after is not None]
    return sum(change > 0 for change in changes), sum(change < 0 for change in changes)
