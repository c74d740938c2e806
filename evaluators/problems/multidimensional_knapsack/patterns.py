"""Classical ways to strengthen the multi-dimensional knapsack."""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, index"

import numpy as np

from gapsmith.evaluators.formulations.contract import Claim, make_pattern


def good_packing(profit, weight, capacity):
    """Items by profit per share of the capacities, as they fit; then exchanges of two items that help."""
    shares = (weight / np.maximum(capacity, 1)[:, None]).sum(axis=0)
    taken, left = np.zeros(len(profit), dtype=bool), capacity.copy()
    for j in np.argsort(-profit / np.maximum(shares, 1e-9), kind="stable"):
        if (weight[:, j] <= left).all():
            taken[j] = True
            left = left - weight[:, j]
    improved = True
    while improved:
        improved = False
        for out in np.flatnonzero(taken):
            room = left + weight[:, out]
            fits = ~taken & (weight <= room[:, None]).all(axis=0) & (profit > profit[out])
            if taken[out] and fits.any():
                new = int(np.argmax(np.where(fits, profit, -1)))
                taken[[out, new]] = False, True
                left, improved = room - weight[:, new], True
    return taken, int(profit[taken].sum())


def surrogate(profit, weight, capacity):
    """Multipliers of the capacities, whole numbers, by a few subgradient steps from even shares."""
    price = profit.sum() / np.maximum(capacity, 1) / max(1, len(capacity))
    best, kept = np.inf, price
    for step in range(200):
        taken = profit > price @ weight
        bound = price @ capacity + (profit - price @ weight)[taken].sum()
        if bound < best:
            best, kept = bound, price
        slope = weight[:, taken].sum(axis=1) - capacity
        length = 0.02 * bound / (1 + step / 20) / max(1.0, float((slope**2).sum()))
        price = np.maximum(0.0, price + length * slope)
    return np.rint(kept * 1024).astype(int)


def dominated_items(model, variables, data):
    """An item that brings no more and weighs no less everywhere is taken only if the better one is."""
    profit, weight, taken = data["profit"], data["weight"], variables["taken"]
    for j in range(len(taken)):
        for i in range(len(taken)):
            no_worse = profit[i] >= profit[j] and (weight[:, i] <= weight[:, j]).all()
            equal = profit[i] == profit[j] and (weight[:, i] == weight[:, j]).all()
            if i != j and no_worse and (not equal or i < j):
                model.add_implication(taken[j], taken[i]).with_name("symmetry: dominated item")


def cardinality(model, variables, data):
    """No more items than the lightest ones that fit into a capacity."""
    for line, most in zip(data["weight"], data["capacity"], strict=True):
        number = int((np.cumsum(np.sort(line)) <= most).sum())
        model.add(sum(variables["taken"]) <= number).with_name("implied: number of items")


def covers(model, variables, data):
    """For each item the cover of it and the heaviest others of a capacity, extended by all that are as heavy."""
    taken = variables["taken"]
    for line, most in zip(data["weight"], data["capacity"], strict=True):
        order = np.argsort(-line, kind="stable")
        for begin in range(len(order)):
            cover, total = [], 0
            for j in order[begin:]:
                cover.append(int(j))
                total += int(line[j])
                if total > most:
                    break
            if total > most and len(cover) > 1:
                extended = [*order[:begin].tolist(), *cover]
                model.add(sum(taken[j] for j in extended) <= len(cover) - 1).with_name("implied: cover")


def conflicts(model, variables, data):
    """Items that do not fit together."""
    taken, weight, capacity = variables["taken"], data["weight"], data["capacity"]
    for i in range(len(taken)):
        for j in range(i):
            if (weight[:, i] + weight[:, j] > capacity).any():
                model.add_at_most_one([taken[i], taken[j]]).with_name("implied: conflict")


def surrogate_capacity(model, variables, data):
    """One capacity made of all, with the multipliers of the Lagrangian."""
    price = surrogate(data["profit"], data["weight"], data["capacity"])
    load = sum(
        int(each) * item for each, item in zip(price @ data["weight"], variables["taken"], strict=True)
    )
    model.add(load <= int(price @ data["capacity"])).with_name("implied: surrogate")


def lagrangian_bound(model, variables, data):
    """No more profit than the Lagrangian of the capacities allows."""
    price = surrogate(data["profit"], data["weight"], data["capacity"])
    reduced = 1024 * data["profit"] - price @ data["weight"]
    most = int(price @ data["capacity"] + np.maximum(reduced, 0).sum()) // 1024
    gained = sum(int(each) * item for each, item in zip(data["profit"], variables["taken"], strict=True))
    model.add(gained <= most).with_name("bound: Lagrangian")


def reduced_costs(model, variables, data):
    """Items whose price against the Lagrangian would cost more than a good packing leaves are decided."""
    profit, weight, capacity = data["profit"], data["weight"], data["capacity"]
    price = surrogate(profit, weight, capacity)
    reduced = 1024 * profit - price @ weight
    slack = (
        int(price @ capacity + np.maximum(reduced, 0).sum())
        - 1024 * good_packing(profit, weight, capacity)[1]
    )
    for j, item in enumerate(variables["taken"]):
        if abs(int(reduced[j])) > slack:
            model.add(item == int(reduced[j] > 0)).with_name("bound: reduced cost")


def lower_bound(model, variables, data):
    """At least the profit of a good packing."""
    _, total = good_packing(data["profit"], data["weight"], data["capacity"])
    gained = sum(int(each) * item for each, item in zip(data["profit"], variables["taken"], strict=True))
    model.add(gained >= total).with_name("bound: a good packing")


def hint(model, variables, data):
    """A good packing to start from."""
    taken, _ = good_packing(data["profit"], data["weight"], data["capacity"])
    for item, value in zip(variables["taken"], taken, strict=True):
        model.add_hint(item, int(value))


GREEDY = "Dobson 1982, Mathematics of Oper. Res. 7; exchanges of two"
LAGRANGIAN = "Gavish and Pirkul 1985, Mathematical Programming 31"

PATTERNS = (
    make_pattern(dominated_items, Claim.SYMMETRY, "Ingargiola and Korsh 1973, Management Science 20"),
    make_pattern(cardinality, Claim.IMPLIED, "Vasquez and Hao 2001, IJCAI"),
    make_pattern(covers, Claim.IMPLIED, "Balas 1975, Mathematical Programming 8: extended covers"),
    make_pattern(conflicts, Claim.IMPLIED, "Balas 1975: covers of two"),
    make_pattern(surrogate_capacity, Claim.IMPLIED, "Glover 1968, Oper. Res. 16", (surrogate,)),
    make_pattern(lagrangian_bound, Claim.BOUND, LAGRANGIAN, (surrogate,)),
    make_pattern(reduced_costs, Claim.BOUND, LAGRANGIAN, (surrogate, good_packing)),
    make_pattern(lower_bound, Claim.BOUND, GREEDY, (good_packing,)),
    make_pattern(hint, Claim.HINT, GREEDY, (good_packing,)),
)
