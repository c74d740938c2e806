"""Scores of a question set.

Accuracy with intervals, cost of a right answer, kinds of failures.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from statistics import NormalDist

from gapsmith.agent.evaluation.baselines import ProgressCallback, ignore_progress
from gapsmith.agent.modelling.answer import Kind, Verdict, is_close
from gapsmith.agent.modelling.job import JobContext, ModellingJob
from gapsmith.agent.modelling.question import Question
from gapsmith.agent.modelling.sample import STRIDE, Sample, Vote, draw_sample, elect
from gapsmith.agent.modelling.session import Session
from gapsmith.agent.runs.loop.scheduler import Chain
from gapsmith.evaluators.base import UsageError

RIGHT, WRONG, NOT_ASKED = "right", "wrong", "not asked"
ASKING = "asking and solving"
"""The words of the progress."""


@dataclass(frozen=True)
class ScoredQuestion:
    """A question with its scored samples.

    Attributes:
        question: the question.
        samples: the samples that the budget allowed, by number.
        vote: the elected answer.
    """

    question: Question
    samples: tuple[Sample, ...]
    vote: Vote

    @property
    def kind(self) -> str:
        """Outcome of the vote; without votes, the failure of the first sample."""
        if not self.samples:
            return NOT_ASKED
        return classify_sample(self.vote.sample or self.samples[0])

    @property
    def right(self) -> int:
        """Number of right samples."""
        return sum(classify_sample(sample) == RIGHT for sample in self.samples)

    @property
    def exact(self) -> bool:
        """Whether all quantities of the elected answer are right, not only the scored one."""
        chosen = self.vote.sample
        if chosen is None or chosen.answer is None:
            return False
        found = {name: chosen.answer.find_value(name) for name in self.question.answers}
        return all(
            value is not None and is_close(value, self.question.answers[name])
            for name, value in found.items()
        )


def classify_sample(sample: Sample) -> str:
    """Returns right, wrong, or the kind of failure of a sample."""
    verdict = sample.verdict or Verdict(Kind.NO_CODE)
    if sample.value is None:
        return str(verdict.kind)
    return RIGHT if is_close(sample.value, sample.question.answers[sample.question.target]) else WRONG


def ask_all(
    context: JobContext, questions: Sequence[Question], progress: ProgressCallback = ignore_progress
) -> list[ScoredQuestion]:
    """Asks all questions, runs the programs and scores the answers.

    The result keeps the order of the questions. Raises GapsmithError where the work cannot go on.
    """
    found: defaultdict[str, list[Sample]] = defaultdict(list)
    whole = len(questions) * context.order.samples
    if whole > STRIDE:
        raise UsageError(f"{whole} samples are requested; a run has at most {STRIDE}, so use --limit")
    progress(ASKING, 0, whole)
    with closing(context.session.work(_make_chains(context.session, questions, context.order))) as samples:
        for done, sample in enumerate(samples, 1):
            if sample.attempts:
                found[sample.question.id].append(sample)
            progress(ASKING, done, whole)
    return [_score_question(question, found[question.id]) for question in questions]


def _make_chains(
    session: Session, questions: Sequence[Question], order: ModellingJob
) -> Iterator[Chain[Sample]]:
    for place, question in enumerate(questions):
        for number in range(order.samples):
            slot = place * order.samples + number
            yield draw_sample(session, question, number, slot, order.model, order.cpu_seconds)


def _score_question(question: Question, samples: list[Sample]) -> ScoredQuestion:
    ordered = tuple(sorted(samples, key=lambda sample: sample.number))
    return ScoredQuestion(question, ordered, elect(ordered))


Z = NormalDist().inv_cdf(0.975)
"""Normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True)
class Share:
    """A share of questions with its 95 % interval.

    From 0 to 1; nan without questions.

    Attributes:
        value: the share.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float

    @classmethod
    def estimate(cls, right: float, whole: int) -> "Share":
        """Computes Wilson's interval (1927) for a share.

        It holds for small sets and for shares near 0 and 1. SciPy has it for whole numbers only.

        Args:
            right: number of right answers; fractional if samples of a question are averaged.
            whole: number of questions.
        """
        if whole == 0:
            return cls(math.nan, math.nan, math.nan)
        share, square = right / whole, Z * Z
        middle = (share + square / (2 * whole)) / (1 + square / whole)
        half = Z * math.sqrt(share * (1 - share) / whole + square / (4 * whole**2)) / (1 + square / whole)
        return cls(share, max(0.0, middle - half), min(1.0, middle + half))


@dataclass(frozen=True)
class Score:
    """The score of a question set.

    Shares refer to the questions that were asked.

    Attributes:
        name: name of the set.
        questions: number of questions.
        asked: number of questions that the budget allowed.
        vote: share of questions with a right elected answer.
        first: pass@1, the mean share of right samples; its interval counts the samples of a question as one.
        any: share of questions with at least one right sample, the upper limit of any vote.
        exact: share of questions with all quantities right, not only the scored one.
        kinds: number of elected answers of each kind.
        sample_kinds: number of samples of each kind.
        calls: number of model calls, with repairs.
        tokens: input and output tokens.
        usd: dollars; None if a price is not known.
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

    def compute_cost_of_pass(self, spent: float | None) -> float | None:
        """Returns the cost of each right answer (Erol et al. 2025).

        It is None where no answer is right, or the price is not known.
        """
        right = self.kinds.get(RIGHT, 0)
        return spent / right if right and spent is not None else None


def score_sets(marked: Sequence[ScoredQuestion]) -> list[Score]:
    """Scores each set, and all questions together if there are several sets."""
    names = list(dict.fromkeys(each.question.set for each in marked))
    found = [score_questions(name, [each for each in marked if each.question.set == name]) for name in names]
    return found if len(found) == 1 else [*found, score_questions("all", marked)]


def score_questions(name: str, marked: Sequence[ScoredQuestion]) -> Score:
    """Scores some questions."""
    asked = [each for each in marked if each.samples]
    attempts = [one for each in asked for sample in each.samples for one in sample.attempts]
    prices = [one.usd for one in attempts]
    known = [price for price in prices if price is not None]
    return Score(
        name=name,
        questions=len(marked),
        asked=len(asked),
        vote=Share.estimate(sum(each.kind == RIGHT for each in asked), len(asked)),
        first=Share.estimate(sum(each.right / len(each.samples) for each in asked), len(asked)),
        any=Share.estimate(sum(each.right > 0 for each in asked), len(asked)),
        exact=Share.estimate(sum(each.exact for each in asked), len(asked)),
        kinds=_count_kinds([each.kind for each in marked]),
        sample_kinds=_count_kinds([classify_sample(sample) for each in asked for sample in each.samples]),
        calls=len(attempts),
        tokens=sum(one.tokens for one in attempts),
        usd=sum(known) if len(known) == len(prices) else None,
    )


def _count_kinds(kinds: Sequence[str]) -> dict[str, int]:
    """Counts kinds, the most frequent first, then by name."""
    return dict(sorted(Counter(kinds).items(), key=lambda pair: (-pair[1], pair[0])))
