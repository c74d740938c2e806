"""Building blocks of programs for the multi-dimensional knapsack.

What the genetic programmer assembles.

Every block bounds its own work, so that none comes near the CPU limit on the sizes that a search uses: a run of
`offline` must give the same archive on a slow machine as on a fast one.
"""

# Blocks are sources of candidates: annotations would be noise there.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, name-defined"

import numpy as np

from gapsmith.evaluators.grammar import Grammar, Terminal


def pack(profit, weight, capacity):
    """Prices the capacities, packs by a priority, and improves the packing."""
    rates = price(profit, weight, capacity)
    chosen = improve(profit, weight, capacity, construct(profit, weight, capacity, rates))
    return np.flatnonzero(chosen)


def even(profit, weight, capacity):
    """One price for the whole of each capacity."""
    return 1.0 / np.maximum(capacity, 1e-9)


def scarce(profit, weight, capacity):
    """A price that grows with the demand for a capacity, and none where everything fits."""
    demand = weight.sum(axis=1) / np.maximum(capacity, 1e-9)
    return np.maximum(demand - 1.0, 0.0) / np.maximum(capacity, 1e-9)


def multipliers(profit, weight, capacity):
    """Lagrange multipliers by a subgradient method, scaled so that the whole room costs a unit."""
    shares = weight / np.maximum(capacity, 1e-9)[:, None]
    rates = np.full(len(capacity), profit.sum() / max(1, len(capacity)))
    best, least, factor, waited = rates, np.inf, 2.0, 0
    for _ in range(150):
        reduced = profit - rates @ shares
        bound = rates.sum() + reduced[reduced > 0].sum()
        if bound < least:
            best, least, waited = rates, bound, 0
        else:
            waited += 1
        if waited >= 8:
            rates, factor, waited = best, factor / 2, 0
            continue
        excess = shares[:, reduced > 0].sum(axis=1) - 1.0
        square = max((excess * excess).sum(), 1e-9)
        rates = np.maximum(rates + factor * 0.05 * bound / square * excess, 0.0)
    return best / max(best.sum(), 1e-9) / np.maximum(capacity, 1e-9)


def add(profit, weight, capacity, rates):
    """At each step the item with the least priority among those that fit is packed."""
    chosen = np.zeros(len(profit), dtype=bool)
    room = np.maximum(capacity, 1e-9)[:, None]
    shares = weight / room
    left = capacity * 1.0
    while True:
        waiting = np.flatnonzero(~chosen & (weight <= left[:, None]).all(axis=0))
        if not waiting.size:
            return chosen
        value = profit[waiting] * 1.0
        use = np.maximum(rates @ weight[:, waiting], 1e-12)
        load = np.maximum(shares[:, waiting].sum(axis=0), 1e-12)
        peak = np.maximum((weight[:, waiting] / np.maximum(left, 1e-9)[:, None]).max(axis=0), 1e-12)
        free = float((left / room[:, 0]).mean())
        priority = -value / use
        item = waiting[np.argmin(priority)]
        chosen[item] = True
        left = left - weight[:, item]


def drop(profit, weight, capacity, rates):
    """From all items, that of the greatest priority leaves while a capacity is exceeded; then what fits is added."""
    chosen = np.ones(len(profit), dtype=bool)
    room = np.maximum(capacity, 1e-9)[:, None]
    shares = weight / room
    left = capacity - weight.sum(axis=1) * 1.0
    for _ in range(2 * len(profit)):
        adding = bool((left >= 0).all())
        waiting = (
            np.flatnonzero(~chosen & (weight <= left[:, None]).all(axis=0))
            if adding
            else np.flatnonzero(chosen)
        )
        if not waiting.size:
            break
        value = profit[waiting] * 1.0
        use = np.maximum(rates @ weight[:, waiting], 1e-12)
        load = np.maximum(shares[:, waiting].sum(axis=0), 1e-12)
        peak = np.maximum(shares[:, waiting].max(axis=0), 1e-12)
        free = float((left / room[:, 0]).mean())
        priority = -value / use
        item = waiting[np.argmin(priority) if adding else np.argmax(priority)]
        chosen[item] = adding
        left = left - weight[:, item] if adding else left + weight[:, item]
    return chosen


def keep(profit, weight, capacity, chosen):
    """No improvement."""
    return chosen


def exchange(profit, weight, capacity, chosen):
    """The best exchange of an item, or the best addition, while it gains; the steps are bounded."""
    chosen = chosen.copy()
    for _ in range(60):
        left = capacity - weight[:, chosen].sum(axis=1)
        inside, waiting = np.flatnonzero(chosen), np.flatnonzero(~chosen)
        fits = (weight[:, waiting] <= left[:, None]).all(axis=0)
        if fits.any():
            chosen[waiting[fits][np.argmax(profit[waiting[fits]])]] = True
            continue
        room = left[:, None] + weight[:, inside]
        possible = (weight[:, waiting][:, :, None] <= room[:, None, :]).all(axis=0)
        gain = np.where(possible, profit[waiting][:, None] - profit[inside], 0)
        if not gain.size or gain.max() <= 0:
            break
        row, column = divmod(int(np.argmax(gain)), len(inside))
        chosen[waiting[row]], chosen[inside[column]] = True, False
    return chosen


def one_for_two(profit, weight, capacity, chosen):
    """Each packed item in turn leaves; what then fits, from the most profitable on, stays if worth more."""
    chosen = chosen.copy()
    for _ in range(2):
        for item in np.flatnonzero(chosen):
            trial = chosen.copy()
            trial[item] = False
            left = capacity - weight[:, trial].sum(axis=1)
            waiting = np.flatnonzero(~trial)
            for other in waiting[np.argsort(-profit[waiting], kind="stable")]:
                if other != item and (weight[:, other] <= left).all():
                    trial[other] = True
                    left = left - weight[:, other]
            if profit[trial].sum() > profit[chosen].sum():
                chosen = trial
    return chosen


GRAMMAR = Grammar(
    main=pack,
    blocks={
        "price": (even, scarce, multipliers),
        "construct": (add, drop),
        "improve": (keep, exchange, one_for_two),
    },
    terminals=(
        Terminal("value", "profit", "profits of the items to choose from, an array"),
        Terminal("use", "ratio", "their weights at the capacities' prices, an array"),
        Terminal("load", "ratio", "their weights as shares of the capacities, summed, an array"),
        Terminal("peak", "ratio", "their greatest weight as a share of what is left of a capacity, an array"),
        Terminal("free", "ratio", "the mean share of the capacities that is left"),
    ),
    priorities=(
        "-value / use",
        "-value / load",
        "-value / peak",
        "-value",
        "-value / (use + load)",
        "-value / (load + peak)",
        "-value / (use + free * load)",
    ),
)
