"""The elites of a run, and who among them becomes a parent."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import median

import numpy as np

from gapsmith.evaluators.base import Number

CAPACITY = 30
NEAR_BEST = 0.1
"""Percent of an instance's bound within which a program counts as the best on it."""
WORST = 1e9
"""Stands for an infinite gap where gaps are reckoned with."""


@dataclass(frozen=True)
class Elite:
    """A program that solved every training instance.

    Attributes:
        program: its number in the archive.
        source: its code.
        size: nodes of its syntax tree.
        gap: the search's gap in training, percent.
        costs: per training instance.
        cpu_seconds: mean per instance; shown, never used to choose, so that runs repeat.
        name: of a reference rule, else empty.
        losses: what each training instance adds to the gap, in points; 0 at best.
        decisions: what it did on each training instance; see `trial.Decisions`.
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


@dataclass
class Population:
    """At most CAPACITY elites, best first; shorter code first on ties."""

    elites: list[Elite] = field(default_factory=list)
    children: dict[int, int] = field(default_factory=dict)

    def add(self, elite: Elite) -> bool:
        """Takes an elite in if it is among the best; says whether it was. Equal cost vectors keep the shorter one."""
        for other in self.elites:
            if other.program == elite.program or (other.costs == elite.costs and other.size <= elite.size):
                return False
        kept = [other for other in self.elites if other.costs != elite.costs]
        # The earlier one first on ties, not the lower number: an archive of other runs has other numbers.
        self.elites = sorted([*kept, elite], key=lambda e: (e.gap, e.size))[:CAPACITY]
        stays = {other.program for other in self.elites}
        self.children = {program: count for program, count in self.children.items() if program in stays}
        return elite.program in stays

    def rank(self, program: int) -> int | None:
        """The place of an elite, 0 for the best; None for a stranger."""
        return next((k for k, elite in enumerate(self.elites) if elite.program == program), None)

    @property
    def best(self) -> Elite | None:
        """The elite of the least gap."""
        return self.elites[0] if self.elites else None

    def parents(self, rng: Random, count: int, frontier: bool = True) -> list[Elite]:
        """Parents without repetition: the first by frontier or by weight, mates by what they do better.

        Args:
            rng: makes the choice.
            count: how many, if there are as many.
            frontier: False leaves the vectors of the instances out of it: weights alone, mates by chance.
        """
        if not self.elites:
            return []
        weights = self._frontier() if frontier and rng.random() < 0.5 else self._soft()
        return self.mated(rng, rng.choices(self.elites, weights)[0], count, frontier)

    def mated(self, rng: Random, first: Elite, count: int, frontier: bool = True) -> list[Elite]:
        """The first with mates by what they do better than it, so many together; takes note of the child."""
        chosen = [first]
        while len(chosen) < min(count, len(self.elites)):
            chosen.append(self._mate(rng, chosen, frontier))
        self.chose(chosen)
        return sorted(chosen, key=lambda e: (e.gap, e.size))

    def chose(self, parents: Sequence[Elite]) -> None:
        """Takes note that these have a child more."""
        for parent in parents:
            self.children[parent.program] = self.children.get(parent.program, 0) + 1

    def _soft(self) -> list[float]:
        """Sigmoid of the gap in robust units, over the number of children (ShinkaEvolve, arXiv 2509.19349)."""
        gaps = [min(elite.gap, WORST) for elite in self.elites]
        middle = median(gaps)
        spread = 1.4826 * median(abs(gap - middle) for gap in gaps) + 1e-9
        return [
            1.0
            / (1.0 + math.exp(min(50.0, 10.0 * (gap - middle) / spread)))
            / (1 + self.children.get(elite.program, 0))
            + 1e-12
            for elite, gap in zip(self.elites, gaps, strict=True)
        ]

    def _frontier(self) -> list[float]:
        """On how many instances each is the best, or nearly (GEPA, arXiv 2507.19457)."""
        losses = np.array([elite.losses for elite in self.elites])
        near = losses <= losses.min(axis=0, initial=WORST) + NEAR_BEST / max(1, losses.shape[1])
        return [float(count) + 1e-9 for count in near.sum(axis=1)]

    def _mate(self, rng: Random, chosen: Sequence[Elite], frontier: bool) -> Elite:
        """Of five random others, the one that would take most off the first's losses (EoH-S, arXiv 2508.03082)."""
        others = [elite for elite in self.elites if elite not in chosen]
        drawn = rng.sample(others, min(5, len(others)))
        first = np.array(chosen[0].losses)
        if not frontier:
            return drawn[0]
        return max(drawn, key=lambda e: float(np.maximum(0.0, first - np.array(e.losses)).sum()))
