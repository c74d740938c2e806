"""Figures of a program: gaps, classes, exponents."""

import math

import pytest

from gapsmith.agent.web.facts.instances import find_built_in
from gapsmith.agent.web.facts.programs import Result
from gapsmith.agent.web.pages.program import Line, _make_line, draw_times, fit_exponent, pool_classes
from gapsmith.evaluators.base import Baseline

NAME = "single_machine_tardiness"


def result(cost, lower, upper=None, name="train-1-1", outcome="ok", seconds=0.01):
    """A result with bounds; without an upper one they meet."""
    bounds = None if lower is None else Baseline(lower, lower if upper is None else upper, None, "s", 0.0)
    return Result("d", name, outcome, "", cost, seconds, bounds)


@pytest.mark.parametrize(
    ("given", "maximise", "gap", "reference", "bound", "known"),
    [
        (result(110.0, 100.0), False, 10.0, "optimum", 100.0, 100.0),
        (result(110.0, 100.0, 105.0), False, 10.0, "bound", 100.0, 105.0),
        (result(90.0, 80.0, 100.0), True, 10.0, "bound", 100.0, 80.0),
        (result(90.0, None), False, None, "", None, None),
        (result(None, 100.0, outcome="crash"), False, None, "optimum", 100.0, 100.0),
        (result(5.0, 0.0), False, None, "optimum", 0.0, 0.0),
    ],
)
def test_gaps_are_measured_to_optimum_or_bound(given, maximise, gap, reference, bound, known):
    """The line says which of them, and what the best known solution costs."""
    line = _make_line(given, None, maximise)
    assert (line.gap, line.reference, line.bound, line.known) == (gap, reference, bound, known)


def test_classes_are_pooled():
    """Summed losses over summed bounds, for each class and split; failures and unknown bounds are left out."""
    lines = [
        Line(result(110.0, 100.0), 10.0, "optimum", 100.0, 100.0, "a", 50),
        Line(result(330.0, 300.0), 10.0, "optimum", 300.0, 300.0, "a", 50),
        Line(result(100.0, 50.0, name="validation-1-2"), 100.0, "optimum", 50.0, 50.0, "a", 50),
        Line(result(None, 50.0, outcome="crash"), None, "optimum", 50.0, 50.0, "b", 50),
        Line(result(5.0, None), None, "", None, None, "b", 50),
    ]
    found = pool_classes(lines, find_built_in(NAME))
    assert [(each.stratum, each.split, each.instances) for each in found] == [
        ("a", "train", 2),
        ("a", "validation", 1),
    ]
    assert [each.gap for each in found] == pytest.approx([10.0, 100.0])


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 3.0])
def test_an_exponent_is_found_again(power):
    """Times that grow as a power of the size have that exponent."""
    assert fit_exponent([(n, 1e-6 * n**power) for n in (10, 20, 50, 100)]) == pytest.approx(power)


@pytest.mark.parametrize("points", [[], [(10, 1.0)], [(10, 1.0), (10, 2.0)], [(10, 0.0), (20, 1.0)]])
def test_one_size_has_no_exponent(points):
    """Two sizes are needed, with times that were measured."""
    assert fit_exponent(points) is None


def test_times_say_when_there_is_no_exponent():
    """The caption does not invent a figure."""
    line = Line(result(1.0, 1.0), 0.0, "optimum", 1.0, 1.0, "a", 50)
    assert "no exponent can be fitted" in draw_times([line])
    other = Line(result(1.0, 1.0, seconds=0.04), 0.0, "optimum", 1.0, 1.0, "a", 100)
    assert "power of 2.00" in draw_times([line, other])
    assert draw_times([Line(result(1.0, 1.0), 0.0, "optimum", 1.0, 1.0, "a", None)]) is None


def test_an_infinite_gap_is_no_bar():
    """A class whose bounds are all zero has no pooled gap."""
    lines = [Line(result(5.0, 0.0), None, "optimum", 0.0, 0.0, "a", 50)]
    assert pool_classes(lines, find_built_in(NAME)) == []
    assert math.isfinite(sum(each.gap for each in pool_classes(lines, None)))
