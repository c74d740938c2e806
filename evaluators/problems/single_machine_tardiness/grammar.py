"""Building blocks of programs for 1‖ΣTj.

What the genetic programmer assembles, in the field's own terms.

Every block bounds its own work, so that none comes near the CPU limit on the sizes that a search uses:
a run of `offline` must give the same archive on a slow machine as on a fast one.
"""

# Blocks are sources of candidates: annotations would be noise there.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, name-defined"

import numpy as np

from gapsmith.evaluators.grammar import SECONDS, Grammar, Terminal
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.compiled import search_tardiness


def schedule(p, d):
    """Builds a sequence, improves it, and improves it once more in another way."""
    return polish(p, d, improve(p, d, construct(p, d)))


def dispatch(p, d):
    """Forward: at each decision the job with the least priority, in SPT order on ties."""
    left, now, sequence = np.lexsort((d, p)), 0, []
    while left.size:
        work, due = p[left], d[left]
        finish = now + work
        slack = due - finish
        load, mean, longest = work.sum(), work.mean(), work.max()
        priority = np.maximum(finish, due)
        chosen = left[np.argmin(priority)]
        sequence.append(chosen)
        left = left[left != chosen]
        now += p[chosen]
    return np.array(sequence)


def backward(p, d):
    """Backward: at each decision the job with the greatest priority goes last; `now` is when it would finish."""
    left, now, sequence = np.lexsort((d, p)), int(p.sum()), []
    while left.size:
        work, due = p[left], d[left]
        finish = now + 0 * work
        slack = due - finish
        load, mean, longest = work.sum(), work.mean(), work.max()
        priority = np.maximum(finish - due, 0) * -1.0 + work
        chosen = left[left.size - 1 - np.argmax(priority[::-1])]
        sequence.append(chosen)
        left = left[left != chosen]
        now -= p[chosen]
    return np.array(sequence[::-1])


def insertion(p, d):
    """In the order of priority at the start, each job goes where the partial sequence is delayed least."""
    now, work, due = 0, p, d
    finish = now + work
    slack = due - finish
    load, mean, longest = work.sum(), work.mean(), work.max()
    priority = np.maximum(finish, due)
    sequence = np.zeros(0, dtype=np.int64)
    for job in np.argsort(priority, kind="stable"):
        completion = np.cumsum(p[sequence])
        late = np.maximum(completion - d[sequence], 0)
        later = np.maximum(completion + p[job] - d[sequence], 0)
        before = np.concatenate(([0], np.cumsum(late)))
        after = np.concatenate((np.cumsum(later[::-1])[::-1], [0]))
        own = np.maximum(np.concatenate(([0], completion)) + p[job] - d[job], 0)
        sequence = np.insert(sequence, int(np.argmin(before + after + own)), job)
    return sequence


def scan(p, d):
    """PSK: the shortest job gives way to one due before it would end; Panwalkar, Smith and Koulamas 1993, EJOR."""
    work, due, now, sequence = p.tolist(), d.tolist(), 0, []
    left = np.lexsort((d, p)).tolist()
    while left:
        active = left[0]
        if now + work[active] < due[active]:
            for rival in left[1:]:
                if due[active] <= now + work[rival]:
                    break
                if due[rival] < due[active]:
                    active = rival
        sequence.append(active)
        left.remove(active)
        now += work[active]
    return np.array(sequence)


def look_ahead(p, d):
    """The jobs of least priority are tried; the rest in modified due date order prices each choice."""
    left, now, sequence = np.lexsort((d, p)), 0, []
    while left.size:
        work, due = p[left], d[left]
        finish = now + work
        slack = due - finish
        load, mean, longest = work.sum(), work.mean(), work.max()
        priority = np.maximum(finish, due)
        best, chosen = None, left[0]
        for candidate in left[np.argsort(priority, kind="stable")[:3]]:
            rest = left[left != candidate]
            start = now + p[candidate]
            rest = rest[np.argsort(np.maximum(start + p[rest], d[rest]), kind="stable")]
            late = np.maximum(start + np.cumsum(p[rest]) - d[rest], 0).sum()
            total = late + max(0, start - d[candidate])
            if best is None or total < best:
                best, chosen = total, candidate
        sequence.append(chosen)
        left = left[left != chosen]
        now += p[chosen]
    return np.array(sequence)


def keep(p, d, sequence):
    """No improvement."""
    return sequence


def adjacent_swaps(p, d, sequence):
    """Sweeps of improving swaps of neighbours, as long as one helps."""
    sequence = sequence.copy()
    for _ in range(len(p)):
        finish, swapped = 0, False
        for i in range(len(p) - 1):
            a, b = sequence[i], sequence[i + 1]
            end = finish + p[a] + p[b]
            kept = max(0, finish + p[a] - d[a]) + max(0, end - d[b])
            other = max(0, finish + p[b] - d[b]) + max(0, end - d[a])
            if other < kept:
                sequence[i], sequence[i + 1], swapped = b, a, True
            finish += p[sequence[i]]
        if not swapped:
            break
    return sequence


def to_the_end(p, d, sequence):
    """Rebuilds the sequence job by job; after each, the best move of an earlier job to the end is made."""
    partial = []
    for job in sequence:
        partial.append(job)
        work, due = p[partial], d[partial]
        completion = np.cumsum(work)
        tardiness = np.maximum(completion - due, 0)
        earlier = np.triu(np.maximum(completion - work[:, None] - due, 0), 1).sum(axis=1)
        moved = np.cumsum(tardiness) - tardiness + earlier + np.maximum(completion[-1] - due, 0)
        best = int(np.argmin(moved))
        if moved[best] < tardiness.sum():
            partial.append(partial.pop(best))
    return np.array(partial)


def insertion_descent(p, d, sequence):
    """The best move of a job to another place, as long as one helps, for a bounded number of steps."""
    for _ in range(150):
        work, due = p[sequence], d[sequence]
        completion = np.cumsum(work)
        start = completion - work
        late = np.cumsum(np.maximum(completion - due, 0))
        own = np.maximum(completion - due, 0)
        less = np.cumsum(np.triu(np.maximum(completion - work[:, None] - due, 0), 1), axis=1)
        more = np.cumsum(np.tril(np.maximum(completion + work[:, None] - due, 0), -1)[:, ::-1], axis=1)[
            :, ::-1
        ]
        right = less - (late - late[:, None]) + np.maximum(completion - due[:, None], 0) - own[:, None]
        gone = (late - own)[:, None] - (late - own)
        left = more - gone + np.maximum(start + work[:, None] - due[:, None], 0) - own[:, None]
        change = np.triu(right, 1) + np.tril(left, -1)
        i, j = divmod(int(np.argmin(change)), len(p))
        if change[i, j] >= 0:
            break
        sequence = np.insert(np.delete(sequence, i), j, sequence[i])
    return sequence


def swap_descent(p, d, sequence):
    """First improving exchanges of pairs of jobs, scanned by vectors, in a bounded number of sweeps."""
    sequence = sequence.copy()
    for _ in range(6):
        improved = False
        for i in range(len(p) - 1):
            completion = np.cumsum(p[sequence])
            late = np.maximum(completion - d[sequence], 0)
            shift = p[sequence] - p[sequence[i]]
            after = completion[i + 1 :] - d[sequence[i + 1 :]]
            # Row j: the jobs between i and j finish `shift[j]` later, j takes the place of i, and i that of j.
            between = np.tril(np.maximum(after + shift[i + 1 :, None], 0), -1).sum(axis=1)
            was = np.cumsum(late[i + 1 :]) + late[i]
            first = np.maximum(completion[i] + shift[i + 1 :] - d[sequence[i + 1 :]], 0)
            last = np.maximum(completion[i + 1 :] - d[sequence[i]], 0)
            change = between + first + last - was
            j = int(np.argmin(change))
            if change[j] < 0:
                j += i + 1
                sequence[i], sequence[j] = sequence[j], sequence[i]
                improved = True
        if not improved:
            break
    return sequence


def dynasearch(p, d, sequence):
    """The best set of exchanges of which none overlap, again and again; Congram, Potts and van de Velde 2002."""
    n, places = len(p), np.arange(len(p))
    shifts, rows = np.unique(p - p[:, None], return_inverse=True)
    rows, zero = rows.reshape(n, n), int(np.searchsorted(shifts, 0))
    for _ in range(30):
        ends, due = np.cumsum(p[sequence]), d[sequence]
        # Tardiness of the first k jobs if all were shifted by as much as one of `shifts`: one look-up for any stretch.
        first = np.zeros((len(shifts), n + 1), dtype=np.int64)
        np.cumsum(np.maximum(ends - due + shifts[:, None], 0), axis=1, out=first[:, 1:])
        row = rows[sequence[:, None], sequence]
        between = first[row, places] - first[row, places[:, None] + 1]
        early = np.maximum(ends[:, None] + shifts[row] - due, 0)
        late = np.maximum(ends - due[:, None], 0)
        change = np.triu(between + early + late - first[zero, 1:] + first[zero, :-1, None], 1)
        if change.min() >= 0:
            break
        helps, total, start = (change < 0).any(axis=0), np.zeros(n + 1, dtype=np.int64), np.full(n, -1)
        for j in range(1, n):
            total[j + 1] = total[j]
            if helps[j]:
                options = total[:j] + change[:j, j]
                i = int(np.argmin(options))
                if options[i] < total[j]:
                    total[j + 1], start[j] = options[i], i
        sequence, j = sequence.copy(), n - 1
        while j > 0:
            i = start[j]
            if i >= 0:
                sequence[[i, j]], j = sequence[[j, i]], i
            j -= 1
    return sequence


def kicks(p, d, sequence):
    """Iterated local search: exchanges in the best set, then a few exchanges by chance, and again; Congram 2000."""
    n, places, rng = len(p), np.arange(len(p)), np.random.default_rng(0)
    shifts, rows = np.unique(p - p[:, None], return_inverse=True)
    rows, zero, best = rows.reshape(n, n), int(np.searchsorted(shifts, 0)), None
    for _ in range(8):
        for _ in range(12):
            ends, due = np.cumsum(p[sequence]), d[sequence]
            first = np.zeros((len(shifts), n + 1), dtype=np.int64)
            np.cumsum(np.maximum(ends - due + shifts[:, None], 0), axis=1, out=first[:, 1:])
            row = rows[sequence[:, None], sequence]
            between = first[row, places] - first[row, places[:, None] + 1]
            early = np.maximum(ends[:, None] + shifts[row] - due, 0)
            late = np.maximum(ends - due[:, None], 0)
            change = np.triu(between + early + late - first[zero, 1:] + first[zero, :-1, None], 1)
            if change.min() >= 0:
                break
            # The last exchange that helps is made, then the last before it, and so on: quicker than the best set.
            sequence, j = sequence.copy(), n
            value, partner = change.min(axis=0), change.argmin(axis=0)
            for k in np.flatnonzero(value < 0)[::-1]:
                if k < j:
                    j = partner[k]
                    sequence[[j, k]] = sequence[[k, j]]
        total = int(np.maximum(np.cumsum(p[sequence]) - d[sequence], 0).sum())
        if best is None or total <= best:
            best, kept = total, sequence
        sequence = kept.copy()
        for i in rng.integers(0, n, 4):
            j = min(n - 1, i + 1 + rng.integers(30))
            sequence[[i, j]] = sequence[[j, i]]
    return kept


def brief_search(p, d, sequence):
    """Compiled iterated local search by exchanges and insertions, of brief work."""
    return search_tardiness(p, np.ones_like(p), d, sequence, int(SECONDS * 16000000), 1)


def search(p, d, sequence):
    """Compiled iterated local search by exchanges and insertions."""
    return search_tardiness(p, np.ones_like(p), d, sequence, int(SECONDS * 45000000), 1)


def long_search(p, d, sequence):
    """Compiled iterated local search by exchanges and insertions, of long work."""
    return search_tardiness(p, np.ones_like(p), d, sequence, int(SECONDS * 85000000), 1)


IMPROVEMENTS = (keep, adjacent_swaps, to_the_end, insertion_descent, swap_descent, dynasearch, kicks)

GRAMMAR = Grammar(
    main=schedule,
    blocks={
        "construct": (dispatch, backward, insertion, scan, look_ahead),
        "improve": IMPROVEMENTS,
        "polish": IMPROVEMENTS,
    },
    compiled=dict.fromkeys(("improve", "polish"), (brief_search, search, long_search)),
    terminals=(
        Terminal("work", "time", "processing times of the unscheduled jobs, an array"),
        Terminal("due", "time", "their due dates, an array"),
        Terminal("finish", "time", "when each would finish if chosen now, an array"),
        Terminal("slack", "time", "due - finish, negative when late, an array"),
        Terminal("now", "time", "the time of the decision"),
        Terminal("load", "time", "total processing time of the unscheduled jobs"),
        Terminal("mean", "time", "their mean processing time"),
        Terminal("longest", "time", "their longest processing time"),
    ),
    priorities=(
        "np.maximum(finish, due)",
        "due",
        "work",
        "slack",
        "slack / work",
        "np.maximum(1.1 * work + now, due) * (1 + np.minimum(1, work / (now + longest)) ** 2) + work / (now + mean)",
        "np.exp(-np.maximum(slack, 0) / (2 * mean)) / work * -1.0",
        "np.maximum(finish, due) + 0.1 * work",
    ),
)
