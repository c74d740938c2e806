"""A candidate's way through the instances: a probe, the race in training, and validation if it earned it.

Each part is work for a sandbox; what follows from it is decided by the search, in the order of the slots.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gapsmith.agent.search.bench import Bench, Course
from gapsmith.agent.search.racing import blocks, lag
from gapsmith.evaluators.assess import Assessment, Runner, assess
from gapsmith.evaluators.base import Instance, Number
from gapsmith.evaluators.honesty import examine
from gapsmith.evaluators.scoring import Score

EXAMINED = 12
"""More than nine: fewer relabelled instances could not be surely worse; see `honesty.SURE`."""
TELLING = 2
"""Instances on which a program must miss the optimum before equal decisions are called equal behaviour."""


@dataclass(frozen=True)
class Heat:
    """How a part of a trial ended.

    Attributes:
        outcome: "ok", "raced" (dropped in the race), or the ending of the first failure.
        message: why, in words.
        scores: by digest, all that is known of the program after it.
        met: training instances met so far.
        run: instances that were run in the sandbox for it.
        costs: of all instances of the part's bench; None unless all were solved.
        behaviour: a hash of what it did in the probe; empty where it says nothing.
        lag: points behind the bar, of a candidate that was raced.
        detail: what an examination found beside; plain data.
    """

    outcome: str
    message: str = ""
    scores: Mapping[str, Score] = field(default_factory=dict)
    met: int = 0
    run: int = 0
    costs: tuple[Number, ...] | None = None
    behaviour: str = ""
    lag: float = 0.0
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class _Walk:
    """A program on its way along a bench."""

    course: Course
    bench: Bench
    source: str
    scores: dict[str, Score]
    met: int = 0
    run: int = 0

    def costs(self, count: int) -> tuple[Number, ...]:
        """Of the first so many instances, all solved."""
        found = [self.scores[instance.digest].cost for instance in self.bench.instances[:count]]
        return tuple(cost for cost in found if cost is not None)

    def on(self, instances: Sequence[Instance], runner: Runner, spent: float) -> Assessment:
        """Runs it; scores are kept, but where the sandbox broke."""
        result = assess(self.course.problem, self.source, instances, runner, spent)
        self.scores.update(zip((i.digest for i in instances), result.scores, strict=False))
        self.run += len(result.scores)
        return result

    def block(self, place: range, runner: Runner, spent: float) -> Heat | None:
        """Meets the instances of a block that are not known yet; a heat if one of them failed."""
        instances = self.bench.instances[place.start : place.stop]
        if new := [instance for instance in instances if instance.digest not in self.scores]:
            self.on(new, runner, spent)
        return self.met_all(instances)

    def met_all(self, instances: Sequence[Instance]) -> Heat | None:
        """Counts instances as met, up to the first that failed."""
        for instance in instances:
            score = self.scores[instance.digest]
            self.met += 1
            if score.outcome != "ok":
                return self.ended(score.outcome, f"{instance.name}: {score.message}")
        return None

    def ended(self, outcome: str, message: str = "", **more: object) -> Heat:
        """The heat as it stands."""
        return Heat(outcome, message, self.scores, self.met, self.run, **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Probe:
    """The first blocks, until what the program did tells it from others.

    Attributes:
        course: the benches.
        source: the program.
        bar: costs in training of the elite that it is raced against; empty for none.
        known: scores that the archive already holds, by digest.
        behaviour: of an earlier sitting: then only what is not known is run.
        refuters: instances on which other programs were wrong; see `Problem.verify`.
    """

    course: Course
    source: str
    bar: tuple[Number, ...]
    known: Mapping[str, Score]
    behaviour: str = ""
    refuters: tuple[Instance, ...] = ()

    def __call__(self, runner: Runner, spent: float) -> Heat:
        """Runs it."""
        walk = _Walk(self.course, self.course.train, self.source, dict(self.known))
        if verify := self.course.problem.verify:
            found = verify(self.source, runner, self.refuters, False)
            if found.outcome != "ok":
                return walk.ended(found.outcome, found.message, detail=found.detail)
        decisions = ""
        for place in blocks(len(walk.bench.instances)):
            instances = walk.bench.instances[place.start : place.stop]
            if not self.behaviour:  # scores alone do not say what it did
                result = walk.on(instances, runner, spent)
                decisions = _hash(decisions, result.solutions)
            if failed := walk.block(place, runner, spent) if self.behaviour else walk.met_all(instances):
                return failed
            if behind := lag(walk.bench.scale, walk.costs(walk.met), self.bar):
                return _raced(walk, behind)
            if self._tells(walk):  # as far as before where the behaviour is known: it counts as met
                break
        costs = walk.costs(walk.met) if walk.met == len(walk.bench.instances) else None
        return walk.ended("ok", behaviour=self.behaviour or decisions, costs=costs)

    def _tells(self, walk: _Walk) -> bool:
        """Whether the program missed enough optima: where two programs are optimal, that they agree says little."""
        loss = walk.bench.scale.loss_of(walk.costs(walk.met), walk.met)
        return int((loss > 0).sum()) >= TELLING


@dataclass(frozen=True)
class Race:
    """The rest of the training instances, after the probe."""

    course: Course
    source: str
    bar: tuple[Number, ...]
    probe: Heat

    def __call__(self, runner: Runner, spent: float) -> Heat:
        """Runs it."""
        bench = self.course.train
        walk = _Walk(self.course, bench, self.source, dict(self.probe.scores), self.probe.met)
        for place in blocks(len(bench.instances)):
            if place.stop <= self.probe.met:
                continue
            if failed := walk.block(place, runner, spent):
                return failed
            if behind := lag(bench.scale, walk.costs(walk.met), self.bar):
                return _raced(walk, behind)
        return walk.ended("ok", costs=walk.costs(walk.met), behaviour=self.probe.behaviour)


@dataclass(frozen=True)
class Validation:
    """The instances of the gate, and the examination whether the results are the program's own work."""

    course: Course
    bench: Bench
    source: str
    known: Mapping[str, Score]
    refuters: tuple[Instance, ...] = ()

    def __call__(self, runner: Runner, spent: float) -> Heat:
        """Runs it."""
        walk = _Walk(self.course, self.bench, self.source, dict(self.known))
        count = len(self.bench.instances)
        if failed := walk.block(range(count), runner, spent):
            return failed
        shown = min(EXAMINED, count)
        problem, costs = self.course.problem, walk.costs(count)
        instances = self.bench.instances[:shown]
        found = examine(problem, self.source, instances, costs[:shown], runner, self.refuters)
        passed = costs if found.outcome == "ok" else None
        return walk.ended(found.outcome, found.message, costs=passed, detail=found.detail)


def _raced(walk: _Walk, behind: float) -> Heat:
    words = f"dropped after {walk.met} instances: {behind:.2f} points behind"
    return walk.ended("raced", words, lag=behind)


def _hash(before: str, solutions: Sequence[object]) -> str:
    text = before + json.dumps(solutions, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Attempted:
    """What one trial of constants gave: points of gap on the instances, and how many of them were run."""

    loss: float
    run: int


@dataclass(frozen=True)
class Attempt:
    """A program with other constants on some of the training instances."""

    course: Course
    source: str
    places: tuple[int, ...]

    def __call__(self, runner: Runner, spent: float) -> Attempted:
        """Runs it; infinity where it fails."""
        bench = self.course.train
        instances = [bench.instances[place] for place in self.places]
        result = assess(self.course.problem, self.source, instances, runner, spent)
        if result.outcome != "ok":
            return Attempted(float("inf"), len(result.scores))
        costs = [score.cost for score in result.scores if score.cost is not None]
        places = list(self.places)
        loss = bench.scale.loss_at(costs, places) * bench.scale.weights[places]
        return Attempted(float(loss.sum()), len(instances))
