"""Tests whether a program is significantly better than a reference rule.

Instances are added until the test decides, at most three times.

A program that is significantly worse in a subgroup is rejected even if it is better overall.

The sign of a paired interval's lower end does not depend on the bounds by which gaps are divided. So the rule's
costs replace the bounds, and no instance has to be solved exactly.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gapsmith.agent.evaluation.scores import Archived, Scorer, list_costs
from gapsmith.agent.runs.final.subgroups import find_subgroups, find_worse
from gapsmith.evaluators.base import Baseline, Instance, Number
from gapsmith.evaluators.scoring import ROUNDING_TOLERANCE, Scale

LOOKS = 4
"""Maximum number of looks; each doubles the instances of the one before."""

Costs = Sequence[Number]
Further = Callable[[int], Sequence[Instance]]
"""Returns further selection instances, fewer than asked for where there are no more."""


@dataclass(frozen=True)
class Decision:
    """The result of the last look.

    Attributes:
        instances: number of evaluated instances.
        gain: mean improvement, in percent of the rule's cost (or value, when maximising); infinite where one of the
            two failed.
        low: lower end of the gain's interval.
        high: upper end.
        worse_in: a subgroup in which the rule is significantly better; empty where there is none.
    """

    instances: int
    gain: float
    low: float
    high: float
    worse_in: str = ""

    @property
    def sure(self) -> bool:
        """Whether the program is significantly better, and in no subgroup significantly worse."""
        return self.low > 0 and not self.worse_in


def decide(
    program: Archived,
    rule: Archived,
    first: Sequence[Instance],
    further: Further,
    scorer: Scorer,
    error: float,
) -> Decision:
    """Tests until there is a decision, or the looks are used up.

    Args:
        program: solved the first instances.
        rule: solved them, too.
        first: the instances of the first look.
        further: gives more of them.
        scorer: runs both.
        error: significance level of the whole test, divided among the looks (Bonferroni).
    """
    level = 1 - error / LOOKS
    found = _look(program, rule, first, scorer, level)
    for look in range(1, LOOKS):
        if found.sure or found.worse_in or not found.gain > 0:
            break
        more = further(len(first) * (2**look - 1))
        if len(first) + len(more) <= found.instances:
            break
        found = _look(program, rule, [*first, *more], scorer, level)
    return found


def find_worse_subgroup(
    program: Archived, rule: Archived, instances: Sequence[Instance], scorer: Scorer
) -> str:
    """Finds a subgroup where the rule is significantly better; else empty."""
    costs, other = (list_costs(result) for result in scorer.run([program, rule], instances))
    return "" if costs is None or other is None else _find_worse_subgroup(costs, other, instances, scorer)


def _look(
    program: Archived, rule: Archived, instances: Sequence[Instance], scorer: Scorer, level: float
) -> Decision:
    costs, other = (list_costs(result) for result in scorer.run([program, rule], instances))
    if costs is None or other is None:
        endless = -math.inf if costs is None else math.inf
        return Decision(len(instances), gain=endless, low=endless, high=endless)
    gain = _scale(other, instances, scorer).gain(costs, other, level)
    return Decision(len(instances), *gain, _find_worse_subgroup(costs, other, instances, scorer))


def _find_worse_subgroup(costs: Costs, other: Costs, instances: Sequence[Instance], scorer: Scorer) -> str:
    scale = _scale(other, instances, scorer)
    gains = scale.compute_losses(other) - scale.compute_losses(costs)
    gains[np.abs(gains) < ROUNDING_TOLERANCE * np.abs(scale.bound)] = 0.0
    return find_worse(find_subgroups(instances), gains)


def _scale(other: Costs, instances: Sequence[Instance], scorer: Scorer) -> Scale:
    """Makes a scale with the rule's costs in the place of bounds."""
    return Scale(
        instances, [Baseline(cost, cost, None, "rule", 0.0) for cost in other], scorer.problem.maximise
    )
