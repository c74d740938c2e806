"""Reference rules for the maximum independent set.

Each is self-contained: its source runs in the sandbox.

Ties: every rule takes the vertex of the lowest index.
"""

# The annotations of the rules would be noise in the modules made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated"

import numpy as np

from gapsmith.evaluators.grammar import Rule


def in_order(adjacent):
    """The vertices in their order, each unless a neighbour is in."""
    free, chosen = np.ones(len(adjacent), dtype=bool), []
    for v in range(len(adjacent)):
        if free[v]:
            chosen.append(v)
            free &= ~adjacent[v]
    return chosen


def static_degree(adjacent):
    """The vertices by their degree in the whole graph, least first, each unless a neighbour is in."""
    free, chosen = np.ones(len(adjacent), dtype=bool), []
    for v in np.argsort(adjacent.sum(axis=1), kind="stable"):
        if free[v]:
            chosen.append(v)
            free &= ~adjacent[v]
    return chosen


def minimum_degree(adjacent):
    """Always the vertex with the fewest neighbours among those left; it and they leave."""
    alive, chosen = np.ones(len(adjacent), dtype=bool), []
    while alive.any():
        degree = adjacent[:, alive].sum(axis=1)
        v = int(np.argmin(np.where(alive, degree, len(adjacent))))
        chosen.append(v)
        alive &= ~adjacent[v]
        alive[v] = False
    return chosen


def maximum_degree_removal(adjacent):
    """The vertex with the most neighbours among those left leaves, until no edge is left."""
    alive = np.ones(len(adjacent), dtype=bool)
    while True:
        degree = np.where(alive, adjacent[:, alive].sum(axis=1), -1)
        if degree.max() <= 0:
            return np.flatnonzero(alive)
        alive[np.argmax(degree)] = False


def settle(adjacent, alive):
    """Takes vertices of degree 0 and 1 and drops dominated ones, as often as possible; those taken."""
    taken, changed = [], True
    while changed:
        changed = False
        for v in np.flatnonzero(alive):
            if not alive[v]:
                continue
            here = adjacent[v] & alive
            around = np.flatnonzero(here)
            missing = (here & ~adjacent[around]).sum(axis=1)
            gone = around[missing <= 1]  # a neighbour misses none of them but itself
            alive[gone] = False
            if gone.size == around.size:
                taken.append(v)
                alive[v] = False
            changed = changed or gone.size > 0
    return taken


def reducing_minimum_degree(adjacent):
    """Reductions until none applies; then the vertex of least degree is taken, and again."""
    alive = np.ones(len(adjacent), dtype=bool)
    chosen = settle(adjacent, alive)
    while alive.any():
        degree = adjacent[:, alive].sum(axis=1)
        v = int(np.argmin(np.where(alive, degree, len(adjacent))))
        chosen.append(v)
        alive &= ~adjacent[v]
        alive[v] = False
        chosen.extend(settle(adjacent, alive))
    return chosen


def reducing_peeling(adjacent):
    """Reductions until none applies; then the vertex of greatest degree is left out, and again."""
    alive = np.ones(len(adjacent), dtype=bool)
    chosen = settle(adjacent, alive)
    while alive.any():
        degree = adjacent[:, alive].sum(axis=1)
        alive[np.argmax(np.where(alive, degree, -1))] = False
        chosen.extend(settle(adjacent, alive))
    return chosen


def two_for_one(adjacent, chosen):
    """Puts two vertices in for one, or one for none, while that is possible; at most n times."""
    n = len(adjacent)
    inside = np.zeros(n, dtype=bool)
    inside[chosen] = True
    for _ in range(n):
        tightness = adjacent[:, inside].sum(axis=1)
        free = np.flatnonzero(~inside & (tightness == 0))
        if free.size:
            inside[free[0]] = True
            continue
        for v in np.flatnonzero(inside):
            loose = np.flatnonzero(adjacent[v] & (tightness == 1))
            apart = np.argwhere(np.triu(~adjacent[np.ix_(loose, loose)], 1))
            if apart.size:
                inside[v] = False
                inside[loose[apart[0]]] = True
                break
        else:
            break
    return np.flatnonzero(inside)


def minimum_degree_and_swaps(adjacent):
    """Minimum degree with reductions, then exchanges of two vertices for one."""
    return two_for_one(adjacent, reducing_minimum_degree(adjacent))


_REDUCTIONS = "reductions of degree 0 and 1 and domination: Fomin, Grandoni and Kratsch 2009, J. ACM 56"

RULES = (
    Rule("InOrder", in_order, "greedy in the given order; Johnson 1974, J. Comput. Syst. Sci. 9"),
    Rule("StaticDegree", static_degree, "Welsh and Powell 1967's order, reversed, as a greedy set"),
    Rule(
        "MinDegree",
        minimum_degree,
        "Johnson 1974; analysed by Halldórsson and Radhakrishnan 1997, Algorithmica 18",
    ),
    Rule("MaxDegreeRemoval", maximum_degree_removal, "Griggs 1983, J. Comb. Theory B 34: the MAX algorithm"),
    Rule("ReducingMinDegree", reducing_minimum_degree, f"minimum degree with {_REDUCTIONS}", (settle,)),
    Rule("ReducingPeeling", reducing_peeling, f"Chang, Li and Zhang 2017, SIGMOD; {_REDUCTIONS}", (settle,)),
    Rule(
        "MinDegreeSwaps",
        minimum_degree_and_swaps,
        "(1,2)-swaps of Andrade, Resende and Werneck 2012, J. Heuristics 18, after ReducingMinDegree",
        (settle, reducing_minimum_degree, two_for_one),
    ),
)
