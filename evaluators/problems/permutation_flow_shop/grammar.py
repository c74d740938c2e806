"""Building blocks of programs for the permutation flow shop.

What the genetic programmer assembles.

Every block bounds its own work by numbers of insertions, so that none comes near the CPU limit on the sizes
that a search uses: a run of `offline` must give the same archive on a slow machine as on a fast one.
"""

# Blocks are sources of candidates: annotations would be noise there.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, name-defined, var-annotated"

import numpy as np

from gapsmith.evaluators.grammar import SECONDS, Grammar, Terminal
from gapsmith.evaluators.problems.permutation_flow_shop.compiled import insert_jobs, iterate_greedy


def schedule(p):
    """Builds a sequence, improves it, and improves it once more in another way."""
    return polish(p, improve(p, construct(p)))


def ranking(p):
    """One list: the jobs in the order of priority, the least first."""
    front = np.zeros(p.shape[1], dtype=np.int64)
    total = np.cumsum(p, axis=1)
    ends = np.maximum.accumulate(front - total + p, axis=1) + total
    finish, idle = ends[:, -1], (ends - p - front).sum(axis=1)
    work, first, last = p.sum(axis=1), p[:, 0], p[:, -1]
    longest, spread = p.max(axis=1), p.std(axis=1)
    slope = p @ np.linspace(-1, 1, p.shape[1])
    pair = np.maximum((p[:, :-1] + p[:, 1:]).min(axis=1) if p.shape[1] > 1 else work, 1)
    load, mean = p.sum(axis=0).max(), p.mean()
    priority = slope * -1.0
    return np.argsort(priority, kind="stable")


def dispatch(p):
    """Forward: at each place the job with the least priority, given when the machines are free."""
    left, front, sequence = (
        np.argsort(-p.sum(axis=1), kind="stable"),
        np.zeros(p.shape[1], dtype=np.int64),
        [],
    )
    while left.size:
        times = p[left]
        total = np.cumsum(times, axis=1)
        ends = np.maximum.accumulate(front - total + times, axis=1) + total
        finish, idle = ends[:, -1], (ends - times - front).sum(axis=1)
        work, first, last = total[:, -1], times[:, 0], times[:, -1]
        longest, spread = times.max(axis=1), times.std(axis=1)
        slope = times @ np.linspace(-1, 1, p.shape[1])
        pair = np.maximum((times[:, :-1] + times[:, 1:]).min(axis=1) if p.shape[1] > 1 else work, 1)
        load, mean = times.sum(axis=0).max(), times.mean()
        priority = idle + 0.5 * finish
        best = int(np.argmin(priority))
        sequence.append(left[best])
        front = ends[best]
        left = np.delete(left, best)
    return np.array(sequence)


def look_ahead(p):
    """Forward: of the jobs with the least priority, the one after which the bound of a machine is least."""
    left, front, sequence = (
        np.argsort(-p.sum(axis=1), kind="stable"),
        np.zeros(p.shape[1], dtype=np.int64),
        [],
    )
    while left.size:
        times = p[left]
        total = np.cumsum(times, axis=1)
        ends = np.maximum.accumulate(front - total + times, axis=1) + total
        finish, idle = ends[:, -1], (ends - times - front).sum(axis=1)
        work, first, last = total[:, -1], times[:, 0], times[:, -1]
        longest, spread = times.max(axis=1), times.std(axis=1)
        slope = times @ np.linspace(-1, 1, p.shape[1])
        pair = np.maximum((times[:, :-1] + times[:, 1:]).min(axis=1) if p.shape[1] > 1 else work, 1)
        load, mean = times.sum(axis=0).max(), times.mean()
        priority = idle + 0.5 * finish
        tried = np.argsort(priority, kind="stable")[:5]
        tails = (total[:, -1:] - total).min(axis=0)
        bound = (ends[tried] + times.sum(axis=0) - times[tried] + tails).max(axis=1)
        best = int(tried[np.argmin(bound)])
        sequence.append(left[best])
        front = ends[best]
        left = np.delete(left, best)
    return np.array(sequence)


def insertion(p):
    """In the order of priority, each job goes where the partial sequence is shortest, the first place on ties."""
    front = np.zeros(p.shape[1], dtype=np.int64)
    total = np.cumsum(p, axis=1)
    ends = np.maximum.accumulate(front - total + p, axis=1) + total
    finish, idle = ends[:, -1], (ends - p - front).sum(axis=1)
    work, first, last = p.sum(axis=1), p[:, 0], p[:, -1]
    longest, spread = p.max(axis=1), p.std(axis=1)
    slope = p @ np.linspace(-1, 1, p.shape[1])
    pair = np.maximum((p[:, :-1] + p[:, 1:]).min(axis=1) if p.shape[1] > 1 else work, 1)
    load, mean = p.sum(axis=0).max(), p.mean()
    priority = work * -1.0

    def fronts(times):
        free = np.zeros((len(times) + 1, p.shape[1]), dtype=np.int64)
        for i in range(len(times)):
            way = np.cumsum(times[i])
            free[i + 1] = np.maximum.accumulate(free[i] - way + times[i]) + way
        return free

    sequence = []
    for job in np.argsort(priority, kind="stable"):
        times = p[sequence]
        back = fronts(times[::-1, ::-1])[::-1, ::-1]
        reached = np.maximum.accumulate(fronts(times) - total[job] + p[job], axis=1) + total[job]
        sequence.insert(int(np.argmin((reached + back).max(axis=1))), job)
    return np.array(sequence)


def least_idle_insertion(p):
    """Insertion in the order of priority; of the best places the one with the least idle time."""
    front = np.zeros(p.shape[1], dtype=np.int64)
    total = np.cumsum(p, axis=1)
    ends = np.maximum.accumulate(front - total + p, axis=1) + total
    finish, idle = ends[:, -1], (ends - p - front).sum(axis=1)
    work, first, last = p.sum(axis=1), p[:, 0], p[:, -1]
    longest, spread = p.max(axis=1), p.std(axis=1)
    slope = p @ np.linspace(-1, 1, p.shape[1])
    pair = np.maximum((p[:, :-1] + p[:, 1:]).min(axis=1) if p.shape[1] > 1 else work, 1)
    load, mean = p.sum(axis=0).max(), p.mean()
    priority = (work + spread) * -1.0

    def fronts(times):
        free = np.zeros((len(times) + 1, p.shape[1]), dtype=np.int64)
        for i in range(len(times)):
            way = np.cumsum(times[i])
            free[i + 1] = np.maximum.accumulate(free[i] - way + times[i]) + way
        return free

    sequence = []
    for job in np.argsort(priority, kind="stable"):
        times = p[sequence]
        ahead, back = fronts(times), fronts(times[::-1, ::-1])[::-1, ::-1]
        reached = np.maximum.accumulate(ahead - total[job] + p[job], axis=1) + total[job]
        spans = (reached + back).max(axis=1)
        # The gaps before the job, and after it to the tail of what follows.
        gaps = (reached - p[job] - ahead).sum(axis=1) + (spans[:, None] - reached - back).sum(axis=1)
        sequence.insert(int(np.lexsort((gaps, spans))[0]), job)
    return np.array(sequence)


def keep(p, sequence):
    """No improvement."""
    return sequence


def reinsertion(p, sequence):
    """One sweep: each job, in the order of the sequence, is taken out and put back at its best place."""

    def fronts(times):
        free = np.zeros((len(times) + 1, p.shape[1]), dtype=np.int64)
        for i in range(len(times)):
            way = np.cumsum(times[i])
            free[i + 1] = np.maximum.accumulate(free[i] - way + times[i]) + way
        return free

    for job in sequence:
        rest = sequence[sequence != job]
        back = fronts(p[rest][::-1, ::-1])[::-1, ::-1]
        way = np.cumsum(p[job])
        reached = np.maximum.accumulate(fronts(p[rest]) - way + p[job], axis=1) + way
        sequence = np.insert(rest, int(np.argmin((reached + back).max(axis=1))), job)
    return sequence


def insertion_descent(p, sequence):
    """Sweeps of reinsertions, longest jobs first, as long as one helps, in a bounded number of sweeps."""

    def fronts(times):
        free = np.zeros((len(times) + 1, p.shape[1]), dtype=np.int64)
        for i in range(len(times)):
            way = np.cumsum(times[i])
            free[i + 1] = np.maximum.accumulate(free[i] - way + times[i]) + way
        return free

    span = fronts(p[sequence])[-1, -1]
    for _ in range(8):
        before = span
        for job in np.argsort(-p.sum(axis=1), kind="stable"):
            rest = sequence[sequence != job]
            back = fronts(p[rest][::-1, ::-1])[::-1, ::-1]
            way = np.cumsum(p[job])
            reached = np.maximum.accumulate(fronts(p[rest]) - way + p[job], axis=1) + way
            spans = (reached + back).max(axis=1)
            if spans.min() < span:
                sequence, span = np.insert(rest, int(np.argmin(spans)), job), spans.min()
        if span == before:
            break
    return sequence


def adjacent_swaps(p, sequence):
    """First improving swaps of neighbours, in a bounded number of sweeps."""

    def makespan(order):
        free = np.zeros(p.shape[1], dtype=np.int64)
        for job in order:
            way = np.cumsum(p[job])
            free = np.maximum.accumulate(free - way + p[job]) + way
        return free[-1]

    span = makespan(sequence)
    for _ in range(6):
        before = span
        for i in range(len(sequence) - 1):
            other = sequence.copy()
            other[[i, i + 1]] = other[[i + 1, i]]
            value = makespan(other)
            if value < span:
                sequence, span = other, value
        if span == before:
            break
    return sequence


def iterated_greedy(p, sequence):
    """Takes random jobs out, with a fixed seed, and puts them back, again and again; equal sequences are accepted."""

    def fronts(times):
        free = np.zeros((len(times) + 1, p.shape[1]), dtype=np.int64)
        for i in range(len(times)):
            way = np.cumsum(times[i])
            free[i + 1] = np.maximum.accumulate(free[i] - way + times[i]) + way
        return free

    rng = np.random.default_rng(0)
    span = fronts(p[sequence])[-1, -1]
    for _ in range(40):
        out = rng.permutation(sequence)[:3]
        trial = sequence[~np.isin(sequence, out)]
        value = span
        for job in out:
            back = fronts(p[trial][::-1, ::-1])[::-1, ::-1]
            way = np.cumsum(p[job])
            reached = np.maximum.accumulate(fronts(p[trial]) - way + p[job], axis=1) + way
            spans = (reached + back).max(axis=1)
            trial, value = np.insert(trial, int(np.argmin(spans)), job), spans.min()
        if value <= span:
            sequence, span = trial, value
    return sequence


def compiled_insertion(p):
    """Compiled insertion in the order of priority, where the partial sequence is shortest, ties by idle time."""
    front = np.zeros(p.shape[1], dtype=np.int64)
    total = np.cumsum(p, axis=1)
    ends = np.maximum.accumulate(front - total + p, axis=1) + total
    finish, idle = ends[:, -1], (ends - p - front).sum(axis=1)
    work, first, last = p.sum(axis=1), p[:, 0], p[:, -1]
    longest, spread = p.max(axis=1), p.std(axis=1)
    slope = p @ np.linspace(-1, 1, p.shape[1])
    pair = np.maximum((p[:, :-1] + p[:, 1:]).min(axis=1) if p.shape[1] > 1 else work, 1)
    load, mean = p.sum(axis=0).max(), p.mean()
    priority = work * -1.0
    return insert_jobs(p, np.zeros(0, dtype=np.int64), np.argsort(priority, kind="stable"))


def brief_greedy(p, sequence):
    """Compiled iterated greedy search with insertions, of brief work."""
    return iterate_greedy(p, sequence, 2, 0.5, int(SECONDS * 30000000), 1)


def greedy(p, sequence):
    """Compiled iterated greedy search with insertions; few jobs are taken out."""
    return iterate_greedy(p, sequence, 2, 0.5, int(SECONDS * 90000000), 1)


def deep_greedy(p, sequence):
    """Compiled iterated greedy search with insertions; more jobs are taken out, and little worse is accepted."""
    return iterate_greedy(p, sequence, 4, 0.2, int(SECONDS * 90000000), 1)


def long_greedy(p, sequence):
    """Compiled iterated greedy search with insertions, of long work."""
    return iterate_greedy(p, sequence, 2, 0.5, int(SECONDS * 180000000), 1)


IMPROVEMENTS = (keep, reinsertion, insertion_descent, adjacent_swaps, iterated_greedy)

GRAMMAR = Grammar(
    main=schedule,
    blocks={
        "construct": (ranking, dispatch, look_ahead, insertion, least_idle_insertion),
        "improve": IMPROVEMENTS,
        "polish": IMPROVEMENTS,
    },
    compiled={"construct": (compiled_insertion,)}
    | dict.fromkeys(("improve", "polish"), (brief_greedy, greedy, deep_greedy, long_greedy)),
    terminals=(
        Terminal("work", "time", "total processing times of the jobs to choose from, an array"),
        Terminal("first", "time", "their times on the first machine, an array"),
        Terminal("last", "time", "their times on the last machine, an array"),
        Terminal("longest", "time", "their longest operations, an array"),
        Terminal("spread", "time", "the standard deviations of their times over the machines, an array"),
        Terminal("slope", "time", "Palmer's index, large where times grow along the machines, an array"),
        Terminal("pair", "time", "the least sum of times on two neighbouring machines, at least 1, an array"),
        Terminal("finish", "time", "when each would leave the last machine if it came next, an array"),
        Terminal("idle", "time", "the idle time of all machines that each would cause now, an array"),
        Terminal("load", "time", "the greatest work left on a machine"),
        Terminal("mean", "time", "mean time of the operations left"),
    ),
    priorities=(
        "work * -1.0",
        "slope * -1.0",
        "np.where(first < last, -1, 1) / pair",
        "(work + spread) * -1.0",
        "idle",
        "idle + 0.5 * finish",
        "first - last",
        "longest * -1.0",
    ),
)
