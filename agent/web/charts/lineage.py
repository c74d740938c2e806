"""Ancestors of a program as a graph, the oldest at the left."""

from collections.abc import Sequence

from markupsafe import Markup

from gapsmith.agent.archive import CandidateRow
from gapsmith.agent.web.charts.svg import Table, draw, link, make, make_figure
from gapsmith.agent.web.formats import format_gap

ACROSS, DOWN, RADIUS = 96.0, 46.0, 13.0
SHADES = 6
"""Steps from the best gap (`g0`) to the worst (`g5`)."""


def draw_lineage(rows: Sequence[CandidateRow], number: int) -> Markup | None:
    """Draws a program and its ancestors; None if it has none."""
    known = {row.program: row for row in rows if row.program is not None}
    if len(known) < 2:
        return None
    places = _lay_out(known, number)
    shades = _shade(known)
    edges = [
        _draw_edge(places[parent], places[child])
        for child, row in known.items()
        for parent in row.parents
        if parent in places
    ]
    nodes = [
        _draw_node(row, places[program], shades[program], program == number) for program, row in known.items()
    ]
    width = max(x for x, _ in places.values()) + 60
    height = max(y for _, y in places.values()) + 42
    drawing = draw(width, height, f"Ancestors of program {number}", *edges, *nodes, class_="chart graph")
    table = [
        [row.program, row.name or row.operator, " ".join(map(str, row.parents)), format_gap(_find_gap(row))]
        for row in rows
    ]
    caption = "Ancestors, the oldest at the left; the darker, the smaller the gap."
    return make_figure(drawing, caption, Table(("program", "made by", "parents", "gap"), table))


def _find_gap(row: CandidateRow) -> float | None:
    return row.train_gap if row.validation_gap is None else row.validation_gap


def _lay_out(known: dict[int, CandidateRow], number: int) -> dict[int, tuple[float, float]]:
    """Places programs in columns: each to the right of all its parents."""
    depths: dict[int, int] = {}
    for program in sorted(known, key=lambda each: (known[each].run, known[each].slot)):
        parents = [depths[parent] for parent in known[program].parents if parent in depths]
        depths[program] = 1 + max(parents, default=-1)
    last = depths[number]
    columns: dict[int, int] = {}
    places = {}
    for program, depth in sorted(depths.items(), key=lambda pair: (pair[1], pair[0])):
        row = columns[min(depth, last)] = columns.get(min(depth, last), -1) + 1
        places[program] = (40 + ACROSS * min(depth, last), 30 + DOWN * row)
    return places


def _shade(known: dict[int, CandidateRow]) -> dict[int, int]:
    """Returns a shade for each program, by the rank of its gap."""
    gaps = sorted({gap for row in known.values() if (gap := _find_gap(row)) is not None})
    steps = max(1, len(gaps) - 1)
    found = {}
    for program, row in known.items():
        gap = _find_gap(row)
        found[program] = SHADES if gap is None else round((SHADES - 1) * gaps.index(gap) / steps)
    return found


def _draw_edge(parent: tuple[float, float], child: tuple[float, float]) -> Markup:
    (x0, y0), (x1, y1) = parent, child
    middle = (x0 + x1) / 2
    path = (
        f"M{x0 + RADIUS:.0f} {y0:.0f}C{middle:.0f} {y0:.0f} {middle:.0f} {y1:.0f} {x1 - RADIUS:.0f} {y1:.0f}"
    )
    return make("path", d=path, class_="edge")


def _draw_node(row: CandidateRow, place: tuple[float, float], shade: int, is_chosen: bool) -> Markup:
    x, y = place
    made = row.name or row.operator
    title = make("title", f"program {row.program} by {made}: {format_gap(_find_gap(row))}")
    look = f"node g{shade}" + (" chosen" if is_chosen else "")
    inside = make(
        "g",
        make("circle", title, cx=x, cy=y, r=RADIUS, class_=look),
        make("text", row.program, x=x, y=y + 4, class_=f"middle inside g{shade}"),
        make("text", made[:14], x=x, y=y + RADIUS + 11, class_="tick middle"),
    )
    return link(inside, f"/program/{row.program}")
