"""Prices results of candidates, and aggregates prices.

Nothing that a candidate reports is trusted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline, Instance, Number
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.sandbox import Ending, Level

RESAMPLES = 2000
ROUNDING_TOLERANCE = 1e-9
"""The largest difference, in points of a gap or as a share of a cost, that may be rounding."""
MIN_INSTANCES = 6
"""The fewest instances for an interval and a claim: resampling fewer gives intervals that are far too narrow."""


@dataclass(frozen=True)
class Score:
    """The result of one program on one instance.

    Attributes:
        outcome: "ok", "infeasible", or the sandbox's ending.
        message: the reason, in words, when not ok.
        cost: the objective of the verified solution; None when not ok.
        cpu_seconds: CPU time of the call as measured by the kernel, minus that of a null candidate.
        level: the isolation level of the run.
        compile_seconds: CPU time for which the program was compiled; no part of `cpu_seconds`.
    """

    outcome: str
    message: str
    cost: Number | None
    cpu_seconds: float
    level: Level = Level.L0
    compile_seconds: float = 0.0

    @property
    def is_sandbox_failure(self) -> bool:
        """Whether the sandbox failed, so that the score says nothing about the program."""
        return self.outcome in (Ending.ZYGOTE_DIED, Ending.HARNESS_FAILURE)


@dataclass(frozen=True)
class Aggregate:
    """Three gaps, since each alone misleads, and the time.

    In percent of the bound, except the share.

    Attributes:
        mean_gap_percent: over the instances with a positive bound: the literature's metric.
        pooled_gap_percent: of the summed costs over the summed bounds.
        optimal_share: the share of the instances solved to the proven optimum, 0 to 1.
        cpu_seconds: mean per instance.
        ci95: 95 % bootstrap interval, over instances, of the pooled gap; None from fewer than `FEWEST` instances.
    """

    mean_gap_percent: float | None
    pooled_gap_percent: float | None
    optimal_share: float
    cpu_seconds: float
    ci95: tuple[float, float] | None


@dataclass(frozen=True)
class Failure:
    """An instance on which a program failed.

    Its name, the outcome, and the reason.
    """

    instance: str
    outcome: str
    message: str


@dataclass(frozen=True)
class Gain:
    """The amount by which one program is better than another.

    Attributes:
        points: the difference in points of pooled gap.
        ci95: 95 % paired bootstrap interval of the points; None for fewer than `FEWEST` instances.
        instances: the number of instances that both programs solved; the points are for these.
        failures: the failures of the first program on the other instances.
    """

    points: float
    ci95: tuple[float, float] | None
    instances: int
    failures: tuple[Failure, ...] = ()

    @property
    def is_shown(self) -> bool:
        """Whether the first program is better with statistical significance."""
        return self.ci95 is not None and self.ci95[0] > 0


def compute_gap_percent(cost: Number, baseline: Baseline, maximise: bool = False) -> float | None:
    """Returns the distance of a cost from the bound, in percent.

    None where the bound is 0 or less and the cost differs from it.
    """
    bound = baseline.upper if maximise else baseline.lower
    if not bound > 0:
        return 0.0 if cost == bound else None
    return 100.0 * (bound - cost if maximise else cost - bound) / bound


class Scale:
    """Instances with their bounds: turns cost vectors into gaps.

    Costs are in the objective's own sense; see `loss`.

    Args:
        instances: in the order of all vectors.
        baselines: one for each.
        maximise: the sense of the objective.
    """

    def __init__(
        self, instances: Sequence[Instance], baselines: Sequence[Baseline], maximise: bool = False
    ) -> None:
        self._instances, self._baselines, self._maximise = instances, baselines, maximise
        self.bound = np.array([b.upper if maximise else b.lower for b in baselines], dtype=float)
        self.proven = np.array([b.proven for b in baselines])
        self._sign = -1.0 if maximise else 1.0
        names = [instance.stratum for instance in instances]
        self._groups = [np.array([n == name for n in names]) for name in dict.fromkeys(names)]
        self.weights = self._compute_weights()

    def restrict(self, places: Sequence[int]) -> "Scale":
        """Returns the scale of the instances at these places."""
        instances = [self._instances[k] for k in places]
        return Scale(instances, [self._baselines[k] for k in places], self._maximise)

    def _compute_weights(self) -> NDArray[np.float64]:
        """Returns the points that a unit of loss adds to `search`.

        One for each instance.
        """
        sums = [self.bound[group].sum() for group in self._groups]
        count = len(self._groups)
        # Strata whose bounds are all 0 count with the gap of all instances, to which every instance adds.
        whole = sum(inside <= 0 for inside in sums) / count / max(self.bound.sum(), 1e-12)
        weights = np.full(self.bound.size, 100.0 * whole)
        for group, inside in zip(self._groups, sums, strict=True):
            if inside > 0:
                weights[group] += 100.0 / inside / count
        return weights

    def compute_losses(self, costs: Sequence[Number]) -> NDArray[np.float64]:
        """Returns the distance of each cost from its bound.

        In the objective's unit, 0 at best; shape [instances].
        """
        return self.compute_first_losses(costs, self.bound.size)

    def compute_first_losses(self, costs: Sequence[Number], first: int) -> NDArray[np.float64]:
        """Returns the losses on the first `first` instances."""
        return self.compute_losses_at(costs, range(first))

    def compute_losses_at(self, costs: Sequence[Number], places: Sequence[int]) -> NDArray[np.float64]:
        """Returns the losses on the instances at these places, in their order."""
        difference: NDArray[np.float64] = np.asarray(costs, dtype=float) - self.bound[list(places)]
        return self._sign * difference

    def compute_pooled_gap(self, costs: Sequence[Number]) -> float:
        """Returns the pooled gap: 100·(Σcost/Σbound − 1).

        It is infinite where all bounds are 0 and a cost is not.
        """
        return _compute_ratio(self.compute_losses(costs).sum(), self.bound.sum())

    def search(self, costs: Sequence[Number]) -> float:
        """Returns the mean over strata of the pooled gap.

        This is what the search minimises. A stratum whose bounds are all 0 counts with the pooled gap of all
        instances, so that a cost above 0 there still counts, and does not count without limit.
        """
        loss, total = self.compute_losses(costs), self.compute_pooled_gap(costs)
        return float(
            np.mean([_compute_group_ratio(loss[g].sum(), self.bound[g].sum(), total) for g in self._groups])
        )

    def aggregate(self, costs: Sequence[Number], cpu_seconds: Sequence[float]) -> Aggregate:
        """Returns the three gaps, the share of optima, time and interval."""
        loss, positive = self.compute_losses(costs), self.bound > 0
        gaps = 100.0 * loss[positive] / self.bound[positive]
        return Aggregate(
            float(gaps.mean()) if gaps.size else None,
            self.compute_pooled_gap(costs) if positive.any() else None,
            float(np.mean((loss == 0) & self.proven)),
            float(np.mean(cpu_seconds)),
            self._compute_interval(loss) if positive.any() and loss.size >= MIN_INSTANCES else None,
        )

    def gain(
        self, better: Sequence[Number], worse: Sequence[Number], level: float = 0.95
    ) -> tuple[float, float, float]:
        """Returns the points of pooled gap by which the first is better.

        With a paired bootstrap interval.
        """
        difference = self.compute_losses(worse) - self.compute_losses(better)
        low, high = self._compute_interval(difference, level)
        return _compute_ratio(difference.sum(), self.bound.sum()), low, high

    def compare(self, better: Sequence[Score], worse: Sequence[Score]) -> Gain:
        """Returns the gain of the first program over the second.

        It is computed on the instances that both solved.
        """
        pairs = list(zip(better, worse, strict=True))
        solved = [k for k, (one, other) in enumerate(pairs) if None not in (one.cost, other.cost)]
        costs, others = ([row[k].cost or 0 for k in solved] for row in (better, worse))
        points, low, high = self.restrict(solved).gain(costs, others) if solved else (0.0, 0.0, 0.0)
        interval = (low, high) if len(solved) >= MIN_INSTANCES else None
        return Gain(points, interval, len(solved), self.list_failures(better))

    def list_failures(self, scores: Sequence[Score]) -> tuple[Failure, ...]:
        """Returns the instances on which a program failed."""
        found = zip(self._instances, scores, strict=False)
        return tuple(
            Failure(i.name, s.outcome, s.message) for i, s in found if s.outcome != CandidateOutcome.OK
        )

    def aggregate_solved(self, scores: Sequence[Score]) -> Aggregate | None:
        """Returns the aggregate over the solved instances; None if there are none."""
        places = [k for k, score in enumerate(scores) if score.cost is not None]
        costs = [score.cost for score in scores if score.cost is not None]
        seconds = [scores[k].cpu_seconds for k in places]
        return self.restrict(places).aggregate(costs, seconds) if places else None

    def estimate_error(self, better: Sequence[Number], worse: Sequence[Number]) -> float:
        """Returns the standard error of the gain, in points.

        It is computed from the spread of the paired differences.
        """
        difference = self.compute_losses(worse) - self.compute_losses(better)
        total = self.bound.sum()
        if difference.size < 2 or total <= 0:
            return 0.0
        ratio = difference - self.bound * (difference.sum() / total)
        return float(100.0 * ratio.std(ddof=1) * np.sqrt(difference.size) / total)

    def _compute_interval(self, loss: NDArray[np.float64], level: float = 0.95) -> tuple[float, float]:
        # A fresh generator: the interval depends on the data alone, not on earlier calls.
        rng = np.random.default_rng(0)
        draws = rng.integers(0, loss.size, (RESAMPLES, loss.size))
        bounds = np.maximum(self.bound[draws].sum(axis=1), 1e-12)
        low, high = np.quantile(100.0 * loss[draws].sum(axis=1) / bounds, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)


def _compute_ratio(loss: float, bound: float) -> float:
    if bound > 0:
        return float(100.0 * loss / bound)
    return 0.0 if loss == 0 else float("inf")


def _compute_group_ratio(loss: float, bound: float, total: float) -> float:
    return _compute_ratio(loss, bound) if bound > 0 else total


def collect_costs(scores: Mapping[str, Score], instances: Sequence[Instance]) -> list[Number] | None:
    """Returns the costs in the order of the instances.

    None when one is missing or failed.
    """
    found = [scores[i.digest].cost for i in instances if i.digest in scores]
    costs = [cost for cost in found if cost is not None]
    return costs if len(costs) == len(instances) else None
