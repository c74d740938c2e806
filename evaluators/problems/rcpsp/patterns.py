"""Classical ways to strengthen the interval model of PS|prec|Cmax."""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np

from gapsmith.evaluators.formulations.contract import Claim, make_pattern


def longest_paths(duration, precedence):
    """From the start of an activity to that of another, along precedences; -1 where there is no way; [n, n]."""
    n = len(duration)
    way = np.full((n, n), -1)
    way[np.arange(n), np.arange(n)] = 0
    for j in range(n):
        for i in sorted(precedence[precedence[:, 1] == j, 0].tolist()):
            through = np.where(way[:, i] >= 0, way[:, i] + duration[i], -1)
            way[:, j] = np.maximum(way[:, j], through)
    return way


def disjoint(demand, capacity):
    """Whether two activities ask for more of a resource than there is; [n, n]."""
    return (demand[:, None] + demand > capacity).any(axis=-1)


def serial_schedule(duration, precedence, demand, capacity):
    """Starts by the serial scheme, greatest rest first, each as early as precedences and resources allow."""
    n, way = len(duration), longest_paths(duration, precedence)
    order = sorted(range(n), key=lambda i: (-way[i].max(), i))
    start, used = np.zeros(n, dtype=int), np.zeros((int(duration.sum()) + 1, len(capacity)), dtype=int)
    left = list(order)
    while left:
        i = next(i for i in left if not any(a in left for a in precedence[precedence[:, 1] == i, 0]))
        left.remove(i)
        before = precedence[precedence[:, 1] == i, 0]
        start[i] = (start + duration)[before].max(initial=0)
        while (used[start[i] : start[i] + duration[i]] + demand[i] > capacity).any():
            start[i] += 1
        used[start[i] : start[i] + duration[i]] += demand[i]
    return start, int((start + duration).max())


def disjunctive_cliques(model, variables, data):
    """Activities of which no two fit together do not overlap: a clique from each, greedily."""
    apart, demand = disjoint(data["demand"], data["capacity"]), data["demand"]
    runs = data["duration"] > 0
    seen, order = set(), np.argsort(-demand.sum(axis=1), kind="stable")
    for i in np.flatnonzero(runs):
        clique = [int(i)]
        for j in order:
            if runs[j] and j not in clique and apart[j, clique].all():
                clique.append(int(j))
        key = tuple(sorted(clique))
        if len(key) > 1 and key not in seen:
            seen.add(key)
            model.add_no_overlap([variables["activity"][j] for j in key]).with_name(
                "implied: disjunctive clique"
            )


def disjunctive_order(model, variables, data):
    """Two activities that do not fit together, and that no precedence orders: a literal says which is first."""
    start, duration = variables["start"], data["duration"]
    way = longest_paths(duration, data["precedence"])
    apart = disjoint(data["demand"], data["capacity"])
    for i in range(len(duration)):
        for j in range(i + 1, len(duration)):
            if apart[i, j] and duration[i] and duration[j] and way[i, j] < 0:
                first = model.new_bool_var(f"{i} before {j}")
                one = model.add(start[j] >= start[i] + int(duration[i])).with_name("channel: order")
                one.only_enforce_if(first)
                other = model.add(start[i] >= start[j] + int(duration[j])).with_name("channel: order")
                other.only_enforce_if(~first)


def energy_bounds(model, variables, data):
    """The makespan is at least every resource's work over its capacity."""
    for k, units in enumerate(data["capacity"]):
        work = int(data["duration"] @ data["demand"][:, k])
        model.add(variables["makespan"] >= -(-work // int(units))).with_name("bound: energy")


def energy_between(model, variables, data):
    """Between two activities lies the work of all that come after the one and before the other."""
    start, duration, demand = variables["start"], data["duration"], data["demand"]
    way = longest_paths(duration, data["precedence"])
    for i in range(len(duration)):
        for j in range(len(duration)):
            inside = (way[i] >= 0) & (way[:, j] >= 0) & (np.arange(len(duration)) != i)
            inside[j] = False
            work = duration[inside] @ demand[inside]
            least = int(duration[i]) + int((-(-work // data["capacity"])).max(initial=0))
            if inside.any() and least > way[i, j]:
                model.add(start[j] >= start[i] + least).with_name("implied: energy between")


def pair_bounds(model, variables, data):
    """The makespan is at least the way to two activities that do not fit together, both of them, and the way on."""
    duration = data["duration"]
    way = longest_paths(duration, data["precedence"])
    tail = way[:, -1] - duration
    apart = disjoint(data["demand"], data["capacity"])
    for i, j in np.argwhere(np.triu(apart, 1)):
        if way[i, j] < 0 and way[j, i] < 0:
            least = int(min(way[0, i] + tail[j], way[0, j] + tail[i]) + duration[i] + duration[j])
            model.add(variables["makespan"] >= least).with_name("bound: disjunctive pair")


def windows(model, variables, data):
    """Heads and tails along the precedences."""
    start, duration = variables["start"], data["duration"]
    way = longest_paths(duration, data["precedence"])
    for i in range(len(duration)):
        model.add(start[i] >= int(way[0, i])).with_name("implied: head")
        model.add(variables["makespan"] >= start[i] + int(way[i, -1])).with_name("implied: tail")


def equal_activities(model, variables, data):
    """Of activities with equal times, demands, predecessors and successors that of lower number starts first."""
    arcs = {tuple(arc) for arc in data["precedence"].tolist()}
    n = len(data["duration"])
    kind = [
        (
            int(data["duration"][i]),
            tuple(data["demand"][i].tolist()),
            tuple(j for j in range(n) if (j, i) in arcs),
            tuple(j for j in range(n) if (i, j) in arcs),
        )
        for i in range(n)
    ]
    for i in range(n):
        twin = next((j for j in range(i + 1, n) if kind[j] == kind[i]), None)
        if twin is not None:
            first = model.add(variables["start"][i] <= variables["start"][twin])
            first.with_name("symmetry: equal activities")


def upper_bound(model, variables, data):
    """The makespan of a serial schedule."""
    _, length = serial_schedule(data["duration"], data["precedence"], data["demand"], data["capacity"])
    model.add(variables["makespan"] <= length).with_name("bound: serial schedule")


def hint(model, variables, data):
    """A serial schedule to start from."""
    start, length = serial_schedule(data["duration"], data["precedence"], data["demand"], data["capacity"])
    for i, moment in enumerate(start.tolist()):
        model.add_hint(variables["start"][i], moment)
    model.add_hint(variables["makespan"], length)


SERIAL = "Kelley 1963; Kolisch 1996, EJOR 90: serial scheme, latest finish time"
CLIQUES = "Baptiste and Le Pape 2000, Constraints 5: disjunctive sub-problems"

PATTERNS = (
    make_pattern(disjunctive_cliques, Claim.IMPLIED, CLIQUES, (disjoint,)),
    make_pattern(disjunctive_order, Claim.CHANNEL, CLIQUES, (disjoint, longest_paths)),
    make_pattern(energy_bounds, Claim.BOUND, "Stinson, Davis and Khumawala 1978, AIIE Transactions 10"),
    make_pattern(energy_between, Claim.IMPLIED, "Klein and Scholl 1999: energetic bounds", (longest_paths,)),
    make_pattern(
        pair_bounds, Claim.BOUND, "Mingozzi et al. 1998, Management Science 44", (disjoint, longest_paths)
    ),
    make_pattern(windows, Claim.IMPLIED, "Kelley 1961: critical path", (longest_paths,)),
    make_pattern(equal_activities, Claim.SYMMETRY, "folklore: an exchange of equal activities"),
    make_pattern(upper_bound, Claim.BOUND, SERIAL, (serial_schedule, longest_paths)),
    make_pattern(hint, Claim.HINT, SERIAL, (serial_schedule, longest_paths)),
)
