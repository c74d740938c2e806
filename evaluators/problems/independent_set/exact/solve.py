"""Solves the maximum independent set exactly.

By reductions, a clique bound (`dual_ascent`), branch and bound, and CP-SAT.

1. Reductions decide vertices of degree 0 and 1 and dominated vertices.
2. The remaining edges are covered by cliques. Multipliers of the cliques give a Lagrangian bound, at best that of the
   linear relaxation; it is computed in integers in units of 1/SCALE.
3. Branch and bound on bit sets comes first if the graph is dense, CP-SAT (`cpsat`) if it is sparse; the other method
   follows if the first one does not finish.
"""

import time
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline
from gapsmith.evaluators.problems.independent_set.exact.cpsat import solve_with_cpsat
from gapsmith.evaluators.solvers.dual_ascent import Integers, ascend

SCALE = 1 << 16
MAX_DUAL_CALLS, PATIENCE = 600, 30
SLICE_NODES = 20_000
DENSE_FROM = 0.04
"""Edge density from which branch and bound comes before CP-SAT; measured on graphs of 100 to 200 vertices."""

MAX_LITERALS = 1_000_000
"""Sum of the sizes of all cliques up to which the CP-SAT model is built; a larger one takes too long to build."""

MAX_SEARCHED_VERTICES = 4000
"""Vertices up to which branch and bound is used: its arrays take hundreds of megabytes for larger graphs."""

TIME_SHARE = 0.5
"""Share of the time limit for each step that is not the last one."""

Graph = NDArray[np.bool_]


def reduce_graph(adjacent: Graph, deadline: float = np.inf) -> tuple[list[int], list[int]]:
    """Decides vertices by domination, as long as there are dominated ones.

    A vertex whose closed neighbourhood lies in that of a neighbour makes this neighbour superfluous: any independent
    set with the neighbour can have the vertex instead (domination; Fomin, Grandoni and Kratsch 2009). Vertices of
    degree 0 and 1 are special cases.

    Args:
        adjacent: symmetric, without loops, shape (n, n).
        deadline: of the CPU clock of the process; vertices not examined by then stay undecided.

    Returns:
        Vertices that are together part of some maximum independent set, and the undecided vertices.
    """
    closed = adjacent | np.eye(len(adjacent), dtype=bool)
    alive = np.ones(len(adjacent), dtype=bool)
    taken: list[int] = []
    changed = True
    while changed:
        changed = False
        for v in np.argsort(closed.sum(axis=1), kind="stable"):
            if not alive[v]:
                continue
            if time.process_time() > deadline:
                return taken, np.flatnonzero(alive).tolist()
            around = np.flatnonzero(adjacent[v] & alive)
            here = closed[v] & alive
            superfluous = [int(u) for u in around if not (here & ~closed[u]).any()]
            if len(superfluous) == len(around):
                taken.append(int(v))
                alive[v] = False
            alive[superfluous] = False
            changed = changed or bool(superfluous) or not alive[v]
    return taken, np.flatnonzero(alive).tolist()


def cover_edges(adjacent: Graph, deadline: float = np.inf) -> list[list[int]]:
    """Covers all edges by cliques, each grown greedily.

    A clique is extended by the vertex with the most uncovered edges to it, the lowest vertex on ties. At the deadline
    (CPU time) the cliques so far are returned.
    """
    uncovered = adjacent.copy()
    cliques: list[list[int]] = []
    for v in range(len(adjacent)):
        while uncovered[v].any():
            if time.process_time() > deadline:
                return cliques
            clique, gain = [v], uncovered[v].astype(np.int64)
            common = adjacent[v].copy()
            while common.any():
                u = int(np.argmax(np.where(common, gain, -1)))
                clique.append(u)
                common &= adjacent[u]
                gain += uncovered[u]
            uncovered[np.ix_(clique, clique)] = False
            cliques.append(clique)
    return cliques


class CliqueDual:
    """The negated Lagrangian bound as an exact function of the cliques' multipliers.

    Args:
        n: the number of vertices.
        cliques: nonempty cliques that cover all edges.
    """

    def __init__(self, n: int, cliques: list[list[int]]) -> None:
        self._n = n
        self._owner = np.repeat(np.arange(len(cliques)), [len(clique) for clique in cliques])
        self._vertex = np.array([v for clique in cliques for v in clique], dtype=np.int64)
        self._starts = np.searchsorted(self._owner, np.arange(len(cliques)))

    def __call__(self, multipliers: Integers) -> tuple[int, Integers]:
        """Returns the negated bound at nonnegative multipliers, and a subgradient.

        The subgradient is the excess of each clique: chosen vertices less one.
        """
        multipliers = np.minimum(multipliers, SCALE)  # larger ones give no better bound
        reduced_ = np.full(self._n, SCALE, dtype=np.int64)
        np.subtract.at(reduced_, self._vertex, multipliers[self._owner])
        inside = reduced_ > 0
        bound = int(multipliers.sum()) + int(reduced_[inside].sum())
        excess = np.add.reduceat(inside[self._vertex].astype(np.int64), self._starts) - 1
        return -bound, excess


def bound_by_cliques(n: int, cliques: list[list[int]], size: int, seconds: float = float("inf")) -> int:
    """Computes an upper bound on the size of an independent set.

    Args:
        n: the number of vertices, at least 1.
        cliques: cliques that cover all edges.
        size: the size of any known independent set.
        seconds: limit of CPU time.
    """
    if not cliques:
        return n
    dual = CliqueDual(n, cliques)
    start = np.full(len(cliques), SCALE // 2, dtype=np.int64)
    ascent = ascend(
        dual, start, -size * SCALE, calls=MAX_DUAL_CALLS, patience=PATIENCE, seconds=seconds, nonnegative=True
    )
    return -ascent.bound // SCALE


def build_by_degree(adjacent: Graph) -> list[int]:
    """Builds an independent set by least remaining degree, ties by index."""
    alive, chosen = np.ones(len(adjacent), dtype=bool), []
    degree = adjacent.sum(axis=1)
    while alive.any():
        v = int(np.argmin(np.where(alive, degree, len(adjacent))))
        chosen.append(v)
        gone = alive & adjacent[v]
        gone[v] = True
        alive &= ~gone
        degree -= adjacent[gone].sum(axis=0)
    return chosen


def search_exhaustively(adjacent: Graph, start: list[int], seconds: float) -> tuple[bool, list[int]]:
    """Searches for an independent set larger than `start`.

    Args:
        adjacent: symmetric, without loops, shape (n, n).
        start: an independent set.
        seconds: limit of CPU time, checked every `SLICE_NODES` nodes.

    Returns:
        Whether the search is complete, and the best set.
    """
    from gapsmith.evaluators.problems.independent_set.exact import branch_and_bound as kernel

    deadline = time.process_time() + seconds
    n = len(adjacent)
    order = _order_by_degree(adjacent)
    bits = _pack_bits(adjacent[np.ix_(order, order)])
    words = bits.shape[1]
    left = np.zeros((n + 2, words), dtype=np.uint64)
    left[0] = _pack_bits(np.ones((1, n), dtype=bool))[0]
    branch, bound = (np.zeros((n + 2, n), dtype=np.int64) for _ in range(2))
    count = np.full(n + 2, -1, dtype=np.int64)
    chosen, best = (np.zeros(n + 1, dtype=np.int64) for _ in range(2))
    state = np.array([0, len(start), 0, 0], dtype=np.int64)
    scratch = np.zeros((2, words), dtype=np.uint64)
    nodes = max(1, min(SLICE_NODES, SLICE_NODES * 200**2 // n**2))
    while not state[kernel.DONE] and time.process_time() < deadline:
        kernel.search_nodes(bits, left, scratch, branch, bound, count, chosen, best, state, nodes)
    size = int(state[kernel.BEST])
    found = [int(order[v]) for v in best[:size]] if size > len(start) else start
    return bool(state[kernel.DONE]), found


def _order_by_degree(adjacent: Graph) -> Integers:
    """Orders vertices so that cliques of a partition are few.

    Vertices with the most neighbours among the remaining ones come last (Carraghan and Pardalos 1990).
    """
    alive, order = np.ones(len(adjacent), dtype=bool), []
    degree = adjacent.sum(axis=1)
    while alive.any():
        v = int(np.argmax(np.where(alive, degree, -1)))
        order.append(v)
        alive[v] = False
        degree -= adjacent[v]
    return np.array(order[::-1], dtype=np.int64)


def _pack_bits(rows: Graph) -> NDArray[np.uint64]:
    """Packs Boolean rows into 64-bit words, the lowest bit first."""
    width = -(-rows.shape[1] // 64) * 64
    wide = np.zeros((len(rows), width), dtype=bool)
    wide[:, : rows.shape[1]] = rows
    packed = np.packbits(wide, axis=1, bitorder="little")
    return packed.view("<u8").astype(np.uint64)


def solve_independent_set(adjacent: Graph, seconds: float) -> Baseline:
    """Finds a largest independent set, or bounds when time is short.

    Args:
        adjacent: symmetric, without loops, shape (n, n).
        seconds: limit of CPU time; the time of CP-SAT is measured by its deterministic clock.
    """
    _compile_kernels()
    begin = time.process_time()
    taken, rest = reduce_graph(adjacent, begin + TIME_SHARE * seconds)
    core = adjacent if len(rest) == len(adjacent) else adjacent[np.ix_(rest, rest)]
    upper, found, solver = _solve_core(core, begin, seconds) if rest else (0, list[int](), "reductions")
    chosen = sorted(taken + [rest[v] for v in found])
    value = len(chosen)
    if len(found) > upper or adjacent[np.ix_(chosen, chosen)].any() or len(set(chosen)) != value:
        raise AssertionError(f"bug in {solver}: a set of {value} above a bound of {upper}; please report")
    return Baseline(value, len(taken) + upper, chosen, solver, time.process_time() - begin)


@cache
def _compile_kernels() -> None:
    """Compiles the kernel, so that compilation does not use up a limit."""
    search_exhaustively(~np.eye(2, dtype=bool), [0], 1.0)


def _solve_core(core: Graph, begin: float, seconds: float) -> tuple[int, list[int], str]:
    """Solves a graph with at least one edge.

    Returns:
        An upper bound, an independent set, and the names of the methods used.
    """

    def measure_left() -> float:
        return seconds - (time.process_time() - begin)

    found = build_by_degree(core)
    cliques = cover_edges(core, begin + TIME_SHARE * seconds)
    # At the deadline some edges may be uncovered: the cliques still give a bound, but not a model.
    modelled = measure_left() > TIME_SHARE * seconds and sum(map(len, cliques)) <= MAX_LITERALS
    upper, solver = bound_by_cliques(len(core), cliques, len(found), measure_left()), "clique bound"
    dense = core.mean() >= DENSE_FROM
    methods = ["branch and bound", "cp-sat"] if dense else ["cp-sat", "branch and bound"]
    possible = {"cp-sat": modelled, "branch and bound": len(core) <= MAX_SEARCHED_VERTICES}
    for method in (method for method in methods if possible[method]):
        if len(found) >= upper or measure_left() <= 0:
            break
        share = measure_left() * (TIME_SHARE if solver == "clique bound" else 1.0)
        solver = f"{solver} + {method}"
        if method == "cp-sat":
            upper, found = solve_with_cpsat(len(core), cliques, upper, found, share)
        else:
            done, found = search_exhaustively(core, found, share)
            upper = len(found) if done else upper
    return upper, found, solver
