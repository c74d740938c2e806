"""Multi-dimensional 0/1 knapsack: choose items of greatest total profit within several capacities."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import (
    Baseline,
    Datum,
    Infeasible,
    Instance,
    Number,
    Problem,
    ProblemScale,
    Split,
)
from gapsmith.evaluators.grammar import Argument, EntryPoint
from gapsmith.evaluators.problems.multidimensional_knapsack.exact.solve import solve_packing
from gapsmith.evaluators.problems.multidimensional_knapsack.grammar import GRAMMAR
from gapsmith.evaluators.problems.multidimensional_knapsack.rules import RULES
from gapsmith.evaluators.reading import MAX_DECIMALS, NumberReader
from gapsmith.evaluators.solutions import make_exact, subset

BRIEF = """\
Multi-dimensional 0/1 knapsack (multi-constraint knapsack, packing integer programme). There are n items and m
resources. Item j brings profit[j] and takes weight[i, j] of resource i, of which there is capacity[i] in all; each
item is taken once or not at all. Return the items to take so that no capacity is exceeded and the total profit is
as great as possible: this is a maximisation."""

STORY = """\
Instances follow Chu and Beasley: weights are integers drawn evenly from 0 to 1000, each capacity is a share alpha of
the sum of its weights (alpha = 0.25, 0.5 or 0.75), and profits are correlated with weights: the mean of an item's
weights plus up to 500. There are SIZES. A few old instances have decimals, zero
weights, and items that fit nowhere."""

ENTRY = EntryPoint(
    "pack",
    (
        Argument(
            "profit", "int64 array of shape [n]", "profits of the items, at least 0", "NDArray[np.int64]"
        ),
        Argument(
            "weight",
            "int64 array of shape [m, n]",
            "weight[i, j]: how much of resource i item j takes, at least 0",
            "NDArray[np.int64]",
        ),
        Argument(
            "capacity", "int64 array of shape [m]", "how much there is of each resource", "NDArray[np.int64]"
        ),
    ),
    "a list (or array) of the indices of the items taken, 0..n-1, each at most once, in any order",
    "Sequence[int] | NDArray[np.int64]",
)

SHARES = (0.25, 0.5, 0.75)
STRATA = tuple(f"m={m} alpha={alpha}" for m, alpha in product((5, 10), SHARES))

HEADER_NUMBERS = 3
"""Numbers on the first line of an instance in a file."""

MAX_NUMBER = 10**9
"""Largest number that the reader accepts, so that all sums are exact."""


def generate(rng: np.random.Generator, stratum: str, size: int) -> Mapping[str, Datum]:
    """Draws an instance as Chu and Beasley (1998), section 4.1.

    Fréville and Plateau (1994) drew instances in the same way.
    """
    m, alpha = (float(part.split("=")[1]) for part in stratum.split())
    weight = rng.integers(0, 1000, (int(m), size), endpoint=True)
    capacity = (alpha * weight.sum(axis=1)).astype(np.int64)
    profit = (weight.sum(axis=0) / m + 500 * rng.random(size)).astype(np.int64)
    return {"profit": profit, "weight": weight, "capacity": capacity}


LAYOUTS = {
    "resources": "the weights resource by resource: m rows of n, as in OR-Library's files",
    "items": "the weights item by item: n rows of m",
}


def read(path: Path, layout: str = "") -> list[Instance]:
    """Reads OR-Library's format of multi-dimensional knapsacks.

    The file has the number of instances, then for each `n m optimum`, profits, m rows of weights, and capacities. The
    optimum is ignored: instances have none.

    Args:
        path: the file.
        layout: one of LAYOUTS; by default the first. Lines that fit only the second are refused.

    Raises:
        GapsmithError: with the line.
    """
    numbers = NumberReader(path)
    if numbers.count_per_line(1) is None and numbers.widths[0] <= HEADER_NUMBERS:
        raise numbers.make_layout_error(
            numbers.widths[0], "the number of instances alone on its line, then for each a line `n m optimum`"
        )
    count = numbers.read_integer("the number of instances", least=1)
    found = [_read_one(numbers, layout) for _ in range(count)]
    numbers.end("the end of the file, after as many instances as its first number says")
    names = [path.stem] if len(found) == 1 else [f"{path.stem}-{k + 1}" for k in range(len(found))]
    return [Instance(name, data) for name, data in zip(names, found, strict=True)]


def _read_one(numbers: NumberReader, layout: str) -> dict[str, Datum]:
    """Reads the data of the next instance."""
    if numbers.left >= HEADER_NUMBERS and numbers.count_per_line(HEADER_NUMBERS) != [HEADER_NUMBERS]:
        raise numbers.make_layout_error(
            HEADER_NUMBERS, "a line of three numbers, `n m optimum`, 0 where that is unknown"
        )
    n = numbers.read_integer("the number of items", least=1)
    m = numbers.read_integer("the number of constraints", least=1)
    numbers.read_decimals(1, "the optimum, or 0 where unknown", MAX_NUMBER)
    profit = numbers.read_decimals(n, "a profit", MAX_NUMBER)
    if not layout and n != m != 1 != n and numbers.has_even_lines(n, m):
        raise numbers.make_layout_error(
            n * m,
            f"the weights of {n} items in {m} rows; say what a line holds: --layout items (one item, {m} weights) or "
            "--layout resources",
        )
    weights = numbers.read_decimals(n * m, "a weight", MAX_NUMBER)
    weight = weights.reshape(n, m).T.copy() if layout == "items" else weights.reshape(m, n)
    capacity = numbers.read_decimals(m, "a capacity", MAX_NUMBER)
    (gain,), _ = convert_to_integers(profit)
    (load, room), _ = convert_to_integers(weight, capacity)
    for what, sums in (("profit", [gain]), ("weight", load), ("capacity", [room])):
        numbers.check_bound(
            max(sum(row.tolist()) for row in sums), f"the total {what}, in its smallest decimal,"
        )
    return {"profit": profit, "weight": weight, "capacity": capacity}


def cost(instance: Instance, solution: Any) -> Number:
    """Returns the total profit. Raises Infeasible when a capacity is exceeded.

    Decimals are exact too: they are computed with as integers of a smaller unit.
    """
    (profit,), unit = convert_to_integers(_get_array(instance, "profit"))
    (weight, capacity), part = convert_to_integers(
        _get_array(instance, "weight"), _get_array(instance, "capacity")
    )
    chosen = subset(solution, len(profit), "item")
    profit, weight = make_exact(profit), make_exact(weight)
    used = weight[:, chosen].sum(axis=1)
    if (used > capacity).any():
        worst = int(np.argmax(used - capacity))
        raise Infeasible(
            f"the chosen items take {_convert_from_units(used[worst], part)} of resource {worst}; "
            f"its capacity is {_convert_from_units(capacity[worst], part)}"
        )
    return _convert_from_units(profit[chosen].sum(), unit)


def convert_to_integers(
    *arrays: NDArray[np.int64] | NDArray[np.float64],
) -> tuple[list[NDArray[np.int64]], int]:
    """Converts arrays to integers of one decimal unit.

    The conversion is exact: a double is taken as the shortest decimal that rounds to it.

    Returns:
        The arrays, and how many of the units make 1.

    Raises:
        ValueError: a number has more than `MOST_DECIMALS` decimals.
    """
    if all(np.issubdtype(np.asarray(array).dtype, np.integer) for array in arrays):
        return [np.asarray(array) for array in arrays], 1
    for decimals in range(MAX_DECIMALS + 1):
        unit = 10**decimals
        scaled = [np.rint(np.asarray(array, dtype=float) * unit).astype(np.int64) for array in arrays]
        if all((part / unit == array).all() for part, array in zip(scaled, arrays, strict=True)):
            return scaled, unit
    raise ValueError(f"a number has more than {MAX_DECIMALS} decimals")


def _get_array(instance: Instance, name: str) -> np.ndarray[Any, np.dtype[Any]]:
    """Returns a datum of the instance as an array."""
    return np.asarray(instance.data[name])


def _convert_from_units(total: Any, unit: int) -> Number:
    """Converts a total in decimal units back to a number."""
    return int(total) if unit == 1 else int(total) / unit


def baseline(instance: Instance, seconds: float) -> Baseline:
    """Solves by a Lagrangian bound and CP-SAT; see `exact.solve`."""
    (profit,), unit = convert_to_integers(_get_array(instance, "profit"))
    (weight, capacity), _ = convert_to_integers(
        _get_array(instance, "weight"), _get_array(instance, "capacity")
    )
    found = solve_packing(profit, weight, capacity, seconds)
    return replace(
        found,
        lower=_convert_from_units(np.int64(found.lower), unit),
        upper=_convert_from_units(np.int64(found.upper), unit),
    )


def cpu_seconds(instance: Instance) -> float:
    """Returns one second up to 100 items, growing linearly beyond."""
    return max(1.0, len(_get_array(instance, "profit")) / 100)


SCALES = {
    "medium": ProblemScale(
        strata=tuple(f"m=10 alpha={alpha}" for alpha in SHARES),
        sizes=dict.fromkeys(Split, (100, 250)),
        counts={Split.TRAIN: 12, Split.VALIDATION: 24, Split.TEST: 30},
        cpu_seconds=1.0,
        solver_seconds=3.0,
        story=STORY.replace("SIZES", "10 resources and 100 or 250 items"),
    ),
    "large": ProblemScale(
        strata=tuple(f"m=30 alpha={alpha}" for alpha in SHARES),
        sizes=dict.fromkeys(Split, (500,)),
        counts={Split.TRAIN: 12, Split.VALIDATION: 15, Split.TEST: 24},
        cpu_seconds=10.0,
        solver_seconds=10.0,
        story=STORY.replace("SIZES", "30 resources and 500 items"),
    ),
}

problem = Problem(
    name="multidimensional_knapsack",
    title="Multi-dimensional 0/1 knapsack (maximise)",
    brief=BRIEF,
    story=STORY.replace("SIZES", "5 or 10 resources and 30 to 250 items"),
    entry=ENTRY,
    strata=STRATA,
    generate=generate,
    sizes={Split.TRAIN: (30, 40), Split.VALIDATION: (40,), Split.TEST: (50,)},
    counts={Split.TRAIN: 36, Split.VALIDATION: 60, Split.TEST: 90},
    read=read,
    layouts=LAYOUTS,
    cost=cost,
    baseline=baseline,
    rules=RULES,
    grammar=GRAMMAR,
    maximise=True,
    cpu_seconds=cpu_seconds,
    scales=SCALES,
)
