"""What earlier tries of a run came to, in the words of those who tried, each with its evidence."""

from collections import deque
from dataclasses import dataclass

GAINED, FAILED = 5, 5
"""So many ideas that gained most, and so many of the latest that did not, are told."""


@dataclass(frozen=True)
class Lesson:
    """One idea and what it came to.

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
        """Whether it is better than what it started from."""
        return self.after is not None and self.after < self.before


class Lessons:
    """Keeps the ideas that gained most, whenever that was, and the latest that did not."""

    def __init__(self) -> None:
        self._gained: list[Lesson] = []
        self._failed: deque[Lesson] = deque(maxlen=FAILED)

    def add(self, lesson: Lesson) -> None:
        """Keeps a lesson, if it is among those to be told."""
        if lesson.gained:
            self._gained = sorted([*self._gained, lesson], key=_gain)[:GAINED]
        else:
            self._failed.append(lesson)

    @property
    def told(self) -> tuple[Lesson, ...]:
        """The largest gain first, then the failures, the latest last."""
        return (*self._gained, *self._failed)


def _gain(lesson: Lesson) -> float:
    """Below 0, and least for the largest gain."""
    return (lesson.before if lesson.after is None else lesson.after) - lesson.before
