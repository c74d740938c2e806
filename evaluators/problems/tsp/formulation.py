"""TSP by arcs and positions: the model of Miller, Tucker and Zemlin."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Datum, Instance, Split
from gapsmith.evaluators.formulations.contract import Built, Formulation, Values
from gapsmith.evaluators.formulations.verify.sizes import draw_tiny_size
from gapsmith.evaluators.problems.tsp import problem as tsp
from gapsmith.evaluators.problems.tsp.patterns import PATTERNS

BRIEF = """\
Symmetric TSP by arcs; data: distance, array of shape [n, n].
Variables: arc[i][j] for i != j, Boolean, None on the diagonal, shape [n][n]: the tour goes from city i to city j;
position[i] for i > 0, integer from 1 to n - 1, None for city 0, shape [n].
Constraints: one arc leaves and one enters every city; position[i] - position[j] + n * arc[i][j] <= n - 1 for i, j > 0.
Minimised: the length of the tour. n is at least 2."""


def build(instance: Instance) -> Built:
    """Builds degree constraints, and positions against subtours without city 0."""
    from ortools.sat.python import cp_model

    distance = np.asarray(instance.data["distance"])
    n, model = len(distance), cp_model.CpModel()
    arc: list[list[Any]] = [
        [model.new_bool_var(f"{i} to {j}") if i != j else None for j in range(n)] for i in range(n)
    ]
    position: list[Any] = [model.new_int_var(1, n - 1, f"position {i}") if i else None for i in range(n)]
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    for i in range(n):
        model.add_exactly_one(arc[i][j] for j in range(n) if j != i)
        model.add_exactly_one(arc[j][i] for j in range(n) if j != i)
    for i, j in pairs:
        if i and j:
            model.add(position[i] - position[j] + n * arc[i][j] <= n - 1)
    model.minimize(sum(int(distance[i, j]) * arc[i][j] for i, j in pairs))
    return Built(model, {"arc": arc, "position": position})


def decode(_: Instance, values: Values) -> list[int]:
    """Follows the arcs from city 0."""
    after = [line.index(1) for line in values["arc"]]
    tour = [0]
    while (city := after[tour[-1]]) != 0:
        tour.append(city)
    return tour


def encode(_: Instance, solution: Sequence[int]) -> Values:
    """Returns the values of all variables for a tour from city 0."""
    n, begin = len(solution), list(solution).index(0)
    tour = [*solution[begin:], *solution[:begin]]
    after = dict(zip(tour, [*tour[1:], 0], strict=True))
    return {
        "arc": [[int(after[i] == j) if i != j else None for j in range(n)] for i in range(n)],
        "position": [tour.index(i) if i else None for i in range(n)],
    }


def draw_tiny(rng: np.random.Generator) -> Mapping[str, Datum]:
    """Draws two to seven cities.

    Distances are symmetric and random, or Manhattan distances on a small grid, where points may coincide.
    """
    n = draw_tiny_size(rng, 2, 7)
    if rng.random() < 0.5:
        upper = np.triu(rng.integers(0, rng.choice((2, 9, 1000)), (n, n), endpoint=True), 1)
        return {"distance": upper + upper.T}
    points = rng.integers(0, 3, (n, 2))
    return {"distance": _measure_manhattan(points)}


def _measure_manhattan(points: NDArray[np.int64]) -> NDArray[np.int64]:
    distances: NDArray[np.int64] = np.abs(points[:, None] - points).sum(axis=-1)
    return distances


def generate(rng: np.random.Generator, size: int) -> Mapping[str, Datum]:
    """Draws cities uniformly in a square of side 1000."""
    points = rng.integers(0, 1000, (size, 2))
    lengths = np.sqrt(((points[:, None] - points) ** 2).sum(axis=-1))
    return {"distance": np.rint(lengths).astype(np.int64)}


formulation = Formulation(
    name="tsp_arcs",
    problem=tsp.problem.name,
    title="TSP: arcs and positions",
    brief=BRIEF,
    citation="Miller, Tucker and Zemlin 1960, Journal of the ACM 7",
    build=build,
    decode=decode,
    encode=encode,
    decisions=("arc",),
    micro=draw_tiny,
    generate=generate,
    sizes={Split.TRAIN: (16, 18), Split.VALIDATION: (18,), Split.TEST: (20,)},
    patterns=PATTERNS,
    linear=True,
)
