"""Multi-dimensional knapsack: a literal for each item."""

from collections.abc import Mapping, Sequence

import numpy as np

from gapsmith.evaluators.base import Datum, Instance, Split
from gapsmith.evaluators.formulations.contract import Built, Formulation, Values
from gapsmith.evaluators.formulations.verify.sizes import draw_tiny_size
from gapsmith.evaluators.problems.multidimensional_knapsack import problem as multidimensional_knapsack
from gapsmith.evaluators.problems.multidimensional_knapsack.patterns import PATTERNS

BRIEF = """\
Multi-dimensional 0/1 knapsack; data: profit, shape [n]; weight, shape [m, n]; capacity, shape [m], integers.
Variables: taken[j], Boolean, shape [n].
Constraints: the weights of the items that are taken fit into each capacity. Maximised: their profit."""


def build(instance: Instance) -> Built:
    """Builds the integer programme of the problem's definition."""
    from ortools.sat.python import cp_model

    profit, weight, capacity = (np.asarray(instance.data[name]).tolist() for name in _NAMES)
    model = cp_model.CpModel()
    taken = [model.new_bool_var(f"item {j}") for j in range(len(profit))]
    for line, most in zip(weight, capacity, strict=True):
        model.add(sum(each * item for each, item in zip(line, taken, strict=True)) <= most)
    model.maximize(sum(each * item for each, item in zip(profit, taken, strict=True)))
    return Built(model, {"taken": taken})


_NAMES = ("profit", "weight", "capacity")


def decode(_: Instance, values: Values) -> list[int]:
    """Lists the items that are taken."""
    return [j for j, value in enumerate(values["taken"]) if value]


def encode(instance: Instance, solution: Sequence[int]) -> Values:
    """Returns the values of all variables for a set of items."""
    return {"taken": [int(j in set(solution)) for j in range(len(np.asarray(instance.data["profit"])))]}


def draw_tiny(rng: np.random.Generator) -> Mapping[str, Datum]:
    """Draws one to nine items and one to three capacities.

    Some capacities are met exactly; an item may be a copy of another.
    """
    n, m = draw_tiny_size(rng, 1, 9), int(rng.integers(1, 3, endpoint=True))
    most = int(rng.choice((2, 5, 20, 1000)))
    weight, profit = rng.integers(0, most, (m, n), endpoint=True), rng.integers(0, most, n, endpoint=True)
    if n > 1 and rng.random() < 0.5:
        one, other = rng.choice(n, 2, replace=False)
        weight[:, one], profit[one] = (
            weight[:, other],
            profit[other] - int(rng.integers(2)) * (profit[other] > 0),
        )
    chosen = rng.random(n) < rng.choice((0.3, 0.6))
    return {"profit": profit, "weight": weight, "capacity": weight[:, chosen].sum(axis=1)}


def generate(rng: np.random.Generator, size: int) -> Mapping[str, Datum]:
    """Draws five capacities, each half of the sum of its weights."""
    return multidimensional_knapsack.generate(rng, "m=5 alpha=0.5", size)


formulation = Formulation(
    name="knapsack_binary",
    problem=multidimensional_knapsack.problem.name,
    title="multi-dimensional 0/1 knapsack: a literal for each item",
    brief=BRIEF,
    citation="Weingartner and Ness 1967, Oper. Res. 15",
    build=build,
    decode=decode,
    encode=encode,
    decisions=("taken",),
    micro=draw_tiny,
    generate=generate,
    sizes={Split.TRAIN: (45, 50), Split.VALIDATION: (50,), Split.TEST: (55,)},
    patterns=PATTERNS,
    linear=True,
)
