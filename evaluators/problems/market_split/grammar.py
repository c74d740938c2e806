"""Building blocks for market split.

Which columns to take in what order, and how to mend the selection.

Every block bounds its own work; none comes near the CPU limit on the sizes that a search uses.
"""

# Blocks are sources of candidates: annotations would be noise there.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, name-defined"

import numpy as np

from gapsmith.evaluators.grammar import Grammar, Terminal


def split(a, b):
    """Selects columns, mends the selection, and mends it once more in another way."""
    return polish(a, b, improve(a, b, construct(a, b)))


def include(a, b):
    """From no column: takes the one of greatest priority again and again; the best selection on the way counts."""
    x, best = np.zeros(a.shape[1], dtype=int), np.zeros(a.shape[1], dtype=int)
    for _ in range(a.shape[1]):
        free = np.flatnonzero(x == 0)
        need = b - a @ x
        weight, slack, wanted = a[:, free].sum(axis=0), np.abs(need).sum(), np.maximum(need, 0).sum()
        after = np.abs(need[:, None] - a[:, free]).sum(axis=0)
        over = np.maximum(a[:, free] - need[:, None], 0).sum(axis=0)
        mean = weight.mean()
        priority = -after
        x[free[np.argmax(priority + 0.0 * weight)]] = 1
        if np.abs(a @ x - b).sum() < np.abs(a @ best - b).sum():
            best = x.copy()
    return best


def exclude(a, b):
    """From all columns: drops the one of greatest priority again and again; the best selection on the way counts."""
    x, best = np.ones(a.shape[1], dtype=int), np.ones(a.shape[1], dtype=int)
    for _ in range(a.shape[1]):
        free = np.flatnonzero(x == 1)
        need = a @ x - b
        weight, slack, wanted = a[:, free].sum(axis=0), np.abs(need).sum(), np.maximum(need, 0).sum()
        after = np.abs(need[:, None] - a[:, free]).sum(axis=0)
        over = np.maximum(a[:, free] - need[:, None], 0).sum(axis=0)
        mean = weight.mean()
        priority = -after
        x[free[np.argmax(priority + 0.0 * weight)]] = 0
        if np.abs(a @ x - b).sum() < np.abs(a @ best - b).sum():
            best = x.copy()
    return best


def one_pass(a, b):
    """In the order of priority at the start, a column is taken if that lowers the total slack."""
    x, need = np.zeros(a.shape[1], dtype=int), b.astype(float)
    weight, slack, wanted = a.sum(axis=0), np.abs(need).sum(), np.maximum(need, 0).sum()
    after = np.abs(need[:, None] - a).sum(axis=0)
    over = np.maximum(a - need[:, None], 0).sum(axis=0)
    mean = weight.mean()
    priority = weight
    for j in np.argsort(-(priority + 0.0 * weight), kind="stable"):
        if np.abs(need - a[:, j]).sum() < np.abs(need).sum():
            x[j] = 1
            need = need - a[:, j]
    return x


def keep(a, b, x):
    """No improvement."""
    return x


def flips(a, b, x):
    """The best flip of a variable or of a pair, as long as it helps, for a bounded number of steps."""
    x = x.copy()
    i, j = np.triu_indices(len(x))
    for _ in range(60):
        change, slack = a * (1 - 2 * x), a @ x - b
        after = np.abs(slack[:, None] + change[:, i] + np.where(i == j, 0, change[:, j])).sum(axis=0)
        k = np.argmin(after)
        if after[k] >= np.abs(slack).sum():
            break
        for variable in {int(i[k]), int(j[k])}:
            x[variable] = 1 - x[variable]
    return x


def kicks(a, b, x):
    """Iterated local search: random variables are flipped, then single best flips while they help; the best counts."""
    rng, best = np.random.default_rng(0), x
    for _ in range(15):
        x = best.copy()
        x[rng.integers(0, len(x), 4)] ^= 1
        for _ in range(60):
            after = np.abs((a @ x - b)[:, None] + a * (1 - 2 * x)).sum(axis=0)
            k = np.argmin(after)
            if after[k] >= np.abs(a @ x - b).sum():
                break
            x[k] = 1 - x[k]
        if np.abs(a @ x - b).sum() < np.abs(a @ best - b).sum():
            best = x
    return best


def enumerate_few(a, b, x):
    """All values of a few variables at a time, then of the next few, while it helps, in a bounded number of rounds."""
    x, n = x.copy(), len(x)
    for start in range(12):
        few = np.unique((start * 8 + np.arange(min(8, n))) % n)
        bits = np.arange(1 << len(few))[:, None] >> np.arange(len(few)) & 1
        rest = a @ x - b - a[:, few] @ x[few]
        x[few] = bits[np.argmin(np.abs(rest + bits @ a[:, few].T).sum(axis=1))]
    return x


IMPROVEMENTS = (keep, flips, kicks, enumerate_few)

GRAMMAR = Grammar(
    main=split,
    blocks={"construct": (include, exclude, one_pass), "improve": IMPROVEMENTS, "polish": IMPROVEMENTS},
    terminals=(
        Terminal("weight", "unit", "sums of the columns to choose from, an array"),
        Terminal("after", "unit", "total slack if a column were chosen now, an array"),
        Terminal(
            "over", "unit", "by how much a column exceeds what is needed, summed over the rows, an array"
        ),
        Terminal("slack", "unit", "total slack at present"),
        Terminal("wanted", "unit", "what the rows still need, in sum"),
        Terminal("mean", "unit", "mean sum of the columns to choose from"),
    ),
    priorities=(
        "-after",
        "weight",
        "-over",
        "-weight",
        "(slack - after) / weight",
        "-np.maximum(after - mean, 0) + weight",
    ),
)
