"""Building blocks of programs for 1‖ΣwjTj.

What the genetic programmer assembles, in the field's own terms.

Every block bounds its own work by counts, so that none comes near the CPU limit on the sizes that a search uses:
a run of `offline` must give the same archive on a slow machine as on a fast one.
"""

# Blocks are sources of candidates: annotations would be noise there.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, name-defined"

import numpy as np

from gapsmith.evaluators.grammar import SECONDS, Grammar, Terminal
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.compiled import search_tardiness


def schedule(p, w, d):
    """Builds a sequence, improves it, and improves it once more in another way."""
    return polish(p, w, d, improve(p, w, d, construct(p, w, d)))


def dispatch(p, w, d):
    """Forward: at each decision the job with the least priority, in EDD order on ties."""
    left, now, sequence = np.argsort(d, kind="stable"), 0, []
    while left.size:
        work, weight, due = p[left], w[left], d[left]
        finish = now + work
        slack = due - finish
        load, mean, longest = work.sum(), work.mean(), work.max()
        priority = np.maximum(work, due - now) / weight
        chosen = left[np.argmin(priority)]
        sequence.append(chosen)
        left = left[left != chosen]
        now += p[chosen]
    return np.array(sequence)


def backward(p, w, d):
    """Backward: at each decision the job with the least priority goes last; `now` is when it would finish."""
    left, now, sequence = np.argsort(-d, kind="stable"), int(p.sum()), []
    while left.size:
        work, weight, due = p[left], w[left], d[left]
        finish = now + 0 * work
        slack = due - finish
        load, mean, longest = work.sum(), work.mean(), work.max()
        priority = np.maximum(finish - due, 0) * weight / work
        chosen = left[np.argmin(priority)]
        sequence.append(chosen)
        left = left[left != chosen]
        now -= p[chosen]
    return np.array(sequence[::-1])


def insertion(p, w, d):
    """In the order of priority at the start, each job goes where the partial sequence suffers least, late on ties."""
    now, work, weight, due = 0, p, w, d
    finish = now + work
    slack = due - finish
    load, mean, longest = work.sum(), work.mean(), work.max()
    priority = np.maximum(work, due - now) / weight
    sequence = np.zeros(0, dtype=np.int64)
    for job in np.argsort(priority, kind="stable"):
        completion = np.cumsum(p[sequence])
        late = w[sequence] * np.maximum(completion - d[sequence], 0)
        later = w[sequence] * np.maximum(completion + p[job] - d[sequence], 0)
        before = np.concatenate(([0], np.cumsum(late)))
        after = np.concatenate((np.cumsum(later[::-1])[::-1], [0]))
        own = w[job] * np.maximum(np.concatenate(([0], completion)) + p[job] - d[job], 0)
        total = before + after + own
        sequence = np.insert(sequence, total.size - 1 - int(np.argmin(total[::-1])), job)
    return sequence


def look_ahead(p, w, d):
    """The jobs of least priority are tried; the rest in the order of ATC prices each choice."""
    left, now, sequence = np.argsort(d, kind="stable"), 0, []
    while left.size:
        work, weight, due = p[left], w[left], d[left]
        finish = now + work
        slack = due - finish
        load, mean, longest = work.sum(), work.mean(), work.max()
        priority = np.maximum(work, due - now) / weight
        best, chosen = None, left[0]
        for candidate in left[np.argsort(priority, kind="stable")[:3]]:
            rest = left[left != candidate]
            start = now + p[candidate]
            wait = np.maximum(d[rest] - start - p[rest], 0) / (2 * mean)
            rest = rest[np.argsort(-w[rest] / p[rest] * np.exp(-wait), kind="stable")]
            late = (w[rest] * np.maximum(start + np.cumsum(p[rest]) - d[rest], 0)).sum()
            total = late + w[candidate] * max(0, start - d[candidate])
            if best is None or total < best:
                best, chosen = total, candidate
        sequence.append(chosen)
        left = left[left != chosen]
        now += p[chosen]
    return np.array(sequence)


def keep(p, w, d, sequence):
    """No improvement."""
    return sequence


def adjacent_swaps(p, w, d, sequence):
    """Sweeps of improving swaps of neighbours, as long as one helps."""
    sequence = sequence.copy()
    for _ in range(len(p)):
        finish, swapped = 0, False
        for i in range(len(p) - 1):
            a, b = sequence[i], sequence[i + 1]
            end = finish + p[a] + p[b]
            kept = w[a] * max(0, finish + p[a] - d[a]) + w[b] * max(0, end - d[b])
            other = w[b] * max(0, finish + p[b] - d[b]) + w[a] * max(0, end - d[a])
            if other < kept:
                sequence[i], sequence[i + 1], swapped = b, a, True
            finish += p[sequence[i]]
        if not swapped:
            break
    return sequence


def insertion_descent(p, w, d, sequence):
    """The best move of a job to another place, as long as one helps, for a bounded number of steps."""
    for _ in range(150):
        work, weight, due = p[sequence], w[sequence], d[sequence]
        completion = np.cumsum(work)
        late = weight * np.maximum(completion - due, 0)
        # Row i, column k: what job k gains or loses when job i is taken out before it, or put in before it.
        less = weight * np.maximum(completion - work[:, None] - due, 0) - late
        more = weight * np.maximum(completion + work[:, None] - due, 0) - late
        right = np.cumsum(np.triu(less, 1), axis=1)
        left = np.cumsum(np.tril(more, -1)[:, ::-1], axis=1)[:, ::-1]
        right = right + weight[:, None] * np.maximum(completion - due[:, None], 0) - late[:, None]
        begin = completion - work + work[:, None]
        left = left + weight[:, None] * np.maximum(begin - due[:, None], 0) - late[:, None]
        change = np.triu(right, 1) + np.tril(left, -1)
        i, j = divmod(int(np.argmin(change)), len(p))
        if change[i, j] >= 0:
            break
        sequence = np.insert(np.delete(sequence, i), j, sequence[i])
    return sequence


def swap_descent(p, w, d, sequence):
    """The best exchange of each job with a later one, in a bounded number of sweeps."""
    sequence = sequence.copy()
    for _ in range(6):
        improved = False
        for i in range(len(p) - 1):
            completion, weight = np.cumsum(p[sequence]), w[sequence]
            late = weight * np.maximum(completion - d[sequence], 0)
            shift = p[sequence] - p[sequence[i]]
            after = completion[i + 1 :] - d[sequence[i + 1 :]]
            # Row j: the jobs between i and j finish `shift[j]` later, j takes the place of i, and i that of j.
            delayed = weight[i + 1 :] * np.maximum(after + shift[i + 1 :, None], 0)
            between = np.tril(delayed, -1).sum(axis=1)
            was = np.cumsum(late[i + 1 :]) + late[i]
            first = weight[i + 1 :] * np.maximum(completion[i] + shift[i + 1 :] - d[sequence[i + 1 :]], 0)
            last = weight[i] * np.maximum(completion[i + 1 :] - d[sequence[i]], 0)
            change = between + first + last - was
            j = int(np.argmin(change))
            if change[j] < 0:
                j += i + 1
                sequence[i], sequence[j] = sequence[j], sequence[i]
                improved = True
        if not improved:
            break
    return sequence


def window_orders(p, w, d, sequence):
    """The best order of the jobs in each window of neighbours, in a bounded number of sweeps."""
    orders = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
    sequence = [int(job) for job in sequence]
    for _ in range(8):
        start, changed = 0, False
        for i in range(len(sequence) - 2):
            window = sequence[i : i + 3]
            best, kept = None, window
            for order in orders:
                now, total = start, 0
                for place in order:
                    job = window[place]
                    now += p[job]
                    total += w[job] * max(0, now - d[job])
                if best is None or total < best:
                    best, kept = total, [window[place] for place in order]
            changed = changed or kept != window
            sequence[i : i + 3] = kept
            start += p[kept[0]]
        if not changed:
            break
    return np.array(sequence)


def brief_search(p, w, d, sequence):
    """Compiled iterated local search by exchanges and insertions, of brief work."""
    return search_tardiness(p, w, d, sequence, int(SECONDS * 16000000), 1)


def search(p, w, d, sequence):
    """Compiled iterated local search by exchanges and insertions."""
    return search_tardiness(p, w, d, sequence, int(SECONDS * 45000000), 1)


def long_search(p, w, d, sequence):
    """Compiled iterated local search by exchanges and insertions, of long work."""
    return search_tardiness(p, w, d, sequence, int(SECONDS * 85000000), 1)


IMPROVEMENTS = (keep, adjacent_swaps, insertion_descent, swap_descent, window_orders)

GRAMMAR = Grammar(
    main=schedule,
    blocks={
        "construct": (dispatch, backward, insertion, look_ahead),
        "improve": IMPROVEMENTS,
        "polish": IMPROVEMENTS,
    },
    compiled=dict.fromkeys(("improve", "polish"), (brief_search, search, long_search)),
    terminals=(
        Terminal("work", "time", "processing times of the unscheduled jobs, an array"),
        Terminal("weight", "weight", "their weights, above 0, an array"),
        Terminal("due", "time", "their due dates, an array"),
        Terminal("finish", "time", "when each would finish if chosen now, an array"),
        Terminal("slack", "time", "due - finish, negative when late, an array"),
        Terminal("now", "time", "the time of the decision"),
        Terminal("load", "time", "total processing time of the unscheduled jobs"),
        Terminal("mean", "time", "their mean processing time"),
        Terminal("longest", "time", "their longest processing time"),
    ),
    priorities=(
        "np.maximum(work, due - now) / weight",
        "due",
        "work / weight",
        "np.maximum(finish, due)",
        "slack / weight",
        "np.exp(-np.maximum(slack, 0) / (2 * mean)) * weight / work * -1.0",
        "np.maximum(1 - np.maximum(slack, 0) / (2 * work), 0) * weight / work * -1.0",
        "np.maximum(finish - due, 0) * weight / work",
    ),
)
