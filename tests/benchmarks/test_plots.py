"""Figures of runs: what is read from an archive, and the files that are written."""

import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import plots
import pytest
from helpers import TINY, Inline

from gapsmith.agent import Archive, Budget, discover

MOST_BYTES = 60_000
PAGES = "#ffffff", "#0d1117"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The archive of a finished run of the tiny problem, and its report."""
    path = tmp_path_factory.mktemp("plots") / "archive.db"
    with discover(TINY, budget=Budget(evaluations=6), archive=path, seed=1, executor=Inline()) as run:
        return path, run.report()


def luminance(color):
    """Returns the relative luminance of a colour, as the web's guidelines define it."""
    parts = np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return float(
        np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
    )


def test_a_curve_keeps_its_last_step():
    """Before its first step a curve is unknown; after its last it stays."""
    curve = plots.Curve((2, 5), (3.0, 1.0))
    assert np.array_equal(curve.sample([1, 2, 4, 5, 9]), [np.nan, 3.0, 3.0, 1.0, 1.0], equal_nan=True)


def test_convergence_ends_where_the_run_did(finished):
    """The curve falls, ends after all evaluations of the run, and begins at the best rule."""
    path, report = finished
    found = plots.read_convergence(path)
    assert found.evaluations == report.evaluations
    assert list(found.training.gaps) == sorted(found.training.gaps, reverse=True)
    assert found.training.sample([0])[0] == found.rule


def test_classes_add_up_to_the_report(finished):
    """Instances, and the gaps of all classes together, are those of the report."""
    path, report = finished
    title, rule, found = plots.read_classes(path)
    assert (title, rule) == (plots.find_problem(str(TINY)).title, report.reference.entrant.name)
    assert sum(each.instances for each in found) <= report.counts.test
    gaps = [each.winner[0] for each in found]
    assert min(gaps) <= report.best.aggregate.pooled_gap_percent <= max(gaps)


@pytest.mark.parametrize("kind", plots.KINDS)
def test_a_figure_is_small_and_its_text_is_text(finished, tmp_path, capsys, kind):
    """Every kind of figure is a small SVG file with words in it, the same for equal archives."""
    pytest.importorskip("matplotlib")
    archives = [str(finished[0])] * (2 if kind == "convergence" else 1)
    files = [tmp_path / name for name in ("a.svg", "b.svg")]
    for file in files:
        plots.main([kind, *archives, "-o", str(file)])
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].stat().st_size < MOST_BYTES
    words = [each.text for each in ElementTree.parse(files[0]).iter("{http://www.w3.org/2000/svg}text")]
    assert any("gap %" in (word or "") for word in words)
    assert "KB" in capsys.readouterr().out


@pytest.mark.parametrize("color", [plots.TEXT, plots.WINNER, plots.RULE])
@pytest.mark.parametrize("page", PAGES)
def test_colours_are_readable_on_light_and_dark(color, page):
    """The contrast of every colour to white and to a dark page is at least 3.9."""
    bright, dark = sorted((luminance(color), luminance(page)), reverse=True)
    assert (bright + 0.05) / (dark + 0.05) >= 3.9


@pytest.mark.parametrize("kind", ["classes", "front"])
def test_an_unfinished_run_is_refused(tmp_path, kind):
    """A run without a report has no test; one line says what is expected."""
    path = tmp_path / "open.db"
    store = Archive(str(path))
    store.start(problem="job_shop", model="offline", seed=1, config={})
    store.close()
    with pytest.raises(SystemExit, match=r"plots\.py: .*expected a finished run"):
        plots.main([kind, str(path), "-o", str(tmp_path / "never.svg")])


def test_no_archive_is_one_line(tmp_path):
    """A file that is not there is named; nothing is made in its place."""
    with pytest.raises(SystemExit, match=r"none\.db does not exist"):
        plots.main(["front", str(tmp_path / "none.db"), "-o", str(tmp_path / "never.svg")])
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_the_message_says_how_to_install_it(finished, tmp_path, monkeypatch):
    """Where matplotlib is missing, one line has the command that installs it."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SystemExit, match=r"pip install 'gapsmith\[figures\]'"):
        plots.main(["convergence", str(finished[0]), "-o", str(tmp_path / "never.svg")])
