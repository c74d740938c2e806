"""Tunes the constants of an elite, outside any model.

Generations of trials, run side by side.
"""

from dataclasses import dataclass

from gapsmith.agent.evaluation.staged import Attempt
from gapsmith.agent.runs.loop.scheduler import Chain, Evaluate
from gapsmith.agent.runs.loop.slot import Judged
from gapsmith.agent.search.instances import InstanceSet, Splits
from gapsmith.agent.search.tuning.cma_es import TRIALS, Tuner
from gapsmith.agent.search.tuning.docstrings import update_docstrings
from gapsmith.agent.search.tuning.parameters import find_parameters, set_values

INSTANCES = 12


@dataclass(frozen=True)
class Tuned:
    """The result of tuning.

    Attributes:
        source: the program with its best constants.
        before: loss of the program as it was, in points of gap on the instances used.
        after: loss of `source`.
        run: instances that were run.
    """

    source: str
    before: float
    after: float
    run: int


def tune(splits: Splits, source: str, seed: int) -> Chain[Tuned]:
    """Measures a program as it is, then generations of neighbours.

    Args:
        splits: whose training instances are used.
        source: the program.
        seed: all chance follows from it; it also says which of the training instances are used.
    """
    places = _choose_places(splits.train, seed)
    (first,) = yield Evaluate((Attempt(splits, source, places),))
    tuner, run = Tuner(find_parameters(source), seed, TRIALS, first.loss), first.run
    while asked := tuner.ask():
        trials = yield Evaluate(
            tuple(Attempt(splits, set_values(source, values), places) for values in asked)
        )
        tuner.tell([trial.loss for trial in trials])
        run += sum(trial.run for trial in trials)
    values, after = tuner.best
    best = set_values(source, values) if after < first.loss else source
    return Tuned(update_docstrings(source, best), first.loss, after, run)


def _choose_places(bench: InstanceSet, seed: int) -> tuple[int, ...]:
    first = seed % len(bench.instances)
    turned = [*range(first, len(bench.instances)), *range(first)]
    return tuple(sorted(turned[:INSTANCES]))


def count_instances(bench: InstanceSet) -> int:
    """Counts the runs of one tuning at most: all trials included."""
    return (TRIALS + 1) * min(INSTANCES, len(bench.instances))


def bound_evaluations(bench: InstanceSet) -> int:
    """Bounds tuning and the race of its result, in full evaluations."""
    return -(-count_instances(bench) // len(bench.instances)) + 1


TUNING_SHARE, TUNING_SHARE_OF_CALLS = 1 / 3, 1.0
"""What tuning may run, by what the programs of models ran: a third where evaluations are the budget, as much where
calls are."""


class TuningShare:
    """What tuning may run, by what the programs of models ran.

    Args:
        train: the training instances.
        of_evaluations: whether evaluations are the budget.

    Attributes:
        instances: runs of one tuning, at most; as many are reckoned for it.
        evaluations: the same with the race of its result, in full evaluations.
    """

    def __init__(self, train: InstanceSet, of_evaluations: bool) -> None:
        self.instances, self.evaluations = count_instances(train), bound_evaluations(train)
        self._share = (TUNING_SHARE if of_evaluations else TUNING_SHARE_OF_CALLS) * len(train.instances)
        self._begun = self._scored = 0

    def begin(self) -> None:
        """Counts a tuning."""
        self._begun += self.instances

    def count(self, judged: Judged) -> None:
        """Counts a program of a model that was run."""
        self._scored += judged.charged and judged.slot.choice.operator.asks_model

    @property
    def has_room(self) -> bool:
        """Whether another tuning is within the share."""
        return self._begun + self.instances <= self._share * self._scored
