"""Classical ways to strengthen the model of Miller, Tucker and Zemlin."""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np

from gapsmith.evaluators.formulations.contract import Claim, make_pattern


def good_tour(distance):
    """Nearest neighbour from city 0, then reversals of parts as long as they help."""
    n, left = len(distance), list(range(1, len(distance)))
    tour, improved = [0], True
    while left:
        tour.append(min(left, key=lambda city: distance[tour[-1], city]))
        left.remove(tour[-1])
    while improved:
        improved = False
        for i in range(1, n - 1):
            for j in range(i + 1, n):
                a, b, c, d = tour[i - 1], tour[i], tour[j], tour[(j + 1) % n]
                if distance[a, c] + distance[b, d] < distance[a, b] + distance[c, d]:
                    tour[i : j + 1] = tour[i : j + 1][::-1]
                    improved = True
    return tour, int(sum(distance[tour[k - 1], tour[k]] for k in range(n)))


def tour_length(arc, distance):
    """The objective once more."""
    return sum(
        int(distance[i, j]) * each for i, line in enumerate(arc) for j, each in enumerate(line) if i != j
    )


def circuit(model, variables, data):
    """The arcs form one circuit."""
    arcs = [(i, j, each) for i, line in enumerate(variables["arc"]) for j, each in enumerate(line) if i != j]
    model.add_circuit(arcs).with_name("implied: circuit")


def lifted_positions(model, variables, data):
    """Desrochers and Laporte's lifting: the arc back counts as well."""
    arc, position = variables["arc"], variables["position"]
    n = len(arc)
    for i in range(1, n):
        for j in range(1, n):
            if i != j:
                step = position[i] - position[j] + (n - 1) * arc[i][j] + (n - 3) * arc[j][i]
                model.add(step <= n - 2).with_name("implied: lifted position")


def lifted_ends(model, variables, data):
    """Positions are bounded by whether a city is next to city 0."""
    arc, position = variables["arc"], variables["position"]
    n = len(arc)
    for i in range(1, n if n > 2 else 1):
        early = 1 + (1 - arc[0][i]) + (n - 3) * arc[i][0]
        late = (n - 1) - (1 - arc[i][0]) - (n - 3) * arc[0][i]
        model.add(position[i] >= early).with_name("implied: lifted end")
        model.add(position[i] <= late).with_name("implied: lifted end")


def two_circles(model, variables, data):
    """No tour goes from a city to another and straight back, unless they are all."""
    arc = variables["arc"]
    for i in range(len(arc) if len(arc) > 2 else 0):
        for j in range(i):
            model.add_at_most_one([arc[i][j], arc[j][i]]).with_name("implied: no circle of two")


def near_circles(model, variables, data):
    """A city and its two nearest are left and entered from outside."""
    arc, distance = variables["arc"], data["distance"]
    n, seen = len(arc), set()
    for i in range(n if n > 3 else 0):
        near = tuple(sorted(np.argsort(distance[i], kind="stable")[:3].tolist()))
        if near not in seen:
            seen.add(near)
            inside = sum(arc[a][b] for a in near for b in near if a != b)
            model.add(inside <= len(near) - 1).with_name("implied: no small circle")


def different_positions(model, variables, data):
    """No two cities have the same position."""
    position = variables["position"][1:]
    model.add_all_different(position).with_name("implied: different positions")


def orientation(model, variables, data):
    """Of the two directions, that in which city 1 comes before city 2; where distances are symmetric."""
    position, distance = variables["position"], data["distance"]
    if len(distance) > 3 and (distance == distance.T).all():
        model.add(position[1] <= position[2]).with_name("symmetry: direction")


def spanning_tree_bound(model, variables, data):
    """A tour is as long as a tree on all cities but one, and the two shortest ways to that one."""
    distance, best = data["distance"], 0
    n = len(distance)
    for root in range(n if n > 2 else 0):
        others = [city for city in range(n) if city != root]
        inside, length = [others[0]], int(np.sort(distance[root, others])[:2].sum())
        while len(inside) < len(others):
            left = [city for city in others if city not in inside]
            gaps = distance[np.ix_(inside, left)].min(axis=0)
            length += int(gaps.min())
            inside.append(left[int(np.argmin(gaps))])
        best = max(best, length)
    model.add(tour_length(variables["arc"], distance) >= best).with_name("bound: one-tree")


def upper_bound(model, variables, data):
    """The length of a good tour."""
    _, length = good_tour(data["distance"])
    model.add(tour_length(variables["arc"], data["distance"]) <= length).with_name("bound: a good tour")


def hint(model, variables, data):
    """A good tour to start from."""
    tour, _ = good_tour(data["distance"])
    for k, city in enumerate(tour):
        for j, each in enumerate(variables["arc"][tour[k - 1]]):
            if each is not None:
                model.add_hint(each, int(j == city))
        if k:
            model.add_hint(variables["position"][city], k)


TWO_OPT = "Croes 1958, Oper. Res. 6: reversals"

PATTERNS = (
    make_pattern(circuit, Claim.IMPLIED, "Lauriere 1978; Caseau and Laburthe 1997: circuit"),
    make_pattern(lifted_positions, Claim.IMPLIED, "Desrochers and Laporte 1991, Oper. Res. Letters 10"),
    make_pattern(lifted_ends, Claim.IMPLIED, "Desrochers and Laporte 1991, Oper. Res. Letters 10"),
    make_pattern(two_circles, Claim.IMPLIED, "Dantzig, Fulkerson and Johnson 1954, Oper. Res. 2"),
    make_pattern(near_circles, Claim.IMPLIED, "Dantzig, Fulkerson and Johnson 1954, Oper. Res. 2"),
    make_pattern(different_positions, Claim.IMPLIED, "folklore: positions are a permutation"),
    make_pattern(orientation, Claim.SYMMETRY, "folklore: a tour and its reverse"),
    make_pattern(spanning_tree_bound, Claim.BOUND, "Held and Karp 1970, Oper. Res. 18", (tour_length,)),
    make_pattern(upper_bound, Claim.BOUND, TWO_OPT, (good_tour, tour_length)),
    make_pattern(hint, Claim.HINT, TWO_OPT, (good_tour,)),
)
