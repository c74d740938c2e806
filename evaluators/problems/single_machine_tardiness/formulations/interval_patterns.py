"""Classical ways to strengthen the interval model of 1‖ΣTj."""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np

from gapsmith.evaluators.formulations.contract import Claim, make_pattern
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.dominance_patterns import (
    emmons_order,
    good_sequence,
)


def emmons_precedences(model, variables, data):
    """A job starts when its predecessors by Emmons have ended."""
    start, p = variables["start"], data["p"]
    for i, j in np.argwhere(emmons_order(p, data["d"])):
        model.add(start[j] >= start[i] + int(p[i])).with_name("symmetry: Emmons' precedence")


def emmons_windows(model, variables, data):
    """A job starts after the work of its predecessors by Emmons, and leaves room for that of its successors."""
    start, p, before = variables["start"], data["p"], emmons_order(data["p"], data["d"])
    for j in range(len(p)):
        latest = int(p.sum() - p[before[j]].sum() - p[j])
        model.add(start[j] >= int(p[before[:, j]].sum())).with_name("symmetry: Emmons' windows")
        model.add(start[j] <= latest).with_name("symmetry: Emmons' windows")


def equal_jobs(model, variables, data):
    """Of equal jobs the one of lower number comes first."""
    start, p, d = variables["start"], data["p"], data["d"]
    for j in range(len(p)):
        for i in range(j):
            if p[i] == p[j] and d[i] == d[j]:
                model.add(start[j] >= start[i] + int(p[i])).with_name("symmetry: equal jobs")


def no_idle_work(model, variables, data):
    """Without idle time, processing times times completion times sum up to the same in every sequence."""
    start, p = variables["start"], data["p"]
    work = sum(int(p[j]) * (start[j] + int(p[j])) for j in range(len(p)))
    model.add(work == int(p.sum() ** 2 + (p**2).sum()) // 2).with_name("implied: no idle time")


def order_literals(model, variables, data):
    """A literal for each pair says which job comes first; a start is the work of those before."""
    start, p = variables["start"], data["p"]
    n, before = len(p), {}
    for i in range(n):
        for j in range(i + 1, n):
            first = model.new_bool_var(f"{i} before {j}")
            before[i, j], before[j, i] = first, ~first
    for (i, j), first in before.items():
        earlier = model.add(start[j] >= start[i] + int(p[i])).with_name("channel: order")
        earlier.only_enforce_if(first)
    for j in range(n):
        work = sum(int(p[i]) * before[i, j] for i in range(n) if i != j)
        model.add(start[j] == work).with_name("channel: start by order")


def order_transitive(model, variables, data):
    """Literals for pairs, and no three jobs in a circle."""
    start, p = variables["start"], data["p"]
    n, before = len(p), {}
    for i in range(n):
        for j in range(i + 1, n):
            first = model.new_bool_var(f"{i} then {j}")
            before[i, j], before[j, i] = first, ~first
    for (i, j), first in before.items():
        earlier = model.add(start[j] >= start[i] + int(p[i])).with_name("channel: order")
        earlier.only_enforce_if(first)
    for i in range(n):
        for j in range(n):
            for k in range(max(i, j) + 1, n):
                if i != j:
                    circle = [~before[i, j], ~before[j, k], ~before[k, i]]
                    model.add_bool_or(circle).with_name("implied: no circle")


def tardiness_of_pairs(model, variables, data):
    """The later one of two jobs is done no earlier than when both are."""
    late, p, d = variables["tardiness"], data["p"], data["d"]
    for i in range(len(p)):
        for j in range(i):
            done = int(p[i] + p[j])
            least = min(max(0, done - int(d[i])), max(0, done - int(d[j])))
            if least:
                model.add(late[i] + late[j] >= least).with_name("implied: one of two is later")


def shortest_first_bound(model, variables, data):
    """No sequence is less late than the k-th due date is by the sum of the k shortest times, over all k."""
    least = np.maximum(np.cumsum(np.sort(data["p"])) - np.sort(data["d"]), 0).sum()
    model.add(sum(variables["tardiness"]) >= int(least)).with_name("bound: shortest first")


def upper_bound(model, variables, data):
    """The total tardiness of a good sequence."""
    _, total = good_sequence(data["p"], data["d"])
    model.add(sum(variables["tardiness"]) <= total).with_name("bound: a good sequence")


def hint(model, variables, data):
    """A good sequence to start from."""
    sequence, _ = good_sequence(data["p"], data["d"])
    done = 0
    for job in sequence:
        model.add_hint(variables["start"][job], done)
        done += int(data["p"][job])


EMMONS = "Emmons 1969, Oper. Res. 17; ties by (p, d, number)"

PATTERNS = (
    make_pattern(emmons_precedences, Claim.SYMMETRY, EMMONS, (emmons_order,)),
    make_pattern(emmons_windows, Claim.SYMMETRY, EMMONS, (emmons_order,)),
    make_pattern(equal_jobs, Claim.SYMMETRY, "folklore: an exchange of equal jobs"),
    make_pattern(no_idle_work, Claim.IMPLIED, "Queyranne 1993, Mathematical Programming 58, as an equation"),
    make_pattern(order_literals, Claim.CHANNEL, "Potts 1980: linear ordering"),
    make_pattern(order_transitive, Claim.CHANNEL, "Grötschel, Jünger and Reinelt 1984: three-circles"),
    make_pattern(tardiness_of_pairs, Claim.IMPLIED, "folklore: two jobs on one machine"),
    make_pattern(
        shortest_first_bound, Claim.BOUND, "Chu 1992, Naval Research Logistics 39, without release dates"
    ),
    make_pattern(upper_bound, Claim.BOUND, "Baker and Bertrand 1982: modified due dates", (good_sequence,)),
    make_pattern(hint, Claim.HINT, "Baker and Bertrand 1982: modified due dates", (good_sequence,)),
)
