"""Reference rules for the multi-dimensional knapsack.

Each is self-contained: its source runs in the sandbox.

Ties: every rule takes the item of the lowest index. Items that outweigh a capacity are passed over.
"""

# The annotations of the rules would be noise in the modules made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated"

import numpy as np

from gapsmith.evaluators.grammar import Rule


def fill(weight, capacity, order):
    """The items of an order that fit, one after another."""
    left, chosen = capacity * 1, []
    for item in order:
        if (weight[:, item] <= left).all():
            left = left - weight[:, item]
            chosen.append(item)
    return chosen


def greatest_profit(profit, weight, capacity):
    """The items from the most profitable on, as they fit."""
    return fill(weight, capacity, np.argsort(-profit, kind="stable"))


def density(profit, weight, capacity):
    """The items by profit per weight, weights being summed as shares of their capacities."""
    shares = (weight / np.maximum(capacity, 1e-9)[:, None]).sum(axis=0)
    return fill(weight, capacity, np.argsort(-profit / np.maximum(shares, 1e-12), kind="stable"))


def scarcest(profit, weight, capacity):
    """The items by profit per greatest share of a capacity."""
    shares = (weight / np.maximum(capacity, 1e-9)[:, None]).max(axis=0)
    return fill(weight, capacity, np.argsort(-profit / np.maximum(shares, 1e-12), kind="stable"))


def effective_gradient(profit, weight, capacity):
    """Toyoda's: at each step the item of the best profit per weight, where capacities count as they are used up."""
    room = np.maximum(capacity, 1e-9)[:, None]
    shares = weight / room
    left, used, chosen = capacity * 1, np.zeros(len(capacity)), []
    waiting = np.arange(len(profit))
    while True:
        waiting = waiting[(weight[:, waiting] <= left[:, None]).all(axis=0)]
        if not waiting.size:
            return chosen
        measure = used @ shares[:, waiting] if used.any() else shares[:, waiting].sum(axis=0)
        item = waiting[np.argmax(profit[waiting] / np.maximum(measure, 1e-12))]
        chosen.append(item)
        left = left - weight[:, item]
        used = used + shares[:, item]
        waiting = waiting[waiting != item]


def prices(profit, weight, capacity):
    """Prices of the capacities: multipliers of the Lagrangian, by 300 steps of a subgradient method."""
    shares = weight / np.maximum(capacity, 1e-9)[:, None]
    price = np.full(len(capacity), profit.sum() / max(1, len(capacity)))
    best, least, factor, waited = price, np.inf, 2.0, 0
    goal = profit[density(profit, weight, capacity)].sum()
    for _ in range(300):
        reduced = profit - price @ shares
        bound = price.sum() + reduced[reduced > 0].sum()
        if bound < least:
            best, least, waited = price, bound, 0
        else:
            waited += 1
        if waited >= 10:
            price, factor, waited = best, factor / 2, 0
            continue
        excess = shares[:, reduced > 0].sum(axis=1) - 1.0
        square = (excess * excess).sum()
        if square < 1e-12 or bound <= goal:
            break
        price = np.maximum(price + factor * (bound - goal) / square * excess, 0.0)
    return best @ shares


def dual_multipliers(profit, weight, capacity):
    """The items by profit per price of their weights, at the best multipliers of the Lagrangian."""
    price = prices(profit, weight, capacity)
    return fill(weight, capacity, np.argsort(-profit / np.maximum(price, 1e-9), kind="stable"))


def improve(profit, weight, capacity, chosen):
    """The best exchange of one item in for one out, or of one more, while one gains; at most 200."""
    inside = np.zeros(len(profit), dtype=bool)
    inside[chosen] = True
    for _ in range(200):
        left = capacity - weight[:, inside].sum(axis=1)
        out, waiting = np.flatnonzero(inside), np.flatnonzero(~inside)
        fits = (weight[:, waiting] <= left[:, None]).all(axis=0)
        if fits.any():
            more = waiting[fits]
            inside[more[np.argmax(profit[more])]] = True
            continue
        room = left[:, None] + weight[:, out]
        possible = (weight[:, waiting][:, :, None] <= room[:, None, :]).all(axis=0)
        gain = np.where(possible, profit[waiting][:, None] - profit[out], 0)
        if not gain.size or gain.max() <= 0:
            break
        row, column = divmod(int(np.argmax(gain)), len(out))
        inside[waiting[row]], inside[out[column]] = True, False
    return np.flatnonzero(inside)


def dual_multipliers_and_exchange(profit, weight, capacity):
    """The packing by dual multipliers, improved by exchanges of one item for another."""
    return improve(profit, weight, capacity, dual_multipliers(profit, weight, capacity))


_PIRKUL = "Pirkul 1987, Nav. Res. Logist. 34: A heuristic solution procedure for the multiconstraint zero-one knapsack"
_DUAL = (fill, density, prices)

RULES = (
    Rule(
        "Profit",
        greatest_profit,
        "greedy by profit; Kellerer, Pferschy and Pisinger 2004, Knapsack Problems, chapter 9",
        (fill,),
    ),
    Rule(
        "Density",
        density,
        "Dobson 1982, Math. Oper. Res. 7: worst-case analysis of greedy heuristics",
        (fill,),
    ),
    Rule(
        "Scarcest",
        scarcest,
        "greedy by profit per greatest share; compare Fox and Scudder 1985, Nav. Res. Logist. Q. 32",
        (fill,),
    ),
    Rule("Toyoda", effective_gradient, "Toyoda 1975, Manag. Sci. 21: a simplified algorithm"),
    Rule("DualMultiplier", dual_multipliers, f"{_PIRKUL}; multipliers by subgradients, Fisher 1981", _DUAL),
    Rule(
        "DualExchange",
        dual_multipliers_and_exchange,
        f"{_PIRKUL}, with the exchanges of Balas and Martin 1980, Manag. Sci. 26",
        (*_DUAL, dual_multipliers, improve),
    ),
)
