"""The Pareto front of programs: gap, CPU time and size."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

TOLERANCE = 0.10
"""Times that differ by less are equal: they are measured."""


@dataclass(frozen=True)
class FrontPoint:
    """A program with its gap, CPU time and size.

    Attributes:
        program: its number in the archive.
        name: of a reference rule, else empty.
        gap: percent, the less the better.
        cpu_seconds: mean per instance.
        size: nodes of its syntax tree.
    """

    program: int
    name: str
    gap: float
    cpu_seconds: float
    size: int


def is_dominating(one: FrontPoint, other: FrontPoint, tolerance: float = TOLERANCE) -> bool:
    """Tells whether one is nowhere worse and somewhere better.

    Times count beyond the tolerance.
    """
    if one.gap > other.gap or one.size > other.size or _is_slower(one, other, tolerance):
        return False
    return one.gap < other.gap or one.size < other.size or _is_slower(other, one, tolerance)


def find_front(points: Iterable[FrontPoint], tolerance: float = TOLERANCE) -> list[FrontPoint]:
    """Selects the points that no other dominates or equals, best gap first.

    Only what is on the front drops others: with a tolerance, dominance is not transitive, and a chain of
    programs each a little slower than the next would drop the fast ones for a slow one.
    """
    kept: list[FrontPoint] = []
    for point in sorted(points, key=lambda p: (p.gap, p.size, p.cpu_seconds, p.program)):
        if not any(is_dominating(other, point, tolerance) or _equal(other, point) for other in kept):
            kept.append(point)
    return kept


def thin_front(points: Sequence[FrontPoint], limit: int) -> list[FrontPoint]:
    """Selects evenly spread points of a front, with its three ends.

    Args:
        points: a front, the least gap first.
        limit: points at most; at least 3.
    """
    if len(points) <= limit:
        return list(points)
    ends = {0, _find_least(points, "cpu_seconds"), _find_least(points, "size")}
    inner = [k for k in range(len(points)) if k not in ends]
    room = limit - len(ends)
    chosen = ends | {inner[(2 * k + 1) * len(inner) // (2 * room)] for k in range(room)}
    return [points[k] for k in sorted(chosen)]


def _is_slower(one: FrontPoint, other: FrontPoint, tolerance: float) -> bool:
    return one.cpu_seconds > other.cpu_seconds * (1 + tolerance)


def _equal(one: FrontPoint, other: FrontPoint) -> bool:
    """Tells whether gap and size are equal and neither is clearly slower."""
    return (one.gap, one.size) == (other.gap, other.size)


def _find_least(points: Sequence[FrontPoint], name: str) -> int:
    return min(range(len(points)), key=lambda k: (getattr(points[k], name), k))
