"""Reference rules for market split.

Each is self-contained: its source runs in the sandbox as a candidate's would.

Ties: the variable of lowest index.
"""

# The annotations of the rules would be noise in the modules made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np

from gapsmith.evaluators.grammar import Rule


def greedy(a, b):
    """Columns by falling sum; a column is taken if that lowers the total slack."""
    x, need = np.zeros(a.shape[1], dtype=np.int64), b.copy()
    for j in np.argsort(-a.sum(axis=0), kind="stable"):
        if np.abs(need - a[:, j]).sum() < np.abs(need).sum():
            x[j] = 1
            need = need - a[:, j]
    return x


def round_all_but(a, b, count):
    """Fixes the variable nearest to 0 or 1, and solves for the rest, nearest to one half, until `count` are left."""
    x, free = np.full(a.shape[1], 0.5), np.ones(a.shape[1], dtype=bool)
    while free.sum() > count:
        need = b - a[:, ~free] @ x[~free] - 0.5 * a[:, free].sum(axis=1)
        x[free] = np.clip(0.5 + np.linalg.lstsq(a[:, free].astype(float), need, rcond=None)[0], 0, 1)
        # At the start all are one half: then the longest column goes first.
        certainty = np.where(free, np.round(np.abs(x - 0.5), 9) + 1e-6 * a.sum(axis=0), -1.0)
        j = np.argmax(certainty)
        x[j], free[j] = np.round(x[j] + 1e-9), False
    return x, np.flatnonzero(free)


def rounding(a, b):
    """From the least-squares solution nearest to one half, rounds the clearest variable, and solves again."""
    return round_all_but(a, b, 0)[0].astype(np.int64)


def rounding_and_enumeration(a, b):
    """Rounds all but 12 variables in the same way, and tries all values of these."""
    x, free = round_all_but(a, b, min(12, a.shape[1]))
    x[free] = 0
    bits = np.arange(1 << len(free))[:, None] >> np.arange(len(free)) & 1
    slack = np.abs(a @ x - b + bits @ a[:, free].T).sum(axis=1)
    x[free] = bits[np.argmin(slack)]
    return x.astype(np.int64)


def flips(a, b, x):
    """Flips one variable or two, whichever lowers the total slack most, until none does."""
    x = x.copy()
    i, j = np.triu_indices(len(x))
    while True:
        change, slack = a * (1 - 2 * x), a @ x - b
        after = np.abs(slack[:, None] + change[:, i] + np.where(i == j, 0, change[:, j])).sum(axis=0)
        k = np.argmin(after)
        if after[k] >= np.abs(slack).sum():
            return x
        for variable in {int(i[k]), int(j[k])}:
            x[variable] = 1 - x[variable]


def greedy_and_flips(a, b):
    """The greedy rule, then flips of one variable or two, the best first."""
    return flips(a, b, greedy(a, b))


def many_starts(a, b):
    """The best of 20 descents by flips from random points."""
    rng = np.random.default_rng(0)
    found = [flips(a, b, rng.integers(0, 2, a.shape[1])) for _ in range(20)]
    return min(found, key=lambda x: np.abs(a @ x - b).sum())


_PROBLEM = "Cornuéjols and Dawande 1998, IPCO VI, pose the problem"

RULES = (
    Rule("Greedy slack", greedy, f"folklore; {_PROBLEM}"),
    Rule(
        "Rounding",
        rounding,
        f"folklore: relax, fix the clearest variable, repeat; {_PROBLEM}",
        (round_all_but,),
    ),
    Rule(
        "Rounding+enumeration",
        rounding_and_enumeration,
        "the same with the last twelve enumerated, as branch and bound ends",
        (round_all_but,),
    ),
    Rule("Greedy+flips", greedy_and_flips, "Lin and Kernighan's first step, two exchanges", (greedy, flips)),
    Rule("Many starts", many_starts, "two-exchange descent with restarts", (flips,)),
)
