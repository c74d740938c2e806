"""The page of a run: convergence, the seal, the money."""

import pytest

from gapsmith.agent.archive import RunRow
from gapsmith.agent.web.facts.course import Course, Step
from gapsmith.agent.web.facts.runs import Spent
from gapsmith.agent.web.pages.run import AXES, draw_convergence, draw_spending, is_live, measure_step
from gapsmith.agent.web.pages.runs import find_used_share

FIRST = Step(0, 11, 9.0, 0, 0, 0.0, 0.0)
SECOND = Step(7, 12, 2.0, 5, 6, 0.75, 30.0)
LAST = Step(9, 12, 2.0, 8, 9, 1.25, 45.0)
COURSE = Course((FIRST, SECOND), (FIRST,), LAST, 9.0, True)
NOTHING = Course((), (), None, None, True)
BEST = {"id": 12, "name": "12", "pooled_gap_percent": 1.5, "ci95": [1.0, 2.0]}
REPORT = {"best": BEST, "reference": {"id": None, "name": "EDD", "pooled_gap_percent": 8.0, "ci95": None}}


def run(report=None, status="running", **budget):
    """A run with these limits."""
    return RunRow(
        id=3,
        problem="tsp",
        model="m",
        seed=0,
        started=0.0,
        status=status,
        report=report,
        config={"budget": budget},
    )


@pytest.mark.parametrize(
    ("axis", "used"), [("evaluations", 5.0), ("calls", 6.0), ("dollars", 0.75), ("waiting", 30.0)]
)
def test_each_axis_has_its_measure(axis, used):
    """What the axis says is what is drawn."""
    assert axis in AXES
    assert measure_step(SECOND, axis) == used


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("log", [False, True])
def test_convergence_is_drawn_along_every_axis(axis, log):
    """Every best opens its program; the rule to beat is a line."""
    drawn = draw_convergence(run(), COURSE, axis, log, log)
    assert 'href="/program/11"' in drawn
    assert 'href="/program/12"' in drawn
    assert "best rule in training" in drawn


def test_a_sealed_test_has_no_figures():
    """While a run has no report its test is a hatched strip."""
    drawn = draw_convergence(run(), COURSE, "evaluations", False, True)
    assert "sealed test: not opened" in drawn
    assert "on the sealed test" not in drawn


def test_an_opened_test_has_winner_and_rule():
    """Both with what they are, and no strip."""
    drawn = draw_convergence(run(REPORT, "done"), COURSE, "evaluations", False, True)
    assert "12 on the sealed test: 1.5 %" in drawn
    assert "EDD on the sealed test: 8 %" in drawn
    assert "not opened" not in drawn


def test_a_run_that_has_just_begun_is_drawn():
    """There is nothing yet, and that is no error."""
    assert "<svg" in draw_convergence(run(), NOTHING, "evaluations", False, True)


def test_money_is_drawn_up_to_its_cap():
    """What is left stands below; a run that paid nothing has no chart."""
    assert "Left: $0.7500." in draw_spending(run(usd=2.0), COURSE)
    assert "cap $2" in draw_spending(run(usd=2.0), COURSE)
    assert "cap $" not in draw_spending(run(), COURSE)
    assert draw_spending(run(usd=2.0), NOTHING) is None


@pytest.mark.parametrize(
    ("status", "live"), [("running", True), ("searched", True), ("interrupted", True), ("done", False)]
)
def test_pages_of_finished_runs_do_not_listen(status, live):
    """Only what may go on is watched."""
    assert is_live(run(status=status)) is live


@pytest.mark.parametrize(
    ("limits", "share"),
    [
        ([], None),
        ([("evaluations", 100)], 0.5),
        ([("evaluations", 100), ("usd", 1.0)], 0.8),
        ([("calls", 10)], 1.0),
    ],
)
def test_the_tightest_limit_counts(limits, share):
    """A run ends at the limit that it reaches first."""
    assert find_used_share(Spent(50, 60, 0.8, 10.0), limits) == share


def test_an_unknown_price_uses_nothing_up():
    """A cost that is not known is not taken for the limit."""
    assert find_used_share(Spent(50, 60, None, 10.0), [("usd", 1.0)]) == 0.0
