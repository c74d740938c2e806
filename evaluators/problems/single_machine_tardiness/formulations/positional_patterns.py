"""Classical ways to strengthen the positional assignment of 1‖ΣTj."""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np

from gapsmith.evaluators.formulations.contract import Claim, make_pattern
from gapsmith.evaluators.problems.single_machine_tardiness.formulations.dominance_patterns import (
    emmons_order,
    good_sequence,
    lawler_places,
)


def emmons_windows(model, variables, data):
    """A job comes after its predecessors and before its successors by Emmons: places too early or late are out."""
    at, before = variables["at"], emmons_order(data["p"], data["d"])
    for j in range(len(at)):
        for k in range(len(at)):
            if k < before[:, j].sum() or k >= len(at) - before[j].sum():
                model.add(at[j][k] == 0).with_name("symmetry: Emmons' windows")


def emmons_sequence(model, variables, data):
    """Emmons' precedences, place by place: j is among the first k + 1 only if i is among the first k."""
    at = variables["at"]
    for i, j in np.argwhere(emmons_order(data["p"], data["d"])):
        for k in range(len(at)):
            model.add(sum(at[j][: k + 1]) <= sum(at[i][:k])).with_name("symmetry: Emmons' sequence")


def lawler_decomposition(model, variables, data):
    """The longest job has one of Lawler's places, and exactly the jobs due first are before it."""
    at = variables["at"]
    longest, places = lawler_places(data["p"], data["d"])
    for k in range(len(at)):
        if k not in places:
            model.add(at[longest][k] == 0).with_name("symmetry: Lawler's places")
            continue
        for j in places[k]:
            earlier = model.add(sum(at[j][:k]) == 1).with_name("symmetry: Lawler's decomposition")
            earlier.only_enforce_if(at[longest][k])


def equal_jobs(model, variables, data):
    """Of equal jobs the one of lower number comes first."""
    at, p, d = variables["at"], data["p"], data["d"]
    for j in range(len(at)):
        twin = next((i for i in range(j + 1, len(at)) if p[i] == p[j] and d[i] == d[j]), None)
        for k in range(len(at) if twin is not None else 0):
            model.add(sum(at[twin][: k + 1]) <= sum(at[j][:k])).with_name("symmetry: equal jobs")


def late_cut(model, variables, data):
    """A job at place k is done no earlier than with the k shortest others before it."""
    at, tardiness, p, d = variables["at"], variables["tardiness"], data["p"], data["d"]
    n = len(at)
    others = [np.concatenate(([0], np.cumsum(np.sort(np.delete(p, j))))) for j in range(n)]
    for k in range(n):
        late = sum(max(0, int(others[j][k] + p[j] - d[j])) * at[j][k] for j in range(n))
        model.add(tardiness[k] >= late).with_name("implied: late cut")


def completion_times(model, variables, data):
    """Completion times as variables, between the sums of the shortest and of the longest jobs."""
    at, tardiness, p, d = variables["at"], variables["tardiness"], data["p"], data["d"]
    n, ascending, done = len(at), np.sort(p), 0
    for k in range(n):
        low, high = int(ascending[: k + 1].sum()), int(ascending[n - k - 1 :].sum())
        here = model.new_int_var(low, high, f"completion at {k}")
        model.add(here == done + sum(int(p[j]) * at[j][k] for j in range(n))).with_name("channel: completion")
        due = sum(int(d[j]) * at[j][k] for j in range(n))
        model.add(tardiness[k] >= here - due).with_name("implied: tardiness by completion")
        done = here


def places(model, variables, data):
    """The place of each job as a variable, all different."""
    at = variables["at"]
    n = len(at)
    place = [model.new_int_var(0, n - 1, f"place of {j}") for j in range(n)]
    for j in range(n):
        model.add(place[j] == sum(k * at[j][k] for k in range(n))).with_name("channel: place")
    model.add_all_different(place).with_name("implied: different places")


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
    for k, job in enumerate(sequence):
        for j in range(len(sequence)):
            model.add_hint(variables["at"][j][k], int(j == job))


EMMONS = "Emmons 1969, Oper. Res. 17; ties by (p, d, number)"

PATTERNS = (
    make_pattern(emmons_windows, Claim.SYMMETRY, EMMONS, (emmons_order,)),
    make_pattern(emmons_sequence, Claim.SYMMETRY, EMMONS, (emmons_order,)),
    make_pattern(
        lawler_decomposition,
        Claim.SYMMETRY,
        "Lawler 1977; Potts and Van Wassenhove 1982, Oper. Res. Letters 1",
        (lawler_places,),
    ),
    make_pattern(equal_jobs, Claim.SYMMETRY, "folklore: an exchange of equal jobs"),
    make_pattern(late_cut, Claim.IMPLIED, "Keha, Khowala and Fowler 2009; strengthened completion times"),
    make_pattern(completion_times, Claim.CHANNEL, "Keha, Khowala and Fowler 2009: positional dates"),
    make_pattern(places, Claim.CHANNEL, "folklore: the inverse view"),
    make_pattern(
        shortest_first_bound, Claim.BOUND, "Chu 1992, Naval Research Logistics 39, without release dates"
    ),
    make_pattern(upper_bound, Claim.BOUND, "Baker and Bertrand 1982: modified due dates", (good_sequence,)),
    make_pattern(hint, Claim.HINT, "Baker and Bertrand 1982: modified due dates", (good_sequence,)),
)
