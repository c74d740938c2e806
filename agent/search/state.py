"""The search as a fold: everything it knows follows from the verdicts on the slots, in order.

That is why a run can be resumed from its archive alone, and why the same seed gives the same archive.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from gapsmith.agent.search.gate import Verdict, judge
from gapsmith.agent.search.operators import REPAIR, REPAIRS_AT_MOST, Arms, Operator
from gapsmith.agent.search.population import Elite, Population
from gapsmith.agent.search.trial import Bar, Bench, Trialled
from gapsmith.evaluators.base import Number


@dataclass(frozen=True)
class Failure:
    """A program that did not run to its end, and how often it was tried to mend it."""

    program: int
    source: str
    message: str
    tries: int


@dataclass(frozen=True)
class Choice:
    """What to ask next: an operator and what it starts from."""

    operator: Operator
    parents: tuple[Elite, ...] = ()
    failure: Failure | None = None

    @property
    def programs(self) -> list[int]:
        """The numbers of the parents."""
        return [self.failure.program] if self.failure else [parent.program for parent in self.parents]

    @property
    def sources(self) -> tuple[str, ...]:
        """The code of the parents."""
        return (self.failure.source,) if self.failure else tuple(parent.source for parent in self.parents)


@dataclass
class SearchState:
    """What the search knows.

    Args:
        validation: the bench of the gate.

    Attributes:
        record: the least gap in training that ever came to validation. Only what is below it comes there: each
            look at the validation instances costs evaluations, and a little of what they can still prove.
    """

    validation: Bench
    population: Population = field(default_factory=Population)
    arms: Arms = field(default_factory=Arms)
    champion: Elite | None = None
    champion_costs: tuple[Number, ...] | None = None
    failures: list[Failure] = field(default_factory=list)
    record: float = float("inf")

    def choose(self, rng: Random) -> Choice:
        """An operator and its parents; half of the time a failure that can still be mended goes first."""
        if self.failures and rng.random() < 0.5:
            return Choice(REPAIR, failure=self.failures.pop(0))
        operator = self.arms.choose(rng)
        return Choice(operator, tuple(self.population.parents(rng, operator.parents)))

    def bar(self) -> Bar:
        """What a candidate asked for now must reach."""
        median = self.population.median
        return Bar(median.costs if median else (), self.record)

    def take(self, operator: str, elite: Elite, trialled: Trialled, parent_gap: float) -> Verdict | None:
        """Takes in a candidate that solved the training instances; returns the gate's verdict if it came there."""
        kept = self.population.add(elite)
        self.arms = self.arms.after(operator, kept and elite.gap < parent_gap)
        if trialled.validation is None:
            return None
        self.record = min(self.record, elite.gap)
        verdict = judge(self.validation.scale, trialled.validation, self.champion_costs)
        if verdict.passed:
            self.champion, self.champion_costs = elite, trialled.validation
        return verdict

    def miss(self, operator: str, failure: Failure | None = None) -> None:
        """Takes note of a slot that gave no elite; a failure waits for repair, unless it was tried enough."""
        self.arms = self.arms.after(operator, False)
        if failure is not None and failure.tries < REPAIRS_AT_MOST:
            self.failures = [*self.failures, failure][-10:]

    @property
    def tallies(self) -> Mapping[str, tuple[int, int]]:
        """Tries and gains by operator."""
        return self.arms.counts
