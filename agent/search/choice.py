"""The next request: an operator, its parents, facts for the prompt."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from gapsmith.agent.search.operators import Operator
from gapsmith.agent.search.selection.population import Elite

GAINED, FAILED = 5, 12
"""Numbers of ideas in a prompt: those that reached the smallest gaps, and the latest without a gain."""

ALIKE = 0.7
"""Two ideas are one from this share of common words on (Jaccard index)."""


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
        tries: how often it was tried in much the same words.
    """

    slot: int
    operator: str
    idea: str
    before: float
    after: float | None = None
    ended: str = ""
    tries: int = 1

    @property
    def gained(self) -> bool:
        """Whether it is better than its best parent."""
        return self.after is not None and self.after < self.before


class Lessons:
    """The ideas that reached the smallest gaps, and the latest failures.

    A gain over a weak parent says little: ideas are ranked by the gap that they reached. Ideas in much the same
    words are kept once.
    """

    def __init__(self) -> None:
        self._gained: list[Lesson] = []
        self._failed: list[Lesson] = []

    def add(self, lesson: Lesson) -> None:
        """Keeps a lesson if it is among those for prompts."""
        if not lesson.gained:
            self._failed = _merge_alike(self._failed, lesson)[-FAILED:]
            return
        # The better of two alike stays: by a stable order it comes first.
        ranked = sorted([*self._gained, lesson], key=_get_gap)
        self._gained = [each for k, each in enumerate(ranked) if not _find_alike(ranked[:k], each)][:GAINED]

    @property
    def known(self) -> tuple[Lesson, ...]:
        """The smallest gap first, then the failures, the latest last."""
        return (*self._gained, *self._failed)


def _get_gap(lesson: Lesson) -> float:
    return float("inf") if lesson.after is None else lesson.after


def _merge_alike(lessons: Sequence[Lesson], latest: Lesson) -> list[Lesson]:
    """Appends a lesson in place of earlier ones that are alike."""
    same = _find_alike(lessons, latest)
    tries = latest.tries + sum(each.tries for each in same)
    return [*(each for each in lessons if each not in same), replace(latest, tries=tries)]


def _find_alike(lessons: Sequence[Lesson], lesson: Lesson) -> list[Lesson]:
    """Finds the lessons with most words in common with this one."""
    own = _list_words(lesson.idea)
    words = [_list_words(each.idea) for each in lessons]
    return [
        each
        for each, other in zip(lessons, words, strict=True)
        if len(own & other) >= ALIKE * max(1, len(own | other))
    ]


@lru_cache(maxsize=128)
def _list_words(idea: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", idea.casefold()))


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
