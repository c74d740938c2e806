"""What may be claimed of a formulation: times against its base, with intervals, a placebo, and wall time."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gapsmith.evaluators.assess import Runner, assess
from gapsmith.evaluators.base import CandidateOutcome, Instance
from gapsmith.evaluators.formulations.pricing import unpacked
from gapsmith.evaluators.formulations.problem import FormulationProblem
from gapsmith.evaluators.formulations.solve.benchmark import cost_of, mean_time
from gapsmith.evaluators.scoring import FEWEST, RESAMPLES

WALL_INSTANCES = 6
WALL_LIMIT = 60.0
"""Seconds for a run with all cores; it counts twice where it does not end."""
WALL_SHIFT = 0.05
"""Seconds."""
NODES_SHIFT = 10.0


@dataclass(frozen=True)
class Ratio:
    """A ratio of shifted geometric means.

    Attributes:
        value: the ratio.
        ci95: 95 % bootstrap interval over the instances; None from fewer than `FEWEST`.
        instances: how many it is of.
    """

    value: float
    ci95: tuple[float, float] | None
    instances: int


@dataclass(frozen=True)
class Speed:
    """How fast a formulation is.

    Attributes:
        ratio: of its units of deterministic time to the base's; below 1 is faster.
        placebo: the same of the base in other orders: what chance alone does.
        units: its shifted geometric mean, and that of the base.
        seconds: the same ratio of seconds of wall time with all cores; None where it was not measured.
        solver: of mixed-integer programmes, whose units are iterations; None for CP-SAT.
        building: CPU seconds of building its models, mean of the instances; None where it was not measured.
        nodes: the ratio of its branch-and-bound nodes, in the runs by the wall clock; None for CP-SAT.
    """

    ratio: Ratio
    placebo: Ratio
    units: tuple[float, float]
    seconds: Ratio | None = None
    solver: str | None = None
    nodes: Ratio | None = None
    building: float | None = None

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        found: dict[str, Any] = {
            "units": self.units[0],
            "base_units": self.units[1],
            "building": self.building,
        }
        ratios = {"ratio": self.ratio, "placebo": self.placebo, "wall_ratio": self.seconds}
        if self.solver:
            found["solver"], ratios["nodes_ratio"] = self.solver, self.nodes
        return {**found, **{name: _plain(ratio) for name, ratio in ratios.items()}}


def speed(
    problem: FormulationProblem,
    source: str,
    instances: Sequence[Instance],
    costs: Sequence[float],
    runner: Runner,
) -> Speed:
    """How fast a program is on instances that it solves.

    Args:
        problem: the search that it is from.
        source: the program.
        instances: by which it was not chosen.
        costs: its prices there, building counted.
        runner: the sandbox, in which its models are built once more for the wall clock.
    """
    texts = [problem.pricing.base(instance) for instance in instances]
    base = [cost_of(problem.judge.base(text).times) for text in texts]
    placebo = [cost_of(problem.judge.placebo_times(text)) for text in texts]
    units = mean_time(costs), mean_time(base)
    seconds, nodes, building = wall(problem, source, instances, runner)
    solver = problem.judge.solver
    return Speed(ratio(costs, base), ratio(placebo, base), units, seconds, solver, nodes, building)


def ratio(costs: Sequence[float], base: Sequence[float]) -> Ratio:
    """Returns the ratio of the times behind prices."""
    mine, other = np.asarray(costs, dtype=float), np.asarray(base, dtype=float)
    if len(mine) < FEWEST:
        return Ratio(_ratio(mine, other), None, len(mine))
    draws = np.random.default_rng(0).integers(0, len(mine), (RESAMPLES, len(mine)))
    ratios = [_ratio(mine[draw], other[draw]) for draw in draws]
    low, high = np.quantile(ratios, [0.025, 0.975])
    return Ratio(_ratio(mine, other), (float(low), float(high)), len(mine))


def _ratio(mine: Any, other: Any) -> float:
    return mean_time(mine.tolist()) / max(mean_time(other.tolist()), 1e-9)


def wall(
    problem: FormulationProblem, source: str, instances: Sequence[Instance], runner: Runner
) -> tuple[Ratio | None, Ratio | None, float | None]:
    """Ratios of wall times with all cores, building the model included, and of nodes; CPU seconds of building.

    None where a model is not returned.
    """
    chosen = instances[:WALL_INSTANCES]
    result = assess(problem, source, chosen, runner)
    if result.outcome != CandidateOutcome.OK:
        return None, None, None
    packed = [answer[0][0] if problem.pricing.whole else answer for answer in result.solutions]
    base = [_clocked(problem, problem.pricing.base(instance)) for instance in chosen]
    mine = [_clocked(problem, unpacked(each)) for each in packed]
    built = [score.cpu_seconds for score in result.scores]
    taken = [run.seconds + cpu for run, cpu in zip(mine, built, strict=True)]
    nodes = ([run.nodes for run in mine], [run.nodes for run in base])
    return (
        ratio(_logs(taken, WALL_SHIFT), _logs([run.seconds for run in base], WALL_SHIFT)),
        ratio(*(_logs(each, NODES_SHIFT) for each in nodes)) if problem.judge.solver else None,
        sum(built) / len(built),
    )


@dataclass(frozen=True)
class _Clocked:
    """Wall time of a run with all cores, in seconds, and its nodes."""

    seconds: float
    nodes: float


def _logs(values: Sequence[float], shift: float) -> list[float]:
    """As prices: `ratio` gives the ratio of shifted geometric means of what is behind them."""
    return [1.0 + math.log1p(value / shift) for value in values]


def _clocked(problem: FormulationProblem, model: str) -> _Clocked:
    request: dict[str, Any] = {"do": "solve", "base": None, "text": model, "permutations": [0]}
    request |= {"seconds": WALL_LIMIT, "workers": os.cpu_count() or 1}
    if problem.judge.solver:
        request["solver"] = problem.judge.solver
    reply = problem.judge.children.ask(request, 3 * WALL_LIMIT)
    run = reply["runs"][0] if "runs" in reply else {"status": "UNKNOWN"}
    solved = run["status"] == "OPTIMAL"
    seconds = float(run["wall"]) if solved else 2 * WALL_LIMIT
    return _Clocked(seconds, float(run.get("nodes", 0.0)) * (1 if solved else 2))


def _plain(found: Ratio | None) -> dict[str, Any] | None:
    if found is None:
        return None
    interval = list(found.ci95) if found.ci95 else None
    return {"value": found.value, "ci95": interval, "instances": found.instances}
