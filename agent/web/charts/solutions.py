"""Solutions that are no schedules: tours, packings, assignments, choices."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsmith.agent.reports.export.bars import BARS, Bar, Data
from gapsmith.agent.web.charts.schedules import Drawing, draw_gantt
from gapsmith.agent.web.charts.svg import Table, draw, make

SIZE, EDGE = 460.0, 24.0


def draw_solution(
    problem: str, data: Data, solution: Any, label: str, horizon: float = 0.0
) -> Drawing | None:
    """Draws a feasible solution; None if it cannot be drawn.

    Args:
        problem: its name.
        data: the instance.
        solution: as a program returns it, and as it was priced.
        label: for people that cannot see it.
        horizon: end of the time axis of schedules.
    """
    if solution is None:
        return None
    if problem in BARS:
        bars, rows = BARS[problem](data, solution)
        return draw_gantt(bars, rows, label, max([horizon, *(bar.end for bar in bars)]))
    return DRAWERS[problem](data, solution, label) if problem in DRAWERS else None


def find_horizon(problem: str, data: Data, solutions: Sequence[Any]) -> float:
    """Finds a common end of the time axis of several schedules."""
    known = [solution for solution in solutions if solution is not None]
    if problem not in BARS:
        return 0.0
    return max((bar.end for solution in known for bar in BARS[problem](data, solution)[0]), default=0.0)


def place_points(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places points in the plane by their distances: classical scaling (Torgerson, 1952).

    Args:
        distance: shape [n, n], symmetric.

    Returns:
        Coordinates, shape [n, 2].
    """
    squared = distance.astype(float) ** 2
    centred = squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean()
    values, vectors = np.linalg.eigh(-0.5 * centred)
    found: NDArray[np.float64] = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 0.0))
    # The sign of an eigenvector is arbitrary: two drawings of one instance must agree.
    signs = np.sign(found[np.abs(found).argmax(axis=0), [0, 1]])
    return found * np.where(signs == 0, 1.0, signs)


def draw_tour(data: Data, tour: Sequence[int], label: str) -> Drawing:
    """Draws a tour through cities that are placed by their distances."""
    distance = np.asarray(data["distance"])
    points = place_points(distance)
    low, span = points.min(axis=0), max(float(np.ptp(points, axis=0).max()), 1e-9)
    places = EDGE + (SIZE - 2 * EDGE) * (points - low) / span
    path = "M" + "L".join(f"{places[k][0]:.1f} {places[k][1]:.1f}" for k in tour) + "Z"
    cities = [
        make("circle", make("title", f"city {k}"), cx=float(x), cy=float(y), r=3.0, class_="mark c1")
        for k, (x, y) in enumerate(places)
    ]
    legs = [[k, int(tour[k]), int(distance[tour[k - 1], tour[k]])] for k in range(len(tour))]
    drawing = draw(SIZE, SIZE, label, make("path", d=path, class_="line c0"), *cities)
    return Drawing(drawing, Table(("place", "city", "distance from the one before"), legs))


def draw_bins(data: Data, bins: Sequence[int], label: str) -> Drawing:
    """Draws the contents of bins, up to their capacity."""
    items, capacity = np.asarray(data["items"]).tolist(), float(np.asarray(data["capacity"]))
    loads: defaultdict[int, float] = defaultdict(float)
    rows = {number: row for row, number in enumerate(dict.fromkeys(bins))}
    bars = []
    for item, number in enumerate(bins):
        bars.append(Bar(rows[number], loads[number], loads[number] + items[item], str(item), item))
        loads[number] += items[item]
    return draw_gantt(bars, [f"bin {number}" for number in rows], label, capacity)


def draw_assignment(data: Data, locations: Sequence[int], label: str) -> Drawing:
    """Draws an assignment of facilities to locations as a matrix."""
    n = len(locations)
    step = (SIZE - 2 * EDGE) / n
    grid = [
        make("line", x1=EDGE, x2=SIZE - EDGE, y1=EDGE + step * k, y2=EDGE + step * k, class_="grid")
        for k in range(n + 1)
    ]
    grid += [
        make("line", y1=EDGE, y2=SIZE - EDGE, x1=EDGE + step * k, x2=EDGE + step * k, class_="grid")
        for k in range(n + 1)
    ]
    cells = [
        make(
            "rect",
            make("title", f"facility {k} at location {place}"),
            x=EDGE + step * place + 1,
            y=EDGE + step * k + 1,
            width=step - 2,
            height=step - 2,
            class_="bar c0",
        )
        for k, place in enumerate(locations)
    ]
    words = (
        make("text", "location", x=SIZE / 2, y=14, class_="label middle"),
        make(
            "text", "facility", transform=f"translate(14 {SIZE / 2:.0f}) rotate(-90)", class_="label middle"
        ),
    )
    table = Table(("facility", "location"), [[k, place] for k, place in enumerate(locations)])
    return Drawing(draw(SIZE, SIZE, label, *grid, *cells, *words), table)


def draw_graph(data: Data, chosen: Sequence[int], label: str) -> Drawing:
    """Draws a graph on a circle, with the chosen vertices marked."""
    adjacent, inside = np.asarray(data["adjacent"]), set(chosen)
    turns = 2 * np.pi * np.arange(len(adjacent)) / len(adjacent)
    places = SIZE / 2 + (SIZE / 2 - EDGE) * np.stack([np.sin(turns), -np.cos(turns)], axis=1)
    edges = [
        make(
            "line",
            x1=float(places[u][0]),
            y1=float(places[u][1]),
            x2=float(places[v][0]),
            y2=float(places[v][1]),
            class_="grid",
        )
        for u, v in np.argwhere(np.triu(adjacent))[:3000]
    ]
    marks = [
        make("circle", make("title", f"vertex {k}"), cx=float(x), cy=float(y), r=5.0 if k in inside else 2.5,
             class_=f"mark c{1 if k in inside else 6}")
        for k, (x, y) in enumerate(places)
    ]  # fmt: skip
    return Drawing(
        draw(SIZE, SIZE, label, *edges, *marks), Table(("chosen vertex",), [[k] for k in sorted(inside)])
    )


def draw_choice(data: Data, chosen: Sequence[int], label: str) -> Drawing:
    """Draws how much of each resource the chosen items take."""
    weight, capacity = np.asarray(data["weight"]), np.asarray(data["capacity"])
    used = weight[:, list(chosen)].sum(axis=1)
    share = 100.0 * used / np.maximum(capacity, 1e-12)
    bars = [Bar(k, 0.0, float(part), f"{part:.0f} %", 0) for k, part in enumerate(share)]
    found = draw_gantt(bars, [f"resource {k}" for k in range(len(bars))], label, 100.0)
    rows = [[k, float(one), float(all_)] for k, (one, all_) in enumerate(zip(used, capacity, strict=True))]
    return Drawing(found.svg, Table(("resource", "used", "capacity"), rows))


DRAWERS: Mapping[str, Callable[[Data, Any, str], Drawing]] = {
    "tsp": draw_tour,
    "online_bin_packing": draw_bins,
    "quadratic_assignment": draw_assignment,
    "independent_set": draw_graph,
    "multidimensional_knapsack": draw_choice,
}
"""Drawing functions of the other problems, by name."""
