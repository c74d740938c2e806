"""The instances of a run: training, validation, final selection, test."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from random import Random

from gapsmith.agent.archive import Archive
from gapsmith.agent.evaluation.baselines import ProgressCallback, find_baselines, ignore_progress
from gapsmith.agent.evaluation.baselines.published import BestKnown, PublishedValue, check_named
from gapsmith.agent.evaluation.problems import read_instances
from gapsmith.agent.runs.final.selection import Unseen, make_unseen
from gapsmith.agent.search.dealing import FEWEST_TO_LEARN, FEWEST_TO_SPLIT, deal_instances
from gapsmith.agent.search.instances import InstanceSet, Splits
from gapsmith.evaluators.base import GapsmithError, Instance, Number, Problem, Split, UsageError


class InstanceSupply:
    """The source of a run's instances.

    Exact results are kept in the archive.

    Args:
        problem: generates them where no file is given.
        learn: files to learn from, dealt to the three splits.
        test: files for the sealed test.
        seed: of the run.
        archive: where exact results are kept.
        seconds: limit of the exact method for each instance.
        progress: called while instances are solved.
        by_place: whether instances are dealt by their place, as runs of earlier versions were.
        workers: processes of the exact method.
        known: published bounds, one of which at least must be of the user's instances.

    Attributes:
        run: the number of the run, once it has one: it keeps the bounds that it met first.
        crossed: whether the user's instances are so few that each serves in every split, by cross-validation.

    Raises:
        GapsmithError: where files cannot be read, hold too little, or the test holds what is learnt from.
    """

    run: int | None = None

    def __init__(
        self,
        problem: Problem,
        learn: Sequence[str],
        test: Sequence[str],
        seed: int,
        archive: Archive | None = None,
        seconds: float = 60.0,
        progress: ProgressCallback = ignore_progress,
        by_place: bool = False,
        workers: int = 1,
        known: Sequence[tuple[str, Number | None, Number | None]] = (),
    ) -> None:
        self._problem, self._seed = problem, seed
        self._archive, self._seconds, self._progress, self._workers = archive, seconds, progress, workers
        self._own, self._test = _read(problem, learn), _read(problem, test)
        self._given = bool(learn)
        self._dealt = _deal_own(self._own, seed, by_place) if learn else {}
        self.crossed = self._given and len(self._own) < FEWEST_TO_SPLIT
        self._exchanged = 0
        self.published = tuple(PublishedValue(*row) for row in known)
        _check_sealed(self._own, self._test)
        if self.published:
            check_named(self.published, [*self._own, *self._test])

    @cached_property
    def splits(self) -> Splits:
        """Training in the order of the race, which is shuffled so that a block is a fair sample; and the gate's."""
        train = self.train
        raced = Random(self._seed).sample(train, len(train))
        training, validation = self._benches(raced, self._part(Split.VALIDATION))
        return Splits(self._problem, training, validation, self.crossed)

    def list_own(self, test: Sequence[Instance]) -> list[Instance]:
        """Lists the user's instances, as they are run in each part."""
        if not self._given:
            return list(test) if self._test else []
        parts = (self.splits.train.instances, self.splits.validation.instances, test)
        return [instance for part in parts for instance in part]

    @property
    def counts(self) -> Mapping[Split, int]:
        """How many instances each part has; of the test as it is opened at the end."""
        if not self._given:
            return {**self._problem.counts, **({Split.TEST: len(self._test)} if self._test else {})}
        parts = {split: len(part) for split, part in self._dealt.items()}
        return {**parts, **({Split.TEST: len(self._test)} if self._test else {})}

    @property
    def train(self) -> list[Instance]:
        """What drives the search. Events of on-line instances are given in one call: that is faster."""
        found = self._part(Split.TRAIN)
        return [replace(each, whole=True) for each in found] if self._problem.online else found

    def test(self, final_seed: int) -> list[Instance]:
        """Returns the sealed test, from a seed that no program knew."""
        if self._test or self._given:
            return self._test or self._dealt[Split.TEST]
        return self._problem.generate_instances(Split.TEST, final_seed)

    def exchange(self, bench: InstanceSet) -> InstanceSet | None:
        """Exchanges half of the gate's instances; None if none are left."""
        if self._given:
            return None
        half = len(bench.instances) // 2
        start = self._problem.counts[Split.VALIDATION] + self._exchanged
        self._exchanged += half
        fresh = self._fresh(half, start)
        return self._benches([*bench.instances[half:], *fresh])[0]

    def draw_unseen(self, final_seed: int) -> Unseen:
        """Returns the instances of the final choice and the claim."""
        found = make_unseen(self._problem, final_seed, self._part(Split.VALIDATION) if self._given else ())
        return replace(found, claim=(), crossed=True) if self.crossed else found

    def _fresh(self, count: int, start: int) -> list[Instance]:
        return self._problem.generate_instances(Split.VALIDATION, self._seed, count, start)

    def _part(self, split: Split) -> list[Instance]:
        if self._given:
            return self._dealt[split]
        return self._problem.generate_instances(split, self._seed)

    def _benches(self, *parts: Sequence[Instance]) -> list[InstanceSet]:
        whole = [instance for part in parts for instance in part]
        found = find_baselines(
            self._problem, whole, self._archive, self._seconds, self._progress, self.run, self._workers
        )
        BestKnown.build(whole, found, self.published, self._problem.maximise)  # refuses what contradicts them
        return [InstanceSet.build(part, found, self._problem.maximise) for part in parts]


def _read(problem: Problem, files: Sequence[str]) -> list[Instance]:
    found = read_instances(problem, [Path(file) for file in files])
    return list({instance.digest: instance for instance in found}.values())


def _check_sealed(learn: Sequence[Instance], test: Sequence[Instance]) -> None:
    """Raises UsageError where learning and test share instances."""
    names = {instance.digest: instance.name for instance in learn}
    for instance in test:
        if instance.digest in names:
            raise UsageError(
                f"test instance {instance.name} is {names[instance.digest]} of the instances to learn from; "
                "expected a test of other instances"
            )


def _deal_own(instances: Sequence[Instance], seed: int, by_place: bool) -> Mapping[Split, list[Instance]]:
    """Deals the user's instances; few of them serve in every split.

    Raises GapsmithError where there are too few to learn from.
    """
    if by_place:
        return {split: list(instances[k::3]) for k, split in enumerate(Split)}
    if len(instances) < FEWEST_TO_LEARN:
        raise GapsmithError(
            f"found {_count(instances)}; expected at least {FEWEST_TO_LEARN} to learn from, and "
            f"{FEWEST_TO_SPLIT} for a test of instances that were not learnt from"
        )
    if len(instances) < FEWEST_TO_SPLIT:
        return {split: list(instances) for split in Split}
    return dict(zip(Split, deal_instances(instances, seed), strict=True))


def _count(instances: Sequence[Instance]) -> str:
    return "1 different instance" if len(instances) == 1 else f"{len(instances)} different instances"
