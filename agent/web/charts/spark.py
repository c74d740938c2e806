"""A line as small as a word."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from gapsmith.agent.web.charts.axis import fit_axis
from gapsmith.agent.web.charts.svg import draw, make


def draw_sparkline(values: Sequence[float], width: float = 90.0, height: float = 22.0) -> Markup:
    """Draws how values fell, as steps; logarithmic where all are positive."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return Markup("")
    y = fit_axis(known, height - 3, 3, log=min(known) > 0)
    step = (width - 8) / len(known)
    path = f"M2 {y.place(known[0]):.1f}" + "".join(
        f"L{2 + k * step:.1f} {y.place(known[k - 1] if k else value):.1f}L{2 + k * step:.1f} {y.place(value):.1f}"
        for k, value in enumerate(known)
    )
    last = y.place(known[-1])
    label = f"from {known[0]:.3g} to {known[-1]:.3g} in {len(known)} steps"
    return draw(
        width,
        height,
        label,
        make("path", d=f"{path}L{width - 5:.1f} {last:.1f}", class_="line c0"),
        make("circle", cx=width - 5, cy=last, r=2.5, class_="mark c0"),
        make("title", label),
        class_="spark",
    )
