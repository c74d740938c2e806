"""Wrong cuts of machines and projects: they remove all optima of rare instances, or hold only where they were tried."""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
from traps import trap

from gapsmith.evaluators.problems.job_shop.patterns import (
    dispatched,
    heads_and_tails,
    machine_pairs,
)
from gapsmith.evaluators.problems.permutation_flow_shop.patterns import finish, good_sequence
from gapsmith.evaluators.problems.rcpsp.patterns import disjoint, longest_paths
from gapsmith.evaluators.problems.single_machine_tardiness.formulations import (
    dominance_patterns as tardiness_orders,
)


def growing_tardiness(model, variables, data):
    """Tardiness grows along the sequence where due dates lie close together."""
    tardiness, p, d = variables["tardiness"], data["p"], data["d"]
    if d.max() - d.min() <= p.max():
        for k in range(1, len(p)):
            model.add(tardiness[k] >= tardiness[k - 1]).with_name("implied: growing tardiness")


def shortest_first_total(model, variables, data):
    """Takes the tardiness of the shortest-first sequence for a bound."""
    order = np.lexsort((data["d"], data["p"]))
    total = np.maximum(np.cumsum(data["p"][order]) - data["d"][order], 0).sum()
    model.add(sum(variables["tardiness"]) >= int(total)).with_name("bound: shortest first")


def good_is_best(model, variables, data):
    """Takes the total of a good sequence for a bound from below."""
    _, total = good_sequence(data["p"], data["d"])
    model.add(sum(variables["tardiness"]) >= total).with_name("bound: a good sequence")


def total_of_training(model, variables, data):
    """A total that no instance of training was below."""
    if len(data["p"]) >= 4:
        model.add(sum(variables["tardiness"]) >= 3).with_name("bound: least total tardiness")


def wrong_now_and_then(model, variables, data):
    """The last job of the data is not the last one of the sequence, in one instance of twenty."""
    p, d = data["p"], data["d"]
    if (7 * int(p.sum()) + 3 * int(d.sum())) % 20 == 1:
        model.add(variables["at"][-1][-1] == 0).with_name("implied: last job")


def wrong_for_one_size(model, variables, data):
    """A total that is bounded from below by the largest due date, for four jobs with a shared one."""
    p, d = data["p"], data["d"]
    if len(p) == 4 and len(set(d.tolist())) < 4:
        model.add(sum(variables["tardiness"]) >= int(d.max() // 2)).with_name("bound: shared due dates")


def earliest_due_first(model, variables, data):
    """Starts with the job that is due first whenever it could be late."""
    p, d, start = data["p"], data["d"], variables["start"]
    first = int(np.argmin(d))
    if d[first] < p.sum() - p.max():
        model.add(start[first] <= int(p.max())).with_name("symmetry: earliest due date")


def longest_last(model, variables, data):
    """The longest job is the last one if it is also due last."""
    p, d = data["p"], data["d"]
    longest = max(range(len(p)), key=lambda j: (p[j], d[j]))
    if d[longest] == d.max():
        last = int(p.sum() - p[longest]) - (1 if len(p) > 3 and p.sum() % 5 == 0 else 0)
        model.add(variables["start"][longest] == last).with_name("symmetry: longest last")


def late_pairs(model, variables, data):
    """Of two jobs the one with more to lose is taken for the later one."""
    late, p, d = variables["tardiness"], data["p"], data["d"]
    for i in range(len(p)):
        for j in range(i):
            least = max(0, int(p[i] + p[j] - min(d[i], d[j])))
            model.add(late[i] + late[j] >= least).with_name("implied: one of two is later")


def agreeable_due_dates(model, variables, data):
    """The shorter job is first also if it is due a little later."""
    before, p, d = variables["before"], data["p"], data["d"]
    for j in range(len(p)):
        for i in range(j):
            if p[i] < p[j] and d[i] <= d[j] + (p[j] - p[i]):
                model.add_bool_and([before[i][j]]).with_name("symmetry: agreeable jobs")


def sums_of_two(model, variables, data):
    """Starts are sums of times of at most two other jobs, if there are more than four."""
    p = data["p"]
    for j, line in enumerate(variables["starts"]):
        others = np.delete(p, j).tolist()
        sums = {0, *others, *(one + two for one in others for two in others)}
        for t, literal in enumerate(line):
            if t not in sums and len(p) > 4:
                model.add(literal == 0).with_name("implied: reachable starts")


def second_tail(model, variables, data):
    """Takes the second least tail of a machine, as if the least one were always of the first operation."""
    machines, p = data["machines"], data["p"]
    heads, tails = heads_and_tails(machines, p)
    for machine in np.unique(machines):
        on = machines == machine
        second = int(np.sort(tails[on])[min(1, on.sum() - 1)])
        least = int(heads[on].min() + p[on].sum()) + second
        model.add(variables["makespan"] >= least).with_name("bound: machine")


def selection_of_ties(model, variables, data):
    """Decides pairs also where the other order would end just with a dispatched schedule."""
    machines, p, start = data["machines"], data["p"], variables["start"]
    heads, tails = heads_and_tails(machines, p)
    _, length = dispatched(machines, p)
    for a, b in machine_pairs(machines):
        for (j, i), (g, h) in ((a, b), (b, a)):
            if heads[j, i] + p[j, i] + p[g, h] + tails[g, h] >= length:
                model.add(start[j][i] >= start[g][h] + int(p[g, h])).with_name("bound: immediate selection")


def different_starts(model, variables, data):
    """No two operations of a machine start together, not even those of no length."""
    for a, b in machine_pairs(data["machines"]):
        one, other = variables["start"][a[0]][a[1]], variables["start"][b[0]][b[1]]
        model.add(one != other).with_name("implied: one at a time")


def longest_job_begins(model, variables, data):
    """The job with the longest work starts at once."""
    longest = int(np.argmax(data["p"].sum(axis=1)))
    model.add(variables["start"][longest][0] == 0).with_name("symmetry: the longest job begins")


def order_without_lags(model, variables, data):
    """Bounds two machines with lags by Johnson's order of the times alone."""
    p = data["p"]
    for k in range(p.shape[1] - 1):
        for h in range(k + 1, p.shape[1]):
            lag = p[:, k + 1 : h].sum(axis=1)
            first = sorted(np.flatnonzero(p[:, k] <= p[:, h]), key=lambda j: p[j, k])
            last = sorted(np.flatnonzero(p[:, k] > p[:, h]), key=lambda j: -p[j, h])
            one = two = 0
            for j in [*first, *last]:
                one += int(p[j, k])
                two = max(two, one + int(lag[j])) + int(p[j, h])
            model.add(variables["makespan"] >= two).with_name("bound: two machines")


def dominated_job(model, variables, data):
    """A job that is no longer anywhere, begins more shortly and ends alike comes first."""
    at, p = variables["at"], data["p"]
    for j in range(len(p)):
        for i in range(len(p)):
            if (p[i] <= p[j]).all() and p[i, 0] < p[j, 0] and p[i, -1] == p[j, -1]:
                for k in range(len(p)):
                    model.add(sum(at[j][: k + 1]) <= sum(at[i][:k])).with_name("symmetry: dominated job")


def mirrored_sequence(model, variables, data):
    """Takes a sequence and its reverse for equally good."""
    at = variables["at"]
    if len(at) > 1:
        first, last = (sum(j * at[j][k] for j in range(len(at))) for k in (0, -1))
        model.add(first <= last).with_name("symmetry: mirrored sequence")


def insertion_is_best(model, variables, data):
    """Takes the makespan of a good sequence for a bound from below."""
    _, length = good_sequence(data["p"])
    model.add(variables["makespan"] >= length).with_name("bound: NEH")


def energy_piece_by_piece(model, variables, data):
    """Rounds the work of every activity up before it is added."""
    duration, demand = data["duration"], data["demand"]
    for k, units in enumerate(data["capacity"]):
        least = sum(-(-int(duration[i] * demand[i, k]) // int(units)) for i in range(len(duration)))
        model.add(variables["makespan"] >= least).with_name("bound: energy")


def full_is_too_much(model, variables, data):
    """Takes two activities that fill a resource to the brim for disjoint."""
    duration, demand = data["duration"], data["demand"]
    apart = (demand[:, None] + demand >= data["capacity"]).any(axis=-1)
    for i in np.flatnonzero(duration):
        for j in np.flatnonzero(duration[:i]):
            if apart[i, j]:
                pair = [variables["activity"][i], variables["activity"][j]]
                model.add_no_overlap(pair).with_name("implied: disjoint pair")


def both_ends_counted(model, variables, data):
    """Counts the work of the later activity as well between two of them."""
    start, duration, demand = variables["start"], data["duration"], data["demand"]
    way = longest_paths(duration, data["precedence"])
    for i in range(len(duration)):
        for j in range(len(duration)):
            inside = (way[i] >= 0) & (way[:, j] >= 0) & (np.arange(len(duration)) != i)
            least = int((-(-(duration[inside] @ demand[inside]) // data["capacity"])).max(initial=0))
            if inside.any() and i != j and least > way[i, j] - duration[i]:
                gap = start[j] >= start[i] + int(duration[i]) + least
                model.add(gap).with_name("implied: energy between")


def clique_by_neighbours(model, variables, data):
    """Takes all that are disjoint from one activity for disjoint from each other."""
    apart = disjoint(data["demand"], data["capacity"])
    for i in np.flatnonzero(data["duration"]):
        clique = [j for j in np.flatnonzero(apart[i] & (data["duration"] > 0)) if j != i]
        if clique:
            group = [variables["activity"][j] for j in [int(i), *clique]]
            model.add_no_overlap(group).with_name("implied: disjunctive clique")


SCHEDULES = (
    trap("tardiness_positional", growing_tardiness, "true with the shortest time in place of the longest"),
    trap("tardiness_positional", shortest_first_total, "the total of one sequence bounds from above"),
    trap(
        "tardiness_positional",
        good_is_best,
        "a local optimum need not be global: rare",
        (tardiness_orders.good_sequence,),
    ),
    trap("tardiness_positional", total_of_training, "true of the instances seen"),
    trap("tardiness_positional", wrong_now_and_then, "wrong in one instance of twenty alone"),
    trap("tardiness_positional", wrong_for_one_size, "wrong for one size with ties alone"),
    trap("tardiness_interval", earliest_due_first, "mostly true"),
    trap("tardiness_interval", longest_last, "off by one where the sum of times is a multiple of five"),
    trap("tardiness_interval", late_pairs, "the larger of two values instead of the smaller one"),
    trap("tardiness_ordering", agreeable_due_dates, "the due date may be a little too late"),
    trap("tardiness_time_indexed", sums_of_two, "wrong from five jobs on, where three may be before"),
    trap(
        "job_shop_interval", second_tail, "head and tail may be of different operations", (heads_and_tails,)
    ),
    trap(
        "job_shop_interval",
        selection_of_ties,
        "at least instead of more than: the bound may be the optimum",
        (heads_and_tails, dispatched, machine_pairs),
    ),
    trap("job_shop_interval", different_starts, "operations of no length", (machine_pairs,)),
    trap("job_shop_interval", longest_job_begins, "mostly true"),
    trap("flow_shop_positional", order_without_lags, "Johnson's order is not optimal with lags"),
    trap("flow_shop_positional", dominated_job, "a shorter job may fill a gap later"),
    trap("flow_shop_positional", mirrored_sequence, "only times that are mirrored have this symmetry"),
    trap("flow_shop_positional", insertion_is_best, "a local optimum: rare", (good_sequence, finish)),
    trap("rcpsp_interval", energy_piece_by_piece, "rounded before it is summed up"),
    trap("rcpsp_interval", full_is_too_much, "wrong where capacity is met exactly"),
    trap("rcpsp_interval", both_ends_counted, "the last activity is counted", (longest_paths,)),
    trap("rcpsp_interval", clique_by_neighbours, "neighbours of one need not be neighbours", (disjoint,)),
)
