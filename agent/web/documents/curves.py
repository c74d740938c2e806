"""The course of several runs as one curve with a band."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gapsmith.agent.archive import RunRow
from gapsmith.agent.models.spec import hide_login
from gapsmith.agent.web.facts.course import Course


@dataclass(frozen=True)
class Curve:
    """The best gap in training against evaluations, over runs.

    Attributes:
        name: of the setting that the runs share.
        runs: their numbers.
        evaluations: where the curve steps, ascending.
        mean: the mean gap over the runs there, in percent.
        low: the smallest gap there.
        high: the largest gap there.
    """

    name: str
    runs: tuple[int, ...]
    evaluations: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def group_runs(rows: Sequence[RunRow]) -> dict[str, list[RunRow]]:
    """Groups runs that differ only by their seeds, by setting."""
    found: dict[str, list[RunRow]] = {}
    for row in rows:
        found.setdefault(name_setting(row), []).append(row)
    return found


def name_setting(row: RunRow) -> str:
    """Names what distinguishes a run from others, but its seed."""
    config = row.config
    parts = [row.problem, str(config.get("scale") or ""), hide_login(row.model)]
    parts += [f"without {', '.join(config['without'])}"] if config.get("without") else []
    budget: Mapping[str, float] = config.get("budget") or {}
    limits = [f"{value:g} {name}" for name, value in sorted(budget.items()) if isinstance(value, int | float)]
    return ", ".join(filter(None, [*parts, " and ".join(limits)]))


def average_courses(name: str, courses: Mapping[int, Course]) -> Curve | None:
    """Averages the courses of runs, as a step function.

    The curve begins where all have a gap and ends where the first of them ends; None where that is nowhere.
    """
    known = {run: course for run, course in courses.items() if course.training and course.last}
    if not known:
        return None
    lines = [([s.evaluations for s in c.training], [s.gap for s in c.training]) for c in known.values()]
    first = max(places[0] for places, _ in lines)
    last = min(course.last.evaluations for course in known.values() if course.last)
    if first > last:
        return None
    grid = sorted(
        {place for places, _ in lines for place in places if first <= place <= last} | {first, last}
    )
    gaps = [[values[bisect_right(places, place) - 1] for places, values in lines] for place in grid]
    return Curve(
        name,
        tuple(known),
        tuple(grid),
        tuple(sum(some) / len(some) for some in gaps),
        tuple(map(min, gaps)),
        tuple(map(max, gaps)),
    )
