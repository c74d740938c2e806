"""Prices what a candidate returned, and sums prices up. Nothing a candidate says of itself is believed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline, CandidateOutcome, Instance, Number
from gapsmith.sandbox import Ending, Level

RESAMPLES = 2000
ROUNDING = 1e-9
"""Points of a gap, or a share of a cost, that are no difference but rounding."""
FEWEST = 6
"""Instances that an interval and a claim need at least: resampling fewer gives intervals that are far too narrow."""


@dataclass(frozen=True)
class Score:
    """The verdict on one program and one instance.

    Attributes:
        outcome: "ok", "infeasible", or how the sandbox saw it end.
        message: why, in words, when not ok.
        cost: the objective of the verified solution; None when not ok.
        cpu_seconds: the operating system's account of the call, less a null candidate's.
        level: the isolation under which it ran.
    """

    outcome: str
    message: str
    cost: Number | None
    cpu_seconds: float
    level: Level = Level.L0

    @property
    def ours(self) -> bool:
        """Whether the sandbox broke, so that this says nothing about the program."""
        return self.outcome in (Ending.ZYGOTE_DIED, Ending.HARNESS_FAILURE)


@dataclass(frozen=True)
class Aggregate:
    """Three gaps, since each alone misleads, and the time. All in percent of the bound but the share.

    Attributes:
        mean_gap_percent: over the instances with a positive bound: the literature's metric.
        pooled_gap_percent: of the summed costs over the summed bounds.
        optimal_share: the part of the instances solved to the proven optimum, 0 to 1.
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
    """An instance on which a program failed: the instance's name, the outcome, and why in words."""

    instance: str
    outcome: str
    message: str


@dataclass(frozen=True)
class Gain:
    """By how much one program is better than another.

    Attributes:
        points: of pooled gap.
        ci95: 95 % paired bootstrap interval of the points; None from fewer than `FEWEST` instances.
        instances: that both programs solved; the points are of these.
        failures: of the first program, on the other instances.
    """

    points: float
    ci95: tuple[float, float] | None
    instances: int
    failures: tuple[Failure, ...] = ()

    @property
    def is_shown(self) -> bool:
        """Whether the first program is better, beyond the interval."""
        return self.ci95 is not None and self.ci95[0] > 0


def gap_percent(cost: Number, baseline: Baseline, maximise: bool = False) -> float | None:
    """Distance of a cost from the bound, in percent of the bound's size; None where the bound is 0 or less."""
    bound = baseline.upper if maximise else baseline.lower
    if not bound > 0:
        return 0.0 if cost == bound else None
    return 100.0 * (bound - cost if maximise else cost - bound) / bound


class Scale:
    """Instances with their bounds: turns cost vectors into gaps. Costs are for minimisation; see `loss`.

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
        self.weights = self._weights()

    def part(self, places: Sequence[int]) -> "Scale":
        """Returns the scale of the instances at these places."""
        instances = [self._instances[k] for k in places]
        return Scale(instances, [self._baselines[k] for k in places], self._maximise)

    def _weights(self) -> NDArray[np.float64]:
        """What a unit of loss on each instance adds to `search`, in points."""
        sums = [self.bound[group].sum() for group in self._groups]
        count = len(self._groups)
        # Classes of zeros count with the gap of all instances, to which every instance adds.
        whole = sum(inside <= 0 for inside in sums) / count / max(self.bound.sum(), 1e-12)
        weights = np.full(self.bound.size, 100.0 * whole)
        for group, inside in zip(self._groups, sums, strict=True):
            if inside > 0:
                weights[group] += 100.0 / inside / count
        return weights

    def loss(self, costs: Sequence[Number]) -> NDArray[np.float64]:
        """How far each cost is from its bound, in the objective's unit, 0 at best; shape [instances]."""
        return self.loss_of(costs, self.bound.size)

    def loss_of(self, costs: Sequence[Number], first: int) -> NDArray[np.float64]:
        """The same for the first so many instances."""
        return self.loss_at(costs, range(first))

    def loss_at(self, costs: Sequence[Number], places: Sequence[int]) -> NDArray[np.float64]:
        """The same for the instances at these places, in their order."""
        difference: NDArray[np.float64] = np.asarray(costs, dtype=float) - self.bound[list(places)]
        return self._sign * difference

    def pooled(self, costs: Sequence[Number]) -> float:
        """100·(Σcost/Σbound − 1); infinite where all bounds are 0 and a cost is not."""
        return _ratio(self.loss(costs).sum(), self.bound.sum())

    def search(self, costs: Sequence[Number]) -> float:
        """Mean over the strata of the pooled gap inside each: what the search minimises.

        A stratum whose bounds are all 0 counts with the pooled gap of all instances, so that a
        cost above 0 there still counts, and does not count without limit.
        """
        loss, total = self.loss(costs), self.pooled(costs)
        return float(np.mean([_group(loss[g].sum(), self.bound[g].sum(), total) for g in self._groups]))

    def aggregate(self, costs: Sequence[Number], cpu_seconds: Sequence[float]) -> Aggregate:
        """The three gaps, the share of optima, the time and the interval."""
        loss, positive = self.loss(costs), self.bound > 0
        gaps = 100.0 * loss[positive] / self.bound[positive]
        return Aggregate(
            float(gaps.mean()) if gaps.size else None,
            self.pooled(costs) if positive.any() else None,
            float(np.mean((loss == 0) & self.proven)),
            float(np.mean(cpu_seconds)),
            self._interval(loss) if positive.any() and loss.size >= FEWEST else None,
        )

    def gain(
        self, better: Sequence[Number], worse: Sequence[Number], level: float = 0.95
    ) -> tuple[float, float, float]:
        """Points of pooled gap by which the first beats the second, with a paired bootstrap interval."""
        difference = self.loss(worse) - self.loss(better)
        low, high = self._interval(difference, level)
        return _ratio(difference.sum(), self.bound.sum()), low, high

    def compare(self, better: Sequence[Score], worse: Sequence[Score]) -> Gain:
        """Returns the gain of the first program over the second on the instances that both solved."""
        pairs = list(zip(better, worse, strict=True))
        solved = [k for k, (one, other) in enumerate(pairs) if None not in (one.cost, other.cost)]
        costs, others = ([row[k].cost or 0 for k in solved] for row in (better, worse))
        points, low, high = self.part(solved).gain(costs, others) if solved else (0.0, 0.0, 0.0)
        interval = (low, high) if len(solved) >= FEWEST else None
        return Gain(points, interval, len(solved), self.failures(better))

    def failures(self, scores: Sequence[Score]) -> tuple[Failure, ...]:
        """Returns the instances that a program failed on."""
        found = zip(self._instances, scores, strict=False)
        return tuple(
            Failure(i.name, s.outcome, s.message) for i, s in found if s.outcome != CandidateOutcome.OK
        )

    def solved(self, scores: Sequence[Score]) -> Aggregate | None:
        """Returns the aggregate over the instances that were solved; None where none was."""
        places = [k for k, score in enumerate(scores) if score.cost is not None]
        costs = [score.cost for score in scores if score.cost is not None]
        seconds = [scores[k].cpu_seconds for k in places]
        return self.part(places).aggregate(costs, seconds) if places else None

    def error(self, better: Sequence[Number], worse: Sequence[Number]) -> float:
        """Standard error of the gain, in points, from the spread of the paired differences."""
        difference = self.loss(worse) - self.loss(better)
        total = self.bound.sum()
        if difference.size < 2 or total <= 0:
            return 0.0
        ratio = difference - self.bound * (difference.sum() / total)
        return float(100.0 * ratio.std(ddof=1) * np.sqrt(difference.size) / total)

    def _interval(self, loss: NDArray[np.float64], level: float = 0.95) -> tuple[float, float]:
        # A generator of its own: the interval is a function of the data, not of what ran before.
        rng = np.random.default_rng(0)
        draws = rng.integers(0, loss.size, (RESAMPLES, loss.size))
        bounds = np.maximum(self.bound[draws].sum(axis=1), 1e-12)
        low, high = np.quantile(100.0 * loss[draws].sum(axis=1) / bounds, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)


def _ratio(loss: float, bound: float) -> float:
    if bound > 0:
        return float(100.0 * loss / bound)
    return 0.0 if loss == 0 else float("inf")


def _group(loss: float, bound: float, total: float) -> float:
    return _ratio(loss, bound) if bound > 0 else total


def costs_of(scores: Mapping[str, Score], instances: Sequence[Instance]) -> list[Number] | None:
    """The costs in the order of the instances, or None when one of them is missing or failed."""
    found = [scores[i.digest].cost for i in instances if i.digest in scores]
    costs = [cost for cost in found if cost is not None]
    return costs if len(costs) == len(instances) else None
