"""Accuracies with intervals, what a right answer costs, and how sets are told apart."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.modelling.answer import Answer, Kind, Verdict
from gapsmith.agent.modelling.benchmark import ScoredQuestion, Share, score_questions, score_sets
from gapsmith.agent.modelling.question import Question
from gapsmith.agent.modelling.sample import Attempt, Sample, elect


def marked(set_, *results, usd=0.5):
    """A question whose answer is 1, with samples that answered so."""
    question = Question(f"{set_}{results}", "?", set_, "", {"x": 2.0, "total": 1.0})
    samples = []
    for number, result in enumerate(results):
        answer = None if result is None else Answer("optimal", float(result), {"x": 2.0 * float(result)})
        verdict = Verdict(Kind.CRASH) if answer is None else Verdict(Kind.ANSWERED, "", answer)
        samples.append(Sample(question, number, (Attempt(None, "", verdict, usd, 10),)))
    return ScoredQuestion(question, tuple(samples), elect(samples))


@pytest.mark.parametrize(
    ("right", "whole", "low", "high"),
    [(0, 10, 0.0, 0.2775), (8, 10, 0.4902, 0.9433), (10, 10, 0.7225, 1.0), (1, 1, 0.2065, 1.0)],
)
def test_the_interval_is_wilsons(right, whole, low, high):
    """The figures of the textbooks."""
    found = Share.estimate(right, whole)
    assert (found.value, found.low, found.high) == pytest.approx((right / whole, low, high), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda whole: st.tuples(st.floats(0, whole), st.just(whole))))
def test_the_interval_holds_the_share(pair):
    """Whatever the share, it lies in its interval, and that between 0 and 1."""
    found = Share.estimate(*pair)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1


def test_no_question_has_no_share():
    """Nothing asked is not nothing right."""
    assert math.isnan(Share.estimate(0, 0).value)


def test_first_and_vote_are_told_apart():
    """pass@1 is the mean over samples, the vote counts questions, `any` is what no vote can exceed."""
    found = score_questions(
        "s", [marked("s", 1, 1, 5), marked("s", 5, 5, 1), marked("s", None, 1), marked("s", None, None)]
    )
    assert found.vote.value == 2 / 4
    assert found.first.value == pytest.approx((2 / 3 + 1 / 3 + 1 / 2 + 0) / 4)
    assert found.any.value == 3 / 4
    assert found.exact.value == 2 / 4
    assert found.kinds == {"right": 2, "crash": 1, "wrong": 1}
    assert found.sample_kinds == {"right": 4, "crash": 3, "wrong": 3}


def test_what_a_right_answer_costs():
    """All that was spent, failures included, by the right answers; not known where a price is not, or none is right."""
    found = score_questions("s", [marked("s", 1), marked("s", 5), marked("s", None), marked("s", 1)])
    assert found.compute_cost_of_pass(found.usd) == pytest.approx(4 * 0.5 / 2)
    assert found.compute_cost_of_pass(found.calls) == 2
    unpriced = score_questions("s", [marked("s", 1, usd=None)])
    assert unpriced.usd is None
    assert unpriced.compute_cost_of_pass(unpriced.usd) is None
    assert score_questions("s", [marked("s", 5)]).compute_cost_of_pass(1.0) is None


def test_sets_are_scored_apart_and_together():
    """Each set has a line, and all have one; a single set has no second."""
    table = score_sets([marked("a", 1), marked("b", 5), marked("b", 1)])
    assert [(each.name, each.asked, each.vote.value) for each in table] == [
        ("a", 1, 1.0),
        ("b", 2, 0.5),
        ("all", 3, 2 / 3),
    ]
    assert [each.name for each in score_sets([marked("a", 1)])] == ["a"]


def test_what_was_not_asked_counts_in_no_share():
    """A budget that ended early is shown, and spoils no accuracy."""
    found = score_questions("s", [marked("s", 1), marked("s")])
    assert (found.questions, found.asked, found.vote.value) == (2, 1, 1.0)
    assert found.kinds == {"not asked": 1, "right": 1}


def test_an_alternative_optimum_is_right_but_not_exact():
    """The scored quantity decides; that others differ is told apart."""
    question = Question("q", "?", "s", "", {"x": 2.0, "total": 1.0})
    verdict = Verdict(Kind.ANSWERED, "", Answer("optimal", 1.0, {"x": 7.0, "total": 1.0}))
    samples = (Sample(question, 0, (Attempt(None, "", verdict, 0.0, 0),)),)
    found = ScoredQuestion(question, samples, elect(samples))
    assert (found.kind, found.exact) == ("right", False)
