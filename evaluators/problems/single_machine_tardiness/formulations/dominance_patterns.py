"""Dominance properties of 1‖ΣTj.

Functions that patterns carry along as source.

Jobs are compared by (p, d, number), one total order for all rules: rules that are right one by one contradict
each other when they break ties differently.
"""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np


def emmons_order(p, d):
    """Whether job i may be taken to come before job j, by Emmons' three theorems, transitively closed; [n, n]."""
    n, before = len(p), np.zeros((len(p), len(p)), dtype=bool)
    size = sorted(range(n), key=lambda j: (p[j], d[j], j))

    def join(i, j):
        before[np.ix_(before[:, i] | (np.arange(n) == i), before[j] | (np.arange(n) == j))] = True

    def compare(i, j):
        """Of two jobs, j being the longer one."""
        earliest, latest = p[j] + p[before[:, j]].sum(), p.sum() - p[before[j]].sum()
        never_late = latest <= d[j] and before[i, before[j]].all()
        if d[i] <= max(earliest, d[j]) or never_late:
            join(i, j)
        elif d[i] + p[i] >= latest:
            join(j, i)

    known = -1
    while before.sum() > known:
        known = before.sum()
        for place, i in enumerate(size):
            for j in size[place + 1 :]:
                if not before[i, j] and not before[j, i]:
                    compare(i, j)
    return before


def lawler_places(p, d):
    """The longest job, and its places in Lawler's decomposition: place r -> the jobs before it.

    A place is left out where moving the job further along cannot be worse (Potts and Van Wassenhove 1982).
    """
    n = len(p)
    longest = max(range(n), key=lambda j: (p[j], d[j], j))
    edd = sorted(range(n), key=lambda j: (d[j], p[j], j))
    s, places = edd.index(longest), {}
    for r in range(s, n):
        others = [j for j in edd[: r + 1] if j != longest]
        done = p[longest] + p[others].sum()
        if any(done <= d[i] + p[i] for i in edd[s + 1 : r]):
            continue
        if r + 1 < n and done > d[edd[r + 1]]:
            continue
        places[r] = others
    return longest, places


def good_sequence(p, d):
    """Modified due dates, then single jobs are moved as long as that lowers the total tardiness."""

    def total(sequence):
        return int(np.maximum(np.cumsum(p[sequence]) - d[sequence], 0).sum())

    left, t, best = sorted(range(len(p)), key=lambda j: (p[j], j)), 0, []
    while left:
        best.append(min(left, key=lambda j: max(t + p[j], d[j])))
        left.remove(best[-1])
        t += p[best[-1]]
    improved = True
    while improved:
        moves = [(i, k) for i in range(len(p)) for k in range(len(p)) if i != k]
        trials = [np.insert(np.delete(best, i), k, best[i]) for i, k in moves]
        found = min(trials, key=total, default=best)
        improved = total(found) < total(best)
        best = list(found) if improved else best
    return [int(job) for job in best], total(best)
