"""Market split.

Choose columns so that every row meets its right-hand side, or misses it by as little as possible.

The cost is the one of the literature, the total slack Σ|Ax - b|, which is 0 where the system has a solution. A gap in
percent of a bound of 0 is undefined. Therefore:

- Instances are drawn as Cornuéjols and Dawande (1998) draw them, with right-hand sides of half the row sums and no
  planted solution. Most have none: with coefficients up to 99 or 199, the least total slack is a few units, which the
  exact method proves. Gaps are relative to it: 900 % means ten times the least slack. Instances with optimum 0 add
  their slack to the pooled gap and are left out of the mean gap, as in all problems.
- Files of feasible systems (QOBLIB) always have optimum 0: there the gap is undefined, and the share of optima (the
  systems solved) is the figure to use. `solve` reports lower = upper = 0, as the literature does.
- A scaled or shifted cost (for example slack plus Σb) would make every gap finite but small: a heuristic that misses
  by a hundred units and one that solves the system would differ by a few percent only.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gapsmith.evaluators.base import (
    Baseline,
    Datum,
    GapsmithError,
    Infeasible,
    Instance,
    Problem,
    ProblemScale,
    Split,
)
from gapsmith.evaluators.grammar import Argument, EntryPoint
from gapsmith.evaluators.problems.market_split.exact.solve import solve_market_split
from gapsmith.evaluators.problems.market_split.grammar import GRAMMAR
from gapsmith.evaluators.problems.market_split.rules import RULES
from gapsmith.evaluators.reading import NumberReader

BRIEF = """\
Market split (Cornuéjols and Dawande), optimisation version. Given m products and n = 10(m - 1) retailers, where
retailer j buys a[i, j] units of product i, choose the retailers of one division so that it sells b[i] units of
every product: find x in {0, 1}^n that makes the total slack, the sum over the rows i of |sum_j a[i, j] x[j] - b[i]|,
as small as possible. Slack to either side counts alike.
Linear relaxations say nothing, since x = 1/2 everywhere has slack at most 1/2 in each row. Gaps are in percent of the
least total slack, a few units, and so in the hundreds."""

STORY = """\
Coefficients are integers drawn evenly from 0 to D - 1,
and b[i] is half the row sum, rounded down. Instances have SIZES."""

ENTRY = EntryPoint(
    "split",
    (
        Argument(
            "a",
            "int64 array of shape [m, n]",
            "units bought, at least 0: products by retailers",
            "NDArray[np.int64]",
        ),
        Argument("b", "int64 array of shape [m]", "units to be sold of each product", "NDArray[np.int64]"),
    ),
    "a sequence (list or array) of n integers, each 0 or 1: whether the retailer is chosen",
    "Sequence[int] | NDArray[np.int64]",
)

STRATA = ("D=100", "D=200")


def generate(rng: np.random.Generator, stratum: str, size: int) -> Mapping[str, Datum]:
    """Draws a system as Cornuéjols and Dawande (1998) do.

    `size` is the number of rows m; there are n = 10(m - 1) columns.
    """
    a = rng.integers(0, int(stratum.partition("=")[2]), (size, 10 * (size - 1)))
    return {"a": a, "b": a.sum(axis=1) // 2}


def read(path: Path) -> list[Instance]:
    """Reads one instance.

    The file has `m n`, then m rows of n coefficients and a right-hand side; `#` starts a comment. Raises GapsmithError.
    """
    numbers = NumberReader(path)
    m = numbers.read_integer("the number of rows", least=1)
    n = numbers.read_integer("the number of columns", least=1)
    if numbers.left >= m * (n + 1) and not numbers.has_rows(m, n + 1):
        raise numbers.make_layout_error(
            m * (n + 1), f"{m} lines of {n} coefficients and a right-hand side, {n + 1} numbers each"
        )
    rows = []
    for _ in range(m):
        row = [numbers.read_integer("a coefficient", least=0) for _ in range(n)]
        rows.append([*row, numbers.read_integer("a right-hand side", least=0)])
    numbers.check_bound(sum(map(sum, rows)), "the total slack")
    if not numbers.at_end:
        raise GapsmithError(
            f"{path}: holds more than {m} rows of {n} coefficients and a right-hand side; expected no more"
        )
    data = np.array(rows, dtype=np.int64)
    return [Instance(path.stem, {"a": np.ascontiguousarray(data[:, :n]), "b": data[:, n].copy()})]


def cost(instance: Instance, solution: Any) -> int:
    """Returns the total slack. Raises Infeasible unless the solution has n binaries."""
    a, b = np.asarray(instance.data["a"]), np.asarray(instance.data["b"])
    if not isinstance(solution, list):
        raise Infeasible(f"returned {type(solution).__name__}; expected a sequence of zeros and ones")
    if len(solution) != a.shape[1]:
        raise Infeasible(
            f"returned {len(solution)} values; expected one for each of the {a.shape[1]} columns"
        )
    for column, value in enumerate(solution):
        if type(value) is not int or value not in (0, 1):  # neither True nor 1.0 is an integer
            raise Infeasible(f"column {column} has {value!r:.40}; expected the integer 0 or 1")
    chosen = np.flatnonzero(np.array(solution, dtype=np.int64))
    return sum(abs(sum(row) - right) for row, right in zip(a[:, chosen].tolist(), b.tolist(), strict=True))


def baseline(instance: Instance, seconds: float) -> Baseline:
    """Solves by meet in the middle, larger systems by CP-SAT; see `exact.solve`."""
    return solve_market_split(np.asarray(instance.data["a"]), np.asarray(instance.data["b"]), seconds)


def cpu_seconds(_: Instance) -> float:
    """Returns 0.25 seconds, which is too short to enumerate all subsets."""
    return 0.25


SCALES = {
    "medium": ProblemScale(
        sizes=dict.fromkeys(Split, (5,)),
        counts={Split.TRAIN: 12, Split.VALIDATION: 24, Split.TEST: 40},
        cpu_seconds=0.5,
        solver_seconds=5.0,
        story=STORY.replace(
            "SIZES", "D = 100 or 200, m = 5 rows and n = 40 columns; the least total slack is mostly 1 to 5"
        ),
    ),
    "large": ProblemScale(
        strata=("D=500", "D=1000"),
        sizes=dict.fromkeys(Split, (5,)),
        counts={Split.TRAIN: 12, Split.VALIDATION: 20, Split.TEST: 30},
        cpu_seconds=2.0,
        solver_seconds=20.0,
        story=STORY.replace(
            "SIZES", "D = 500 or 1000, m = 5 rows and n = 40 columns; the least total slack is mostly 5 to 20"
        ),
    ),
}

problem = Problem(
    name="market_split",
    title="market split: least total slack",
    brief=BRIEF,
    story=STORY.replace(
        "SIZES",
        "D = 100 or 200, m = 3 or 4 rows and n = 20 or 30 columns; the least total slack is a few units, sometimes 0",
    ),
    entry=ENTRY,
    strata=STRATA,
    generate=generate,
    sizes={Split.TRAIN: (3, 4), Split.VALIDATION: (3, 4), Split.TEST: (3, 4)},
    counts={Split.TRAIN: 40, Split.VALIDATION: 100, Split.TEST: 200},
    read=read,
    cost=cost,
    baseline=baseline,
    rules=RULES,
    grammar=GRAMMAR,
    cpu_seconds=cpu_seconds,
    scales=SCALES,
)
