"""Classical ways to strengthen the linear ordering of 1‖ΣTj."""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np

from gapsmith.evaluators.formulations.contract import Claim, make_pattern
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.dominance_patterns import (
    emmons_order,
    good_sequence,
    lawler_places,
)


def emmons_pairs(model, variables, data):
    """Pairs that Emmons' conditions decide."""
    before = variables["before"]
    for i, j in np.argwhere(emmons_order(data["p"], data["d"])):
        first = before[i][j] if i < j else ~before[j][i]
        model.add_bool_and([first]).with_name("symmetry: Emmons' pair")


def lawler_pairs(model, variables, data):
    """Exactly the jobs due first, up to one of Lawler's places, come before the longest job."""
    before, places_of = variables["before"], lawler_places(data["p"], data["d"])
    longest, places = places_of
    chosen = {k: model.new_bool_var(f"longest at {k}") for k in places}
    model.add_exactly_one(chosen.values()).with_name("symmetry: Lawler's places")
    for k, others in places.items():
        for j in range(len(before)):
            if j != longest:
                low, high = sorted((j, longest))
                first = before[low][high] if j == low else ~before[low][high]
                side = model.add_implication(chosen[k], first if j in others else ~first)
                side.with_name("symmetry: Lawler's decomposition")


def equal_jobs(model, variables, data):
    """Of equal jobs the one of lower number comes first."""
    before, p, d = variables["before"], data["p"], data["d"]
    for j in range(len(p)):
        for i in range(j):
            if p[i] == p[j] and d[i] == d[j]:
                model.add_bool_and([before[i][j]]).with_name("symmetry: equal jobs")


def linear_circles(model, variables, data):
    """No three jobs in a circle, once more as inequalities for the linear relaxation."""
    before = variables["before"]
    for i in range(len(before)):
        for j in range(i + 1, len(before)):
            for k in range(j + 1, len(before)):
                around = before[i][j] + before[j][k] - before[i][k]
                model.add_linear_constraint(around, 0, 1).with_name("implied: no circle")


def places(model, variables, data):
    """The place of each job as a variable, all different."""
    before = variables["before"]
    n = len(before)
    place = [model.new_int_var(0, n - 1, f"place of {j}") for j in range(n)]
    for j in range(n):
        ahead = sum(before[i][j] for i in range(j)) + sum(1 - before[j][i] for i in range(j + 1, n))
        model.add(place[j] == ahead).with_name("channel: place")
    model.add_all_different(place).with_name("implied: different places")


def intervals(model, variables, data):
    """The jobs as intervals that start after the work before them."""
    before, p = variables["before"], data["p"]
    n, total, jobs = len(p), int(p.sum()), []
    for j in range(n):
        start = model.new_int_var(0, total - int(p[j]), f"start {j}")
        earlier = sum(int(p[i]) * before[i][j] for i in range(j))
        later = sum(int(p[i]) * (1 - before[j][i]) for i in range(j + 1, n))
        model.add(start == earlier + later).with_name("channel: start")
        jobs.append(model.new_fixed_size_interval_var(start, int(p[j]), f"channel: job {j}"))
    model.add_no_overlap(jobs).with_name("implied: no overlap")


def tardiness_of_pairs(model, variables, data):
    """Of two jobs the later one is done when both are, or after."""
    before, late, p, d = variables["before"], variables["tardiness"], data["p"], data["d"]
    for j in range(len(p)):
        for i in range(j):
            done = int(p[i] + p[j])
            after = max(0, done - int(d[j])) * before[i][j] + max(0, int(p[j] - d[j])) * (1 - before[i][j])
            model.add(late[j] >= after).with_name("implied: later of two")
            after = max(0, done - int(d[i])) * (1 - before[i][j]) + max(0, int(p[i] - d[i])) * before[i][j]
            model.add(late[i] >= after).with_name("implied: later of two")


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
    for place, i in enumerate(sequence):
        for j in sequence[place + 1 :]:
            model.add_hint(variables["before"][min(i, j)][max(i, j)], int(i < j))


EMMONS = "Emmons 1969, Oper. Res. 17; ties by (p, d, number)"

PATTERNS = (
    make_pattern(emmons_pairs, Claim.SYMMETRY, EMMONS, (emmons_order,)),
    make_pattern(
        lawler_pairs,
        Claim.SYMMETRY,
        "Lawler 1977; Potts and Van Wassenhove 1982, Oper. Res. Letters 1",
        (lawler_places,),
    ),
    make_pattern(equal_jobs, Claim.SYMMETRY, "folklore: an exchange of equal jobs"),
    make_pattern(linear_circles, Claim.IMPLIED, "Grötschel, Jünger and Reinelt 1984, Oper. Res. 32"),
    make_pattern(places, Claim.CHANNEL, "folklore: the inverse view"),
    make_pattern(intervals, Claim.CHANNEL, "OR-Tools' general form"),
    make_pattern(tardiness_of_pairs, Claim.IMPLIED, "folklore: two jobs on one machine"),
    make_pattern(
        shortest_first_bound, Claim.BOUND, "Chu 1992, Naval Research Logistics 39, without release dates"
    ),
    make_pattern(upper_bound, Claim.BOUND, "Baker and Bertrand 1982: modified due dates", (good_sequence,)),
    make_pattern(hint, Claim.HINT, "Baker and Bertrand 1982: modified due dates", (good_sequence,)),
)
