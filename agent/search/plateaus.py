"""Plateaus: stretches of a search without a better program."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gapsmith.agent.search.choice import Choice

PATIENCE_LEAST, PATIENCE_MOST, PATIENCE_SHARE = 15, 60, 0.15
"""Slots without a better program after which a plateau begins: 15 % of the budget, within these limits."""

BEST_WITHIN = 3
"""Of so many questions in a row one at least has the best program among its parents."""

FRUITLESS, REDRAWS = 3, 8
"""A question is not repeated once its last FRUITLESS answers gained nothing; at most REDRAWS others are drawn."""


def derive_patience(budget: float) -> int:
    """Derives the patience from the evaluations or calls of a run."""
    return int(min(PATIENCE_MOST, max(PATIENCE_LEAST, PATIENCE_SHARE * budget)))


@dataclass(frozen=True)
class FreshStart:
    """A fresh trajectory from the best program, as it is recorded.

    Attributes:
        slots: without a better program before it.
        arm: its name.
        strategy: that chooses its questions.
        replaced: the arm that it replaces.
        avoided: the model that was asked most during the plateau, which it does not ask; empty where none was.
    """

    slots: int
    arm: str
    strategy: str
    replaced: str
    avoided: str = ""

    def encode(self) -> dict[str, Any]:
        """Encodes it for the archive."""
        return {
            "slots": self.slots,
            "arm": self.arm,
            "strategy": self.strategy,
            "instead of": self.replaced,
            "not by": self.avoided,
        }


def describe_fresh_start(detail: Mapping[str, Any]) -> str:
    """Describes a recorded fresh start in a sentence."""
    place = f" in place of {detail['instead of']}" if detail["instead of"] else ""
    model = f", without {detail['not by']}" if detail["not by"] else ""
    return (
        f"no better program in {detail['slots']} slots: {detail['arm']} ({detail['strategy']}{model}) starts from the "
        f"best program{place}"
    )


@dataclass
class Plateau:
    """What tells whether the search stands still.

    Attributes:
        patience: slots without a better program after which it does.
        slots: without a better program so far.
        models: how often each was asked since the last better program or fresh trajectory.
    """

    patience: int
    slots: int = 0
    models: Counter[str] = field(default_factory=Counter)
    _since: int = 0
    _open: int = 0
    _old: int = 0
    _without_best: int = 0

    def note_slot(self, improved: bool) -> None:
        """Notes a slot's end.

        Answers to what was asked before the last fresh trajectory say nothing about that.
        """
        self.slots = 0 if improved else self.slots + 1
        if improved:
            self._since = 0
            self.models.clear()
        elif self._old:
            self._old -= 1
        else:
            self._since += 1

    def note_question(self, choice: Choice, best: int | None) -> None:
        """Notes a question, and whether it shows the best program."""
        self._open += 1
        self._without_best = 0 if best in choice.programs else self._without_best + 1

    def note_answer(self, model: str) -> None:
        """Notes the end of a question, and the model that was asked."""
        self._open = max(0, self._open - 1)
        if model:
            self.models[model] += 1

    @property
    def lasts(self) -> bool:
        """Whether no better program was found for long."""
        return self.slots >= self.patience

    @property
    def is_due(self) -> bool:
        """Whether a fresh trajectory should start."""
        return self._since >= self.patience

    @property
    def misses_best(self) -> bool:
        """Whether the next question must show the best program."""
        return self._without_best >= BEST_WITHIN - 1

    def renew(self) -> str:
        """Counts anew; returns the model that was asked most."""
        asked = self.models.most_common(1)
        self._since, self._old = 0, self._open
        self.models.clear()
        return asked[0][0] if asked else ""


class Fruitless:
    """Counts of questions without a gain.

    A question is an arm's operator with certain parents.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, Sequence[int]], int] = {}

    def note(self, choice: Choice, gained: bool) -> None:
        """Notes an answer."""
        key = _make_key(choice)
        self._counts[key] = 0 if gained else self._counts.get(key, 0) + 1

    def is_in_vain(self, choice: Choice) -> bool:
        """Tells whether it was asked in vain often enough."""
        return self._counts.get(_make_key(choice), 0) >= FRUITLESS


def _make_key(choice: Choice) -> tuple[str, str, Sequence[int]]:
    return choice.arm, choice.operator.name, tuple(choice.programs)
