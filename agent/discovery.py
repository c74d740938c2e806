"""A discovery job from its settings to its report: wires the parts, runs the loop, opens the sealed test once."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from gapsmith.agent.archive import Archive
from gapsmith.agent.baselines import Progress as Doing
from gapsmith.agent.baselines import baselines_of, silent
from gapsmith.agent.budget import Budget, Ledger
from gapsmith.agent.executor import Executor, LocalExecutor
from gapsmith.agent.loop import Loop, Progress
from gapsmith.agent.models import open_model
from gapsmith.agent.models.base import Model
from gapsmith.agent.problems import find_problem, read_instances
from gapsmith.agent.reporting import Report, report_of
from gapsmith.agent.search.trial import Bench, Course
from gapsmith.evaluators.base import Instance, Problem, Split, Trouble, UsageTrouble
from gapsmith.sandbox import Level

FEWEST_OWN_INSTANCES = 12


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that a run depends on; kept with it, so that `resume` needs nothing else.

    Attributes:
        problem: a name, or the path of a file that defines one.
        model: as on the command line.
        budget: the wall.
        seed: equal seeds give equal archives for deterministic models.
        workers: sandboxes at once.
        base_url: of a server that speaks a provider's API.
        instances: files to learn from in place of generated instances; split in three.
        test: files for the sealed test in place of generated instances.
        baseline_seconds: limit of the exact method for each instance.
        minimum_level: the weakest isolation that is accepted.
    """

    problem: str
    model: str = "offline"
    budget: Budget
    seed: int = 0
    workers: int = 2
    base_url: str | None = None
    instances: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    baseline_seconds: float = 60.0
    minimum_level: int = int(Level.L2)

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {
            **vars(self),
            "budget": dict(vars(self.budget)),
            "instances": list(self.instances),
            "test": list(self.test),
        }

    @classmethod
    def of(cls, plain: dict[str, Any]) -> "Settings":
        """Back from JSON."""
        lists = {"instances": tuple(plain["instances"]), "test": tuple(plain["test"])}
        return cls(**{**plain, **lists, "budget": Budget(**plain["budget"])})


class Run:
    """A discovery job. Iterate over it while it works, or call `report` for the end of it.

    Args:
        settings: what to do.
        archive: what is remembered.
        number: of a run to go on with; None starts a new one.
        problem: in place of the settings' name.
        model: in place of the settings' name.
        executor: in place of local workers.
        doing: told about work before and after the loop.
    """

    def __init__(
        self,
        settings: Settings,
        archive: Archive,
        number: int | None = None,
        problem: Problem | None = None,
        model: Model | None = None,
        executor: Executor | None = None,
        doing: Doing = silent,
    ) -> None:
        self.settings, self.archive, self._doing = settings, archive, doing
        self._stop = threading.Event()
        self.problem = problem or find_problem(settings.problem)
        self.model = model or open_model(settings.model, base_url=settings.base_url, stop=self._stop)
        if settings.budget.usd is not None:
            self._check_price(settings.budget.usd)
        self._test_given = _sealed(self.problem, settings)
        before = archive.run(number).seconds if number is not None else 0.0
        self.number = number or archive.start(
            self.problem.name, self.model.name, settings.seed, settings.plain()
        )
        self.ledger = Ledger(settings.budget, before)
        self._resources = ExitStack()
        self._executor = executor or self._resources.enter_context(
            LocalExecutor(settings.workers, Level(settings.minimum_level))
        )

    def __iter__(self) -> Iterator[Progress]:
        status = "failed"
        try:
            self.archive.finish(self.number, "running", self.ledger.before)
            yield from self._work()
            status = "stopped" if self.stopped else "searched"
        finally:
            self.archive.finish(self.number, status, self.ledger.seconds)
            if "loop" in vars(self):
                self.archive.tally(self.number, self.loop.state.tallies)

    @cached_property
    def loop(self) -> Loop:
        """The loop; making it solves the training and validation instances."""
        course = self._course()
        parts = (self.model, self.archive, self._executor, self.ledger)
        return Loop(self.number, course, *parts, seed=self.settings.seed, stop=self._stop)

    def stop(self) -> None:
        """Asks nothing more; what is under way is kept."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def close(self) -> None:
        """Ends the sandboxes and the model's connections."""
        self._resources.close()
        if close := getattr(self.model, "close", None):
            close()

    def _work(self) -> Iterator[Progress]:
        last = time.monotonic()
        for progress in self.loop:
            if time.monotonic() - last > 1.0:  # so that a killed run knows how long it had worked
                last = time.monotonic()
                self.archive.finish(self.number, "running", self.ledger.seconds)
            yield progress

    def report(self) -> Report:
        """Opens the sealed test for the champion and the reference rules, and says what came of it. Raises Trouble."""
        champion = self.loop.state.champion
        if champion is None:
            raise Trouble(self._no_champion())
        return report_of(
            self.number,
            self.problem,
            self.model.name,
            champion,
            self._test_given or self._part(Split.TEST),
            self._executor,
            self.archive,
            self.ledger,
            self.settings.baseline_seconds,
            self._doing,
        )

    # Instances

    def _course(self) -> Course:
        train, validation = self._learning()
        found = baselines_of(
            self.problem, [*train, *validation], self.archive, self.settings.baseline_seconds, self._doing
        )
        maximise = self.problem.maximise
        return Course(self.problem, Bench.of(train, found, maximise), Bench.of(validation, found, maximise))

    def _learning(self) -> tuple[list[Instance], list[Instance]]:
        """Training instances in the order of the race, which is shuffled so that a block is a fair sample."""
        train = learning_instances(self.problem, self.settings)
        return Random(self.settings.seed).sample(train, len(train)), self._part(Split.VALIDATION)

    def _part(self, split: Split) -> list[Instance]:
        if own := _read(self.problem, self.settings.instances):
            return _third(own, split)
        # The same test for every seed, so that runs can be compared.
        return self.problem.instances(split, 0 if split is Split.TEST else self.settings.seed)

    # Words

    def _no_champion(self) -> str:
        rows = self.archive.candidates(self.number).values()
        first = next((row for row in rows if row.outcome not in ("ok", "raced", "duplicate", "asked")), None)
        why = f"; the first failure: slot {first.slot}, {first.outcome}: {first.message}" if first else ""
        return f"run {self.number} has no program that solved all training and validation instances{why}"

    def _check_price(self, usd: float) -> None:
        if self.model.most_usd is None:
            raise UsageTrouble(
                f"the price of {self.model.name} is not known, so that --usd {usd:g} cannot be kept; "
                "add it to a price file and name that in GAPSMITH_PRICES"
            )


def discover(
    problem: str | Problem,
    *,
    model: str | Model = "offline",
    budget: Budget,
    archive: str | Archive = "archive.db",
    executor: Executor | None = None,
    doing: Doing = silent,
    **settings: Any,
) -> Run:
    """A discovery job, ready to be iterated over; `settings` are the other fields of Settings."""
    named = Settings(
        problem=problem if isinstance(problem, str) else problem.name,
        model=model if isinstance(model, str) else model.name,
        budget=budget,
        **settings,
    )
    return Run(
        named,
        archive if isinstance(archive, Archive) else Archive(archive),
        problem=None if isinstance(problem, str) else problem,
        model=None if isinstance(model, str) else model,
        executor=executor,
        doing=doing,
    )


def learning_instances(problem: Problem, settings: Settings) -> list[Instance]:
    """The training instances of a run, from its settings alone."""
    own = _read(problem, settings.instances)
    return _third(own, Split.TRAIN) if own else problem.instances(Split.TRAIN, settings.seed)


def _read(problem: Problem, files: Sequence[str]) -> list[Instance]:
    found = read_instances(problem, [Path(file) for file in files])
    return list({instance.digest: instance for instance in found}.values())


def _sealed(problem: Problem, settings: Settings) -> list[Instance]:
    """The test instances that are given. Raises UsageTrouble where the same are given to learn from."""
    learn = {instance.digest: instance.name for instance in _read(problem, settings.instances)}
    test = _read(problem, settings.test)
    for instance in test:
        if instance.digest in learn:
            raise UsageTrouble(
                f"test instance {instance.name} is {learn[instance.digest]} of the instances to learn from; "
                "expected a test of other instances"
            )
    return test


def _third(instances: Sequence[Instance], split: Split) -> list[Instance]:
    """One of three disjoint parts of the user's own instances, each spread over the files' order."""
    if len(instances) < FEWEST_OWN_INSTANCES:
        raise Trouble(
            f"found {len(instances)} different instances; expected at least {FEWEST_OWN_INSTANCES} to learn from"
        )
    return [instance for k, instance in enumerate(instances) if k % 3 == list(Split).index(split)]
