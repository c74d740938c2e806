"""Classical ways to strengthen the interval model of J‖Cmax."""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated"

import numpy as np

from gapsmith.evaluators.formulations.contract import Claim, make_pattern


def heads_and_tails(machines, p):
    """The work of the job before and after each operation; shape [n, m] each."""
    before = np.cumsum(p, axis=1) - p
    return before, p.sum(axis=1, keepdims=True) - before - p


def dispatched(machines, p):
    """A schedule by most work remaining: of the operations that can start first, that of the longest rest."""
    n, m = p.shape
    rest = np.cumsum(p[:, ::-1], axis=1)[:, ::-1]
    step, ready, free = [0] * n, [0] * n, {}
    starts = np.zeros((n, m), dtype=int)
    for _ in range(n * m):
        open_ = {j: max(ready[j], free.get(int(machines[j, step[j]]), 0)) for j in range(n) if step[j] < m}
        j = min(open_, key=lambda j: (open_[j], -rest[j, step[j]]))
        starts[j, step[j]] = open_[j]
        ready[j] = free[int(machines[j, step[j]])] = open_[j] + int(p[j, step[j]])
        step[j] += 1
    return starts, max(ready)


def machine_pairs(machines):
    """All pairs of operations (j, i), (g, h) of different jobs on the same machine, each once."""
    places = [tuple(place) for place in np.argwhere(machines == machines).tolist()]
    return [(a, b) for a in places for b in places if a < b and machines[a] == machines[b]]


def order_literals(model, variables, data):
    """A literal for each pair of operations on a machine says which is first."""
    start, p = variables["start"], data["p"]
    for (j, i), (g, h) in machine_pairs(data["machines"]):
        first = model.new_bool_var(f"{j} {i} before {g} {h}")
        one = model.add(start[g][h] >= start[j][i] + int(p[j, i])).with_name("channel: order")
        one.only_enforce_if(first)
        other = model.add(start[j][i] >= start[g][h] + int(p[g, h])).with_name("channel: order")
        other.only_enforce_if(~first)


def order_transitive(model, variables, data):
    """Literals for pairs, and no three operations of a machine in a circle."""
    start, machines, p = variables["start"], data["machines"], data["p"]
    before = {}
    for a, b in machine_pairs(machines):
        before[a, b] = model.new_bool_var(f"{a} then {b}")
        before[b, a] = ~before[a, b]
    for (a, b), first in before.items():
        earlier = model.add(start[b[0]][b[1]] >= start[a[0]][a[1]] + int(p[a])).with_name("channel: order")
        earlier.only_enforce_if(first)
    for a, b in before:
        for c in [c for other, c in before if other == b and c > a and b > a]:
            circle = [~before[a, b], ~before[b, c], ~before[c, a]]
            model.add_bool_or(circle).with_name("implied: no circle")


def job_windows(model, variables, data):
    """Heads and tails: an operation leaves room for the rest of its job before the makespan."""
    start, p = variables["start"], data["p"]
    heads, tails = heads_and_tails(data["machines"], p)
    for j, i in np.argwhere(p >= 0):
        rest = int(p[j, i] + tails[j, i])
        model.add(start[j][i] >= int(heads[j, i])).with_name("implied: head")
        model.add(variables["makespan"] >= start[j][i] + rest).with_name("implied: tail")


def machine_bounds(model, variables, data):
    """The makespan is at least every machine's least head, work and least tail."""
    machines, p = data["machines"], data["p"]
    heads, tails = heads_and_tails(machines, p)
    for machine in np.unique(machines):
        on = machines == machine
        least = int(heads[on].min() + p[on].sum() + tails[on].min())
        model.add(variables["makespan"] >= least).with_name("bound: machine")


def preemptive_bounds(model, variables, data):
    """The makespan is at least the one-machine schedule with heads, tails and interruptions, by Jackson's rule."""
    machines, p = data["machines"], data["p"]
    heads, tails = heads_and_tails(machines, p)
    for machine in np.unique(machines):
        on = machines == machine
        left = dict(enumerate(zip(heads[on].tolist(), p[on].tolist(), tails[on].tolist(), strict=True)))
        now, least = 0, 0
        work = {key: length for key, (_, length, _) in left.items()}
        while work:
            ready = [key for key in work if left[key][0] <= now]
            coming = [left[key][0] for key in work if left[key][0] > now]
            if not ready:
                now = min(coming)
                continue
            key = max(ready, key=lambda key: left[key][2])
            end = min([now + work[key], *coming])
            work[key] -= end - now
            now = end
            if not work[key]:
                del work[key]
                least = max(least, now + left[key][2])
        model.add(variables["makespan"] >= least).with_name("bound: Jackson's preemptive schedule")


def energy(model, variables, data):
    """All machines together: no more of them run than there are, a cumulative of them all."""
    intervals = [each for line in variables["operation"] for each in line]
    machines = len(np.unique(data["machines"]))
    model.add_cumulative(intervals, [1] * len(intervals), machines).with_name("implied: machines together")


def equal_jobs(model, variables, data):
    """Of jobs with the same route and times the one of lower number begins first."""
    machines, p, start = data["machines"], data["p"], variables["start"]
    for j in range(len(p)):
        for g in range(j + 1, len(p)):
            if (machines[j] == machines[g]).all() and (p[j] == p[g]).all():
                model.add(start[j][0] <= start[g][0]).with_name("symmetry: equal jobs")


def upper_bound(model, variables, data):
    """The makespan of a dispatched schedule."""
    _, length = dispatched(data["machines"], data["p"])
    model.add(variables["makespan"] <= length).with_name("bound: a dispatched schedule")


def immediate_selection(model, variables, data):
    """Pairs whose one order would end after a dispatched schedule: the other order holds."""
    machines, p, start = data["machines"], data["p"], variables["start"]
    heads, tails = heads_and_tails(machines, p)
    _, length = dispatched(machines, p)
    for a, b in machine_pairs(machines):
        for (j, i), (g, h) in ((a, b), (b, a)):
            if heads[j, i] + p[j, i] + p[g, h] + tails[g, h] > length:
                model.add(start[j][i] >= start[g][h] + int(p[g, h])).with_name("bound: immediate selection")


def hint(model, variables, data):
    """A dispatched schedule to start from."""
    starts, length = dispatched(data["machines"], data["p"])
    for j, i in np.argwhere(starts >= 0):
        model.add_hint(variables["start"][j][i], int(starts[j, i]))
    model.add_hint(variables["makespan"], length)


MWKR = "Haupt 1989, OR Spektrum 11: most work remaining"

PATTERNS = (
    make_pattern(
        order_literals, Claim.CHANNEL, "Manne 1960, Oper. Res. 8: disjunctive pairs", (machine_pairs,)
    ),
    make_pattern(
        order_transitive,
        Claim.CHANNEL,
        "Applegate and Cook 1991, ORSA Journal on Computing 3: triangles",
        (machine_pairs,),
    ),
    make_pattern(job_windows, Claim.IMPLIED, "Carlier and Pinson 1989: heads and tails", (heads_and_tails,)),
    make_pattern(machine_bounds, Claim.BOUND, "Carlier 1982, EJOR 11: one-machine bound", (heads_and_tails,)),
    make_pattern(preemptive_bounds, Claim.BOUND, "Jackson 1955; Carlier 1982, EJOR 11", (heads_and_tails,)),
    make_pattern(energy, Claim.IMPLIED, "folklore: a redundant cumulative"),
    make_pattern(equal_jobs, Claim.SYMMETRY, "folklore: an exchange of equal jobs"),
    make_pattern(
        immediate_selection,
        Claim.BOUND,
        "Carlier and Pinson 1989, Management Science 35",
        (heads_and_tails, dispatched, machine_pairs),
    ),
    make_pattern(upper_bound, Claim.BOUND, MWKR, (dispatched,)),
    make_pattern(hint, Claim.HINT, MWKR, (dispatched,)),
)
