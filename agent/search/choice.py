"""The next request: an operator, its parents, facts for the prompt."""

from collections import deque
from dataclasses import dataclass

from gapsmith.agent.search.operators import Operator
from gapsmith.agent.search.selection.population import Elite

GAINED, FAILED = 5, 5
"""Numbers of ideas in a prompt: those with the largest gains, and the latest without a gain."""


@dataclass(frozen=True)
class Lesson:
    """One idea and its result.

    Attributes:
        slot: the question that it answered.
        operator: how it was asked for.
        idea: the answer's own words; untrusted.
        before: the best parent's gap in training, percent.
        after: its own; None where it did not solve all training instances.
        ended: what became of it then, in words; untrusted.
    """

    slot: int
    operator: str
    idea: str
    before: float
    after: float | None = None
    ended: str = ""

    @property
    def gained(self) -> bool:
        """Whether it is better than its best parent."""
        return self.after is not None and self.after < self.before


class Lessons:
    """The ideas with the largest gains, and the latest without a gain."""

    def __init__(self) -> None:
        self._gained: list[Lesson] = []
        self._failed: deque[Lesson] = deque(maxlen=FAILED)

    def add(self, lesson: Lesson) -> None:
        """Keeps a lesson if it is among those for prompts."""
        if lesson.gained:
            self._gained = sorted([*self._gained, lesson], key=_gain)[:GAINED]
        else:
            self._failed.append(lesson)

    @property
    def known(self) -> tuple[Lesson, ...]:
        """The largest gain first, then the failures, the latest last."""
        return (*self._gained, *self._failed)


def _gain(lesson: Lesson) -> float:
    """Returns the change of the gap; smallest for the largest gain."""
    return (lesson.before if lesson.after is None else lesson.after) - lesson.before


@dataclass(frozen=True)
class Failure:
    """A program that failed, and the number of its repairs so far.

    Attributes:
        gap: that of its best parent in training, percent; None where it has no parent.
    """

    program: int
    source: str
    message: str
    tries: int
    arm: str = ""
    gap: float | None = None


@dataclass(frozen=True)
class Choice:
    """The next request: operator, parents and facts for the prompt.

    Attributes:
        operator: how.
        parents: the elites it starts from, the best first.
        failure: the program to be repaired, in place of parents.
        arm: the trajectory that asks.
        stratum: the class of instances to get better at; empty for all.
        lessons: results of earlier ideas.
        refutation: on which instance the last program that was wrong is so, in words; empty for none.
        best_gap: that of the best program so far in training, percent, with which the new one is compared; None
            where nothing is known of it.
    """

    operator: Operator
    parents: tuple[Elite, ...] = ()
    failure: Failure | None = None
    arm: str = ""
    stratum: str = ""
    lessons: tuple[Lesson, ...] = ()
    refutation: str = ""
    best_gap: float | None = None

    @property
    def programs(self) -> list[int]:
        """The numbers of the parents."""
        return [self.failure.program] if self.failure else [parent.program for parent in self.parents]

    @property
    def sources(self) -> tuple[str, ...]:
        """The code of the parents."""
        return (self.failure.source,) if self.failure else tuple(parent.source for parent in self.parents)
