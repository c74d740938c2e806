"""Reference rules for 1‖ΣwjTj.

Each is self-contained: its source runs in the sandbox as a candidate's would.

Ties: EDD and WSPT take the lowest job index (numpy's stable order); ATC, COVERT and WMDD take the job that is due
first, of these the lowest index. That matters for COVERT alone, whose index is 0 for every job with much slack.
"""

# The annotations of the rules would be noise in the modules made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np

from gapsmith.evaluators.grammar import Rule


def edd(p, w, d):
    """Earliest due date first."""
    return np.argsort(d, kind="stable")


def wspt(p, w, d):
    """Most weight per unit of processing time first."""
    return np.argsort(-w / p, kind="stable")


def atc_index(t, p, w, d):
    """Weight per unit of time, which fades with slack, on a scale of two mean processing times of the jobs left."""
    return w / p * np.exp(-np.maximum(d - t - p, 0) / (2 * p.mean()))


def covert_index(t, p, w, d):
    """Weight per unit of time, which falls to nothing at a slack of two of the job's own processing times."""
    return w / p * np.maximum(1 - np.maximum(d - t - p, 0) / (2 * p), 0)


def wmdd_index(t, p, w, d):
    """Weight per unit of the time to the modified due date max(t + p, d)."""
    return w / np.maximum(p, d - t)


def dispatch(p, w, d, index):
    """At each decision takes the job with the greatest index, the first in EDD order on ties."""
    left, t, sequence = np.argsort(d, kind="stable"), 0, []
    while left.size:
        chosen = left[np.argmax(index(t, p[left], w[left], d[left]))]
        sequence.append(chosen)
        left = left[left != chosen]
        t += p[chosen]
    return sequence


def atc(p, w, d):
    """Apparent tardiness cost with look-ahead k = 2."""
    return dispatch(p, w, d, atc_index)


def covert(p, w, d):
    """Weighted cost over time, with k = 2 processing times for the expected wait."""
    return dispatch(p, w, d, covert_index)


def wmdd(p, w, d):
    """Weighted modified due date: at each decision the least max(p, d - t) / w."""
    return dispatch(p, w, d, wmdd_index)


RULES = (
    Rule("EDD", edd, "Jackson 1955, Scheduling a production line to minimize maximum tardiness"),
    Rule("WSPT", wspt, "Smith 1956, Various optimizers for single-stage production"),
    Rule(
        "ATC",
        atc,
        "Vepsalainen and Morton 1987, Manag. Sci. 33(8), after Rachamadugu and Morton 1981; k = 2",
        (dispatch, atc_index),
    ),
    Rule(
        "COVERT",
        covert,
        "Carroll 1965, with weights as in Vepsalainen and Morton 1987, Manag. Sci. 33(8); k = 2",
        (dispatch, covert_index),
    ),
    Rule("WMDD", wmdd, "Kanet and Li 2004, J. Scheduling 7(4)", (dispatch, wmdd_index)),
)
