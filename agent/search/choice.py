"""What is asked next: an operator, what it starts from, and what the prompt is told besides."""

from dataclasses import dataclass

from gapsmith.agent.search.lessons import Lesson
from gapsmith.agent.search.operators import Operator
from gapsmith.agent.search.selection.population import Elite


@dataclass(frozen=True)
class Failure:
    """A program that did not run to its end, and how often it was tried to mend it."""

    program: int
    source: str
    message: str
    tries: int
    arm: str = ""


@dataclass(frozen=True)
class Choice:
    """What to ask next.

    Attributes:
        operator: how.
        parents: the elites it starts from, the best first.
        failure: what is to be mended, in place of parents.
        arm: the trajectory that asks.
        stratum: the class of instances to get better at; empty for all.
        lessons: what earlier tries came to.
        refutation: on which instance the last program that was wrong is so, in words; empty for none.
    """

    operator: Operator
    parents: tuple[Elite, ...] = ()
    failure: Failure | None = None
    arm: str = ""
    stratum: str = ""
    lessons: tuple[Lesson, ...] = ()
    refutation: str = ""

    @property
    def programs(self) -> list[int]:
        """The numbers of the parents."""
        return [self.failure.program] if self.failure else [parent.program for parent in self.parents]

    @property
    def sources(self) -> tuple[str, ...]:
        """The code of the parents."""
        return (self.failure.source,) if self.failure else tuple(parent.source for parent in self.parents)
