"""Whether a program's results are its own work on each instance alone.

A program that carries something over from earlier instances, that recognises instances by how their parts are
numbered, or that does not do the same twice, can look better than it is. Elites are examined before they
count: run again with a process for every instance, and on relabelled instances.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gapsmith.evaluators.assess import Runner, assess, assess_all
from gapsmith.evaluators.base import CandidateOutcome, Honesty, Instance, Number, Problem
from gapsmith.evaluators.integrity.online import UNSTEADY, foresight
from gapsmith.evaluators.scoring import Score

PATIENCE = 2.0
"""CPU limits allowed here: what is examined is whose work it is. A process of its own warms up for each instance."""

WATCHED = 2
"""On-line instances on which other futures are tried."""

SURE = 3.0
"""Standard errors of a sign test by which relabelled instances must cost more: ties alone differ both ways."""


def examine(
    problem: Problem,
    source: str,
    instances: Sequence[Instance],
    costs: Sequence[Number],
    runner: Runner,
    refuters: Sequence[Instance] = (),
) -> Honesty:
    """Compares costs from a run in one process with those of a process for each, and of relabelled instances.

    Args:
        problem: with `relabel` where its instances have labels.
        source: the program.
        instances: on which it was run, in this order, in one process; on-line ones event by event.
        costs: what it reached.
        runner: the sandbox.
        refuters: instances that other programs were wrong on; see `Problem.verify`.
    """
    patient = replace(problem, cpu_seconds=lambda instance: PATIENCE * problem.cpu_seconds(instance))
    for examination in (_foresight, _relabelled) if problem.online else (_alone, _relabelled):
        if found := examination(patient, source, instances, costs, runner):
            return found
    return problem.verify(source, runner, refuters, True) if problem.verify else Honesty(CandidateOutcome.OK)


def _alone(
    problem: Problem, source: str, instances: Sequence[Instance], costs: Sequence[Number], runner: Runner
) -> Honesty | None:
    scores = assess_all(problem, source, instances, runner, isolated=True)
    for instance, before, score in zip(instances, costs, scores, strict=True):
        if score.cost != before:
            return Honesty(
                CandidateOutcome.STATE_DEPENDENT,
                f"{instance.name} {_ended(score)} in a process of its own, and cost {before:g} after other instances: "
                "results must depend on the arguments alone, not on earlier calls, chance or the clock",
            )
    return None


def _relabelled(
    problem: Problem, source: str, instances: Sequence[Instance], costs: Sequence[Number], runner: Runner
) -> Honesty | None:
    if problem.relabel is None:
        return None
    others = [problem.relabel(i, np.random.default_rng([7, k])) for k, i in enumerate(instances)]
    result = assess(problem, source, others, runner)
    if result.outcome != CandidateOutcome.OK:
        return Honesty(
            CandidateOutcome.LABEL_DEPENDENT,
            f"fails when the parts of an instance are numbered otherwise: {result.message}",
        )
    worse, better = _changes(costs, [score.cost for score in result.scores], problem.maximise)
    if worse - better > SURE * np.sqrt(worse + better):
        return Honesty(
            CandidateOutcome.LABEL_DEPENDENT,
            f"costs more on {worse} of {len(instances)} instances, and less on {better}, when their parts are "
            "numbered otherwise: an answer must not depend on the numbering, but for ties",
        )
    return None


def _foresight(
    problem: Problem, source: str, instances: Sequence[Instance], costs: Sequence[Number], runner: Runner
) -> Honesty | None:
    """On-line programs must cost the same with all events of an instance in sight, and decide alike on some."""
    wholes = [replace(instance, whole=True) for instance in instances]
    scores = assess_all(problem, source, wholes, runner, isolated=True)
    for place, (instance, cost, score) in enumerate(zip(instances, costs, scores, strict=True)):
        differs = score.cost != cost
        if place >= WATCHED and not differs:
            continue
        verdict = foresight(problem, source, instance, runner, 8 if place < WATCHED else 0)
        if not verdict.honest:
            return Honesty(verdict.outcome, f"{instance.name}: {verdict.message}")
        if differs:
            return Honesty(UNSTEADY, f"{instance.name}: cost {cost:g}, and then {_ended(score)}")
    return None


def _ended(score: Score) -> str:
    return f"costs {score.cost:g}" if score.cost is not None else f"ends with {score.outcome}"


def _changes(costs: Sequence[Number], now: Sequence[Number | None], maximise: bool) -> tuple[int, int]:
    """How many instances cost more now, and how many less."""
    sign = -1 if maximise else 1
    changes = [sign * (after - before) for before, after in zip(costs, now, strict=True) if after is not None]
    return sum(change > 0 for change in changes), sum(change < 0 for change in changes)
