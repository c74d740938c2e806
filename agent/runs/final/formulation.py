"""A formulation's part of a report: speed and verification."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gapsmith.agent.archive.findings import find_verification
from gapsmith.agent.evaluation.compare import Scored
from gapsmith.agent.evaluation.scores import Archived, Scorer
from gapsmith.evaluators.base import Instance, Problem
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.evaluators.running.assess import Runner


def report_formulation(
    scorer: Scorer, winner: Archived, best: Scored, test: Sequence[Instance]
) -> Mapping[str, Any] | None:
    """Reports a winner's speed and verification as plain data.

    Returns None for heuristics, and where the winner failed on a test instance.
    """
    if scorer.problem.base_model is None or best.outcome != CandidateOutcome.OK:
        return None
    costs = [float(score.cost) for score in best.scores if score.cost is not None]
    scorer.progress("solving with all cores", 0, 1)
    speed = scorer.executor.submit(_SpeedMeasurement(scorer.problem, winner.source, test, costs)).result()
    finding = find_verification(scorer.archive, scorer.archive.list_births(winner.program))
    return {**(speed or {}), "verified": finding}


@dataclass(frozen=True)
class _SpeedMeasurement:
    """Work for an executor: measures the speed of a program."""

    problem: Problem
    source: str
    instances: Sequence[Instance]
    costs: Sequence[float]

    def __call__(self, runner: Runner, null_cpu_seconds: float) -> Mapping[str, Any] | None:
        return self.problem.measure_speed(self.source, self.instances, self.costs, runner)
