"""Programs are compared on the instances that all of them met."""

import pytest

from gapsmith.agent.archive import Program
from gapsmith.agent.web.facts.programs import Result
from gapsmith.agent.web.pages.compare import compare_programs, draw_columns
from gapsmith.agent.web.pages.program import Line
from gapsmith.evaluators.base import Baseline


def met(costs, split="test"):
    """The results of a program, by digest; a cost of None is a failure."""
    found = {}
    for k, cost in costs.items():
        baseline = Baseline(100.0, 100.0, None, "s", 0.0)
        result = Result(f"d{k}", f"{split}-1-{k}", "ok" if cost else "crash", "", cost, 0.01, baseline)
        found[f"d{k}"] = Line(result, None, "optimum", 100.0, 100.0, "ab"[k % 2], 50)
    return found


def compare(*costs):
    """Columns of programs with these costs."""
    programs = [Program(id=k + 1, problem="tsp", hash="h", source="", size=5) for k in range(len(costs))]
    return compare_programs(programs, [met(each) for each in costs], "test", False)


def test_a_better_program_is_better_by_its_points():
    """Ten points of pooled gap, everywhere: the interval has no width."""
    first, second = compare(dict.fromkeys(range(12), 120.0), dict.fromkeys(range(12), 110.0))
    assert first.aggregate.pooled_gap_percent == pytest.approx(20.0)
    assert second.differences[0].points == pytest.approx(10.0)
    assert second.differences[0].verdict == "better"
    assert [each.name for each in second.differences] == ["all instances", "a", "b"]


def test_only_common_instances_count():
    """What one of them did not meet is left out of both."""
    first, second = compare(dict.fromkeys(range(12), 120.0), dict.fromkeys(range(6, 20), 110.0))
    assert (first.solved, second.solved, second.differences[0].instances) == (6, 6, 6)


def test_failures_are_no_part_of_a_difference():
    """They are seen in the count of the solved ones."""
    _, second = compare(dict.fromkeys(range(12), 120.0), {k: 110.0 if k else None for k in range(12)})
    assert (second.solved, second.differences[0].instances) == (11, 11)


def test_few_instances_give_no_claim():
    """Fewer than six have no interval."""
    _, second = compare(dict.fromkeys(range(3), 120.0), dict.fromkeys(range(3), 110.0))
    assert second.differences[0].interval is None


def test_nothing_in_common_is_no_chart():
    """Neither one program nor none in common makes a drawing."""
    assert draw_columns(compare({0: 120.0})) is None
    assert draw_columns(compare({0: 120.0}, {1: 110.0})) is None
    assert draw_columns(compare(dict.fromkeys(range(8), 120.0), dict.fromkeys(range(8), 110.0))) is not None
