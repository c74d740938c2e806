"""Asks a set of questions, each several times, and marks what comes back."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from gapsmith.agent.evaluation.baselines import Progress as Doing
from gapsmith.agent.evaluation.baselines import silent
from gapsmith.agent.modelling.answer import Kind, Verdict, same
from gapsmith.agent.modelling.job import Desk, Order
from gapsmith.agent.modelling.question import Question
from gapsmith.agent.modelling.sample import STRIDE, Sample, sampled
from gapsmith.agent.modelling.scheduler import Chain
from gapsmith.agent.modelling.vote import Vote, elected
from gapsmith.evaluators.base import UsageTrouble

RIGHT, WRONG, NOT_ASKED = "right", "wrong", "not asked"


@dataclass(frozen=True)
class Marked:
    """A question with its samples, and what they are worth.

    Attributes:
        question: what was asked.
        samples: those for which the budget had room, by number.
        vote: what they agree on.
    """

    question: Question
    samples: tuple[Sample, ...]
    vote: Vote

    @property
    def kind(self) -> str:
        """Of the vote: right, wrong, infeasible or unbounded; without votes, that of the first sample's failure."""
        if not self.samples:
            return NOT_ASKED
        return kind_of(self.vote.sample or self.samples[0])

    @property
    def right(self) -> int:
        """Samples that are right."""
        return sum(kind_of(sample) == RIGHT for sample in self.samples)

    @property
    def exact(self) -> bool:
        """Whether the elected program has all quantities as the set has them, not the scored one alone."""
        chosen = self.vote.sample
        if chosen is None or chosen.answer is None:
            return False
        found = {name: chosen.answer.value(name) for name in self.question.answers}
        return all(
            value is not None and same(value, self.question.answers[name]) for name, value in found.items()
        )


def kind_of(sample: Sample) -> str:
    """Right, wrong, or the kind of failure of a sample's last program."""
    verdict = sample.verdict or Verdict(Kind.NO_CODE)
    if sample.value is None:
        return str(verdict.kind)
    return RIGHT if same(sample.value, sample.question.answers[sample.question.target]) else WRONG


def ask_all(desk: Desk, questions: Sequence[Question], doing: Doing = silent) -> list[Marked]:
    """The questions in their order, asked, run and marked. Raises Trouble where the work cannot go on."""
    found: defaultdict[str, list[Sample]] = defaultdict(list)
    whole = len(questions) * desk.order.samples
    if whole > STRIDE:
        raise UsageTrouble(f"{whole} samples are asked for; at most {STRIDE} make a run, so give --limit")
    with closing(desk.sitting.work(_chains(questions, desk.order))) as samples:
        for done, sample in enumerate(samples, 1):
            if sample.attempts:
                found[sample.question.id].append(sample)
            doing("asking and solving", done, whole)
    return [_marked(question, found[question.id]) for question in questions]


def _chains(questions: Sequence[Question], order: Order) -> Iterator[Chain[Sample]]:
    for place, question in enumerate(questions):
        for number in range(order.samples):
            slot = place * order.samples + number
            yield sampled(question, number, slot, order.model, order.cpu_seconds)


def _marked(question: Question, samples: list[Sample]) -> Marked:
    ordered = tuple(sorted(samples, key=lambda sample: sample.number))
    return Marked(question, ordered, elected(ordered))
