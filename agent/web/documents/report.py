"""Results of runs as one page without scripts."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from markupsafe import Markup

from gapsmith.agent.reports.sentences import describe_verdict
from gapsmith.agent.web.charts.code import format_code
from gapsmith.agent.web.charts.intervals import draw_differences
from gapsmith.agent.web.charts.plot import Plot, Point, Series, draw_plot, make_key
from gapsmith.agent.web.charts.svg import Table, make_figure
from gapsmith.agent.web.documents.curves import Curve
from gapsmith.agent.web.documents.facts import Results, RunFacts
from gapsmith.agent.web.facts.runs import describe_model
from gapsmith.agent.web.formats import format_gap
from gapsmith.agent.web.view import make_templates

STYLE = Path(__file__).parents[1] / "static" / "gapsmith.css"


def write_report(results: Results) -> str:
    """Writes the page: HTML that loads nothing."""
    return (
        make_templates()
        .get_template("report.html.j2")
        .render(
            title=_make_title(results),
            style=Markup(STYLE.read_text("utf-8")),
            runs=results.runs,
            convergence=draw_curves(results.curves),
            differences={run.row.id: _draw_differences(run) for run in results.runs},
            codes={run.row.id: _format_winner(run) for run in results.runs},
            verdict=describe_verdict,
            model=describe_model,
            version=version("gapsmith"),
        )
    )


def _make_title(results: Results) -> str:
    numbers = [str(run.row.id) for run in results.runs]
    titles = list(dict.fromkeys(run.title for run in results.runs))
    return f"{'; '.join(titles)}: {'run' if len(numbers) == 1 else 'runs'} {', '.join(numbers)}"


def _format_winner(run: RunFacts) -> Markup | None:
    return format_code(run.winner.source, f"run{run.row.id}-line") if run.winner else None


def _draw_differences(run: RunFacts) -> Markup | None:
    if not run.differences:
        return None
    rule = run.report["reference"]["name"]
    caption = f"Points of pooled gap by which the winner is better than {rule}, on the sealed test"
    return draw_differences([(f"program {run.report['best']['id']}", run.differences)], caption)


def draw_curves(curves: Sequence[Curve]) -> Markup | None:
    """Draws the best gap against evaluations, a curve for each setting."""
    if not curves:
        return None
    series = [_make_series(curve, colour % 6) for colour, curve in enumerate(curves)]
    plot = Plot("Best gap in training against evaluations", "evaluations", "gap, percent", series, log_y=True)
    rows = [
        [curve.name, x, *(format_gap(gap) for gap in gaps)]
        for curve in curves
        for x, *gaps in zip(curve.evaluations, curve.mean, curve.low, curve.high, strict=True)
    ]
    table = Table(("setting", "evaluations", "mean", "smallest", "largest"), rows)
    return make_figure(draw_plot(plot), _describe_curves(curves), table, make_key(series))


def _describe_curves(curves: Sequence[Curve]) -> str:
    words = "Gap of the best program so far in training."
    if any(len(curve.runs) > 1 for curve in curves):
        words += " Lines are means over runs that differ by their seeds; bands, smallest to largest."
    return words


def _make_series(curve: Curve, colour: int) -> Series:
    figures = zip(curve.evaluations, curve.mean, curve.low, curve.high, strict=True)
    points = [Point(x, mean, low=low, high=high) for x, mean, low, high in figures]
    count = len(curve.runs)
    return Series(f"{curve.name}{f' ({count} runs)' if count > 1 else ''}", points, "band", colour)
