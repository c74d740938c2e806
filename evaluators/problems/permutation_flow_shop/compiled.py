"""Compiled insertions for the flow shop; see `evaluators.grammar.CompiledFunctions`.

`heads[i + 1, k + 1]`: when the i-th job of a sequence leaves machine k; row 0 and column 0 are 0. `tails[i, k]`: from
the start of the i-th job on machine k to the end of the schedule; the row after the last job and column m are 0.
Insertions are priced with both in O(m) each (Taillard 1990).
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated, untyped-decorator, misc"

import numpy as np
from numba import njit

SWEEPS = 100
"""Sweeps of an insertion search at most, as long as each one helps."""

ROW = 5
"""What a place in a sequence takes beside its operations, in operations."""


@njit
def _copy_rows(source, first, last, target, shift):
    """Copies rows, the last not included, each as many places on."""
    for i in range(first, last):
        for k in range(source.shape[1]):
            target[i + shift, k] = source[i, k]


@njit
def _fill_heads(p, sequence, first, count, heads):
    """Computes heads of the jobs from place `first` on."""
    m = p.shape[1]
    for i in range(first, count):
        job, ready = sequence[i], 0
        for k in range(m):
            ready = max(ready, heads[i, k + 1]) + p[job, k]
            heads[i + 1, k + 1] = ready


@njit
def _fill_tails(p, sequence, last, count, tails):
    """Computes tails of the jobs from place `last` back to the first."""
    m = p.shape[1]
    for k in range(m):
        tails[count, k] = 0
    for i in range(last, -1, -1):
        job, rest = sequence[i], 0
        for k in range(m - 1, -1, -1):
            rest = max(rest, tails[i + 1, k]) + p[job, k]
            tails[i, k] = rest


@njit
def _find_place(p, job, sequence, count, heads, tails, limit):
    """Finds the best place for a job; returns makespan and place.

    The place is -1 if no makespan is below the limit.
    """
    m = p.shape[1]
    least, place, idle = limit, -1, -1
    for i in range(count + 1):
        ready, span = 0, 0
        for k in range(m):
            ready = max(ready, heads[i, k + 1]) + p[job, k]
            span = max(span, ready + tails[i, k])
            if span > least:
                break
        if span < least:
            least, place, idle = span, i, -1
        elif span == least and place >= 0:
            if idle < 0:
                idle = _compute_idle(p, job, sequence, count, heads, place)
            other = _compute_idle(p, job, sequence, count, heads, i)
            if other < idle:
                place, idle = i, other
    return least, place


@njit
def _compute_idle(p, job, sequence, count, heads, place):
    """Computes idle time after an insertion (Fernandez-Viagas and Framinan 2014)."""
    m, total = p.shape[1], 0
    left = heads[place, 1] + p[job, 0]
    if place == count:
        for k in range(1, m):
            total += max(0, left - heads[place, k + 1])
            left = max(left, heads[place, k + 1]) + p[job, k]
        return total
    after = sequence[place]
    later = left + p[after, 0]
    for k in range(1, m):
        left = max(left, heads[place, k + 1]) + p[job, k]
        total += left - heads[place + 1, k + 1] + p[after, k] - p[job, k] + max(0, later - left)
        later = max(later, left) + p[after, k]
    return total


@njit
def _put(sequence, count, place, job):
    """Puts a job into a sequence of `count` jobs."""
    for i in range(count, place, -1):
        sequence[i] = sequence[i - 1]
    sequence[place] = job


@njit
def _take(sequence, count, place):
    """Takes the job at a place out of a sequence."""
    for i in range(place, count - 1):
        sequence[i] = sequence[i + 1]


@njit
def _insert(p, job, sequence, count, heads, tails):
    """Inserts a job at its best place, and renews heads and tails."""
    _, place = _find_place(p, job, sequence, count, heads, tails, np.iinfo(np.int64).max)
    _put(sequence, count, place, job)
    _fill_heads(p, sequence, place, count + 1, heads)
    for i in range(count, place - 1, -1):
        for k in range(p.shape[1]):
            tails[i + 1, k] = tails[i, k]
    _fill_tails(p, sequence, place, count + 1, tails)


@njit
def _improve(p, sequence, count, heads, tails, other_heads, other_tails, work):
    """Reinserts jobs while that helps; returns makespan and work left.

    Their order is random. Heads and tails are those of the sequence, before and after.
    """
    m = p.shape[1]
    span = heads[count, m]
    for _ in range(SWEEPS):
        before = span
        for job in sequence[:count][np.random.permutation(count)]:
            work -= count * (m + ROW)
            if work <= 0:
                return span, work
            place = 0
            while sequence[place] != job:
                place += 1
            # Without the job, heads before it and tails after it stay.
            _take(sequence, count, place)
            _copy_rows(heads, 0, place + 1, other_heads, 0)
            _copy_rows(tails, place + 1, count + 1, other_tails, -1)
            _fill_heads(p, sequence, place, count - 1, other_heads)
            _fill_tails(p, sequence, place - 1, count - 1, other_tails)
            value, best = _find_place(p, job, sequence, count - 1, other_heads, other_tails, span)
            if best < 0:
                _put(sequence, count - 1, place, job)
                continue
            span = value
            _put(sequence, count - 1, best, job)
            _copy_rows(other_heads, 0, best + 1, heads, 0)
            _fill_heads(p, sequence, best, count, heads)
            _copy_rows(other_tails, best, count, tails, 1)
            _fill_tails(p, sequence, best, count, tails)
        if span == before:
            break
    return span, work


@njit
def insert_jobs(p, sequence, jobs):
    """Inserts jobs in turn where the makespan is least.

    p: int64 [n, m]; sequence: jobs kept in their order, int64; jobs: int64. Returns a new sequence of both.

    With all jobs, longest first, it is NEH (Nawaz et al. 1983). Prices are Taillard's (1990); ties go to the
    least idle time (Fernandez-Viagas and Framinan 2014).
    """
    count, m = len(sequence), p.shape[1]
    size = count + len(jobs)
    heads, tails = np.zeros((size + 2, m + 1), np.int64), np.zeros((size + 2, m + 1), np.int64)
    found = np.zeros(size, np.int64)
    for i in range(count):
        found[i] = sequence[i]
    _fill_heads(p, found, 0, count, heads)
    _fill_tails(p, found, count - 1, count, tails)
    for job in jobs:
        _insert(p, job, found, count, heads, tails)
        count += 1
    return found


@njit
def iterate_greedy(p, sequence, removed, temperature, work, seed):
    """Improves a sequence by iterated greedy search.

    p: int64 [n, m]; sequence: int64 [n]; removed: jobs taken out each time, 1 or more; temperature: about 0.2 to 1,
    0 accepts nothing worse; work: about 300,000,000 take a second, whatever the size. Returns the best sequence.

    Jobs are taken out at random, the rest is improved by reinsertions, the jobs are put back, and all is improved
    (Ruiz and Stützle 2007; Dubois-Lacoste et al. 2017).
    """
    n, m = p.shape
    np.random.seed(seed)
    heads, other_heads = np.zeros((n + 2, m + 1), np.int64), np.zeros((n + 2, m + 1), np.int64)
    tails, other_tails = np.zeros((n + 2, m + 1), np.int64), np.zeros((n + 2, m + 1), np.int64)
    removed = max(0, min(removed, n - 1))
    now, best, trial = sequence.copy(), sequence.copy(), sequence.copy()
    out = np.zeros(removed, np.int64)
    _fill_heads(p, trial, 0, n, heads)
    _fill_tails(p, trial, n - 1, n, tails)
    span, work = _improve(p, trial, n, heads, tails, other_heads, other_tails, work)
    now[:], best[:] = trial, trial
    least = span
    scale = temperature * p.sum() / (10 * n * m)
    while work > 0 and removed > 0:
        trial[:] = now
        count = n
        for i in range(removed):
            place = np.random.randint(count)
            out[i] = trial[place]
            _take(trial, count, place)
            count -= 1
        _fill_heads(p, trial, 0, count, heads)
        _fill_tails(p, trial, count - 1, count, tails)
        work -= count * (m + ROW)
        _, work = _improve(p, trial, count, heads, tails, other_heads, other_tails, work)
        for job in out:
            _insert(p, job, trial, count, heads, tails)
            count += 1
            work -= count * (m + ROW)
        value, work = _improve(p, trial, n, heads, tails, other_heads, other_tails, work)
        if value <= span or np.random.random() < np.exp((span - value) / max(scale, 1e-9)):
            now[:], span = trial, value
            if value < least:
                best[:], least = trial, value
    return best


def warm_up():
    """Compiles every function with the types of real calls."""
    p = np.array([[3, 2, 4], [2, 5, 1], [4, 1, 3], [1, 2, 2]])
    found = insert_jobs(p, np.zeros(0, np.int64), np.arange(4))
    iterate_greedy(p, found, 2, 0.5, 2000, 0)
