"""The words of a run's report: what an early end left, and what to do next."""

import pytest

from gapsmith.agent.reports.runs import describe_early_end
from gapsmith.agent.runs.final.report import EarlyEnd


def end(next_scale="medium", own=False, **unspent):
    """A search whose program 17 is optimal on all 24 training instances."""
    return EarlyEnd(17, 24, unspent or {"evaluations": 560}, next_scale, own)


def test_a_run_that_used_its_budget_says_nothing():
    """Without an early end there is no sentence."""
    assert describe_early_end(None) == ""


def test_an_early_end_names_program_and_instances():
    """The optimal program, on how many instances, and how to have the whole budget."""
    words = describe_early_end(end())
    assert "program 17 is proven optimal on all 24 training instances" in words
    assert "--whole-budget" in words


@pytest.mark.parametrize(
    ("unspent", "words"),
    [
        ({"evaluations": 560}, "Unspent: 560 evaluations."),
        ({"calls": 12, "usd": 3.2}, "Unspent: 12 calls, $3.20."),
        ({"seconds": 59.7}, "Unspent: 60 seconds."),
    ],
)
def test_what_is_unspent_is_said_in_its_unit(unspent, words):
    """Every limit of the budget has its own."""
    assert words in describe_early_end(end(**unspent))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (end("medium"), "larger instances: --scale medium"),
        (end("large"), "larger instances: --scale large"),
        (end(""), "less time for programs: --cpu-seconds"),
        (end("", own=True), "larger instances of your own"),
    ],
)
def test_the_next_step_follows_from_the_instances(found, words):
    """A larger scale where there is one, own instances where they are own, else less time."""
    assert words in describe_early_end(found)
