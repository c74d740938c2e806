"""Kernels of the travelling salesman's bound.

Minimum 1-trees and what each edge would cost in one.

A 1-tree is a spanning tree of all vertices but 0, and two edges at 0 (Held and Karp 1970). All weights are
integers, so that every bound is exact.
"""

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.solvers.compiled import compile_kernel

FAR = np.int64(1) << 61
"""More than any weight."""


@compile_kernel
def one_tree(
    weight: NDArray[np.int64],
    potential: NDArray[np.int64],
    parent: NDArray[np.int64],
    order: NDArray[np.int64],
    key: NDArray[np.int64],
    ends: NDArray[np.int64],
    degree: NDArray[np.int64],
) -> int:
    """Finds a minimum 1-tree by Prim's algorithm in O(n²).

    The weights are weight[i, j] + potential[i] + potential[j].

    Args:
        weight: symmetric, shape (n, n), n at least 3; edges of at least FAR are absent.
        potential: of the vertices, shape (n,).
        parent: out: the tree, as towards vertex 1, which has parent 0, shape (n,).
        order: out: vertices of the tree as they joined it, from vertex 1, shape (n - 1,).
        key: out: the modified weight of each vertex's edge to its parent, shape (n,).
        ends: out: the neighbours of vertex 0, the nearer first, shape (2,).
        degree: out: of each vertex in the 1-tree, shape (n,).

    Returns:
        The 1-tree's modified weight less twice the potentials; at least FAR where there is none.
    """
    n = weight.shape[0]
    total = np.int64(0)
    for v in range(n):
        key[v] = 2 * FAR
        parent[v] = 1
        degree[v] = 0
        total -= 2 * potential[v]
    parent[1] = 0
    last = 1
    key[1] = -FAR  # in the tree
    order[0] = 1
    joined = 1
    for v in range(2, n):
        key[v] = weight[1, v] + potential[1] + potential[v]
    # `order` doubles as the list of vertices outside: from `joined` on.
    for v in range(2, n):
        order[v - 1] = v
    while joined < n - 1:
        best = joined
        for place in range(joined + 1, n - 1):
            if key[order[place]] < key[order[best]]:
                best = place
        last = order[best]
        order[best] = order[joined]
        order[joined] = last
        if key[last] > FAR // 2:
            return int(FAR)
        joined += 1
        total += key[last]
        degree[last] += 1
        degree[parent[last]] += 1
        for place in range(joined, n - 1):
            v = order[place]
            modified = weight[last, v] + potential[last] + potential[v]
            if modified < key[v]:
                key[v] = modified
                parent[v] = last
    first, second = 2 * FAR, 2 * FAR
    for v in range(1, n):
        modified = weight[0, v] + potential[0] + potential[v]
        if modified < first:
            second, first = first, modified
            ends[1], ends[0] = ends[0], v
        elif modified < second:
            second = modified
            ends[1] = v
    if second > FAR // 2:
        return int(FAR)
    degree[0] = 2
    degree[ends[0]] += 1
    degree[ends[1]] += 1
    return int(total + first + second)


@compile_kernel
def bottlenecks(
    parent: NDArray[np.int64], order: NDArray[np.int64], key: NDArray[np.int64], largest: NDArray[np.int64]
) -> None:
    """Writes the heaviest edge on each path of the tree.

    For any two vertices but 0, the modified weight of this edge goes into `largest`, in O(n²).
    """
    for place in range(order.size):
        v = order[place]
        largest[v, v] = -FAR
        for earlier in range(place):
            u = order[earlier]
            heaviest = max(key[v], largest[parent[v], u])
            largest[v, u] = heaviest
            largest[u, v] = heaviest
