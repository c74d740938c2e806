"""The instances that candidates are measured on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from gapsmith.evaluators.base import Baseline, Instance, Number, Problem
from gapsmith.evaluators.scoring import Scale


@dataclass(frozen=True, eq=False)
class InstanceSet:
    """Instances with their bounds, in the order of evaluation.

    Attributes:
        instances: in that order.
        scale: prices vectors of costs.
        baselines: the exact results, in the same order; shown of training instances alone.
    """

    instances: tuple[Instance, ...]
    scale: Scale
    baselines: tuple[Baseline, ...] = ()

    @classmethod
    def build(
        cls, instances: Sequence[Instance], baselines: Mapping[str, Baseline], maximise: bool
    ) -> "InstanceSet":
        """Makes a set of instances with baselines that are known by digest."""
        found = tuple(baselines[instance.digest] for instance in instances)
        return cls(tuple(instances), Scale(instances, found, maximise), found)

    def compute_losses(self, costs: Sequence[Number]) -> tuple[float, ...]:
        """Computes what each instance adds to the search's gap, in points."""
        return tuple((self.scale.compute_losses(costs) * self.scale.weights).tolist())

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The class of each instance."""
        return tuple(instance.stratum for instance in self.instances)

    def find_worst_stratum(self, losses: Sequence[float]) -> str:
        """Returns the class with the largest loss; empty for a single class."""
        sums: dict[str, float] = {}
        for instance, loss in zip(self.instances, losses, strict=True):
            sums[instance.stratum] = sums.get(instance.stratum, 0.0) + loss
        return max(sums, key=lambda name: sums[name]) if len(sums) > 1 else ""


@dataclass(frozen=True)
class Splits:
    """The problem with its training and validation instances.

    Attributes:
        crossed: whether these are the same few instances, so that the gate decides by cross-validation.
    """

    problem: Problem
    train: InstanceSet
    validation: InstanceSet
    crossed: bool = False
