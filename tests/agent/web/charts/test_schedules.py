"""Schedules are drawn with all their operations."""

from xml.dom.minidom import parseString

import numpy as np
import pytest

from gapsmith.agent.reports.export.bars import BARS, Bar
from gapsmith.agent.web.charts.schedules import HUES, SHOWN_ROWS, draw_gantt


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
