"""Building blocks for P‖Cmax.

How jobs are dealt out, and how loads are levelled afterwards.

Every block bounds its own work; none comes near the CPU limit on the sizes that a search uses.
"""

# Blocks are sources of candidates: annotations would be noise there.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, name-defined, assignment"

import numpy as np

from gapsmith.evaluators.grammar import Grammar, Terminal


def assign(p, m):
    """Builds an assignment, levels it, and levels it once more in another way."""
    return polish(p, m, improve(p, m, construct(p, m)))


def dispatch(p, m):
    """The machine that is free first takes the job of greatest priority, longest first on ties, again and again."""
    left, loads, machine = np.argsort(-p, kind="stable"), np.zeros(m), np.zeros(len(p), dtype=int)
    target, longest = max(p.max(), p.sum() / m), float(p.max())
    while left.size:
        k = np.argmin(loads)
        work, mean, load = p[left], p[left].mean(), p[left].sum() / m
        room = target - loads[k]
        gap = room - work
        priority = work
        job = left[np.argmax(priority + 0.0 * work)]
        machine[job] = k
        loads[k] += p[job]
        left = left[left != job]
    return machine


def fill(p, m):
    """One machine after another takes the job of greatest priority that still fits; the rest goes to the least load."""
    left, loads, machine = np.argsort(-p, kind="stable"), np.zeros(m), np.zeros(len(p), dtype=int)
    target, longest, k = max(p.max(), p.sum() / m), float(p.max()), 0
    while left.size:
        fitting = left[p[left] <= target - loads[k]]
        if not fitting.size and k < m - 1:
            k += 1
            continue
        if not fitting.size:
            fitting, k = left, np.argmin(loads)
        work, mean, load = p[fitting], p[left].mean(), p[left].sum() / m
        room = target - loads[k]
        gap = room - work
        priority = work
        job = fitting[np.argmax(priority + 0.0 * work)]
        machine[job] = k
        loads[k] += p[job]
        left = left[left != job]
        if loads[k] >= target and k < m - 1:
            k += 1
    return machine


def first_fit(p, m):
    """In the order of priority, each job to the first machine where it fits, for the least makespan of a bisection."""
    work, mean, load = p, p.mean(), p.sum() / m
    target, longest = max(p.max(), p.sum() / m), float(p.max())
    room = target
    gap = room - work
    priority = work
    order = np.argsort(-(priority + 0.0 * work), kind="stable")
    low, high, best, least = target, 2 * target, None, np.inf
    for _ in range(8):
        limit, loads, machine = (low + high) / 2, np.zeros(m), np.zeros(len(p), dtype=int)
        for job in order:
            fits = loads + p[job] <= limit
            machine[job] = np.argmax(fits) if fits.any() else np.argmin(loads)
            loads[machine[job]] += p[job]
        low, high = (low, limit) if loads.max() <= limit else (limit, high)
        if loads.max() < least:
            best, least = machine, loads.max()
    return best


def grouped(p, m):
    """Jobs by falling length in groups of m; the group whose first and last differ most in priority comes first."""
    order = np.argsort(-p, kind="stable")
    work, mean, load = p[order], p.mean(), p.sum() / m
    target, longest = max(p.max(), p.sum() / m), float(p.max())
    room = target
    gap = room - work
    priority = work
    value = np.concatenate((priority + 0.0 * work, np.zeros(-len(p) % m))).reshape(-1, m)
    groups = np.concatenate((order, np.full(-len(p) % m, -1))).reshape(-1, m)
    groups = groups[np.argsort(value[:, -1] - value[:, 0], kind="stable")]
    loads, machine = np.zeros(m), np.zeros(len(p), dtype=int)
    for job in groups[groups >= 0]:
        machine[job] = np.argmin(loads)
        loads[machine[job]] += p[job]
    return machine


def keep(p, m, machine):
    """No improvement."""
    return machine


def exchanges(p, m, machine):
    """Relieves the fullest machine by its best move or exchange of a job, for a bounded number of steps."""
    machine = machine.copy()
    loads = np.bincount(machine, weights=p, minlength=m)
    for _ in range(200):
        full = np.argmax(loads)
        here, there = np.flatnonzero(machine == full), np.flatnonzero(machine != full)
        others = np.concatenate((machine[there], np.delete(np.arange(m), full)))
        back = np.concatenate((p[there], np.zeros(m - 1)))
        shift = p[here][:, None] - back
        after = np.where(shift > 0, np.maximum(loads[full] - shift, loads[others] + shift), np.inf)
        if not after.size or after.min() >= loads[full]:
            break
        i, j = divmod(int(np.argmin(after)), len(others))
        loads[full] -= shift[i, j]
        loads[others[j]] += shift[i, j]
        machine[here[i]] = others[j]
        if j < len(there):
            machine[there[j]] = full
    return machine


def pair_by_length(p, m, machine):
    """The fullest and emptiest machines share their jobs anew, longest first, for a bounded number of steps."""
    machine = machine.copy()
    for _ in range(50):
        loads = np.bincount(machine, weights=p, minlength=m)
        a, b = np.argmax(loads), np.argmin(loads)
        jobs = np.flatnonzero((machine == a) | (machine == b))
        first = second = 0
        chosen = []
        for job in jobs[np.argsort(-p[jobs], kind="stable")]:
            chosen.append(a if first <= second else b)
            first, second = (first + p[job], second) if first <= second else (first, second + p[job])
        if max(first, second) >= loads[a]:
            break
        machine[jobs[np.argsort(-p[jobs], kind="stable")]] = chosen
    return machine


def pair_by_sums(p, m, machine):
    """The fullest machine and each other in turn split their jobs as evenly as subset sums allow."""
    machine = machine.copy()
    loads = np.bincount(machine, weights=p, minlength=m)
    for _ in range(60):
        full, improved = int(np.argmax(loads)), False
        for other in np.argsort(loads, kind="stable")[: min(m - 1, 8)]:
            jobs, sums = np.flatnonzero((machine == full) | (machine == other)), [1]
            for job in jobs:
                sums.append(sums[-1] | sums[-1] << int(p[job]))
            half = int(p[jobs].sum()) // 2
            part = (sums[-1] & ((1 << half + 1) - 1)).bit_length() - 1
            if other != full and p[jobs].sum() - part < loads[full]:
                loads[full], loads[other] = p[jobs].sum() - part, part
                for k in range(len(jobs) - 1, -1, -1):
                    stays = sums[k] >> part & 1
                    machine[jobs[k]] = full if stays else other
                    part -= 0 if stays else int(p[jobs[k]])
                improved = True
                break
        if not improved:
            break
    return machine


IMPROVEMENTS = (keep, exchanges, pair_by_length, pair_by_sums)

GRAMMAR = Grammar(
    main=assign,
    blocks={
        "construct": (dispatch, fill, first_fit, grouped),
        "improve": IMPROVEMENTS,
        "polish": IMPROVEMENTS,
    },
    terminals=(
        Terminal("work", "time", "processing times of the jobs to choose from, an array"),
        Terminal("gap", "time", "room - work, negative where a job does not fit, an array"),
        Terminal("room", "time", "what the machine at hand may still take up to target"),
        Terminal("target", "time", "the mean load, or the longest job if that is more"),
        Terminal("load", "time", "processing time of the unassigned jobs, divided by m"),
        Terminal("mean", "time", "mean processing time of the unassigned jobs"),
        Terminal("longest", "time", "the longest processing time of all"),
    ),
    priorities=(
        "work",
        "-work",
        "np.where(gap < 0, -work, work)",
        "-np.maximum(gap, 0) + work",
        "np.exp(-np.maximum(gap, 0) / mean)",
        "work / longest + 0.1 * np.exp(-np.maximum(gap, 0) / target)",
        "np.minimum(work, load)",
    ),
)
