"""Estimates of a run: limits bound them, prices make them, and small budgets are warned of."""

from types import SimpleNamespace

import pytest
from helpers import tiny

from gapsmith.agent.runs.budget import Budget
from gapsmith.agent.runs.estimate import describe_estimate, estimate_run
from gapsmith.agent.runs.settings import Settings
from gapsmith.evaluators.base import Split

COUNTS = {Split.TRAIN: 24, Split.VALIDATION: 60, Split.TEST: 100}
FREE = SimpleNamespace(bound_usd=lambda length: 0.0)
PRICED = SimpleNamespace(bound_usd=lambda length: 0.1, estimate_usd=lambda length: 0.02)
UNPRICED = SimpleNamespace(bound_usd=lambda length: None, estimate_usd=lambda length: None)


def estimate(model=FREE, most_calls=None, **limits):
    """Estimates a run on the tiny problem, a second of CPU a program and instance."""
    problem = tiny(cpu_cap=1.0, solver_seconds=3.0)
    (instance,) = problem.generate_instances("train", 0, 1)
    settings = Settings(problem="tiny", budget=Budget(**limits))
    return estimate_run(settings, problem, instance, COUNTS, [model], most_calls)


def test_hours_follow_from_programs_instances_and_limits():
    """Two workers: 300 programs of 24 instances, a second each, take an hour at most; exact solving 84 times 3 s."""
    found = estimate(evaluations=300)
    assert found.hours == pytest.approx(1.0)
    assert 0 < found.likely_hours < found.hours
    assert found.solving_hours == pytest.approx(84 * 3 / 2 / 3600)
    assert found.warnings == ()


def test_dollars_are_bounded_and_estimated():
    """At most what the dearest calls cost, never more than the limit; likely by usual prompts and replies."""
    assert (estimate(PRICED, calls=100).usd, estimate(PRICED, calls=100).likely_usd) == (10.0, 2.0)
    assert estimate(PRICED, calls=100, usd=1.5).usd == estimate(PRICED, calls=100, usd=1.5).likely_usd == 1.5
    assert estimate(UNPRICED, calls=100).likely_usd is None
    assert "dollars unknown" in describe_estimate(estimate(UNPRICED, calls=100))
    assert "dollars" not in describe_estimate(estimate(calls=100))


def test_a_time_limit_bounds_the_hours():
    """Without another limit the time is all that bounds a run."""
    found = estimate(seconds=7200.0, most_calls=72_000)
    assert found.hours == pytest.approx(2.0)
    assert found.likely_hours <= 2.0


@pytest.mark.parametrize(
    ("limits", "model", "words"),
    [
        ({"evaluations": 12}, FREE, "about 12 programs"),
        ({"calls": 5}, PRICED, "about 5 programs"),
        ({"usd": 1.0}, PRICED, "about 10 programs"),
        ({"seconds": 60.0}, FREE, "126 of the 60 seconds"),
    ],
)
def test_a_budget_that_is_too_small_is_warned_of(limits, model, words):
    """Too few programs for trajectories, gate and final selection; too little time to solve the instances."""
    (warning,) = estimate(model, **limits).warnings
    assert words in warning
    assert "expected" in warning
