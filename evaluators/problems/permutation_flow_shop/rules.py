"""Reference rules for the permutation flow shop.

Each is self-contained, its source runs in the sandbox.

Ties: all orders are numpy's stable ones, so that the lowest job index comes first; NEH takes the first of the
best places; CDS keeps the first of its best sequences.
"""

# The annotations of the rules would be noise in the modules made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated"

import numpy as np

from gapsmith.evaluators.grammar import Rule


def fronts(p, sequence):
    """When each machine is free after 0, 1, ... jobs of a sequence; shape [jobs + 1, m]."""
    front = np.zeros((len(sequence) + 1, p.shape[1]), dtype=np.int64)
    for i, job in enumerate(sequence):
        total = np.cumsum(p[job])
        front[i + 1] = np.maximum.accumulate(front[i] - total + p[job]) + total
    return front


def insertion_spans(p, sequence, job):
    """The makespan with one more job at each place of a partial sequence, in one pass (Taillard 1990)."""
    front = fronts(p, sequence)
    back = fronts(p[:, ::-1], sequence[::-1])[::-1, ::-1]
    total = np.cumsum(p[job])
    return (np.maximum.accumulate(front - total + p[job], axis=1) + total + back).max(axis=1)


def palmer(p):
    """Greatest slope index first: jobs whose times grow along the machines come early."""
    m = p.shape[1]
    return np.argsort(-(p @ (2 * np.arange(1, m + 1) - m - 1)), kind="stable")


def gupta(p):
    """Least index first: a sign, by the first and the last machine, over the least sum of two neighbours."""
    if p.shape[1] == 1:
        return np.arange(len(p))
    sign = np.where(p[:, 0] < p[:, -1], -1.0, 1.0)
    # Sums of 0 come out first or last, as the limit of small ones does.
    return np.argsort(sign / np.maximum((p[:, :-1] + p[:, 1:]).min(axis=1), 1e-9), kind="stable")


def johnson(a, b):
    """The optimal sequence on two machines: the shorter first operation early, the shorter second one late."""
    early = np.flatnonzero(a < b)
    late = np.flatnonzero(a >= b)
    return np.concatenate(
        (early[np.argsort(a[early], kind="stable")], late[np.argsort(-b[late], kind="stable")])
    )


def cds(p):
    """The best of m - 1 sequences of Johnson's: the first k machines as one against the last k."""
    best, chosen = None, np.arange(len(p))
    for k in range(1, p.shape[1]):
        sequence = johnson(p[:, :k].sum(axis=1), p[:, -k:].sum(axis=1))
        span = fronts(p, sequence)[-1, -1]
        if best is None or span < best:
            best, chosen = span, sequence
    return chosen


def neh(p):
    """Longest total time first, each job goes where the partial sequence is shortest."""
    sequence = []
    for job in np.argsort(-p.sum(axis=1), kind="stable"):
        sequence.insert(int(np.argmin(insertion_spans(p, sequence, job))), job)
    return sequence


RULES = (
    Rule("Palmer", palmer, "Palmer 1965, Oper. Res. Quarterly 16: slope index"),
    Rule("Gupta", gupta, "Gupta 1971, Oper. Res. Quarterly 22: a functional heuristic"),
    Rule("CDS", cds, "Campbell, Dudek and Smith 1970, Management Science 16", (fronts, johnson)),
    Rule(
        "NEH",
        neh,
        "Nawaz, Enscore and Ham 1983, Omega 11; insertion as in Taillard 1990",
        (fronts, insertion_spans),
    ),
)
