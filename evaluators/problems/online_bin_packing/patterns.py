"""Classical ways to strengthen the assignment model of bin packing."""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np

from gapsmith.evaluators.formulations.contract import Claim, make_pattern


def decreasing(items):
    """The items from the largest on, the lowest number first on ties."""
    return np.argsort(-items, kind="stable")


def used_first(model, variables, data):
    """The bins in use come first."""
    used = variables["used"]
    for b in range(1, len(used)):
        model.add_implication(used[b], used[b - 1]).with_name("symmetry: used bins first")


def load_order(model, variables, data):
    """Bins are ordered by their loads."""
    inside, items = variables["inside"], data["items"]
    loads = [sum(int(items[i]) * line[b] for i, line in enumerate(inside)) for b in range(len(inside[0]))]
    for b in range(1, len(loads)):
        model.add(loads[b - 1] >= loads[b]).with_name("symmetry: fuller bins first")


def first_items(model, variables, data):
    """Bins are numbered by their largest items: the k-th largest item is in one of the first k bins."""
    for k, i in enumerate(decreasing(data["items"])):
        for b in range(k + 1, len(variables["inside"][i])):
            model.add(variables["inside"][i][b] == 0).with_name("symmetry: bins by first items")


def opened_before(model, variables, data):
    """An item opens a bin only if an item before it, by size, is in the bin before."""
    inside, order = variables["inside"], decreasing(data["items"])
    for k, i in enumerate(order):
        for b in range(1, len(inside[i])):
            earlier = sum(inside[order[q]][b - 1] for q in range(k))
            model.add(inside[i][b] <= earlier).with_name("symmetry: bins by first items")


def large_items(model, variables, data):
    """Items of more than half a bin lie in bins of their own: the first bins, the largest item first."""
    inside, items = variables["inside"], data["items"]
    large = [i for i in decreasing(items) if 2 * items[i] > data["capacity"]]
    for b, i in enumerate(large):
        model.add(inside[i][b] == 1).with_name("symmetry: bins by first items")


def equal_items(model, variables, data):
    """Of equal items the one of lower number lies in the lower bin."""
    inside, items = variables["inside"], data["items"]
    for i in range(len(items)):
        twin = next((j for j in range(i + 1, len(items)) if items[j] == items[i]), None)
        for b in range(len(inside[i]) if twin is not None else 0):
            lower = sum(inside[i][: b + 1])
            model.add(sum(inside[twin][: b + 1]) <= lower).with_name("symmetry: equal items")


def link(model, variables, data):
    """An item is in a bin only if that is in use."""
    for line in variables["inside"]:
        for b, each in enumerate(line):
            model.add_implication(each, variables["used"][b]).with_name("implied: link")


def conflicts(model, variables, data):
    """Of items that are larger than half a bin, and of the next one that fits with none of them, a bin has one."""
    inside, items = variables["inside"], data["items"]
    order = decreasing(items)
    clique = [
        k for k in range(len(order)) if k == 0 or items[order[k]] + items[order[k - 1]] > data["capacity"]
    ]
    last = next((k for k in range(len(order)) if k not in clique), len(order))
    for b in range(len(variables["used"]) if last > 1 else 0):
        together = sum(inside[i][b] for i in order[:last])
        model.add(together <= variables["used"][b]).with_name("implied: large items")


def volume_bound(model, variables, data):
    """As many bins as the volume needs."""
    least = -(-int(data["items"].sum()) // int(data["capacity"]))
    model.add(sum(variables["used"]) >= least).with_name("bound: volume")


def threshold_bound(model, variables, data):
    """Martello and Toth's L2: items of more than C - a in their own bins, those above half too, the rest by volume."""
    items, capacity = data["items"], int(data["capacity"])
    least = 0
    for a in [0, *items[2 * items <= capacity].tolist()]:
        huge = items > capacity - a
        large = (2 * items > capacity) & ~huge
        small = (2 * items <= capacity) & (items >= a)
        room = int(large.sum()) * capacity - int(items[large].sum())
        more = -(-max(0, int(items[small].sum()) - room) // capacity)
        least = max(least, int(huge.sum()) + int(large.sum()) + more)
    model.add(sum(variables["used"]) >= least).with_name("bound: L2")


def total_load(model, variables, data):
    """The loads of all bins sum up to the sizes of all items; each is a sum of sizes that fits."""
    inside, items, capacity = variables["inside"], data["items"], int(data["capacity"])
    sums = {0}
    for size in items.tolist():
        sums |= {total + size for total in sums if total + size <= capacity}
    loads = [model.new_int_var(0, max(sums), f"load {b}") for b in range(len(inside[0]))]
    for b, load in enumerate(loads):
        content = sum(int(items[i]) * line[b] for i, line in enumerate(inside))
        model.add(load == content).with_name("channel: load")
    model.add(sum(loads) == int(items.sum())).with_name("implied: all loads")


def hint(model, variables, data):
    """First fit decreasing to start from."""
    inside, items = variables["inside"], data["items"]
    room = [int(data["capacity"])] * len(inside[0])
    for i in decreasing(items):
        mine = next(b for b, left in enumerate(room) if left >= items[i])
        room[mine] -= int(items[i])
        for b, each in enumerate(inside[i]):
            model.add_hint(each, int(b == mine))


NUMBERED = "Sherali and Smith 2001, Management Science 47: symmetric machines"

PATTERNS = (
    make_pattern(used_first, Claim.SYMMETRY, NUMBERED),
    make_pattern(load_order, Claim.SYMMETRY, NUMBERED),
    make_pattern(first_items, Claim.SYMMETRY, NUMBERED, (decreasing,)),
    make_pattern(opened_before, Claim.SYMMETRY, NUMBERED, (decreasing,)),
    make_pattern(large_items, Claim.SYMMETRY, "Martello and Toth 1990, Knapsack Problems", (decreasing,)),
    make_pattern(equal_items, Claim.SYMMETRY, "folklore: an exchange of equal items"),
    make_pattern(link, Claim.IMPLIED, "folklore: disaggregated capacities"),
    make_pattern(conflicts, Claim.IMPLIED, "Martello and Toth 1990, Knapsack Problems", (decreasing,)),
    make_pattern(volume_bound, Claim.BOUND, "Martello and Toth 1990: L1"),
    make_pattern(threshold_bound, Claim.BOUND, "Martello and Toth 1990: L2"),
    make_pattern(total_load, Claim.CHANNEL, "Shaw 2004, CP: a constraint for bin packing"),
    make_pattern(hint, Claim.HINT, "Johnson 1973: first fit decreasing", (decreasing,)),
)
