"""Classical ways to strengthen the edge model of the maximum independent set."""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated, assignment"

import numpy as np

from gapsmith.evaluators.formulations.contract import Claim, make_pattern


def clique_cover(adjacent):
    """Cliques that hold every edge: from an edge not yet in one, common neighbours of high degree, greedily."""
    cliques, covered = [], np.zeros_like(adjacent)
    order = np.argsort(-adjacent.sum(axis=1), kind="stable")
    for u, v in np.argwhere(np.triu(adjacent)):
        if not covered[u, v]:
            clique = [int(u), int(v)]
            for w in order:
                if adjacent[w, clique].all():
                    clique.append(int(w))
            covered[np.ix_(clique, clique)] = True
            cliques.append(clique)
    return cliques


def clique_partition(adjacent):
    """Disjoint cliques that hold every vertex, greedily, from vertices of low degree on."""
    left, cliques = list(np.argsort(adjacent.sum(axis=1), kind="stable")), []
    while left:
        clique = [left[0]]
        for w in left[1:]:
            if adjacent[w, clique].all():
                clique.append(w)
        left = [w for w in left if w not in clique]
        cliques.append([int(w) for w in clique])
    return cliques


def good_set(adjacent):
    """Vertices of least degree first, each without its neighbours; then one against two, as long as that helps."""
    n, left, chosen = len(adjacent), np.ones(len(adjacent), dtype=bool), np.zeros(len(adjacent), dtype=bool)
    while left.any():
        degree = np.where(left, adjacent[:, left].sum(axis=1), n + 1)
        v = int(np.argmin(degree))
        chosen[v] = True
        left &= ~adjacent[v]
        left[v] = False
    improved = True
    while improved:
        improved = False
        for v in np.flatnonzero(chosen):
            free = np.flatnonzero((adjacent[:, chosen].sum(axis=1) == 1) & adjacent[v] & ~chosen)
            pair = next(((a, b) for a in free for b in free if a < b and not adjacent[a, b]), None)
            if pair is not None:
                chosen[v], improved = False, True
                chosen[list(pair)] = True
                break
    return chosen


def cliques(model, variables, data):
    """Every edge lies in a clique, of which at most one vertex is chosen."""
    for clique in clique_cover(data["adjacent"]):
        model.add_at_most_one([variables["chosen"][v] for v in clique]).with_name("implied: clique")


def linear_cliques(model, variables, data):
    """The cliques as inequalities, which the linear relaxation keeps."""
    for clique in clique_cover(data["adjacent"]):
        model.add(sum(variables["chosen"][v] for v in clique) <= 1).with_name("implied: clique")


def partition_bound(model, variables, data):
    """No more vertices than disjoint cliques hold all of them."""
    number = len(clique_partition(data["adjacent"]))
    model.add(sum(variables["chosen"]) <= number).with_name("bound: clique partition")


def odd_circles(model, variables, data):
    """Of five vertices in a circle without chords at most two."""
    adjacent, seen = data["adjacent"], set()
    n = len(adjacent)
    for u, v in np.argwhere(np.triu(adjacent)):
        for a in np.flatnonzero(adjacent[u] & ~adjacent[v]):
            if a == v or len(seen) > 20 * n:
                continue
            ends = adjacent[v] & ~adjacent[u] & ~adjacent[a]
            for b in np.flatnonzero(ends):
                tops = np.flatnonzero(adjacent[a] & adjacent[b] & ~adjacent[u] & ~adjacent[v])
                if b != u and tops.size:
                    seen.add(tuple(sorted((int(u), int(v), int(a), int(b), int(tops[0])))))
                    break
    for circle in sorted(seen):
        model.add(sum(variables["chosen"][v] for v in circle) <= 2).with_name("implied: odd circle")


def dominated_vertices(model, variables, data):
    """A vertex that sees a neighbour and all that this one sees is left out; of equal ones that of higher number."""
    closed = data["adjacent"] | np.eye(len(data["adjacent"]), dtype=bool)
    for v in range(len(closed)):
        for u in np.flatnonzero(data["adjacent"][v]):
            smaller = (closed[u] <= closed[v]).all()
            equal = (closed[u] == closed[v]).all()
            if smaller and (not equal or u < v):
                model.add(variables["chosen"][v] == 0).with_name("symmetry: dominated vertex")
                break


def twins(model, variables, data):
    """Vertices with the same neighbours, not adjacent to each other, are chosen together."""
    adjacent, chosen = data["adjacent"], variables["chosen"]
    for v in range(len(adjacent)):
        for u in range(v):
            if (adjacent[u] == adjacent[v]).all():
                model.add(chosen[u] == chosen[v]).with_name("symmetry: twins")
                break


def fewer_neighbours(model, variables, data):
    """A vertex is chosen only if one is whose neighbours are among its own, and which it does not see."""
    adjacent, chosen = data["adjacent"], variables["chosen"]
    for v in range(len(adjacent)):
        for u in range(len(adjacent)):
            fewer = u != v and not adjacent[u, v] and (adjacent[u] <= adjacent[v]).all()
            if fewer and ((adjacent[u] != adjacent[v]).any() or u < v):
                model.add_implication(chosen[v], chosen[u]).with_name("symmetry: fewer neighbours")


def maximal(model, variables, data):
    """A vertex that is left out has a chosen neighbour."""
    adjacent, chosen = data["adjacent"], variables["chosen"]
    for v in range(len(adjacent)):
        around = [chosen[u] for u in np.flatnonzero(adjacent[v])]
        model.add_bool_or([chosen[v], *around]).with_name("symmetry: maximal")


def lower_bound(model, variables, data):
    """At least as many as a good set has."""
    model.add(sum(variables["chosen"]) >= int(good_set(data["adjacent"]).sum())).with_name(
        "bound: a good set"
    )


def hint(model, variables, data):
    """A good set to start from."""
    for each, value in zip(variables["chosen"], good_set(data["adjacent"]), strict=True):
        model.add_hint(each, int(value))


GREEDY = "Andrade, Resende and Werneck 2012, Journal of Heuristics 18"

PATTERNS = (
    make_pattern(cliques, Claim.IMPLIED, "Padberg 1973, Mathematical Programming 5", (clique_cover,)),
    make_pattern(linear_cliques, Claim.IMPLIED, "Padberg 1973, Mathematical Programming 5", (clique_cover,)),
    make_pattern(
        partition_bound, Claim.BOUND, "Balas and Yu 1986, SIAM Journal on Computing 15", (clique_partition,)
    ),
    make_pattern(odd_circles, Claim.IMPLIED, "Padberg 1973, Mathematical Programming 5"),
    make_pattern(
        dominated_vertices, Claim.SYMMETRY, "Fomin, Grandoni and Kratsch 2009, Journal of the ACM 56"
    ),
    make_pattern(twins, Claim.SYMMETRY, "folklore: vertices with equal neighbours"),
    make_pattern(fewer_neighbours, Claim.SYMMETRY, "folklore: vertices with fewer neighbours"),
    make_pattern(maximal, Claim.SYMMETRY, "folklore: an optimal set is maximal"),
    make_pattern(lower_bound, Claim.BOUND, GREEDY, (good_set,)),
    make_pattern(hint, Claim.HINT, GREEDY, (good_set,)),
)
