"""Gaps to the best known values: when they are shown, and what they are beside."""

import pytest
from helpers import Inline, tiny

from gapsmith.agent.archive import Archive
from gapsmith.agent.evaluation.baselines.known_gaps import KnownGaps, measure_known_gaps, name_bound
from gapsmith.agent.evaluation.baselines.published import PublishedValue
from gapsmith.agent.evaluation.compare import Entrant, Scored
from gapsmith.agent.evaluation.scores import Scorer
from gapsmith.evaluators.base import Baseline
from gapsmith.evaluators.scoring import Score

PROVEN, OPEN = Baseline(9, 9, None, "", 0.0), Baseline(8, 9, None, "", 0.0)


@pytest.mark.parametrize(
    ("baselines", "maximise", "name"),
    [
        ([PROVEN, PROVEN], False, "optimum"),
        ([PROVEN, OPEN], False, "lower bound"),
        ([PROVEN, OPEN], True, "upper bound"),
    ],
)
def test_gaps_are_to_an_optimum_only_where_all_are_proven(baselines, maximise, name):
    """One open instance makes it the gap to a bound."""
    assert name_bound(baselines, maximise) == name


def test_gaps_to_best_known_values_are_shown_where_they_differ():
    """Where all optima are proven and nothing is published they would say the same."""
    assert not KnownGaps("optimum", 1.0, 2.0, 0, 9).is_shown
    assert KnownGaps("optimum", 1.0, 2.0, 1, 8).is_shown
    assert KnownGaps("lower bound", 1.0, 2.0, 0, 9).is_shown


def test_winner_and_rule_are_measured_alike(tmp_path):
    """Both gaps are to the same values: published ones, and solutions of the exact solver."""
    problem = tiny(baseline=lambda instance, seconds: Baseline(0, 100, None, "a bound", 0.0))
    one, two = problem.generate_instances("train", 0, 2)
    archive = Archive(str(tmp_path / "a.db"))
    scorer = Scorer(problem, Inline(), archive)
    rows = tuple(
        Scored(Entrant(name, ""), "ok", "", tuple(Score("ok", "", cost, 0.1) for cost in costs), None)
        for name, costs in (("17", (55, 110)), ("EDD", (60, 120)))
    )
    found = measure_known_gaps(rows, [one, two], [], [PublishedValue(one.name, None, 50)], scorer)
    archive.close()
    assert (found.best, found.reference) == (pytest.approx(10.0), pytest.approx(20.0))
    assert (found.published, found.solved, found.gap_to, found.records) == (1, 1, "lower bound", ())
