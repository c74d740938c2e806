"""Column generation for cutting stock and bin packing, exactly bounded.

Gilmore and Gomory 1961.

OR-Tools' GLOP solves the linear programme in floating point; its results are not trusted. Its duals are rounded
to integers, an exact knapsack finds the best pattern for these, and Farley's bound follows in integers.
"""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.solvers.bin_packing.patterns import Knapsack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Integers: TypeAlias = "NDArray[np.int64]"
Floats: TypeAlias = "NDArray[np.float64]"

SCALE = 10**7
"""Duals are integers in units of 1/SCALE: fine enough that rounding costs no bin."""


class Master:
    """The restricted master.

    The fewest bins that cover the demand with the known patterns.

    Args:
        demand: of each type, shape (m,).
        patterns: to start with; together they hold every type.
    """

    def __init__(self, demand: Integers, patterns: "Iterable[Integers]") -> None:
        from ortools.linear_solver import pywraplp

        self._solver = pywraplp.Solver.CreateSolver("GLOP")
        self._rows = [self._solver.Constraint(int(d), self._solver.infinity()) for d in demand]
        self._objective = self._solver.Objective()
        self._objective.SetMinimization()
        self._columns: list[object] = []
        self.patterns: list[Integers] = []
        for pattern in patterns:
            self.add(pattern)

    def add(self, pattern: Integers) -> None:
        """Adds a pattern."""
        column = self._solver.NumVar(0, self._solver.infinity(), "")
        self._objective.SetCoefficient(column, 1)
        for i in np.flatnonzero(pattern):
            self._rows[i].SetCoefficient(column, int(pattern[i]))
        self._columns.append(column)
        self.patterns.append(pattern)

    def solve(self) -> tuple[Integers, Floats]:
        """Returns duals, shape (m,), and the use of each pattern, shape (patterns,).

        Duals are in units of 1/SCALE.

        Raises:
            AssertionError: GLOP finds no optimum, though the patterns cover every type.
        """
        if self._solver.Solve() != self._solver.OPTIMAL:
            raise AssertionError("GLOP found no optimum of a covering programme that has one; please report")
        duals = np.array([row.dual_value() for row in self._rows])
        used = np.array([column.solution_value() for column in self._columns])  # type: ignore[attr-defined]
        return np.maximum(0, np.floor(duals * SCALE + 0.5)).astype(np.int64), used


class ColumnGeneration:
    """Bins of one capacity for types of items.

    Args:
        sizes: of the types, 1 to capacity, distinct, shape (m,).
        demand: how many of each type there are, at least 1, shape (m,).
        capacity: of a bin.
        late: whether the time is up.
    """

    def __init__(self, sizes: Integers, demand: Integers, capacity: int, late: "Callable[[], bool]") -> None:
        self._sizes, self._demand, self._late = sizes, demand, late
        self._knapsack = Knapsack(sizes, demand, capacity)
        first = np.diag(np.minimum(demand, capacity // sizes))
        self._master = Master(demand, first)

    def solve(self, enough: int) -> tuple[int, list[Integers]]:
        """Adds patterns until none helps, the bound is `enough`, or time ends.

        Returns:
            A proven lower bound on the number of bins, and the bins that the linear programme fills by whole
            patterns: together they hold no more than there is.
        """
        bound, used = self._optimise(enough)
        left, bins = self._demand.copy(), []
        for index in np.argsort(-used, kind="stable"):
            for _ in range(int(used[index] + 1e-6)):
                pattern = np.minimum(self._master.patterns[index], left)
                bins.append(pattern)
                left -= pattern
        return bound, [pattern for pattern in bins if pattern.any()]

    def _optimise(self, enough: int) -> tuple[int, Floats]:
        bound = 0
        while True:
            duals, used = self._master.solve()
            value, pattern = self._knapsack.solve(duals)
            if value > 0:
                bound = max(bound, -int(-int(duals @ self._demand) // value))
            # Farley's bound cannot rise above the master's value: equal when rounded up, there is no more to learn.
            known = bound >= min(enough, int(np.ceil(used.sum() - 1e-6)))
            if value <= SCALE * (1 + 1e-6) or known or self._late():
                return bound, used
            self._master.add(pattern)
