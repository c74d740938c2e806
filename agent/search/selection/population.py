"""The elites of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gapsmith.evaluators.base import Number

CAPACITY = 30
FASTER = 0.9
"""A program is faster than another if it takes at most this share of its CPU time: less may be chance."""
WORST = 1e9
"""Replaces an infinite gap in computations."""


@dataclass(frozen=True)
class Elite:
    """A program that solved every training instance.

    Attributes:
        program: its number in the archive.
        source: its code.
        size: nodes of its syntax tree.
        gap: the search's gap in training, percent.
        costs: per training instance.
        cpu_seconds: mean per instance; used to choose only where CPU time is the goal, so that other runs repeat.
        name: of a reference rule, else empty.
        losses: what each training instance adds to the gap, in points; 0 at best.
        decisions: what it did on each training instance; see `novelty.Decisions`.
    """

    program: int
    source: str
    size: int
    gap: float
    costs: tuple[Number, ...]
    cpu_seconds: float = 0.0
    name: str = ""
    losses: tuple[float, ...] = ()
    decisions: Mapping[str, str] = field(default_factory=dict, compare=False)

    def is_faster(self, other: "Elite") -> bool:
        """Tells whether it takes clearly less CPU time."""
        return self.cpu_seconds <= FASTER * other.cpu_seconds


@dataclass
class Population:
    """At most CAPACITY elites, best first; shorter code first on ties.

    Attributes:
        elites: in that order.
        children: how many each has.
        by_time: whether of equal cost vectors the faster one is kept in place of the shorter one.
    """

    elites: list[Elite] = field(default_factory=list)
    children: dict[int, int] = field(default_factory=dict)
    by_time: bool = False

    def add(self, elite: Elite) -> bool:
        """Adds an elite if it is good enough; tells whether it was.

        Of elites with equal cost vectors the shorter one is kept, or the faster one.
        """
        for other in self.elites:
            better = elite.is_faster(other) if self.by_time else elite.size < other.size
            if other.program == elite.program or (other.costs == elite.costs and not better):
                return False
        kept = [other for other in self.elites if other.costs != elite.costs]
        # The earlier one first on ties, not the lower number: an archive of other runs has other numbers.
        self.elites = sorted([*kept, elite], key=lambda e: (e.gap, e.size))[:CAPACITY]
        stays = {other.program for other in self.elites}
        self.children = {program: count for program, count in self.children.items() if program in stays}
        return elite.program in stays

    def rank(self, program: int) -> int | None:
        """Returns an elite's place, 0 for the best; None for others."""
        return next((k for k, elite in enumerate(self.elites) if elite.program == program), None)

    @property
    def best(self) -> Elite | None:
        """The elite with the smallest gap."""
        return self.elites[0] if self.elites else None

    def count_child(self, parents: Sequence[Elite]) -> None:
        """Counts one more child of each of these."""
        for parent in parents:
            self.children[parent.program] = self.children.get(parent.program, 0) + 1
