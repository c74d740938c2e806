"""Measures the speed of a formulation for the report.

Times against its base, with intervals, placebo and wall time.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gapsmith.evaluators.base import Instance, Problem
from gapsmith.evaluators.formulations.pricing import Pricing, unpack_model
from gapsmith.evaluators.formulations.solve.benchmark import Judge, compute_mean_time, price_times
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.evaluators.running.assess import Runner, assess
from gapsmith.evaluators.scoring import MIN_INSTANCES, RESAMPLES

WALL_INSTANCES = 6
WALL_LIMIT = 60.0
"""Seconds for a run with all cores; a run that reaches the limit counts twice."""
WALL_SHIFT = 0.05
"""Seconds."""
NODES_SHIFT = 10.0


@dataclass(frozen=True)
class Ratio:
    """A ratio of shifted geometric means.

    Attributes:
        value: the ratio.
        ci95: 95 % bootstrap interval over the instances; None from fewer than `FEWEST`.
        instances: how many instances it covers.
    """

    value: float
    ci95: tuple[float, float] | None
    instances: int


@dataclass(frozen=True)
class Speed:
    """The speed of a formulation.

    Attributes:
        ratio: its units of deterministic time to those of the base; below 1 is faster.
        placebo: the same ratio for the base in other orders: the effect of chance alone.
        units: shifted geometric means of the formulation and of the base.
        seconds: the ratio of seconds of wall time with all cores; None where it was not measured.
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
        """The speed as plain data for JSON."""
        found: dict[str, Any] = {
            "units": self.units[0],
            "base_units": self.units[1],
            "building": self.building,
        }
        ratios = {"ratio": self.ratio, "placebo": self.placebo, "wall_ratio": self.seconds}
        if self.solver:
            found["solver"], ratios["nodes_ratio"] = self.solver, self.nodes
        return {**found, **{name: _encode_ratio(ratio) for name, ratio in ratios.items()}}


@dataclass(frozen=True)
class SpeedMeasurement:
    """Measures how fast the models of programs are solved.

    Args:
        problem: the search that the programs are from.
        pricing: its instances and their base models.
        judge: where models are solved.
    """

    problem: Problem
    pricing: Pricing
    judge: Judge

    def measure(
        self, source: str, instances: Sequence[Instance], costs: Sequence[float], runner: Runner
    ) -> Speed:
        """Measures the speed of a program on instances that it solves.

        Args:
            source: the program.
            instances: by which it was not chosen.
            costs: its prices there, building counted.
            runner: the sandbox, in which its models are built once more for the wall clock.
        """
        texts = [self.pricing.build_base(instance) for instance in instances]
        base = [price_times(self.judge.measure_base(text).times) for text in texts]
        placebo = [price_times(self.judge.measure_placebo(text)) for text in texts]
        units = compute_mean_time(costs), compute_mean_time(base)
        seconds, nodes, building = self.measure_wall_time(source, instances, runner)
        return Speed(
            compute_ratio(costs, base),
            compute_ratio(placebo, base),
            units,
            seconds,
            self.judge.solver,
            nodes,
            building,
        )

    def measure_wall_time(
        self, source: str, instances: Sequence[Instance], runner: Runner
    ) -> tuple[Ratio | None, Ratio | None, float | None]:
        """Measures ratios of wall time and nodes, and seconds of building.

        Solves with all cores; wall time includes building, which is in CPU seconds. Each is None where a model is not
        returned.
        """
        chosen = instances[:WALL_INSTANCES]
        result = assess(self.problem, source, chosen, runner)
        if result.outcome != CandidateOutcome.OK:
            return None, None, None
        packed = [answer[0][0] if self.pricing.whole else answer for answer in result.solutions]
        base = [self._clock(self.pricing.build_base(instance)) for instance in chosen]
        mine = [self._clock(unpack_model(each)) for each in packed]
        built = [score.cpu_seconds for score in result.scores]
        taken = [run.seconds + cpu for run, cpu in zip(mine, built, strict=True)]
        nodes = ([run.nodes for run in mine], [run.nodes for run in base])
        return (
            compute_ratio(
                _encode_as_prices(taken, WALL_SHIFT),
                _encode_as_prices([run.seconds for run in base], WALL_SHIFT),
            ),
            compute_ratio(*(_encode_as_prices(each, NODES_SHIFT) for each in nodes))
            if self.judge.solver
            else None,
            sum(built) / len(built),
        )

    def _clock(self, model: str) -> "_WallRun":
        """Solves a model once with all cores.

        A run that reaches the limit counts twice.
        """
        request: dict[str, Any] = {"do": "solve", "base": None, "text": model, "permutations": [0]}
        request |= {"seconds": WALL_LIMIT, "workers": os.cpu_count() or 1}
        if self.judge.solver:
            request["solver"] = self.judge.solver
        reply = self.judge.children.ask(request, 3 * WALL_LIMIT)
        run = reply["runs"][0] if "runs" in reply else {"status": "UNKNOWN"}
        solved = run["status"] == "OPTIMAL"
        seconds = float(run["wall"]) if solved else 2 * WALL_LIMIT
        return _WallRun(seconds, float(run.get("nodes", 0.0)) * (1 if solved else 2))


def compute_ratio(costs: Sequence[float], base: Sequence[float]) -> Ratio:
    """Returns the ratio of the mean times that prices stand for."""
    mine, other = np.asarray(costs, dtype=float), np.asarray(base, dtype=float)
    if len(mine) < MIN_INSTANCES:
        return Ratio(_divide_means(mine, other), None, len(mine))
    draws = np.random.default_rng(0).integers(0, len(mine), (RESAMPLES, len(mine)))
    ratios = [_divide_means(mine[draw], other[draw]) for draw in draws]
    low, high = np.quantile(ratios, [0.025, 0.975])
    return Ratio(_divide_means(mine, other), (float(low), float(high)), len(mine))


def _divide_means(mine: Any, other: Any) -> float:
    return compute_mean_time(mine.tolist()) / max(compute_mean_time(other.tolist()), 1e-9)


@dataclass(frozen=True)
class _WallRun:
    """The result of a run with all cores.

    Wall time in seconds, and branch-and-bound nodes.
    """

    seconds: float
    nodes: float


def _encode_as_prices(values: Sequence[float], shift: float) -> list[float]:
    """Returns values in the form of prices, as `compute_ratio` expects them."""
    return [1.0 + math.log1p(value / shift) for value in values]


def _encode_ratio(found: Ratio | None) -> dict[str, Any] | None:
    if found is None:
        return None
    interval = list(found.ci95) if found.ci95 else None
    return {"value": found.value, "ci95": interval, "instances": found.instances}
