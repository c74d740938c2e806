"""An independent sample of a question.

A program, and at most two repairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gapsmith.agent.archive import CallRow
from gapsmith.agent.modelling import prompts
from gapsmith.agent.modelling.answer import Answer, Kind, Verdict, is_close
from gapsmith.agent.modelling.program import extract_program
from gapsmith.agent.modelling.question import Question
from gapsmith.agent.modelling.session import AskModel, RunResult, Session
from gapsmith.agent.runs.loop.scheduler import Chain

REPAIRS = 2
STRIDE = 100_000
"""Slot k is the first program of sample k; its repairs are slots k + STRIDE and k + 2 STRIDE."""


@dataclass(frozen=True)
class Attempt:
    """A program from a reply, with its verdict.

    Attributes:
        program: its number in the archive; None if the reply held none.
        source: the source found in the reply.
        verdict: the verdict on the program.
        usd: price of the call; None if it is not known.
        tokens: input and output tokens of the call.
    """

    program: int | None
    source: str
    verdict: Verdict
    usd: float | None
    tokens: int


@dataclass(frozen=True)
class Sample:
    """A sample.

    It has no attempts if the budget did not allow the first.

    Attributes:
        question: the question.
        number: number of the sample of this question, from 0.
        attempts: the attempts in order; the last one counts.
    """

    question: Question
    number: int
    attempts: tuple[Attempt, ...]

    @property
    def verdict(self) -> Verdict | None:
        """The verdict on the last program; None without one."""
        return self.attempts[-1].verdict if self.attempts else None

    @property
    def answer(self) -> Answer | None:
        """A proven optimum, or None."""
        verdict = self.verdict
        return verdict.answer if verdict and verdict.kind is Kind.ANSWERED else None

    @property
    def value(self) -> float | None:
        """The scored number, on which samples vote."""
        return self.answer.find_value(self.question.target) if self.answer else None


def draw_sample(
    session: Session, question: Question, number: int, slot: int, model: str, cpu_seconds: float
) -> Chain[Sample]:
    """Asks for a program, runs it, and requests at most two repairs.

    Args:
        session: the run in progress.
        question: the question.
        number: number of the sample.
        slot: slot of its first program.
        model: the model, as on the command line.
        cpu_seconds: CPU limit of a program.
    """
    attempts: list[Attempt] = []
    seen: set[str] = set()
    for place in range(slot, slot + STRIDE * (1 + REPAIRS), STRIDE):
        call = yield from session.ask(_make_request(question, place, model, cpu_seconds, attempts))
        if call is None:
            break
        found = extract_program(call.reply, call.detail)
        ran = yield from session.attempt(place, found, cpu_seconds)
        attempts.append(_make_attempt(call, found.source, ran))
        if (
            ran.verdict.kind is Kind.ANSWERED or found.source in seen
        ):  # a model that repeats a program is not asked again
            break
        seen.add(found.source)
    return Sample(question, number, tuple(attempts))


def _make_request(
    question: Question, slot: int, model: str, cpu_seconds: float, attempts: list[Attempt]
) -> AskModel:
    if not attempts:
        return AskModel(slot, model, "formulate", prompts.build_formulate_prompt(question, cpu_seconds))
    last = attempts[-1]
    prompt = prompts.build_repair_prompt(question, cpu_seconds, last.source, last.verdict)
    return AskModel(slot, model, "repair", prompt, () if last.program is None else (last.program,))


def _make_attempt(call: CallRow, source: str, ran: RunResult) -> Attempt:
    return Attempt(ran.program, source, ran.verdict, call.usd, call.tokens_in + call.tokens_out)


WORDS = (Kind.INFEASIBLE, Kind.UNBOUNDED)
"""Statuses that count as answers: a sample votes for a number or for one of these, or does not vote."""


@dataclass(frozen=True)
class Vote:
    """The elected answer of a question.

    Attributes:
        sample: the elected sample; None without votes.
        votes: number of samples that agree with it, itself included.
        of: number of samples that voted.
    """

    sample: Sample | None
    votes: int = 0
    of: int = 0


def elect(samples: Sequence[Sample]) -> Vote:
    """Returns the answer with which most samples agree.

    In a tie a number precedes a status, then an earlier sample a later one. Agreement is within the tolerance and
    thus not transitive: each answer counts the samples that agree with it.
    """
    voters = [sample for sample in samples if sample.verdict and _is_vote(sample)]
    counts = [sum(_is_same_vote(one, other) for other in voters) for one in voters]
    order = sorted(range(len(voters)), key=lambda k: (-counts[k], voters[k].value is None, voters[k].number))
    return Vote(voters[order[0]], counts[order[0]], len(voters)) if order else Vote(None)


def _is_vote(sample: Sample) -> bool:
    return sample.verdict is not None and sample.verdict.kind in (Kind.ANSWERED, *WORDS)


def _is_same_vote(one: Sample, other: Sample) -> bool:
    if one.value is None or other.value is None:
        return (
            one.verdict is not None and other.verdict is not None and one.verdict.kind == other.verdict.kind
        )
    return is_close(one.value, other.value)
