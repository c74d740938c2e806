"""Sequential halving.

Picks the best of a few programs with a fixed number of instances.

Karnin, Koren & Somekh, "Almost optimal exploration in multi-armed bandits" (ICML 2013). Every round spends about
as much as the one before: half of the contestants go, and the others meet twice as many new instances. Costs
are paired: all meet the same instances, and what was measured in earlier rounds counts on.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gapsmith.agent.search.instances import InstanceSet
from gapsmith.agent.search.selection.population import Elite
from gapsmith.evaluators.base import Number
from gapsmith.evaluators.scoring import Scale


@dataclass(frozen=True)
class Round:
    """One round.

    Attributes:
        instances: how many of all instances have been met when it ends.
        survivors: how many contestants are left then.
    """

    instances: int
    survivors: int


def plan_rounds(contestants: int, instances: int) -> list[Round]:
    """Plans the rounds; none for a single contestant.

    The last round ends with one contestant and all instances.

    Args:
        contestants: at least 1.
        instances: at least 1; where there are fewer than rounds, the last round drops more than half.
    """
    count = min(math.ceil(math.log2(contestants)), instances)
    left = [contestants]
    for _ in range(count):
        left.append(math.ceil(left[-1] / 2))
    shares = [1 / n for n in left[:-1]]
    met = [round(instances * sum(shares[: k + 1]) / sum(shares)) for k in range(count)]
    # Every round has an instance of its own, also where there are few.
    met = [min(max(m, k + 1), instances - (count - 1 - k)) for k, m in enumerate(met)]
    survivors = [*left[1:-1], 1] if count else []
    return [Round(m, n) for m, n in zip(met, survivors, strict=True)]


def select_survivors(scale: Scale, costs: Mapping[int, Sequence[Number]], count: int) -> list[int]:
    """Selects the contestants of least mean loss, best first, stable on ties.

    Args:
        scale: weighs the instances as the search does.
        costs: of each contestant, on the same first instances of the scale.
        count: how many go on.
    """
    return sorted(costs, key=lambda contestant: average_loss(scale, costs[contestant]))[:count]


def average_loss(scale: Scale, costs: Sequence[Number]) -> float:
    """Averages the weighted loss on the first instances, scaled to all."""
    met = len(costs)
    return float((scale.compute_first_losses(costs, met) * scale.weights[:met]).mean()) * scale.bound.size


def estimate_by_leaving_out(train: InstanceSet, contestants: Sequence[Elite]) -> float:
    """Estimates by leave-one-out cross-validation what choosing among the contestants gives.

    Each instance in turn is left out: the contestant that is best on the others is priced on it.

    Args:
        train: all instances.
        contestants: at least one, with costs in the order of the instances.

    Returns:
        The pooled gap of the choices, in percent.
    """
    losses = np.array([train.scale.compute_losses(elite.costs) for elite in contestants])
    others = losses.sum(axis=1, keepdims=True) - losses
    chosen = others.argmin(axis=0)
    missed = float(losses[chosen, np.arange(losses.shape[1])].sum())
    return float(100.0 * missed / max(float(train.scale.bound.sum()), 1e-12))
