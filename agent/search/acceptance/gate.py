"""The gate: only significantly better programs become champion.

They must be better on validation instances, which did not drive the search.

Every look at the same validation instances wears them out a little: looks are counted, and after `LOOKS`
of them half of the instances are exchanged for new ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gapsmith.agent.search.instances import InstanceSet
from gapsmith.agent.search.selection.population import Elite
from gapsmith.evaluators.base import Number
from gapsmith.evaluators.scoring import Scale

CONFIDENCE = 0.90
LOOKS = 30
"""Queries after which half of the validation instances are worn out (the Ladder, arXiv 1502.04585)."""


@dataclass(frozen=True)
class Verdict:
    """A challenger against the champion on validation.

    Attributes:
        passed: whether the lower limit of the gain is above zero, and the gain above one standard error.
        gain: points of pooled gap by which the challenger is better.
        low: lower limit of the gain's interval.
        high: upper limit.
        error: standard error of the gain.
    """

    passed: bool
    gain: float
    low: float
    high: float
    error: float = 0.0


def judge(scale: Scale, challenger: Sequence[Number], champion: Sequence[Number] | None) -> Verdict:
    """Compares by a paired bootstrap; without a champion the challenger passes."""
    if champion is None:
        return Verdict(True, 0.0, 0.0, 0.0)
    # One-sided 90 % is the lower end of a two-sided 80 % interval.
    gain, low, high = scale.gain(challenger, champion, 2 * CONFIDENCE - 1)
    error = scale.estimate_error(challenger, champion)
    return Verdict(low > 0 and gain > error, gain, low, high, error)


def cross_validate(scale: Scale, challenger: Sequence[Number], champion: Sequence[Number] | None) -> Verdict:
    """Compares with each instance left out in turn.

    For few instances that also drove the search: a challenger whose gain hangs on one of them does not pass.
    """
    if champion is None:
        return Verdict(True, 0.0, 0.0, 0.0)
    differences = scale.compute_losses(champion) - scale.compute_losses(challenger)
    total = max(float(scale.bound.sum()), 1e-12)
    gains = 100.0 * (differences.sum() - differences) / np.maximum(total - scale.bound, 1e-12)
    low, high = float(gains.min()), float(gains.max())
    return Verdict(low > 0, float(100.0 * differences.sum() / total), low, high)


@dataclass
class Gate:
    """The champion and the validation instances.

    Args:
        bench: the validation instances.
        strict: False lets everything through that is better at all; for comparisons of searches only.
        crossed: whether it decides by cross-validation; see `cross_validate`.
    """

    bench: InstanceSet
    strict: bool = True
    crossed: bool = False
    champion: Elite | None = None
    costs: tuple[Number, ...] | None = None
    looks: int = 0

    def query(self, challenger: Elite, costs: tuple[Number, ...]) -> Verdict:
        """Judges a challenger, which becomes the champion if it passes."""
        self.looks += 1
        return self._take(challenger, costs, self._judge(costs))

    def compare_rule(self, rule: Elite, costs: tuple[Number, ...]) -> Verdict:
        """Makes the best of the reference rules the first champion."""
        found = self._judge(costs)
        better = self.costs is None or found.gain > 0
        return self._take(rule, costs, Verdict(better, found.gain, found.low, found.high, found.error))

    def query_faster(self, challenger: Elite, costs: tuple[Number, ...]) -> Verdict:
        """Judges a faster challenger, which passes if it is no worse."""
        self.looks += 1
        found = self._judge(costs)
        return self._take(
            challenger, costs, Verdict(found.gain >= 0, found.gain, found.low, found.high, found.error)
        )

    def _judge(self, costs: tuple[Number, ...]) -> Verdict:
        compare = cross_validate if self.crossed else judge
        return compare(self.bench.scale, costs, self.costs)

    def _take(self, elite: Elite, costs: tuple[Number, ...], verdict: Verdict) -> Verdict:
        if not self.strict and verdict.gain > 0:
            verdict = Verdict(True, verdict.gain, verdict.low, verdict.high, verdict.error)
        if verdict.passed:
            self.champion, self.costs = elite, costs
        return verdict

    @property
    def worn(self) -> bool:
        """Whether the instances were looked at so often that half of them should be exchanged."""
        return self.looks >= LOOKS

    def refresh(self, bench: InstanceSet, champion: Elite, costs: tuple[Number, ...]) -> None:
        """Goes on with other instances, on which the champion has these costs."""
        self.bench, self.champion, self.costs, self.looks = bench, champion, costs, 0
