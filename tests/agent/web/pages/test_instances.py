"""Cells of the heat map tell not met, failed, optimal and gap apart."""

import pytest

from gapsmith.agent.web.facts.programs import Result
from gapsmith.agent.web.pages.instances import SHADES, make_cell, make_row
from gapsmith.agent.web.pages.program import Line
from gapsmith.evaluators.base import Baseline


def line(gap, outcome="ok", reference="optimum", cost=1.0):
    """A program on an instance."""
    found = Result("d", "train-1-1", outcome, "", cost, 0.0, Baseline(1.0, 1.0, None, "s", 0.0))
    return Line(found, gap, reference, 1.0, 1.0, "a", 50)


@pytest.mark.parametrize(
    ("given", "look", "sign"),
    [
        (None, "unmet", ""),
        (line(None, "crash", cost=None), "failed", "×"),
        (line(0.0), "optimal", "✓"),
        (line(0.0, reference="bound"), "g0", "0.0"),
        (line(None), "unknown", "?"),
        (line(0.05), "g0", "0.1"),
        (line(1.0), "g2", "1.0"),
        (line(50.0), f"g{len(SHADES)}", "50.0"),
        (line(500.0), f"g{len(SHADES)}", "99+"),
    ],
)
def test_each_fate_has_a_look_and_a_sign(given, look, sign):
    """Colour is never alone: a sign or a number says the same."""
    cell = make_cell(given)
    assert (cell.look, cell.sign) == (look, sign)


def test_words_tell_what_a_gap_is_measured_to():
    """The title of a cell says optimum or bound."""
    assert make_cell(line(1.0)).words.endswith("to the optimum")
    assert make_cell(line(1.0, reference="bound")).words.endswith("to the bound")


def test_a_row_has_a_cell_for_each_program():
    """Programs that did not meet the instance have one too."""
    found = line(1.0)
    row = make_row(found, {7: {"d": found}, 8: {}})
    assert [cell.look for cell in row.cells] == ["g2", "unmet"]
