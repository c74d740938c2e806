"""Reference rules for P‖Cmax.

Each is self-contained: its source runs in the sandbox as a candidate's would.

Ties: jobs of equal length in index order (numpy's stable sort), machines of equal load by lowest index.
"""

# The annotations of the rules would be noise in the modules made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, operator, call-overload"

import numpy as np

from gapsmith.evaluators.grammar import Rule


def in_order(p, m, order):
    """Gives each job in turn to the machine that is free first."""
    loads, machine = np.zeros(m, dtype=np.int64), np.zeros(len(p), dtype=np.int64)
    for job in order:
        machine[job] = np.argmin(loads)
        loads[machine[job]] += p[job]
    return machine


def first_fit_decreasing(p, m, capacity):
    """Jobs by falling length, each to the first machine where it ends in time; None where one finds no place."""
    loads, machine = np.zeros(m, dtype=np.int64), np.zeros(len(p), dtype=np.int64)
    for job in np.argsort(-p, kind="stable"):
        roomy = np.flatnonzero(loads + p[job] <= capacity)
        if not roomy.size:
            return None
        machine[job] = roomy[0]
        loads[roomy[0]] += p[job]
    return machine


def list_scheduling(p, m):
    """Jobs as they come, each to the machine that is free first."""
    return in_order(p, m, np.arange(len(p)))


def lpt(p, m):
    """Longest processing time first: jobs by falling length, each to the machine that is free first."""
    return in_order(p, m, np.argsort(-p, kind="stable"))


def multifit(p, m, steps=10):
    """The least makespan for which first fit decreasing places all jobs, by ten halvings; LPT where none does."""
    low = max(int(p.max()), -int(-int(p.sum()) // m))
    high = max(int(p.max()), -int(-2 * int(p.sum()) // m))
    best = in_order(p, m, np.argsort(-p, kind="stable"))
    least = np.bincount(best, weights=p, minlength=m).max()
    for _ in range(steps):
        middle = (low + high) // 2
        found = first_fit_decreasing(p, m, middle)
        if found is None:
            low = middle + 1
            continue
        high = middle
        if np.bincount(found, weights=p, minlength=m).max() < least:
            best, least = found, np.bincount(found, weights=p, minlength=m).max()
    return best


def slack(p, m):
    """Jobs by falling length in groups of m; groups by falling difference inside; then as LPT."""
    order = np.argsort(-p, kind="stable")
    groups = [order[k : k + m] for k in range(0, len(p), m)]
    differences = [p[group[0]] - (p[group[-1]] if len(group) == m else 0) for group in groups]
    groups = [groups[k] for k in np.argsort(-np.array(differences), kind="stable")]
    return in_order(p, m, np.concatenate(groups))


def differencing(p, m):
    """Partial schedules of m loads: the two of greatest spread are merged, the longest of one with the shortest."""
    import heapq

    heap = [(-int(p[job]), job, [[0, []]] * (m - 1) + [[int(p[job]), [job]]]) for job in range(len(p))]
    heapq.heapify(heap)
    while len(heap) > 1:
        (_, first, long), (_, _, short) = heapq.heappop(heap), heapq.heappop(heap)
        merged = [[a[0] + b[0], a[1] + b[1]] for a, b in zip(long, short[::-1], strict=True)]
        merged.sort(key=lambda part: part[0])
        heapq.heappush(heap, (merged[0][0] - merged[-1][0], first, merged))
    machine = np.zeros(len(p), dtype=np.int64)
    for number, part in enumerate(heap[0][2]):
        machine[part[1]] = number
    return machine


def lpt_with_descent(p, m):
    """LPT; then moves and exchanges of one job against one that relieve the fullest machine, the best first."""
    machine = in_order(p, m, np.argsort(-p, kind="stable"))
    loads = np.bincount(machine, weights=p, minlength=m)
    for _ in range(300):
        full = np.argmax(loads)
        here, there = np.flatnonzero(machine == full), np.flatnonzero(machine != full)
        # Columns: the other machine takes a job of length 0 back (a move), or one of its own (an exchange).
        others = np.concatenate((machine[there], np.delete(np.arange(m), full)))
        back = np.concatenate((p[there], np.zeros(m - 1)))
        shift = p[here][:, None] - back
        after = np.where(shift > 0, np.maximum(loads[full] - shift, loads[others] + shift), np.inf)
        if not after.size or after.min() >= loads[full]:
            break
        i, j = np.unravel_index(np.argmin(after), after.shape)
        loads[full] -= shift[i, j]
        loads[others[j]] += shift[i, j]
        machine[here[i]] = others[j]
        if j < len(there):
            machine[there[j]] = full
    return machine


_FIT = (in_order, first_fit_decreasing)

RULES = (
    Rule("LS", list_scheduling, "Graham 1966, Bell Syst. Tech. J. 45: list scheduling", (in_order,)),
    Rule("LPT", lpt, "Graham 1969, SIAM J. Appl. Math. 17", (in_order,)),
    Rule("MULTIFIT", multifit, "Coffman, Garey and Johnson 1978, SIAM J. Comput. 7; ten steps", _FIT),
    Rule("SLACK", slack, "Della Croce and Scatamacchia 2020, J. Sched. 23", (in_order,)),
    Rule(
        "LDM",
        differencing,
        "Karmarkar and Karp 1982, UCB/CSD 82/113; m sets: Michiels et al. 2012, Discrete Optim. 9",
    ),
    Rule(
        "LPT+descent",
        lpt_with_descent,
        "Finn and Horowitz 1979, BIT 19: exchanges against the fullest machine",
        (in_order,),
    ),
)
