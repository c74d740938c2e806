"""The page of a report stands alone, and shows whatever text as text."""

import re
from dataclasses import replace

import pytest

from gapsmith.agent.web.documents.curves import Curve
from gapsmith.agent.web.documents.facts import collect_results
from gapsmith.agent.web.documents.report import draw_curves, write_report
from gapsmith.evaluators.base import GapsmithError


@pytest.fixture(scope="module")
def results(view_store):
    """A finished run, and one in progress full of hostile text."""
    return collect_results(view_store, [1, 2])


@pytest.fixture(scope="module")
def page(results):
    """The page of both."""
    return write_report(results)


def test_it_loads_and_runs_nothing(page):
    """No script, no address but places of the page itself, and a policy that forbids the rest."""
    assert "default-src 'none'" in page
    assert not re.search(r"<(script|link|img|iframe|object|embed)\b|<[^>]*\son\w+=|@import|url\(", page)
    assert {target[:1] for target in re.findall(r'(?:href|src)="([^"]*)"', page)} == {"#"}


def test_it_tells_what_was_found_and_how_to_use_it(page, results):
    """Verdict, code, decisions, export and limits stand there."""
    assert f"gapsmith export {results.runs[0].winner.id} -o my_rule.py" in page
    assert results.runs[0].winner.id == results.runs[0].report["best"]["id"]
    for words in (
        "95 % interval",
        "What was asked",
        "not tried",
        "Best gap in training",
        "This run has no report yet",
    ):
        assert words in page


def test_places_in_the_page_are_unique(page):
    """Lines of two programs have different names."""
    names = re.findall(r'\sid="([^"]*)"', page)
    assert len(names) == len(set(names))


def test_hostile_text_is_text(page):
    """Names and code of the archive open no element."""
    assert "<script" not in page.lower()
    assert "<img" not in page.lower()


def test_several_seeds_are_a_line_in_a_band():
    """The area of a setting is drawn beneath its mean, and its figures stand in a table."""
    drawing = draw_curves([Curve("tsp, offline", (1, 2), (1, 4), (3.0, 2.0), (2.0, 1.5), (4.0, 2.5))])
    assert 'class="band c0"' in drawing
    assert "tsp, offline (2 runs)" in drawing
    assert "2.500 %" in drawing
    assert draw_curves([]) is None


def test_runs_that_are_missing_are_named(view_store, results):
    """A number without a run is refused, and a run without a winner has a page."""
    with pytest.raises(GapsmithError, match="99"):
        collect_results(view_store, [99])
    bare = replace(results.runs[1], winner=None, story=())
    assert "Run 2" in write_report(replace(results, runs=[bare], curves=()))
