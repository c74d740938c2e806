"""Quadratic assignment: facilities to locations, so that flows travel little distance."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline, Datum, GapsmithError, Instance, Problem, ProblemScale, Split
from gapsmith.evaluators.grammar import Argument, CompiledFunctions, EntryPoint
from gapsmith.evaluators.problems.quadratic_assignment import compiled
from gapsmith.evaluators.problems.quadratic_assignment.exact.solve import (
    LARGEST_COST,
    compute_cost,
    solve_quadratic_assignment,
)
from gapsmith.evaluators.problems.quadratic_assignment.grammar import GRAMMAR
from gapsmith.evaluators.problems.quadratic_assignment.rules import RULES
from gapsmith.evaluators.reading import NumberReader
from gapsmith.evaluators.solutions import permutation

BRIEF = """\
Quadratic assignment problem, Koopmans and Beckmann's form. There are n facilities and n locations. flow[i, k] goes
from facility i to facility k, and distance[j, l] lies from location j to location l; both are integers of at least
0, symmetric or not, usually with a zero diagonal. Put every facility at a location of its own. If facility i stands
at place[i], the cost is the sum over all i and k of flow[i, k] * distance[place[i], place[k]], each ordered pair
counted. Return the places that make the cost as small as possible."""

STORY = """\
Instances are of four kinds: grids (distances in a rectangular grid, sparse flows), uniform ones (both matrices
random, which gives no hold), real-life-like ones (a few large flows, distances in the plane) and trees (flows along
the edges of a tree). They have SIZES."""

ENTRY = EntryPoint(
    "assign",
    (
        Argument(
            "flow", "int64 array of shape [n, n]", "flow from facility to facility", "NDArray[np.int64]"
        ),
        Argument(
            "distance",
            "int64 array of shape [n, n]",
            "distance from location to location",
            "NDArray[np.int64]",
        ),
    ),
    "a sequence (list or array) of the location indices 0..n-1, each exactly once: the location of facility 0, 1, …",
    "Sequence[int] | NDArray[np.int64]",
)

STRATA = ("grid", "uniform", "real-life", "tree")

MOST_HEAD = 3
"""Numbers before the matrices at most: n, and what is known of the optimum."""

MOST = 10**6
"""Greater flows and distances are refused, so that all sums stay exact in int64."""


def generate(rng: np.random.Generator, stratum: str, size: int) -> Mapping[str, Datum]:
    """Draws an instance of one of QAPLIB's kinds.

    grid: Nugent, Vollmann and Ruml (1968): Manhattan distances; two flows in three are 0, others 1 to 10. uniform:
    Taillard's (1991) a-class: both from 1 to 99. real-life: his (1995) b-class: Euclidean distances; flows
    10^U(-2, 4), cut to integers. tree: Christofides and Benavent (1989): flows of 1 to 99 along a random tree,
    distances of 1 to 99.
    """
    flow, distance = _KINDS[stratum](rng, size)
    return {"flow": flow, "distance": distance}


def _draw_symmetric(matrix: NDArray[np.int64]) -> NDArray[np.int64]:
    upper = np.triu(matrix, 1)
    both: NDArray[np.int64] = upper + upper.T
    return both


def _draw_uniform(rng: np.random.Generator, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    flow, distance = (_draw_symmetric(rng.integers(1, 99, (size, size), endpoint=True)) for _ in range(2))
    return flow, distance


def _draw_grid(rng: np.random.Generator, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rows, columns = np.divmod(np.arange(size), int(np.ceil(np.sqrt(size))))
    distance = np.abs(rows[:, None] - rows) + np.abs(columns[:, None] - columns)
    flow = rng.integers(1, 10, (size, size), endpoint=True) * (rng.random((size, size)) < 1 / 3)
    return _draw_symmetric(flow), distance.astype(np.int64)


def _draw_real_life(rng: np.random.Generator, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    points = rng.integers(0, 100, (size, 2), endpoint=True)
    squares = ((points[:, None] - points) ** 2).sum(axis=-1)
    flow = np.floor(10 ** rng.uniform(-2, 4, (size, size))).astype(np.int64)
    return _draw_symmetric(flow), np.floor(np.sqrt(squares) + 0.5).astype(np.int64)


def _draw_tree(rng: np.random.Generator, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    _, distance = _draw_uniform(rng, size)
    flow = np.zeros((size, size), dtype=np.int64)
    for v in range(1, size):
        flow[int(rng.integers(v)), v] = rng.integers(1, 99, endpoint=True)
    return _draw_symmetric(flow), distance


_KINDS = {"grid": _draw_grid, "uniform": _draw_uniform, "real-life": _draw_real_life, "tree": _draw_tree}


def read(path: Path) -> list[Instance]:
    """Reads QAPLIB's format.

    The file has `n optimum best` and two n×n matrices, or `n` alone and the matrices. The optimum is ignored,
    because instances know none. Raises GapsmithError with the line.
    """
    numbers = NumberReader(path)
    head = numbers.widths[0] if numbers.widths[0] <= MOST_HEAD else 1
    n = numbers.read_integer("the number of facilities", least=1)
    for _ in range(head - 1):
        numbers.read_integer("a known value of the instance")
    flow, distance = (_read_matrix(numbers, n, name) for name in ("flow", "distance"))
    if not numbers.at_end:
        raise GapsmithError(f"{path}: goes on after two matrices of {n} rows; expected its end")
    largest = int(flow.max()) * int(distance.max())
    numbers.check_bound(4 * n * n * largest, "four times the cost", LARGEST_COST)
    return [Instance(path.stem, {"flow": flow, "distance": distance})]


def _read_matrix(numbers: NumberReader, n: int, name: str) -> NDArray[np.int64]:
    found = [numbers.read_integer(f"a {name} of {n} times {n}", least=0, most=MOST) for _ in range(n * n)]
    return np.array(found, dtype=np.int64).reshape(n, n)


def cost(instance: Instance, solution: Any) -> int:
    """Returns the cost of the facilities' locations.

    Raises Infeasible when they are not a permutation.
    """
    flow, distance = np.asarray(instance.data["flow"]), np.asarray(instance.data["distance"])
    return compute_cost(flow, distance, permutation(solution, len(flow), "location").tolist())


def baseline(instance: Instance, seconds: float) -> Baseline:
    """Solves by branch and bound with Hahn and Grant's bound.

    See `exact`.
    """
    flow, distance = np.asarray(instance.data["flow"]), np.asarray(instance.data["distance"])
    return solve_quadratic_assignment(flow, distance, seconds)


def cpu_seconds(instance: Instance) -> float:
    """Returns the CPU limit: one second up to 20 facilities.

    From there it grows as the square of the number of facilities.
    """
    return max(1.0, (len(np.asarray(instance.data["flow"])) / 20) ** 2)


SCALES = {
    "medium": ProblemScale(
        sizes=dict.fromkeys(Split, (30, 40)),
        counts={Split.TRAIN: 12, Split.VALIDATION: 24, Split.TEST: 32},
        cpu_seconds=1.0,
        solver_seconds=3.0,
        story=STORY.replace("SIZES", "30 or 40 facilities"),
    ),
    "large": ProblemScale(
        sizes=dict.fromkeys(Split, (80, 100)),
        counts={Split.TRAIN: 8, Split.VALIDATION: 16, Split.TEST: 24},
        cpu_seconds=10.0,
        solver_seconds=10.0,
        story=STORY.replace("SIZES", "80 or 100 facilities"),
    ),
}

problem = Problem(
    name="quadratic_assignment",
    title="QAP: quadratic assignment",
    brief=BRIEF,
    story=STORY.replace("SIZES", "8 to 30 facilities"),
    entry=ENTRY,
    strata=STRATA,
    generate=generate,
    sizes={Split.TRAIN: (10, 12), Split.VALIDATION: (13,), Split.TEST: (14,)},
    counts={Split.TRAIN: 32, Split.VALIDATION: 60, Split.TEST: 80},
    read=read,
    cost=cost,
    baseline=baseline,
    rules=RULES,
    grammar=GRAMMAR,
    compiled=CompiledFunctions(compiled.__file__),
    cpu_seconds=cpu_seconds,
    scales=SCALES,
)
