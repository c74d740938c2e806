"""Whether a program is surely better than a reference rule: instances are added until it shows, or does not.

Better on the whole is not enough: who is surely worse on a kind of instances would disappoint whoever has only those.
A kind is a class, and in it the small instances or the large ones, since what gains on small ones may lose on large.

The sign of a paired interval's lower end does not depend on the bounds by which gaps are divided. So the rule's own
costs stand in for the bounds, and no instance has to be solved to optimality for a look.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from gapsmith.agent.measuring import Archived, Measuring, costs_in
from gapsmith.agent.showing import size
from gapsmith.evaluators.base import Baseline, Instance, Number
from gapsmith.evaluators.scoring import Scale

LOOKS = 4
"""At most so many, each but the first at twice the instances of the one before."""
FEWEST = 6
"""Instances of a kind that say something about it."""

WORSE = 0.10
"""How likely a program that is as good as the rule on every kind may be found worse on one of them."""

Further = Callable[[int], Sequence[Instance]]
"""The first so many of the instances to decide by; fewer where there are no more."""


@dataclass(frozen=True)
class Decision:
    """What the last look found.

    Attributes:
        instances: how many were met.
        gain: by how much the program is better on them, in percent of the rule's cost, or of the value it reaches;
            infinite where one of the two failed.
        low: lower end of the gain's interval.
        high: upper end.
        worse_in: a kind of instances on which the rule is surely better; empty where there is none.
    """

    instances: int
    gain: float
    low: float
    high: float
    worse_in: str = ""

    @property
    def sure(self) -> bool:
        """Whether the program is better beyond doubt."""
        return self.low > 0 and not self.worse_in


def decide(
    program: Archived,
    rule: Archived,
    first: Sequence[Instance],
    further: Further,
    by: Measuring,
    error: float,
) -> Decision:
    """Looks until the program is surely better, no better at all or worse on a kind, or there were enough looks.

    Args:
        program: solved the first instances.
        rule: solved them, too.
        first: the first look's.
        further: adds to them.
        by: runs both.
        error: how likely the program may be taken for better, and is not; the looks share it (Bonferroni).
    """
    level = 1 - error / LOOKS
    found = _look(program, rule, first, by, level)
    for look in range(1, LOOKS):
        if found.sure or found.worse_in or not found.gain > 0:
            break
        more = further(len(first) * (2**look - 1))
        if len(first) + len(more) <= found.instances:
            break
        found = _look(program, rule, [*first, *more], by, level)
    return found


def harm(program: Archived, rule: Archived, instances: Sequence[Instance], by: Measuring) -> str:
    """A kind of these instances on which the rule is surely better; empty where there is none."""
    return _look(program, rule, instances, by, 1.0 - WORSE).worse_in


def _look(
    program: Archived, rule: Archived, instances: Sequence[Instance], by: Measuring, level: float
) -> Decision:
    costs, other = (costs_in(result) for result in by.run([program, rule], instances))
    if costs is None or other is None:
        return Decision(len(instances), *(-math.inf if costs is None else math.inf,) * 3)
    scale = Scale(instances, [_price(cost) for cost in other], by.problem.maximise)
    worse_in = _worse_in(_kinds(instances), scale.loss(other) - scale.loss(costs))
    return Decision(len(instances), *scale.gain(costs, other, level), worse_in)


def _worse_in(kinds: Sequence[str], gains: NDArray[np.float64]) -> str:
    """The first kind on which the mean gain is below zero by more than chance, with so many kinds to look at."""
    names = dict.fromkeys(kinds)
    limit = NormalDist().inv_cdf(1 - WORSE / len(names))
    for name in names:
        inside = gains[[each == name for each in kinds]]
        if inside.size >= FEWEST and inside.mean() < -limit * inside.std(ddof=1) / np.sqrt(inside.size):
            return name
    return ""


def _kinds(instances: Sequence[Instance]) -> list[str]:
    """Of each instance: its class, and whether it is one of the small or of the large ones there."""
    sizes: dict[str, list[int]] = {}
    for each in instances:
        sizes.setdefault(each.stratum, []).append(size(each))
    return [_kind(each, min(sizes[each.stratum]), max(sizes[each.stratum])) for each in instances]


def _kind(instance: Instance, least: int, most: int) -> str:
    """Where sizes differ by a factor of two, small and large are told apart by the geometric middle."""
    if most < 2 * least:
        return instance.stratum
    return f"{instance.stratum}, {'small' if size(instance) ** 2 < least * most else 'large'}"


def _price(cost: Number) -> Baseline:
    """The rule's cost in the place of a bound."""
    return Baseline(cost, cost, None, "rule", 0.0)
