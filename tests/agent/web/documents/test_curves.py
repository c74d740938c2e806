"""Curves over seeds are means of step functions, with their range as a band."""

from gapsmith.agent.archive import RunRow
from gapsmith.agent.web.documents.curves import average_courses, group_runs
from gapsmith.agent.web.facts.course import Course, Step


def course(last, *steps):
    """A course with gaps after numbers of evaluations."""
    found = [Step(0, 1, gap, evaluations, 0, 0.0, 0.0) for evaluations, gap in steps]
    return Course(tuple(found), (), Step(9, 1, found[-1].gap, last, 0, 0.0, 0.0), None, True)


def test_a_mean_holds_each_gap_until_the_next_one():
    """Between two steps of a run its gap is the earlier one; the curve spans what all runs have."""
    curve = average_courses("a", {1: course(10, (1, 8.0), (4, 2.0)), 2: course(8, (2, 4.0), (6, 1.0))})
    assert curve.evaluations == (2, 4, 6, 8)
    assert curve.mean == (6.0, 3.0, 1.5, 1.5)
    assert curve.low == (4.0, 2.0, 1.0, 1.0)
    assert curve.high == (8.0, 4.0, 2.0, 2.0)
    assert curve.runs == (1, 2)


def test_runs_without_a_common_stretch_have_no_curve():
    """One that ended before another one began, and one without a gap."""
    assert average_courses("a", {1: course(3, (1, 8.0)), 2: course(9, (5, 4.0))}) is None
    assert average_courses("a", {1: Course((), (), None, None, True)}) is None


def test_seeds_are_one_setting_and_budgets_are_not():
    """Runs are grouped by all that differs but the seed."""
    rows = [
        RunRow(id=k, problem="tsp", model="offline", seed=k, started=0.0, config={"budget": {"calls": calls}})
        for k, calls in ((1, 5), (2, 5), (3, 9))
    ]
    assert [[row.id for row in some] for some in group_runs(rows).values()] == [[1, 2], [3]]
