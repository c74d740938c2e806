"""Maximum independent set.

As many vertices of a graph as possible, no two of them adjacent.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
from gapsmith.evaluators.problems.independent_set.exact.solve import solve_independent_set
from gapsmith.evaluators.problems.independent_set.grammar import GRAMMAR
from gapsmith.evaluators.problems.independent_set.rules import RULES
from gapsmith.evaluators.reading import parse_integer, read_text, split_lines
from gapsmith.evaluators.solutions import subset

BRIEF = """\
Maximum independent set (stable set). A simple undirected graph on the vertices 0..n-1 is given by its adjacency
matrix: adjacent[u, v] is True when u and v are joined by an edge; it is symmetric, and False on the diagonal. Return
a set of vertices, no two of which are adjacent, that is as large as possible: this is a maximisation."""

STORY = """\
Graphs are random ones of edge probability 0.05, 0.1, 0.2 and 0.5, random geometric ones (points of a square joined
when close), and sparse ones with a few hubs (preferential attachment). They have SIZES; some files hold graphs of
codes and of animals that meet."""

ENTRY = EntryPoint(
    "independent_set",
    (
        Argument(
            "adjacent",
            "bool array of shape [n, n]",
            "whether two vertices are joined by an edge; symmetric, False on the diagonal",
            "NDArray[np.bool_]",
        ),
    ),
    "a list (or array) of the indices of the chosen vertices, 0..n-1, each at most once, in any order",
    "Sequence[int] | NDArray[np.int64]",
)

STRATA = ("p=0.05", "p=0.1", "p=0.2", "p=0.5", "geometric", "attachment")

EDGE_FORMATS = ("edge", "edges", "col")
"""Names of the edge-list format on the problem line of DIMACS files."""

MAX_VERTICES = 10_000
"""Largest graph that the reader accepts: the adjacency matrix of a larger one takes too much memory."""


def generate(rng: np.random.Generator, stratum: str, size: int) -> Mapping[str, Datum]:
    """Draws a random graph of a stratum.

    The classes are uniform graphs (Gilbert 1959), geometric graphs of mean degree near 8, and graphs by preferential
    attachment (Barabási and Albert 1999): each vertex is joined to four earlier ones, which are drawn with
    probabilities proportional to their degree plus one.
    """
    if stratum == "geometric":
        points = rng.random((size, 2))
        squares = ((points[:, None] - points) ** 2).sum(axis=-1)
        return {"adjacent": _make_symmetric(squares < 8 / (np.pi * size))}
    if stratum == "attachment":
        return {"adjacent": _draw_attachment(rng, size)}
    return {"adjacent": _make_symmetric(rng.random((size, size)) < float(stratum.removeprefix("p=")))}


def _make_symmetric(matrix: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Makes the part above the diagonal symmetric, without loops."""
    upper = np.triu(matrix, 1)
    adjacent: NDArray[np.bool_] = upper | upper.T
    return adjacent


def _draw_attachment(rng: np.random.Generator, size: int) -> NDArray[np.bool_]:
    """Draws a graph by preferential attachment."""
    adjacent = np.zeros((size, size), dtype=bool)
    for v in range(1, size):
        weight = adjacent[:v].sum(axis=1) + 1.0
        earlier = rng.choice(v, min(v, 4), replace=False, p=weight / weight.sum())
        adjacent[v, earlier] = adjacent[earlier, v] = True
    return adjacent


def read(path: Path) -> list[Instance]:
    """Reads a DIMACS edge list.

    The file has comments `c ...`, one line `p edge n m`, and m lines `e u v`, with vertices from 1. An edge that is
    given in both directions or several times counts once, as in QOBLIB's files. Raises GapsmithError with the line.
    """
    adjacent: NDArray[np.bool_] | None = None
    edges, declared, number = 0, 0, 1
    for number, line in enumerate(split_lines(read_text(path, "a DIMACS edge list")), 1):
        words = line.split()
        if not words or words[0] == "c":
            continue
        if words[0] == "p" and adjacent is None:
            n, declared = _parse_problem_line(path, number, words)
            adjacent = np.zeros((n, n), dtype=bool)
        elif words[0] == "e" and adjacent is not None:
            u, v = _parse_edge(path, number, words, len(adjacent))
            adjacent[u, v] = adjacent[v, u] = True
            edges += 1
        else:
            raise _report_trouble(
                path, number, repr(line.strip()[:40]), "one line p edge n m, then lines e u v"
            )
    if adjacent is None or edges != declared:
        both = "; the header counts both directions: write half of it" if declared == 2 * edges > 0 else ""
        raise _report_trouble(path, number, f"{edges} edges", f"a line p edge n m and {declared} edges{both}")
    return [Instance(path.stem, {"adjacent": adjacent})]


def _report_trouble(path: Path, line: int, found: str, expected: str) -> GapsmithError:
    return GapsmithError(f"{path}, line {line}: found {found}; expected {expected}")


def _parse_problem_line(path: Path, number: int, words: list[str]) -> tuple[int, int]:
    expected = f"p edge n m, with n from 1 to {MAX_VERTICES}"
    n, m = (parse_integer(word) for word in [*words, "", "", ""][2:4])
    if len(words) != 4 or words[1] not in EDGE_FORMATS or n is None or m is None:
        raise _report_trouble(path, number, repr(" ".join(words[:6])[:40]), expected)
    if not 1 <= n <= MAX_VERTICES:
        raise _report_trouble(path, number, f"{n} vertices", expected)
    return n, m


def _parse_edge(path: Path, number: int, words: list[str], n: int) -> tuple[int, int]:
    u, v = (parse_integer(word, 1, n) for word in [*words, "", ""][1:3])
    if len(words) != 3 or u is None or v is None:
        raise _report_trouble(
            path, number, repr(" ".join(words[:6])[:40]), f"e u v, with vertices from 1 to {n}"
        )
    if u == v:
        raise _report_trouble(path, number, f"a loop at vertex {u}", "two vertices")
    return u - 1, v - 1


def cost(instance: Instance, solution: Any) -> int:
    """Returns the number of chosen vertices. Raises Infeasible for adjacent ones."""
    adjacent = np.asarray(instance.data["adjacent"])
    chosen = subset(solution, len(adjacent), "vertex")
    clashes = np.argwhere(np.triu(adjacent[np.ix_(chosen, chosen)]))
    if clashes.size:
        u, v = sorted(int(chosen[place]) for place in clashes[0])
        raise Infeasible(f"vertices {u} and {v} are adjacent; {len(clashes)} such pairs in all")
    return len(chosen)


def baseline(instance: Instance, seconds: float) -> Baseline:
    """Solves by reductions, clique bounds, branch and bound, and CP-SAT."""
    return solve_independent_set(np.asarray(instance.data["adjacent"]), seconds)


def cpu_seconds(instance: Instance) -> float:
    """Returns one second up to 100 vertices, growing quadratically beyond."""
    return max(1.0, (len(np.asarray(instance.data["adjacent"])) / 100) ** 2)


SCALES = {
    "medium": ProblemScale(
        sizes=dict.fromkeys(Split, (250,)),
        counts={Split.TRAIN: 12, Split.VALIDATION: 24, Split.TEST: 30},
        cpu_seconds=1.0,
        solver_seconds=3.0,
        story=STORY.replace("SIZES", "250 vertices"),
    ),
    "large": ProblemScale(
        sizes=dict.fromkeys(Split, (1000,)),
        counts={Split.TRAIN: 12, Split.VALIDATION: 18, Split.TEST: 24},
        cpu_seconds=10.0,
        solver_seconds=10.0,
        story=STORY.replace("SIZES", "1000 vertices"),
    ),
}

problem = Problem(
    name="independent_set",
    title="Maximum independent set (maximise)",
    brief=BRIEF,
    story=STORY.replace("SIZES", "50 to 200 vertices"),
    entry=ENTRY,
    strata=STRATA,
    generate=generate,
    sizes={Split.TRAIN: (60, 80), Split.VALIDATION: (100,), Split.TEST: (120,)},
    counts={Split.TRAIN: 36, Split.VALIDATION: 60, Split.TEST: 120},
    read=read,
    cost=cost,
    baseline=baseline,
    rules=RULES,
    grammar=GRAMMAR,
    maximise=True,
    cpu_seconds=cpu_seconds,
    scales=SCALES,
)
