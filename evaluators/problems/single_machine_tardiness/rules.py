"""Reference rules for 1‖ΣTj.

Each is self-contained: its source runs in the sandbox as a candidate's would.

Ties: EDD, SPT and MDD take the lowest job index (numpy's stable order), as the authors' code does for MDD;
PSK scans the jobs in SPT order (p, then d). MDD and PSK are otherwise the same rule (Alidaee and Gopalan
1997), so that every difference between their figures is tie-breaking.
"""

# The annotations of the rules would be noise in the modules made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np

from gapsmith.evaluators.grammar import Rule


def edd(p, d):
    """Earliest due date first."""
    return np.argsort(d, kind="stable")


def spt(p, d):
    """Shortest processing time first."""
    return np.argsort(p, kind="stable")


def mdd_index(t, p, d):
    """Modified due dates max(t + p, d) of the unscheduled jobs at time t."""
    return np.maximum(t + p, d)


def mddc_index(t, p, d):
    """Modified due dates, stretched for long jobs and by the load that is left."""
    ratio = np.minimum(1, p / (t + p.max()))
    stretch = ratio**2 / (1 + ratio**2)
    return np.maximum(1.1 * p + t, d) * (1 + stretch) + p / (t + p.mean())


def best_move(p, d, partial):
    """The position of the job whose move to the end lowers the tardiness of a partial sequence most, or its end."""
    work, due = p[partial], d[partial]
    completion = np.cumsum(work)
    tardiness = np.maximum(completion - due, 0)
    earlier = np.triu(np.maximum(completion - work[:, None] - due, 0), 1).sum(axis=1)
    moved = np.cumsum(tardiness) - tardiness + earlier + np.maximum(completion[-1] - due, 0)
    best = int(np.argmin(moved))
    return best if moved[best] < tardiness.sum() else len(partial) - 1


def dispatch(p, d, order, index, augment):
    """At each decision takes the job with the least index, the first in `order` on ties."""
    left, t, sequence = order, 0, []
    while left.size:
        chosen = left[np.argmin(index(t, p[left], d[left]))]
        sequence.append(chosen)
        if augment:
            sequence.append(sequence.pop(best_move(p, d, np.array(sequence))))
        left = left[left != chosen]
        t += p[chosen]
    return sequence


def mdd(p, d):
    """At each decision take the job with the least modified due date max(t + p, d)."""
    return dispatch(p, d, np.arange(len(p)), mdd_index, augment=False)


def psk(p, d):
    """Scan the jobs in SPT order; the active job gives way to a later one that is due before it would finish."""
    left, t, sequence = list(np.lexsort((d, p))), 0, []
    while left:
        active = left[0]
        if t + p[active] < d[active]:
            for rival in left[1:]:
                if d[active] <= t + p[rival]:
                    break
                if d[rival] < d[active]:
                    active = rival
        sequence.append(active)
        left.remove(active)
        t += p[active]
    return sequence


def eddc(p, d):
    """From SPT order, let an earlier due date pass its predecessor while that one would not be late there."""
    sequence = list(np.lexsort((d, p)))
    for i in range(1, len(p)):
        before = sum(p[job] for job in sequence[:i])
        for j in range(i, 0, -1):
            first, second = sequence[j - 1], sequence[j]
            if d[second] >= d[first]:
                break
            if d[first] > before:
                sequence[j - 1], sequence[j] = second, first
            before -= p[first]
    return sequence


def mddc(p, d):
    """At each decision take the job with the least stretched modified due date."""
    return dispatch(p, d, np.lexsort((p, d)), mddc_index, augment=False)


def augmented_mdd(p, d):
    """MDD; after each decision the best move of one scheduled job to the end is made, if it helps."""
    return dispatch(p, d, np.arange(len(p)), mdd_index, augment=True)


def augmented_mddc(p, d):
    """MDDC; after each decision the best move of one scheduled job to the end is made, if it helps."""
    return dispatch(p, d, np.lexsort((p, d)), mddc_index, augment=True)


_PAPER = "arXiv 2510.24013"
_MDD, _MDDC = (best_move, dispatch, mdd_index), (best_move, dispatch, mddc_index)

RULES = (
    Rule("EDD", edd, "Jackson 1955, Scheduling a production line to minimize maximum tardiness"),
    Rule("SPT", spt, "Smith 1956, Various optimizers for single-stage production"),
    Rule("MDD", mdd, "Baker and Bertrand 1982, J. Oper. Manag. 3: a dynamic priority rule", _MDD),
    Rule("PSK", psk, "Panwalkar, Smith and Koulamas 1993, EJOR 70"),
    Rule("EDDC", eddc, f"{_PAPER}, as in the authors' code: from SPT order, not from EDD order as printed"),
    Rule("MDDC", mddc, f"{_PAPER}, Algorithm 2", _MDDC),
    Rule(
        "AugMDD",
        augmented_mdd,
        f"MDD with the move of Bean and Hall 1985, the best single one; {_PAPER}",
        _MDD,
    ),
    Rule(
        "AugMDDC", augmented_mddc, f"{_PAPER}, Algorithm 3, with the best single move as in the code", _MDDC
    ),
)
