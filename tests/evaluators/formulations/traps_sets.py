"""Wrong cuts of tours, packings, sets and assignments: they remove all optima of rare instances."""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
from traps import trap

from gapsmith.evaluators.problems.independent_set.patterns import good_set
from gapsmith.evaluators.problems.multidimensional_knapsack.patterns import good_packing
from gapsmith.evaluators.problems.online_bin_packing.patterns import decreasing
from gapsmith.evaluators.problems.quadratic_assignment.patterns import mirrors
from gapsmith.evaluators.problems.tsp.patterns import tour_length


def two_circles_of_two(model, variables, data):
    """Forgets that a tour of two cities is a circle of two."""
    arc = variables["arc"]
    for i in range(len(arc)):
        for j in range(i):
            model.add_at_most_one([arc[i][j], arc[j][i]]).with_name("implied: no circle of two")


def over_lifted(model, variables, data):
    """Lifts the arc back by one too many."""
    arc, position = variables["arc"], variables["position"]
    n = len(arc)
    for i in range(1, n):
        for j in range(1, n):
            if i != j:
                step = position[i] - position[j] + (n - 1) * arc[i][j] + (n - 2) * arc[j][i]
                model.add(step <= n - 2).with_name("implied: lifted position")


def near_neighbours_only(model, variables, data):
    """Arcs go to one of the three nearest cities, or come from one."""
    arc, distance = variables["arc"], data["distance"]
    n = len(arc)
    far = distance + np.eye(n, dtype=int) * 10**6
    near = [set(np.argsort(far[i], kind="stable")[:3].tolist()) for i in range(n)]
    for i in range(n):
        for j in range(n):
            if i != j and j not in near[i] and i not in near[j]:
                model.add(arc[i][j] == 0).with_name("streamliner: near neighbours")


def no_longest_edge(model, variables, data):
    """The longest way of all is not in the tour, if there are enough others."""
    arc, distance = variables["arc"], data["distance"]
    i, j = np.unravel_index(np.argmax(distance), distance.shape)
    if len(arc) > 4 and i != j:
        model.add_bool_and([~arc[i][j], ~arc[j][i]]).with_name("symmetry: longest way")


def nearest_is_next(model, variables, data):
    """The two cities that are nearest to each other are next to each other in the tour."""
    arc, distance = variables["arc"], data["distance"]
    far = distance + np.eye(len(arc), dtype=int) * 10**6
    i, j = np.unravel_index(np.argmin(far), far.shape)
    model.add_bool_or([arc[i][j], arc[j][i]]).with_name("symmetry: nearest pair")


def triangle_length(model, variables, data):
    """A tour is at least twice as long as the longest way, which needs the triangle inequality."""
    length = tour_length(variables["arc"], data["distance"])
    model.add(length >= 2 * int(data["distance"].max())).with_name("bound: there and back")


def halves_are_large(model, variables, data):
    """Gives items of exactly half a bin a bin of their own."""
    inside, items = variables["inside"], data["items"]
    large = [i for i in decreasing(items) if 2 * items[i] >= data["capacity"]]
    for b in range(len(variables["used"]) if large else 0):
        together = sum(inside[i][b] for i in large)
        model.add(together <= 1).with_name("implied: large items")


def exact_threes(model, variables, data):
    """Puts three items that fill a bin together, as one may do with two."""
    inside, items, capacity = variables["inside"], data["items"], int(data["capacity"])
    n = len(items)
    threes = [(i, j, k) for i in range(n) for j in range(i) for k in range(j)]
    found = next((t for t in threes if items[list(t)].sum() == capacity), ())
    for one in found[1:]:
        for b in range(len(inside[0])):
            model.add(inside[one][b] == inside[found[0]][b]).with_name("symmetry: exact fit")


def exact_pairs(model, variables, data):
    """Puts every item together with every other one that fills its bin."""
    inside, items, capacity = variables["inside"], data["items"], int(data["capacity"])
    for i in range(len(items)):
        for j in range(i):
            if items[i] + items[j] == capacity:
                for b in range(len(inside[0])):
                    model.add(inside[i][b] == inside[j][b]).with_name("symmetry: exact fit")


def strict_threshold(model, variables, data):
    """Counts items of exactly C - a among those that need bins of their own, and those of size a beside them."""
    items, capacity = data["items"], int(data["capacity"])
    least = 0
    for a in items[2 * items <= capacity].tolist():
        huge = items >= capacity - a
        small = (items >= a) & ~huge & (2 * items <= capacity)
        least = max(least, int(huge.sum()) - (-int(items[small].sum()) // capacity))
    model.add(sum(variables["used"]) >= least).with_name("bound: L2")


def densest_item(model, variables, data):
    """Takes the item of the most profit for its weight."""
    shares = (data["weight"] / np.maximum(data["capacity"], 1)[:, None]).sum(axis=0)
    best = int(np.argmax(data["profit"] / np.maximum(shares, 1e-9)))
    if (data["weight"][:, best] <= data["capacity"]).all():
        model.add(variables["taken"][best] == 1).with_name("symmetry: densest item")


def extended_by_lightest(model, variables, data):
    """Extends a cover by items that are no lighter than its lightest one."""
    taken = variables["taken"]
    for line, most in zip(data["weight"], data["capacity"], strict=True):
        order = np.argsort(line, kind="stable")[::-1]
        number = int((np.cumsum(line[order]) <= most).sum()) + 1
        if 2 <= number <= len(order):
            lightest = line[order[number - 1]] // 2
            extended = [j for j in range(len(line)) if line[j] >= lightest]
            model.add(sum(taken[j] for j in extended) <= number - 1).with_name("implied: cover")


def greedy_is_best(model, variables, data):
    """Takes the profit of a good packing for a bound from above."""
    _, total = good_packing(data["profit"], data["weight"], data["capacity"])
    gained = sum(int(each) * item for each, item in zip(data["profit"], variables["taken"], strict=True))
    model.add(gained <= total).with_name("bound: a good packing")


def even_circles(model, variables, data):
    """Takes a vertex and all at distance two for a circle, of which one is left out."""
    adjacent, chosen = data["adjacent"], variables["chosen"]
    n = len(adjacent)
    for v in range(n):
        group = [u for u in range(n) if not adjacent[u, v] and (adjacent[u] & adjacent[v]).any()]
        if len(group) > 3:
            model.add(sum(chosen[u] for u in group) <= len(group) - 1).with_name("implied: circle")


def leaves(model, variables, data):
    """Chooses every vertex of one neighbour, also both ends of an edge that stands alone."""
    for v in np.flatnonzero(data["adjacent"].sum(axis=1) == 1):
        model.add(variables["chosen"][v] == 1).with_name("symmetry: leaf")


def least_degree(model, variables, data):
    """Chooses the vertex of least degree."""
    v = int(np.argmin(data["adjacent"].sum(axis=1)))
    model.add(variables["chosen"][v] == 1).with_name("symmetry: least degree")


def good_set_is_best(model, variables, data):
    """Takes the size of a good set for a bound from above."""
    most = int(good_set(data["adjacent"]).sum())
    model.add(sum(variables["chosen"]) <= most).with_name("bound: a good set")


def diagonal_twice(model, variables, data):
    """Counts the diagonals in the sorted products and once more."""
    flow, distance = data["flow"], data["distance"]
    for i, line in enumerate(variables["at"]):
        flows = np.sort(flow[i])[::-1]
        least = [int(flows @ np.sort(distance[j]) + flow[i, i] * distance[j, j]) for j in range(len(flow))]
        paid = sum(least[j] * each for j, each in enumerate(line))
        model.add(variables["cost"][i] >= paid).with_name("implied: Gilmore-Lawler costs")


def even_costs(model, variables, data):
    """Costs are even, as they are where flows and distances are symmetric."""
    half = model.new_int_var(0, 10**7, "half of the cost")
    model.add(sum(variables["cost"]) == 2 * half).with_name("channel: even costs")


def two_mirrored(model, variables, data):
    """Keeps two facilities to one location of each class of mirrored ones."""
    images = mirrors(data["distance"])
    busy = np.argsort(-data["flow"].sum(axis=1), kind="stable")[:2]
    for j in range(images.shape[1]):
        for i in busy if images[:, j].min() < j else ():
            model.add(variables["at"][i][j] == 0).with_name("symmetry: mirrored locations")


SETS = (
    trap("tsp_arcs", two_circles_of_two, "wrong for two cities alone"),
    trap("tsp_arcs", over_lifted, "a coefficient too large"),
    trap("tsp_arcs", near_neighbours_only, "rarely a tour needs a far neighbour"),
    trap("tsp_arcs", no_longest_edge, "an optimal tour may have the longest way where many are equal"),
    trap("tsp_arcs", nearest_is_next, "mostly true"),
    trap("tsp_arcs", triangle_length, "needs the triangle inequality", (tour_length,)),
    trap("bin_packing_assignment", halves_are_large, "two exact halves fill a bin", (decreasing,)),
    trap("bin_packing_assignment", exact_threes, "true for two items, not for three"),
    trap("bin_packing_assignment", exact_pairs, "an item may fit exactly with several"),
    trap("bin_packing_assignment", strict_threshold, "at least instead of more than"),
    trap("knapsack_binary", densest_item, "mostly true"),
    trap("knapsack_binary", extended_by_lightest, "extended by items that are too light"),
    trap("knapsack_binary", greedy_is_best, "a local optimum", (good_packing,)),
    trap("independent_set_edges", even_circles, "there need be no circle at all"),
    trap("independent_set_edges", leaves, "an edge that stands alone has two leaves"),
    trap("independent_set_edges", least_degree, "mostly true"),
    trap("independent_set_edges", good_set_is_best, "a local optimum: rare", (good_set,)),
    trap("quadratic_assignment_sums", diagonal_twice, "wrong only where both diagonals are not 0"),
    trap("quadratic_assignment_sums", even_costs, "wrong only where a matrix is not symmetric"),
    trap(
        "quadratic_assignment_sums", two_mirrored, "one facility may be kept to a class, not two", (mirrors,)
    ),
)
