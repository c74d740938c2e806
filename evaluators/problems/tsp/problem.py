"""TSP: the shortest closed tour through all cities, symmetric distances."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline, Datum, Instance, Problem, ProblemScale, Split
from gapsmith.evaluators.grammar import Argument, CompiledFunctions, EntryPoint
from gapsmith.evaluators.problems.tsp import compiled
from gapsmith.evaluators.problems.tsp.exact.solve import compute_length, solve_tour
from gapsmith.evaluators.problems.tsp.grammar import GRAMMAR
from gapsmith.evaluators.problems.tsp.reader import measure_euclidean, read_tsplib
from gapsmith.evaluators.problems.tsp.rules import RULES
from gapsmith.evaluators.solutions import permutation

BRIEF = """\
Symmetric travelling salesman problem. There are n cities, and distance[i, j] = distance[j, i] is the length of the
way between i and j, an integer; distance[i, i] = 0. A tour visits every city exactly once and returns to where it
began; its length is the sum of the distances between consecutive cities, the way back included. Return the order
of the cities that makes the tour as short as possible; where it begins and which way it goes do not matter.
Coordinates are not given: a rule has the distances alone."""

STORY = """\
Instances have SIZES. Most lie in the plane with Euclidean distances rounded to the nearest integer: cities spread
evenly, cities in clusters, or cities on a coarse grid of drilling holes, where many distances are equal. Some files
give only a matrix, and the triangle inequality may then fail."""

ENTRY = EntryPoint(
    "tour",
    (
        Argument(
            "distance",
            "int64 array of shape [n, n]",
            "distances between the cities, integers of at least 0, symmetric, zero on the diagonal",
            "NDArray[np.int64]",
        ),
    ),
    "a sequence (list or array) of the city indices 0..n-1, each exactly once, in the order of the tour",
    "Sequence[int] | NDArray[np.int64]",
)

SIDE = 1_000_000
"""Side of the square, as in the DIMACS challenge: long enough that rounding does not matter."""

STRATA = ("uniform", "clustered", "drilling")


def generate(rng: np.random.Generator, stratum: str, size: int) -> Mapping[str, Datum]:
    """Draws cities as the DIMACS challenge does, or holes of a grid.

    The challenge is that of Johnson and McGeoch (2002). uniform: even in a square. clustered: n/10 centres, even in
    the square, and normal deviates around a random one of them, of standard deviation SIDE/sqrt(n). drilling:
    distinct points of a square grid with 4n of them.
    """
    return {
        "distance": measure_euclidean(
            {"uniform": _draw_uniform, "clustered": _draw_clustered, "drilling": _draw_drilling}[stratum](
                rng, size
            )
        )
    }


def _draw_uniform(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    return rng.integers(0, SIDE, (size, 2)).astype(float)


def _draw_clustered(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    centres = _draw_uniform(rng, max(1, size // 10))
    deviates = rng.normal(0.0, SIDE / np.sqrt(size), (size, 2))
    return np.rint(centres[rng.integers(0, len(centres), size)] + deviates)


def _draw_drilling(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    side = int(np.ceil(np.sqrt(4 * size)))
    holes = rng.choice(side * side, size, replace=False)
    return np.column_stack(np.divmod(holes, side)) * float(SIDE // side)


def read(path: Path) -> list[Instance]:
    """Reads a TSPLIB file of TYPE TSP.

    See `tsplib`. Raises GapsmithError with the line.
    """
    return [Instance(path.stem, {"distance": read_tsplib(path)})]


def cost(instance: Instance, solution: Any) -> int:
    """Returns the length of a tour.

    Raises Infeasible when it is not a permutation of the city indices.
    """
    distance = np.asarray(instance.data["distance"])
    return compute_length(distance, permutation(solution, len(distance), "city").tolist())


def baseline(instance: Instance, seconds: float) -> Baseline:
    """Solves by Held and Karp's bound and CP-SAT.

    See `exact`.
    """
    return solve_tour(np.asarray(instance.data["distance"]), seconds)


def cpu_seconds(instance: Instance) -> float:
    """Returns the CPU limit: one second up to 50 cities.

    From there it grows as the square of the number of cities.
    """
    return max(1.0, (len(np.asarray(instance.data["distance"])) / 50) ** 2)


SCALES = {
    "medium": ProblemScale(
        sizes=dict.fromkeys(Split, (200,)),
        counts={Split.TRAIN: 12, Split.VALIDATION: 24, Split.TEST: 30},
        cpu_seconds=1.0,
        solver_seconds=3.0,
        story=STORY.replace("SIZES", "200 cities"),
    ),
    "large": ProblemScale(
        sizes=dict.fromkeys(Split, (1000,)),
        counts={Split.TRAIN: 9, Split.VALIDATION: 15, Split.TEST: 21},
        cpu_seconds=10.0,
        solver_seconds=5.0,
        story=STORY.replace("SIZES", "1000 cities"),
    ),
}

problem = Problem(
    name="tsp",
    title="TSP: symmetric travelling salesman",
    brief=BRIEF,
    story=STORY.replace("SIZES", "14 to 130 cities"),
    entry=ENTRY,
    strata=STRATA,
    generate=generate,
    sizes={Split.TRAIN: (30, 40), Split.VALIDATION: (50,), Split.TEST: (70,)},
    counts={Split.TRAIN: 30, Split.VALIDATION: 60, Split.TEST: 90},
    read=read,
    cost=cost,
    baseline=baseline,
    rules=RULES,
    grammar=GRAMMAR,
    compiled=CompiledFunctions(compiled.__file__),
    cpu_seconds=cpu_seconds,
    scales=SCALES,
)
