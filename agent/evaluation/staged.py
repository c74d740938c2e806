"""Stages of a candidate's evaluation: probe, race and validation.

Each stage is work for a sandbox; the search decides what follows from it, in the order of the slots.

Each part is work for a sandbox; what follows from it is decided by the search, in the order of the slots.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsmith.agent.search.acceptance.novelty import Decisions
from gapsmith.agent.search.acceptance.racing import RaceReference, estimate_deficit, split_blocks
from gapsmith.agent.search.instances import InstanceSet, Splits
from gapsmith.evaluators.base import Instance, Number
from gapsmith.evaluators.integrity.audit import examine
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.evaluators.running.assess import Runner, assess
from gapsmith.evaluators.scoring import Score

EXAMINED = 12
"""More than nine: with fewer relabelled instances no difference would be significant."""
MIN_PROBE_INSTANCES, MIN_SUBOPTIMAL = 4, 2
"""A probe evaluates at least four instances, two of them with a loss above 0: equal decisions
on optimally solved instances say little."""


@dataclass(frozen=True)
class StageResult:
    """The result of one stage.

    Attributes:
        outcome: "ok", "raced" (dropped in the race), or the ending of the first failure.
        message: why, in words.
        scores: by digest, all that is known of the program after it.
        places: of the instances met so far, in their order.
        run: instances that were run in the sandbox for it.
        costs: of all instances of the part's bench, in its order; None unless all were solved.
        decisions: what it did where it was met in training.
        deficit: points behind the bar, of a candidate that was raced.
        detail: what an examination found beside; plain data.
    """

    outcome: str
    message: str = ""
    scores: Mapping[str, Score] = field(default_factory=dict)
    places: tuple[int, ...] = ()
    run: int = 0
    costs: tuple[Number, ...] | None = None
    decisions: Decisions = field(default_factory=dict)
    deficit: float = 0.0
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def evaluated(self) -> int:
        """How many instances were met so far."""
        return len(self.places)


@dataclass
class _BenchRun:
    """The evaluation of a program on a set of instances."""

    splits: Splits
    bench: InstanceSet
    source: str
    scores: dict[str, Score]
    order: Sequence[int]
    decisions: dict[str, str]
    evaluated: int = 0
    run: int = 0

    @classmethod
    def begin(
        cls,
        reference: RaceReference | None,
        splits: Splits,
        source: str,
        scores: Mapping[str, Score],
        decisions: Decisions,
    ) -> "_BenchRun":
        """Begins at the first training instance, in the reference's order."""
        order = reference.order if reference else range(len(splits.train.instances))
        return cls(splits, splits.train, source, dict(scores), order, dict(decisions))

    def block(
        self, block: range, runner: Runner, null_cpu_seconds: float, with_decisions: bool = True
    ) -> StageResult | None:
        """Evaluates the instances of a block, and runs unknown ones.

        With `with_decisions`, one is unknown also where its decisions are.

        Returns:
            How it ended, if one of them failed.
        """
        instances = [self.bench.instances[place] for place in self.order[block.start : block.stop]]
        if unknown := [each for each in instances if not self._knows(each, with_decisions)]:
            self._run(unknown, runner, null_cpu_seconds)
        return next((failed for each in instances if (failed := self._check_score(each))), None)

    def _knows(self, instance: Instance, with_decisions: bool) -> bool:
        return instance.digest in self.scores and (
            not with_decisions or shorten_digest(instance) in self.decisions
        )

    def _run(self, instances: Sequence[Instance], runner: Runner, null_cpu_seconds: float) -> None:
        result = assess(self.splits.problem, self.source, instances, runner, null_cpu_seconds)
        self.scores.update(zip((i.digest for i in instances), result.scores, strict=False))
        self.decisions.update(zip(map(shorten_digest, instances), map(_hash, result.solutions), strict=False))
        self.run += len(result.scores)

    def _check_score(self, instance: Instance) -> StageResult | None:
        score = self.scores[instance.digest]
        self.evaluated += 1
        if score.outcome != CandidateOutcome.OK:
            return self.make_result(score.outcome, f"{instance.name}: {score.message}")
        return None

    def compute_losses(self) -> NDArray[np.float64]:
        """Computes the losses of evaluated instances, in points of the gap."""
        places = list(self.order[: self.evaluated])
        costs = [self.scores[self.bench.instances[place].digest].cost or 0 for place in places]
        losses: NDArray[np.float64] = (
            self.bench.scale.compute_losses_at(costs, places) * self.bench.scale.weights[places]
        )
        return losses

    def find_drop(self, reference: RaceReference | None) -> StageResult | None:
        """Stops a candidate that will hardly catch up with the reference."""
        if reference is None or not (behind := estimate_deficit(self.compute_losses(), reference)):
            return None
        gap = float(reference.losses.sum())
        words = (
            f"dropped early, after {self.evaluated} of {len(self.order)} instances: some {behind:.2f} points of gap "
            f"behind the program it was compared with, which has {gap:.3f} %"
        )
        return self.make_result(CandidateOutcome.RACED, words, deficit=behind)

    @property
    def costs(self) -> tuple[Number, ...] | None:
        """Of all instances, once all were met."""
        found = [self.scores[i.digest].cost for i in self.bench.instances if i.digest in self.scores]
        whole = self.evaluated == len(self.bench.instances)
        return tuple(cost for cost in found if cost is not None) if whole else None

    def make_result(self, outcome: str, message: str = "", **more: object) -> StageResult:
        """Returns the result so far."""
        places = tuple(self.order[: self.evaluated])
        names = [shorten_digest(self.bench.instances[place]) for place in places]
        decisions = {name: self.decisions[name] for name in names if name in self.decisions}
        return StageResult(outcome, message, self.scores, places, self.run, decisions=decisions, **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Probe:
    """The first blocks, until the behaviour distinguishes the program from others.

    Attributes:
        splits: the benches.
        source: the program.
        reference: what it is raced against; None for nothing, and then instances come in the bench's order.
        known: scores that the archive already holds, by digest.
        decisions: of an earlier session: where they are known as well, nothing is run.
        refuters: instances on which other programs were wrong; see `Problem.verify`.
    """

    splits: Splits
    source: str
    reference: RaceReference | None
    known: Mapping[str, Score]
    decisions: Decisions = field(default_factory=dict)
    refuters: tuple[Instance, ...] = ()

    def __call__(self, runner: Runner, null_cpu_seconds: float) -> StageResult:
        """Runs it."""
        trial = _BenchRun.begin(self.reference, self.splits, self.source, self.known, self.decisions)
        if verify := self.splits.problem.verify:
            found = verify(self.source, runner, self.refuters, False)
            if found.outcome != CandidateOutcome.OK:
                return trial.make_result(found.outcome, found.message, detail=found.detail)
        for block in split_blocks(len(trial.order)):
            if ended := trial.block(block, runner, null_cpu_seconds) or trial.find_drop(self.reference):
                return ended
            if (
                trial.evaluated >= MIN_PROBE_INSTANCES
                and int((trial.compute_losses() > 0).sum()) >= MIN_SUBOPTIMAL
            ):
                break
        return trial.make_result(CandidateOutcome.OK, costs=trial.costs)


@dataclass(frozen=True)
class Race:
    """The rest of the training instances, after the probe."""

    splits: Splits
    source: str
    reference: RaceReference | None
    probe: StageResult
    decisions: Decisions = field(default_factory=dict)

    def __call__(self, runner: Runner, null_cpu_seconds: float) -> StageResult:
        """Runs it."""
        known = {**self.decisions, **self.probe.decisions}
        trial = _BenchRun.begin(self.reference, self.splits, self.source, self.probe.scores, known)
        trial.evaluated = self.probe.evaluated
        for block in split_blocks(len(trial.order)):
            if block.stop <= self.probe.evaluated:
                continue
            if ended := trial.block(block, runner, null_cpu_seconds) or trial.find_drop(self.reference):
                return ended
        return trial.make_result(CandidateOutcome.OK, costs=trial.costs)


@dataclass(frozen=True)
class Validation:
    """Validation instances, and the examination of the program's integrity."""

    splits: Splits
    bench: InstanceSet
    source: str
    known: Mapping[str, Score]
    refuters: tuple[Instance, ...] = ()

    def __call__(self, runner: Runner, null_cpu_seconds: float) -> StageResult:
        """Runs it."""
        count = len(self.bench.instances)
        trial = _BenchRun(self.splits, self.bench, self.source, dict(self.known), range(count), {})
        if failed := trial.block(range(count), runner, null_cpu_seconds, with_decisions=False):
            return failed
        shown = min(EXAMINED, count)
        problem, costs = self.splits.problem, trial.costs or ()
        instances = self.bench.instances[:shown]
        found = examine(problem, self.source, instances, costs[:shown], runner, self.refuters)
        passed = costs if found.outcome == CandidateOutcome.OK else None
        return trial.make_result(found.outcome, found.message, costs=passed, detail=found.detail)


def shorten_digest(instance: Instance) -> str:
    """Shortens an instance's digest to what is kept for every candidate."""
    return instance.digest[:8]


def _hash(solution: object) -> str:
    return hashlib.sha256(_PLAINLY.encode(solution).encode()).hexdigest()[:12]


_PLAINLY = json.JSONEncoder(default=str)


@dataclass(frozen=True)
class Attempted:
    """Loss and number of instances run of one tuning trial.

    The loss is in points of gap on these instances.
    """

    loss: float
    run: int


@dataclass(frozen=True)
class Attempt:
    """A program with other constants on some of the training instances."""

    splits: Splits
    source: str
    places: tuple[int, ...]

    def __call__(self, runner: Runner, null_cpu_seconds: float) -> Attempted:
        """Runs it; infinity where it fails."""
        bench = self.splits.train
        instances = [bench.instances[place] for place in self.places]
        result = assess(self.splits.problem, self.source, instances, runner, null_cpu_seconds)
        if result.outcome != CandidateOutcome.OK:
            return Attempted(float("inf"), len(result.scores))
        costs = [score.cost for score in result.scores if score.cost is not None]
        places = list(self.places)
        loss = bench.scale.compute_losses_at(costs, places) * bench.scale.weights[places]
        return Attempted(float(loss.sum()), len(instances))
