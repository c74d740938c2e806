"""Kernel for the maximum independent set.

Branch and bound on bit sets, bounded by partitions into cliques.

San Segundo, Rodríguez-Losada and Jiménez 2011 (BBMC), stated for independent sets instead of cliques: at most one
vertex of each clique can be chosen, so the number of cliques that cover the candidates bounds how many can be added.
"""

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.solvers.compiled import compile_kernel

DEPTH, BEST, NODES, DONE = 0, 1, 2, 3
"""Indices in the state: depth of the search, size of the best set, nodes so far, whether the search is complete."""

ONE = np.uint64(1)


@compile_kernel
def find_lowest_bit(word: np.uint64) -> int:
    """Returns the index of the lowest set bit of a nonzero word."""
    place = 0
    if word & np.uint64(0xFFFFFFFF) == 0:
        place, word = place + 32, word >> np.uint64(32)
    if word & np.uint64(0xFFFF) == 0:
        place, word = place + 16, word >> np.uint64(16)
    if word & np.uint64(0xFF) == 0:
        place, word = place + 8, word >> np.uint64(8)
    while word & ONE == 0:
        place, word = place + 1, word >> ONE
    return place


@compile_kernel
def partition_into_cliques(
    adjacent: NDArray[np.uint64],
    candidates: NDArray[np.uint64],
    rest: NDArray[np.uint64],
    clique: NDArray[np.uint64],
    branch: NDArray[np.int64],
    bound: NDArray[np.int64],
    needed: int,
) -> int:
    """Partitions the candidates greedily into cliques, in the order of the vertices.

    Args:
        adjacent: neighbours of each vertex as bits, shape (n, words).
        candidates: the vertices to cover, shape (words,).
        rest: scratch, shape (words,).
        clique: scratch, shape (words,).
        branch: output: the vertices of the cliques from number `needed` on, in their order, shape (n,).
        bound: output: the number of the clique of each such vertex, counted from 1, shape (n,).
        needed: cliques up to number `needed - 1` are left out, since they cannot lead to a better set.

    Returns:
        The number of vertices written.
    """
    words = candidates.size
    count, number = 0, 0
    for w in range(words):
        rest[w] = candidates[w]
    first = 0
    while True:
        while first < words and rest[first] == 0:
            first += 1
        if first == words:
            return count
        number += 1
        for w in range(first, words):
            clique[w] = rest[w]
        for w in range(first, words):
            while clique[w] != 0:
                place = find_lowest_bit(clique[w])
                v = 64 * w + place
                rest[w] &= ~(ONE << np.uint64(place))
                clique[w] &= ~(ONE << np.uint64(place))
                for u in range(w, words):
                    clique[u] &= adjacent[v, u]
                if number >= needed:
                    branch[count] = v
                    bound[count] = number
                    count += 1


@compile_kernel
def search_nodes(
    adjacent: NDArray[np.uint64],
    left: NDArray[np.uint64],
    scratch: NDArray[np.uint64],
    branch: NDArray[np.int64],
    bound: NDArray[np.int64],
    count: NDArray[np.int64],
    chosen: NDArray[np.int64],
    best: NDArray[np.int64],
    state: NDArray[np.int64],
    nodes: int,
) -> None:
    """Continues the search for a number of nodes.

    The arguments hold the whole state between calls. At depth d, the vertices `chosen[:d]` are chosen, those of
    `left[d]` are candidates, and `branch[d, :count[d]]` are still to be tried, the last one first.

    Args:
        adjacent: neighbours of each vertex as bits, shape (n, words).
        left: candidates at each depth, shape (n + 1, words).
        scratch: shape (2, words).
        branch: vertices to try at each depth, shape (n + 1, n).
        bound: for each vertex to try, a bound on how many candidates up to it can be added, shape (n + 1, n).
        count: the number of vertices still to try, shape (n + 1,); -1 before the candidates are partitioned.
        chosen: the vertices chosen, shape (n,).
        best: the best set, shape (n,).
        state: see `DEPTH`, `BEST`, `NODES`, `DONE`, shape (4,).
        nodes: the number of nodes to explore.
    """
    words = adjacent.shape[1]
    limit = state[NODES] + nodes
    depth = state[DEPTH]
    while state[NODES] < limit:
        if count[depth] < 0:
            state[NODES] += 1
            if depth > state[BEST]:
                state[BEST] = depth
                for i in range(depth):
                    best[i] = chosen[i]
            needed = state[BEST] - depth + 1
            count[depth] = partition_into_cliques(
                adjacent, left[depth], scratch[0], scratch[1], branch[depth], bound[depth], needed
            )
        last = count[depth] - 1
        if last < 0 or depth + bound[depth, last] <= state[BEST]:
            if depth == 0:
                state[DONE] = 1
                break
            depth -= 1
            continue
        v = branch[depth, last]
        count[depth] = last
        left[depth, v >> 6] &= ~(ONE << np.uint64(v & 63))
        for w in range(words):
            left[depth + 1, w] = left[depth, w] & ~adjacent[v, w]
        chosen[depth] = v
        depth += 1
        count[depth] = -1
    state[DEPTH] = depth
