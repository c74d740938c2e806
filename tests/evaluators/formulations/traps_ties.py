"""Ties broken twice, and dominances that are right one by one and wrong together."""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
from traps import trap

from gapsmith.evaluators.problems.independent_set.patterns import dominated_vertices
from gapsmith.evaluators.problems.online_bin_packing.patterns import (
    decreasing,
    first_items,
    load_order,
)
from gapsmith.evaluators.problems.quadratic_assignment.patterns import (
    equal_facilities,
    mirrors,
)
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.dominance_patterns import (
    emmons_order,
    lawler_places,
)
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.interval_patterns import (
    emmons_precedences,
)
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.positional_patterns import (
    emmons_sequence,
    lawler_decomposition,
)
from gapsmith.evaluators.problems.tsp.patterns import orientation


def emmons_without_ties(model, variables, data):
    """Emmons' first condition for any two jobs, equal ones in both directions."""
    start, p, d = variables["start"], data["p"], data["d"]
    for i in range(len(p)):
        for j in range(len(p)):
            if i != j and p[i] <= p[j] and d[i] <= max(p[j], d[j]):
                model.add(start[j] >= start[i] + int(p[i])).with_name("symmetry: Emmons' precedence")


def emmons_never_late(model, variables, data):
    """Emmons' third condition with known successors, which may lie between the two."""
    before, p, d = variables["before"], data["p"], data["d"]
    n, order = len(p), np.zeros((len(p), len(p)), dtype=bool)
    jobs = sorted(range(n), key=lambda j: (p[j], d[j], j))
    for _ in range(n):
        for place, i in enumerate(jobs):
            for j in jobs[place + 1 :]:
                early = d[i] <= max(p[j] + p[order[:, j]].sum(), d[j])
                if not order[i, j] and not order[j, i] and (early or p.sum() - p[order[j]].sum() <= d[j]):
                    up, down = order[:, i] | (np.arange(n) == i), order[j] | (np.arange(n) == j)
                    order[np.ix_(up, down)] = True
    for i, j in np.argwhere(order):
        first = before[i][j] if i < j else ~before[j][i]
        model.add_bool_and([first]).with_name("symmetry: Emmons' pair")


def emmons_and_lawler(model, variables, data):
    """Two right dominances: where nothing is late Emmons' order and Lawler's places disagree."""
    emmons_sequence(model, variables, data)
    lawler_decomposition(model, variables, data)


def emmons_and_numbers(model, variables, data):
    """Emmons' order, and equal jobs from the highest number on."""
    emmons_precedences(model, variables, data)
    start, p, d = variables["start"], data["p"], data["d"]
    for j in range(len(p)):
        for i in range(j):
            if p[i] == p[j] and d[i] == d[j]:
                model.add(start[i] >= start[j] + int(p[j])).with_name("symmetry: equal jobs")


def equal_times_by_number(model, variables, data):
    """Jobs of equal times by their numbers, whatever their due dates are, if these are close."""
    at, p, d = variables["at"], data["p"], data["d"]
    for i in range(len(p)):
        for j in range(i + 1, len(p)):
            if p[i] == p[j] and abs(d[i] - d[j]) < p[i]:
                for k in range(len(p)):
                    model.add(sum(at[j][: k + 1]) <= sum(at[i][:k])).with_name("symmetry: equal jobs")


def equal_jobs_everywhere(model, variables, data):
    """Equal jobs by number on their first operation, and the other way round on their last."""
    machines, p, start = data["machines"], data["p"], variables["start"]
    for j in range(len(p)):
        for g in range(j + 1, len(p)):
            if (machines[j] == machines[g]).all() and (p[j] == p[g]).all():
                model.add(start[j][0] <= start[g][0]).with_name("symmetry: equal jobs")
                model.add(start[g][-1] <= start[j][-1]).with_name("symmetry: equal jobs")


def equal_times_of_activities(model, variables, data):
    """Activities of equal times and demands by their numbers, whatever comes before and after them."""
    duration, demand = data["duration"], data["demand"]
    for i in range(1, len(duration) - 1):
        for j in range(i + 1, len(duration) - 1):
            if duration[i] == duration[j] and (demand[i] == demand[j]).all():
                model.add(variables["start"][i] <= variables["start"][j]).with_name(
                    "symmetry: equal activities"
                )


def loads_and_first_items(model, variables, data):
    """Bins by their loads, and by their largest items."""
    load_order(model, variables, data)
    first_items(model, variables, data)


def dominated_both_ways(model, variables, data):
    """An item is taken only if each one that is no worse is, of equal ones both or none."""
    profit, weight, taken = data["profit"], data["weight"], variables["taken"]
    for j in range(len(taken)):
        for i in range(len(taken)):
            if i != j and profit[i] >= profit[j] and (weight[:, i] <= weight[:, j]).all():
                model.add_implication(taken[j], taken[i]).with_name("symmetry: dominated item")


def no_dominated_vertex(model, variables, data):
    """Leaves out every vertex that sees a neighbour and all it sees, both of two that see the same."""
    closed = data["adjacent"] | np.eye(len(data["adjacent"]), dtype=bool)
    for v in range(len(closed)):
        if any((closed[u] <= closed[v]).all() for u in np.flatnonzero(data["adjacent"][v])):
            model.add(variables["chosen"][v] == 0).with_name("symmetry: dominated vertex")


def dominated_and_first(model, variables, data):
    """Dominated vertices of higher number are out, and of adjacent twins that of lower number too."""
    dominated_vertices(model, variables, data)
    closed = data["adjacent"] | np.eye(len(data["adjacent"]), dtype=bool)
    for v in range(len(closed)):
        for u in range(v):
            if (closed[u] == closed[v]).all():
                model.add(variables["chosen"][u] <= variables["chosen"][v]).with_name("symmetry: twins")


def two_directions(model, variables, data):
    """The direction of a tour is fixed by the positions of two cities, and by the ends at city 0."""
    orientation(model, variables, data)
    arc = variables["arc"]
    if len(arc) > 3:
        leaving = sum(j * arc[0][j] for j in range(1, len(arc)))
        entering = sum(j * arc[j][0] for j in range(1, len(arc)))
        model.add(leaving <= entering).with_name("symmetry: direction")


def mirrors_and_equals(model, variables, data):
    """Equal facilities by their locations, and of the busiest ones the last in a class of mirrored locations."""
    equal_facilities(model, variables, data)
    images, flow = mirrors(data["distance"]), data["flow"].sum(axis=0) + data["flow"].sum(axis=1)
    last = int(np.flatnonzero(flow == flow.max())[-1])
    for j in range(images.shape[1]):
        if images[:, j].min() < j:
            model.add(variables["at"][last][j] == 0).with_name("symmetry: mirrored locations")


TIES = (
    trap("tardiness_interval", emmons_without_ties, "equal jobs are before each other"),
    trap("tardiness_ordering", emmons_never_late, "right without known successors, wrong with them: rare"),
    trap(
        "tardiness_positional",
        emmons_and_lawler,
        "each is right, together they are not: rare",
        (emmons_sequence, lawler_decomposition, emmons_order, lawler_places),
    ),
    trap(
        "tardiness_interval",
        emmons_and_numbers,
        "ties are broken in two directions",
        (emmons_precedences, emmons_order),
    ),
    trap("tardiness_positional", equal_times_by_number, "the due dates decide between equal times"),
    trap("job_shop_interval", equal_jobs_everywhere, "two directions"),
    trap("rcpsp_interval", equal_times_of_activities, "their precedences may differ"),
    trap(
        "bin_packing_assignment",
        loads_and_first_items,
        "two numberings of the bins",
        (load_order, first_items, decreasing),
    ),
    trap("knapsack_binary", dominated_both_ways, "of equal items one may be all that fits"),
    trap("independent_set_edges", no_dominated_vertex, "of two twins both are out"),
    trap("independent_set_edges", dominated_and_first, "two directions", (dominated_vertices,)),
    trap("tsp_arcs", two_directions, "one symmetry is broken twice", (orientation,)),
    trap(
        "quadratic_assignment_sums",
        mirrors_and_equals,
        "right with the first of them, which is also the lowest",
        (equal_facilities, mirrors),
    ),
)
