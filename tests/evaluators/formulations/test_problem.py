"""Searches for formulations as problems: their instances, and the time for building."""

import pytest
from small import search

from gapsmith.evaluators.base import Split
from gapsmith.evaluators.formulations.problem import limit_building
from gapsmith.evaluators.formulations.solve import benchmark as judging


@pytest.fixture(scope="module")
def problem():
    """Additions to the intervals of 1‖ΣTj."""
    return search("tardiness_interval")


@pytest.fixture(scope="module")
def instance(problem):
    """One of its instances."""
    return problem.generate_instances(Split.TRAIN, 0, 1)[0]


def test_instances_outside_the_window_are_not_drawn(monkeypatch):
    """A base that is solved too fast, or not at all, gives no instances, and says what to do."""
    monkeypatch.setattr("gapsmith.evaluators.formulations.problem.DRAWS", 2)
    hard = search("tardiness_interval")
    hard.judge.window = (100.0, 200.0)
    with pytest.raises(Exception, match="expected other sizes"):
        hard.generate_instances(Split.TRAIN, 0, 1)


def test_building_has_a_limit_by_the_base(problem, instance):
    """A program may build a hundred times as long as its base, and a quarter of a second; one second at most."""
    base = problem.pricing.build_base(instance)
    assert problem.cpu_seconds(instance) == pytest.approx(0.25 + 5e-6 * len(base))
    assert problem.charge is judging.charge_building
    assert limit_building("x" * 10**6) == 1.0
