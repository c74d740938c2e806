"""A candidate's way through the instances: a race in training, then validation if it earned it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gapsmith.evaluators.assess import Runner, assess
from gapsmith.evaluators.base import Baseline, Instance, Number, Problem
from gapsmith.evaluators.honesty import examine
from gapsmith.evaluators.scoring import Scale, Score

FIRST_BLOCK = 8
DROP_AT = 1.64
EXAMINED = 20


@dataclass(frozen=True, eq=False)
class Bench:
    """Instances with their bounds, in the order in which candidates meet them."""

    instances: tuple[Instance, ...]
    scale: Scale

    @classmethod
    def of(cls, instances: Sequence[Instance], baselines: Mapping[str, Baseline], maximise: bool) -> "Bench":
        """A bench of instances whose baselines are known by digest."""
        return cls(tuple(instances), Scale(instances, [baselines[i.digest] for i in instances], maximise))


@dataclass(frozen=True)
class Course:
    """What every candidate of a run is measured on."""

    problem: Problem
    train: Bench
    validation: Bench


@dataclass(frozen=True)
class Bar:
    """What a candidate must reach, as it stood when the candidate was asked for.

    Attributes:
        costs: of the median elite per training instance; empty while there is none.
        record: the least gap in training that came to validation; a candidate below it goes on there.
    """

    costs: tuple[Number, ...] = ()
    record: float = float("inf")


@dataclass(frozen=True)
class Trialled:
    """How a trial ended.

    Attributes:
        outcome: "ok", "raced" (dropped in the race), or the ending of the first failure.
        message: why, in words.
        scores: all that was measured, with the instances.
        train: costs per training instance; None unless all were solved.
        validation: the same for validation; None where it was not tried or failed.
        lag: mean paired difference to the bar, in percent of the bound, of a candidate that was raced.
    """

    outcome: str
    message: str
    scores: tuple[tuple[Instance, Score], ...]
    train: tuple[Number, ...] | None = None
    validation: tuple[Number, ...] | None = None
    lag: float = 0.0


class Trial:
    """One candidate on one course.

    Args:
        course: the benches.
        source: the program.
        bar: to be reached.
        known: scores that the archive already holds, by digest; they are not measured again.
    """

    def __init__(self, course: Course, source: str, bar: Bar, known: Mapping[str, Score]) -> None:
        self._course, self._source, self._bar = course, source, bar
        self._scores = dict(known)
        self._met: list[Instance] = []

    def __call__(self, runner: Runner, spent: float) -> Trialled:
        """Runs it: a first block, the race, the rest, and validation for a record in training."""
        train, validation = self._course.train, self._course.validation
        for block in (train.instances[:FIRST_BLOCK], train.instances[FIRST_BLOCK:]):
            if failed := self._try(block, runner, spent):
                return failed
            if (lag := self._lag()) > 0:
                return self._ended(
                    "raced", f"dropped after {len(self._met)} instances: {lag:.2f} points behind", lag=lag
                )
        costs = self._costs(train)
        bar = self._bar.record
        if math.isfinite(bar) and train.scale.search(costs) >= bar:
            return self._ended("ok", "", costs)
        if failed := self._try(validation.instances, runner, spent):
            return self._ended("ok", f"failed in validation: {failed.outcome}: {failed.message}", costs)
        shown = validation.instances[:EXAMINED]
        found = examine(self._course.problem, self._source, shown, self._costs(validation)[:EXAMINED], runner)
        if found.outcome != "ok":
            return self._ended(found.outcome, found.message)
        return self._ended("ok", "", costs, self._costs(validation))

    def _try(self, instances: Sequence[Instance], runner: Runner, spent: float) -> Trialled | None:
        new = [instance for instance in instances if instance.digest not in self._scores]
        if new:
            result = assess(self._course.problem, self._source, new, runner, spent)
            self._scores.update(zip((i.digest for i in new), result.scores, strict=False))
        self._met += [instance for instance in instances if instance.digest in self._scores]
        for instance in instances:
            score = self._scores.get(instance.digest)
            if score is not None and score.outcome != "ok":
                return self._ended(score.outcome, f"{instance.name}: {score.message}")
        return None

    def _lag(self) -> float:
        """How far the candidate is surely behind the bar on the instances met, 0 if that is not sure."""
        met = len(self._met)
        if not self._bar.costs or met >= len(self._course.train.instances):
            return 0.0
        scale = self._course.train.scale
        own = scale.loss_of([self._cost(i) for i in self._met], met)
        difference = (own - scale.loss_of(self._bar.costs[:met], met)) * scale.weights[:met]
        error = float(difference.std(ddof=1)) / np.sqrt(met)
        mean = float(difference.mean())
        return mean * scale.bound.size if mean > DROP_AT * error else 0.0

    def _cost(self, instance: Instance) -> Number:
        cost = self._scores[instance.digest].cost
        assert cost is not None  # only instances whose outcome is ok are priced
        return cost

    def _costs(self, bench: Bench) -> tuple[Number, ...]:
        return tuple(self._cost(instance) for instance in bench.instances)

    def _ended(
        self,
        outcome: str,
        message: str,
        train: tuple[Number, ...] | None = None,
        validation: tuple[Number, ...] | None = None,
        lag: float = 0.0,
    ) -> Trialled:
        scores = tuple((i, self._scores[i.digest]) for i in self._met)
        return Trialled(outcome, message, scores, train, validation, lag)
