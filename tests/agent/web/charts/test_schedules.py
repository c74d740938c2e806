"""Schedules are drawn as they are priced: the last bar ends when the verifier says."""

from itertools import pairwise
from xml.dom.minidom import parseString

import numpy as np
import pytest

from gapsmith.agent.web.charts.schedules import BARS, HUES, SHOWN_ROWS, Bar, draw_gantt
from gapsmith.agent.web.facts.instances import find_built_in
from gapsmith.evaluators.base import Split

RNG = np.random.default_rng(0)


def solve(problem, instance):
    """A feasible solution without thought."""
    data = {name: np.asarray(value) for name, value in instance.data.items()}
    if problem.name == "job_shop":
        n, m = data["p"].shape
        return RNG.permutation(np.repeat(np.arange(n), m)).tolist()
    if problem.name == "parallel_machines":
        return RNG.integers(0, int(data["m"]), len(data["p"])).tolist()
    if problem.name == "rcpsp":
        return problem.baseline(instance, 5.0).solution
    return RNG.permutation(len(data["p"])).tolist()


def price(problem, instance, bars):
    """The objective, as the bars show it."""
    if "tardiness" not in problem.name:
        return max(bar.end for bar in bars)
    d, w = np.asarray(instance.data["d"]), np.asarray(instance.data.get("w", np.ones(len(bars))))
    return sum(w[int(bar.name)] * max(0.0, bar.end - d[int(bar.name)]) for bar in bars)


@pytest.mark.parametrize("name", sorted(BARS))
def test_bars_have_the_cost_of_the_solution(name):
    """Start and end of every operation agree with the trusted verifier."""
    problem = find_built_in(name)
    for instance in problem.generate_instances(Split.TRAIN, 1, 2):
        solution = solve(problem, instance)
        bars, rows = BARS[name](instance.data, solution)
        assert price(problem, instance, bars) == problem.cost(instance, solution)
        assert {bar.row for bar in bars} <= set(range(len(rows)))


@pytest.mark.parametrize("name", sorted(set(BARS) - {"rcpsp"}))
def test_no_machine_does_two_things_at_once(name):
    """Bars of a row do not overlap."""
    problem = find_built_in(name)
    instance = problem.generate_instances(Split.TRAIN, 1, 1)[0]
    bars, rows = BARS[name](instance.data, solve(problem, instance))
    for row in range(len(rows)):
        inside = sorted((bar.start, bar.end) for bar in bars if bar.row == row)
        assert all(one[1] <= other[0] for one, other in pairwise(inside))


def test_late_jobs_are_marked():
    """Colour, a line below, and a word in the title: not colour alone."""
    data = {"p": np.array([2, 3]), "d": np.array([2, 4])}
    bars, rows = BARS["single_machine_tardiness"](data, [0, 1])
    assert [bar.is_late for bar in bars] == [False, True]
    text = draw_gantt(bars, rows, "label", 5.0).svg
    assert text.count('class="late"') == 1
    assert "1: 2 to 5, late" in text


def test_every_bar_has_a_rectangle_and_a_title():
    """Narrow bars have no room for their names, but titles."""
    bars = [Bar(0, 0.0, 0.01, "a job with a long name", 0), Bar(1, 1.0, 100.0, "b", HUES + 1)]
    found = parseString(draw_gantt(bars, ["one", "two"], "label", 100.0).svg)
    titles = [each.firstChild.data for each in found.getElementsByTagName("title")]
    assert titles == ["a job with a long name: 0 to 0.01", "b: 1 to 100"]
    texts = [each.firstChild.data for each in found.getElementsByTagName("text")]
    assert "b" in texts
    assert "a job with a long name" not in texts


def test_very_many_rows_are_cut_and_the_table_has_all():
    """A project of hundreds of activities does not make a page of metres."""
    bars = [Bar(k, 0.0, 1.0, str(k), 0) for k in range(2 * SHOWN_ROWS)]
    found = draw_gantt(bars, [str(k) for k in range(2 * SHOWN_ROWS)], "label", 1.0)
    assert found.svg.count("<rect") == SHOWN_ROWS
    assert len(found.table.rows) == 2 * SHOWN_ROWS


def test_schedules_side_by_side_have_one_time_axis():
    """The horizon sets the scale, not the schedule."""
    short = draw_gantt([Bar(0, 0.0, 50.0, "a", 0)], ["m"], "label", 100.0).svg
    long = draw_gantt([Bar(0, 0.0, 100.0, "a", 0)], ["m"], "label", 100.0).svg
    widths = [
        float(parseString(text).getElementsByTagName("rect")[0].getAttribute("width"))
        for text in (short, long)
    ]
    assert widths[1] == pytest.approx(2 * widths[0])
