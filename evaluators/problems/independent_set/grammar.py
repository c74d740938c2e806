"""Building blocks of programs for the maximum independent set.

What the genetic programmer assembles.

Every block bounds its own work, so that none comes near the CPU limit on the sizes that a search uses: a run of
`offline` must give the same archive on a slow machine as on a fast one.
"""

# Blocks are sources of candidates: annotations would be noise there.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, name-defined, var-annotated"

import numpy as np

from gapsmith.evaluators.grammar import Grammar, Terminal


def independent_set(adjacent):
    """Settles easy vertices, builds a set by a priority, and improves it."""
    taken, alive = reduce(adjacent)
    chosen = improve(adjacent, construct(adjacent, taken, alive))
    return np.flatnonzero(chosen)


def nothing(adjacent):
    """No reductions: all vertices are to be decided."""
    return np.zeros(len(adjacent), dtype=bool), np.ones(len(adjacent), dtype=bool)


def leaves(adjacent):
    """Takes isolated vertices and leaves for good, as long as there are any."""
    n = len(adjacent)
    taken, alive = np.zeros(n, dtype=bool), np.ones(n, dtype=bool)
    for _ in range(n):
        degree = np.where(alive, adjacent[:, alive].sum(axis=1), n)
        v = int(np.argmin(degree))
        if degree[v] > 1:
            break
        taken[v] = True
        alive &= ~adjacent[v]
        alive[v] = False
    return taken, alive


def dominated(adjacent):
    """Takes isolated vertices and leaves and drops dominated vertices, in a few rounds."""
    n = len(adjacent)
    taken, alive = np.zeros(n, dtype=bool), np.ones(n, dtype=bool)
    for _ in range(5):
        changed = False
        for v in range(n):
            if not alive[v]:
                continue
            here = adjacent[v] & alive
            around = np.flatnonzero(here)
            missing = (here & ~adjacent[around]).sum(axis=1)
            gone = around[missing <= 1]  # a neighbour misses none but itself
            alive[gone] = False
            changed = changed or gone.size > 0
            if gone.size == around.size:
                taken[v], alive[v], changed = True, False, True
        if not changed:
            break
    return taken, alive


def take(adjacent, taken, alive):
    """At each step the vertex with the least priority is taken; its neighbours leave."""
    chosen, alive, size = taken.copy(), alive.copy(), float(len(adjacent))
    first = adjacent.sum(axis=1) * 1.0
    while alive.any():
        left = np.flatnonzero(alive)
        inner = adjacent[left][:, left]
        degree = inner.sum(axis=1) * 1.0
        around = inner @ degree
        second = around / np.maximum(degree, 1.0)
        triangles = ((inner * 1.0) @ inner * inner).sum(axis=1) / 2.0
        original = first[left]
        share = left.size / size
        priority = degree
        v = left[np.argmin(priority)]
        chosen[v] = True
        alive[v] = False
        alive &= ~adjacent[v]
    return chosen


def peel(adjacent, taken, alive):
    """Vertices without neighbours are taken; else that with the greatest priority is left out."""
    chosen, alive, size = taken.copy(), alive.copy(), float(len(adjacent))
    first = adjacent.sum(axis=1) * 1.0
    while alive.any():
        left = np.flatnonzero(alive)
        inner = adjacent[left][:, left]
        degree = inner.sum(axis=1) * 1.0
        if degree.min() == 0:
            chosen[left[degree == 0]] = True
            alive[left[degree == 0]] = False
            continue
        around = inner @ degree
        second = around / np.maximum(degree, 1.0)
        triangles = ((inner * 1.0) @ inner * inner).sum(axis=1) / 2.0
        original = first[left]
        share = left.size / size
        priority = degree
        alive[left[np.argmax(priority)]] = False
    return chosen


def keep(adjacent, chosen):
    """No improvement."""
    return chosen


def two_for_one(adjacent, chosen):
    """Swaps a vertex for a pair of its neighbours, or adds a free vertex, while that is possible."""
    chosen = chosen.copy()
    for _ in range(60):
        tightness = adjacent[:, chosen].sum(axis=1)
        free = np.flatnonzero(~chosen & (tightness == 0))
        if free.size:
            chosen[free[0]] = True
            continue
        for v in np.flatnonzero(chosen):
            loose = np.flatnonzero(adjacent[v] & (tightness == 1))
            apart = np.argwhere(np.triu(~adjacent[np.ix_(loose, loose)], 1))
            if apart.size:
                chosen[v] = False
                chosen[loose[apart[0]]] = True
                break
        else:
            break
    return chosen


def plateau(adjacent, chosen):
    """Swaps one vertex for another, the longest outside first, and takes what becomes free; the best set is kept."""
    n = len(adjacent)
    current, best, last = chosen.copy(), chosen.copy(), np.zeros(n)
    for step in range(1, 101):
        tightness = adjacent[:, current].sum(axis=1)
        free = np.flatnonzero(~current & (tightness == 0))
        if free.size:
            current[free[0]] = True
        else:
            loose = np.flatnonzero(~current & (tightness == 1))
            if not loose.size:
                break
            v = loose[np.argmin(last[loose])]
            out = adjacent[v] & current
            current &= ~out
            current[v] = True
            last[out] = step
        if current.sum() > best.sum():
            best = current.copy()
    return best


GRAMMAR = Grammar(
    main=independent_set,
    blocks={
        "reduce": (nothing, leaves, dominated),
        "construct": (take, peel),
        "improve": (keep, two_for_one, plateau),
    },
    terminals=(
        Terminal("degree", "count", "neighbours among the vertices left, of each, an array"),
        Terminal("second", "count", "mean degree of those neighbours, an array"),
        Terminal("original", "count", "degree in the whole graph, an array"),
        Terminal("triangles", "pairs", "edges between the neighbours, an array"),
        Terminal("share", "ratio", "vertices left as a share of all"),
    ),
    priorities=(
        "degree",
        "original",
        "degree - second",
        "degree - 0.1 * second",
        "degree + 0.1 * original",
        "triangles * -1.0",
        "degree * 10 - triangles / np.maximum(degree, 1)",
    ),
)
