"""What several samples of one question agree on."""

from collections.abc import Sequence
from dataclasses import dataclass

from gapsmith.agent.modelling.answer import Kind, same
from gapsmith.agent.modelling.sample import Sample

WORDS = (Kind.INFEASIBLE, Kind.UNBOUNDED)
"""Statuses that are answers too: a sample votes for a number or for one of them; others cast no vote."""


@dataclass(frozen=True)
class Vote:
    """The answer of a question.

    Attributes:
        sample: whose answer and code are taken; None where nobody voted.
        votes: samples that agree with it, itself included.
        of: samples that voted.
    """

    sample: Sample | None
    votes: int = 0
    of: int = 0


def elected(samples: Sequence[Sample]) -> Vote:
    """The answer with which most samples agree.

    Of answers with equally many votes a number goes before a word, then the one that was given by the earlier
    sample. Agreement is within the tolerance and so not transitive: each answer counts those that agree with it.
    """
    voters = [sample for sample in samples if sample.verdict and _casts(sample)]
    counts = [sum(_agree(one, other) for other in voters) for one in voters]
    order = sorted(range(len(voters)), key=lambda k: (-counts[k], voters[k].value is None, voters[k].number))
    return Vote(voters[order[0]], counts[order[0]], len(voters)) if order else Vote(None)


def _casts(sample: Sample) -> bool:
    return sample.verdict is not None and sample.verdict.kind in (Kind.ANSWERED, *WORDS)


def _agree(one: Sample, other: Sample) -> bool:
    if one.value is None or other.value is None:
        return (
            one.verdict is not None and other.verdict is not None and one.verdict.kind == other.verdict.kind
        )
    return same(one.value, other.value)
