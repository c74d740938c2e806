"""The vote of several samples, and how ties are broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.modelling.answer import Answer, Kind, Verdict, is_close
from gapsmith.agent.modelling.question import Question
from gapsmith.agent.modelling.sample import Attempt, Sample, elect

QUESTION = Question("q", "How much?")


def sample(number, result):
    """A sample that answered a number, a status, or failed in some way."""
    if isinstance(result, str):
        verdict = Verdict(Kind(result))
    else:
        verdict = Verdict(Kind.ANSWERED, "", Answer("optimal", float(result)))
    return Sample(QUESTION, number, (Attempt(None, "", verdict, 0.0, 0),))


def vote(*results):
    """The elected sample's number, its votes, and who voted."""
    found = elect([sample(number, result) for number, result in enumerate(results)])
    return found.sample.number if found.sample else None, found.votes, found.of


@pytest.mark.parametrize(
    ("results", "wanted"),
    [
        ((7,), (0, 1, 1)),
        ((5, 7, 7), (1, 2, 3)),
        ((5, 7, 7.0005), (1, 2, 3)),
        ((5, 7, 7.01), (0, 1, 3)),  # a tie: the earlier sample
        ((5, 7, 7, 5), (0, 2, 4)),
        (("crash", "endless", 7), (2, 1, 1)),
        (("infeasible", "infeasible", 7), (0, 2, 3)),
        (("infeasible", 7), (1, 1, 2)),  # a tie: a number goes before a word
        (("infeasible", "unbounded"), (0, 1, 2)),
        (("infeasible", "unbounded", "unbounded"), (1, 2, 3)),
        (("unknown", "no code"), (None, 0, 0)),
        ((), (None, 0, 0)),
    ],
)
def test_who_is_elected(results, wanted):
    """Most votes, then numbers before words, then the earlier sample; failures do not vote."""
    assert vote(*results) == wanted


@given(st.lists(st.sampled_from([1, 2, 2.0001, 3, "crash", "infeasible", "unbounded"]), max_size=9))
def test_nobody_has_more_votes_than_the_elected(results):
    """The elected answer agrees with as many samples as any."""
    samples = [sample(number, result) for number, result in enumerate(results)]
    found = elect(samples)
    numbers = [each.value for each in samples if each.value is not None]
    words = [result for result in results if result in ("infeasible", "unbounded")]
    most = [sum(is_close(one, other) for other in numbers) for one in numbers] + [
        words.count(word) for word in words
    ]
    assert found.votes == max(most, default=0)
    assert found.of == len(numbers) + len(words)
