"""What a set of marked questions says: accuracies with intervals, what a right answer costs, how others failed."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gapsmith.agent.modelling.bench import RIGHT, Marked, kind_of

Z = 1.959964
"""Of a two-sided interval of 95 %."""


@dataclass(frozen=True)
class Share:
    """A share of questions with its 95 % interval, all from 0 to 1; nan where there is no question.

    Attributes:
        value: the share.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, right: float, whole: int) -> "Share":
        """Wilson's interval (1927), which holds for small sets and for shares near 0 and 1.

        Args:
            right: how many are right; a fraction where samples of one question were averaged.
            whole: how many questions.
        """
        if whole == 0:
            return cls(math.nan, math.nan, math.nan)
        share, square = right / whole, Z * Z
        middle = (share + square / (2 * whole)) / (1 + square / whole)
        half = Z * math.sqrt(share * (1 - share) / whole + square / (4 * whole**2)) / (1 + square / whole)
        return cls(share, max(0.0, middle - half), min(1.0, middle + half))


@dataclass(frozen=True)
class Score:
    """How a set was answered. Shares are of the questions that were asked.

    Attributes:
        name: of the set.
        questions: in the set.
        asked: for which the budget had room.
        vote: whose elected answer is right.
        first: pass@1: the mean share of a question's samples that are right; its interval takes the samples of a
            question as one.
        any: with at least one right sample: what no vote can exceed.
        exact: whose elected program has all quantities right, not the scored one alone.
        kinds: of the elected answers, how many of each.
        sample_kinds: the same of all samples.
        calls: to models, repairs included.
        tokens: in and out.
        usd: dollars; None where a price is not known.
    """

    name: str
    questions: int
    asked: int
    vote: Share
    first: Share
    any: Share
    exact: Share
    kinds: Mapping[str, int]
    sample_kinds: Mapping[str, int]
    calls: int
    tokens: int
    usd: float | None

    def cost_of_pass(self, spent: float | None) -> float | None:
        """What was spent for each right answer (Erol et al. 2025); None where none is, or the price is not known."""
        right = self.kinds.get(RIGHT, 0)
        return spent / right if right and spent is not None else None


def scores(marked: Sequence[Marked]) -> list[Score]:
    """A score for each set, in their order, and one for all of it where there are several."""
    names = list(dict.fromkeys(each.question.set for each in marked))
    found = [score(name, [each for each in marked if each.question.set == name]) for name in names]
    return found if len(found) == 1 else [*found, score("all", marked)]


def score(name: str, marked: Sequence[Marked]) -> Score:
    """The score of some questions."""
    asked = [each for each in marked if each.samples]
    attempts = [one for each in asked for sample in each.samples for one in sample.attempts]
    prices = [one.usd for one in attempts]
    known = [price for price in prices if price is not None]
    return Score(
        name=name,
        questions=len(marked),
        asked=len(asked),
        vote=Share.of(sum(each.kind == RIGHT for each in asked), len(asked)),
        first=Share.of(sum(each.right / len(each.samples) for each in asked), len(asked)),
        any=Share.of(sum(each.right > 0 for each in asked), len(asked)),
        exact=Share.of(sum(each.exact for each in asked), len(asked)),
        kinds=_counted([each.kind for each in marked]),
        sample_kinds=_counted([kind_of(sample) for each in asked for sample in each.samples]),
        calls=len(attempts),
        tokens=sum(one.tokens for one in attempts),
        usd=sum(known) if len(known) == len(prices) else None,
    )


def _counted(kinds: Sequence[str]) -> dict[str, int]:
    """The commonest first; of equally common ones by name, so that equal sets are equal text."""
    return dict(sorted(Counter(kinds).items(), key=lambda pair: (-pair[1], pair[0])))
