"""Tunes the constants of an elite, outside any model: generations of trials, run side by side."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from gapsmith.agent.evaluation.executor import Executor
from gapsmith.agent.evaluation.staged import Attempt, Attempted
from gapsmith.agent.search.instances import Bench, Course
from gapsmith.agent.search.tuning.cma_es import TRIALS, Tuner
from gapsmith.agent.search.tuning.parameters import parameters, with_values

INSTANCES = 12


@dataclass
class Tuning:
    """The tuning of one program.

    Args:
        course: whose training instances are used.
        source: the program.
        costs: its own, in training.
        seed: all chance follows from it; it also says which of the training instances are used.
        executor: where trials run.
        then: called in the driver's thread with the tuned source once it is done.
        when: has the driver take up a result.
    """

    course: Course
    source: str
    seed: int
    executor: Executor
    when: Callable[[Future[Attempted], Callable[[Attempted], None]], None]
    then: Callable[["Tuning"], None]
    run: int = 0
    best: str = ""
    before: float = float("inf")
    after: float = float("inf")
    _losses: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bench = self.course.train
        first = self.seed % len(bench.instances)
        turned = [*range(first, len(bench.instances)), *range(first)]
        self._places: Sequence[int] = sorted(turned[:INSTANCES])
        self.best = self.source

    def begin(self) -> None:
        """Measures the program as it is, then its neighbours."""
        self.when(self.executor.submit(self._attempt(self.source)), self._measured)

    def _attempt(self, source: str) -> Attempt:
        return Attempt(self.course, source, tuple(self._places))

    def _measured(self, attempted: Attempted) -> None:
        self.run += attempted.run
        self.before = self.after = attempted.loss
        self._tuner = Tuner(parameters(self.source), self.seed, TRIALS, attempted.loss)
        self._next()

    def _next(self) -> None:
        asked = self._tuner.ask()
        if not asked:
            values, self.after = self._tuner.best
            self.best = with_values(self.source, values) if self.after < self.before else self.source
            self.then(self)
            return
        self._losses = {}
        for place, values in enumerate(asked):
            future = self.executor.submit(self._attempt(with_values(self.source, values)))
            self.when(future, self._taker(place, len(asked)))

    def _taker(self, place: int, count: int) -> Callable[[Attempted], None]:
        def take(attempted: Attempted) -> None:
            self.run += attempted.run
            self._losses[place] = attempted.loss
            if len(self._losses) == count:
                self._tuner.tell([self._losses[k] for k in range(count)])
                self._next()

        return take


def most_instances(bench: Bench) -> int:
    """Instances that the tuning of one program runs at most: the program as it is, and all trials."""
    return (TRIALS + 1) * min(INSTANCES, len(bench.instances))


def most_evaluations(bench: Bench) -> int:
    """What the tuning of one program and the race of its result cost at most, in full evaluations."""
    return -(-most_instances(bench) // len(bench.instances)) + 1
