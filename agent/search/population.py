"""The elites of a run, and who among them becomes a parent."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np

from gapsmith.evaluators.base import Number

CAPACITY = 30
NEAR_BEST = 1.001
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
    """

    program: int
    source: str
    size: int
    gap: float
    costs: tuple[Number, ...]
    cpu_seconds: float = 0.0
    name: str = ""


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
        return elite in self.elites

    @property
    def best(self) -> Elite | None:
        """The elite of the least gap."""
        return self.elites[0] if self.elites else None

    @property
    def median(self) -> Elite | None:
        """The elite in the middle: the bar of a race, so that stepping stones survive."""
        return self.elites[len(self.elites) // 2] if self.elites else None

    def parents(self, rng: Random, count: int) -> list[Elite]:
        """Parents without repetition: the first by frontier or by weight, mates by how they differ from it."""
        if not self.elites:
            return []
        weights = self._frontier() if rng.random() < 0.5 else self._soft()
        chosen = [rng.choices(self.elites, weights)[0]]
        while len(chosen) < min(count, len(self.elites)):
            chosen.append(self._mate(rng, chosen))
        for parent in chosen:
            self.children[parent.program] = self.children.get(parent.program, 0) + 1
        return sorted(chosen, key=lambda e: (e.gap, e.size))

    def _soft(self) -> list[float]:
        """Sigmoid of the gap in robust units, over the number of children (ShinkaEvolve, arXiv 2509.19349)."""
        gaps = np.array([min(elite.gap, WORST) for elite in self.elites])
        middle = float(np.median(gaps))
        spread = 1.4826 * float(np.median(np.abs(gaps - middle))) + 1e-9
        return [
            1.0
            / (1.0 + math.exp(min(50.0, 10.0 * (gap - middle) / spread)))
            / (1 + self.children.get(e.program, 0))
            + 1e-12
            for e, gap in zip(self.elites, gaps.tolist(), strict=True)
        ]

    def _frontier(self) -> list[float]:
        """On how many instances each is within a thousandth of the best (GEPA, arXiv 2507.19457)."""
        costs = np.array([elite.costs for elite in self.elites], dtype=float)
        best = costs.min(axis=0)
        near = (costs <= best + abs(NEAR_BEST - 1) * np.abs(best)).sum(axis=1)
        return [float(count) + 1e-9 for count in near]

    def _mate(self, rng: Random, chosen: Sequence[Elite]) -> Elite:
        """Of three random others, the one whose costs differ most from the first's (EoH-S, arXiv 2508.03082)."""
        others = [elite for elite in self.elites if elite not in chosen]
        drawn = rng.sample(others, min(3, len(others)))
        first = np.array(chosen[0].costs, dtype=float)
        scale = np.maximum(np.abs(first), 1.0)
        return max(drawn, key=lambda e: float(np.abs((np.array(e.costs, dtype=float) - first) / scale).sum()))
