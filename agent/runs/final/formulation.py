"""What a report says of a formulation: its speed against the base, and how right it was found to be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gapsmith.agent.archive.findings import finding_of
from gapsmith.agent.evaluation.compare import Scored
from gapsmith.agent.evaluation.scores import Archived, Measuring
from gapsmith.evaluators.assess import Runner
from gapsmith.evaluators.base import CandidateOutcome, Instance, Problem, is_formulation

if TYPE_CHECKING:  # it loads OR-Tools, which heuristics do without
    from gapsmith.evaluators.formulations.problem import FormulationProblem


def formulation_report(
    by: Measuring, winner: Archived, best: Scored, test: Sequence[Instance]
) -> Mapping[str, Any] | None:
    """Speed and truth of a winner as plain data; None of heuristics, and where it failed on the test."""
    if not is_formulation(by.problem) or best.outcome != CandidateOutcome.OK:
        return None
    costs = [float(score.cost) for score in best.scores if score.cost is not None]
    by.doing("solving with all cores", 0, 1)
    speed = by.executor.submit(_Speed(by.problem, winner.source, test, costs)).result()
    finding = finding_of(by.archive, by.archive.births(winner.program))
    return {**speed, "verified": finding}


@dataclass(frozen=True)
class _Speed:
    problem: Problem
    source: str
    instances: Sequence[Instance]
    costs: Sequence[float]

    def __call__(self, runner: Runner, spent: float) -> dict[str, Any]:
        # Here, since it loads OR-Tools.
        from gapsmith.evaluators.formulations.speed import speed

        problem: FormulationProblem = self.problem  # type: ignore[assignment]  # only then it is asked
        return speed(problem, self.source, self.instances, self.costs, runner).plain
