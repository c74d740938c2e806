"""Reference rules for the job shop: dispatching on active schedules, each self-contained.

All five break the conflicts of Giffler and Thompson's schedule generation. Ties, among the operations that could
finish first and among those of equal index, go to the lowest job index.
"""

# The annotations of the rules would be noise in the modules made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated"

import numpy as np

from gapsmith.evaluators.grammar import Rule


def active_schedule(machines, p, index):
    """Takes, on the machine where an operation could finish first, the least index of those that would delay it.

    `index` is given, for the operations in conflict: processing time, work remaining in the job (this operation
    included), operations remaining (likewise), and when the job is ready for this operation.
    """
    n, m = p.shape
    remaining = np.hstack((np.cumsum(p[:, ::-1], axis=1)[:, ::-1], np.zeros((n, 1), dtype=np.int64)))
    step, ready, free = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), np.zeros(m, dtype=np.int64)
    left, sequence = np.arange(n), []
    while left.size:
        machine, work = machines[left, step[left]], p[left, step[left]]
        start = np.maximum(ready[left], free[machine])
        first = int(np.argmin(start + work))
        rivals = (machine == machine[first]) & (start < start[first] + work[first])
        rivals[first] = True
        jobs = left[rivals]
        keys = index(work[rivals], remaining[jobs, step[jobs]], m - step[jobs], ready[jobs])
        chosen = jobs[np.argmin(keys)]
        sequence.append(chosen)
        k = machines[chosen, step[chosen]]
        ready[chosen] = free[k] = max(ready[chosen], free[k]) + p[chosen, step[chosen]]
        step[chosen] += 1
        left = left[step[left] < m]
    return sequence


def spt(machines, p):
    """Shortest processing time first."""
    return active_schedule(machines, p, lambda work, remaining, operations, ready: work)


def lpt(machines, p):
    """Longest processing time first."""
    return active_schedule(machines, p, lambda work, remaining, operations, ready: -work)


def mwkr(machines, p):
    """Most work remaining first."""
    return active_schedule(machines, p, lambda work, remaining, operations, ready: -remaining)


def mopnr(machines, p):
    """Most operations remaining first."""
    return active_schedule(machines, p, lambda work, remaining, operations, ready: -operations)


def fifo(machines, p):
    """First in, first out: the job that has waited longest at the machine."""
    return active_schedule(machines, p, lambda work, remaining, operations, ready: ready)


_GENERATION = "active schedules of Giffler and Thompson 1960, Oper. Res. 8"

RULES = (
    Rule("SPT", spt, f"Panwalkar and Iskander 1977, Oper. Res. 25; {_GENERATION}", (active_schedule,)),
    Rule("LPT", lpt, f"Panwalkar and Iskander 1977, Oper. Res. 25; {_GENERATION}", (active_schedule,)),
    Rule("FIFO", fifo, f"Panwalkar and Iskander 1977, Oper. Res. 25; {_GENERATION}", (active_schedule,)),
    Rule("MOPNR", mopnr, f"Haupt 1989, OR Spektrum 11; {_GENERATION}", (active_schedule,)),
    Rule("MWKR", mwkr, f"Haupt 1989, OR Spektrum 11; {_GENERATION}", (active_schedule,)),
)
