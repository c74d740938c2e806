"""What a report says of a formulation: its speed against the base, and how right it was found to be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gapsmith.agent.archive.findings import finding_of, words
from gapsmith.agent.evaluation.compare import Scored
from gapsmith.agent.evaluation.scores import Archived, Measuring
from gapsmith.evaluators.assess import Runner
from gapsmith.evaluators.base import Instance, Problem
from gapsmith.evaluators.formulations.brief import SOLVER_NAMES
from gapsmith.evaluators.scoring import FEWEST

if TYPE_CHECKING:  # it loads OR-Tools, which heuristics do without
    from gapsmith.evaluators.formulations.problem import FormulationProblem


def is_formulation(problem: Problem) -> bool:
    """Whether programs of the problem are formulations."""
    return "formulation" in vars(problem)


def formulation_report(
    by: Measuring, winner: Archived, best: Scored, test: Sequence[Instance]
) -> Mapping[str, Any] | None:
    """Speed and truth of a winner as plain data; None of heuristics, and where it failed on the test."""
    if not is_formulation(by.problem) or best.outcome != "ok":
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


def told(found: Mapping[str, Any]) -> str:
    """The same in sentences."""
    lines = [
        f"{_measure(found)} {_ratio(found['ratio'])} of the base's ({found['units']:.3g} of "
        f"{found['base_units']:.3g} units); placebo {_ratio(found['placebo'])}.",
        *([f"Nodes {_ratio(found['nodes_ratio'])} of the base's."] if found.get("nodes_ratio") else ()),
        *([f"Building takes {found['building']:.3g} CPU seconds a model."] if found.get("building") else ()),
        f"Wall time with all cores, building included: {_ratio(found['wall_ratio'])} of the base's."
        if found["wall_ratio"]
        else "Wall time was not measured.",
    ]
    if found["wall_ratio"] and found["wall_ratio"]["value"] > 1:
        lines.append(
            "It is slower than its base by the clock: what the count of effort says does not hold here."
        )
    if found["verified"]:
        lines.append(f"Verified: {words(found['verified'])}.")
    return "\n".join(lines)


def _measure(found: Mapping[str, Any]) -> str:
    """What speed was judged by."""
    if (solver := found.get("solver")) is None:
        return "Deterministic time"
    return f"Simplex iterations of {SOLVER_NAMES[solver]}, 10,000 to a unit,"


def _ratio(found: Mapping[str, Any]) -> str:
    if found["ci95"] is None:
        return f"{found['value']:.3g} (no claim: {found['instances']} instances, and at least {FEWEST} are needed)"
    low, high = found["ci95"]
    return f"{found['value']:.3g} (95 % interval {low:.3g} to {high:.3g})"
