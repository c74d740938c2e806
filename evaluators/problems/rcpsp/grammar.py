"""Building blocks of programs for the resource-constrained project: generation schemes and improvement.

`main` turns the precedences into a matrix and finds the critical path once; the roles share both. Every block
bounds its own work by counts of generated schedules, so that none comes near the CPU limit on the sizes that a
search uses: a run of `offline` must give the same archive on every machine.
"""

# Blocks are sources of candidates: annotations would be noise there.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, name-defined, var-annotated, has-type"

import numpy as np

from gapsmith.evaluators.grammar import SECONDS, Grammar, Terminal
from gapsmith.evaluators.problems.rcpsp.compiled import search_lists


def schedule(duration, precedence, demand, capacity):
    """Generates a schedule, improves it, and improves it once more in another way."""
    n = len(duration)
    before = np.zeros((n, n), dtype=bool)
    before[precedence[:, 0], precedence[:, 1]] = True
    early, tail = np.zeros(n, dtype=np.int64), duration.copy()
    for _ in range(n):
        early = np.where(before, (early + duration)[:, None], 0).max(axis=0)
        tail = duration + np.where(before, tail, 0).max(axis=1)
    start = construct(duration, before, demand, capacity, early, tail)
    start = improve(duration, before, demand, capacity, start)
    return polish(duration, before, demand, capacity, start)


def parallel(duration, before, demand, capacity, early, tail):
    """From one finish time to the next: of the activities that fit, the one of least priority starts."""
    n, now = len(duration), 0
    after = before.copy()
    for _ in range(n.bit_length()):
        after |= (after.astype(np.int64) @ after.astype(np.int64)) > 0
    share = (demand / np.maximum(capacity, 1)).max(axis=1)
    start, finish, started = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
    while not started.all():
        running, over = started & (finish > now), started & (finish <= now)
        free = capacity - demand[running].sum(axis=0)
        fits = ~started & ~(before & ~over[:, None]).any(axis=0) & (demand <= free).all(axis=1)
        some = np.flatnonzero(fits)
        if not some.size:
            now = finish[running].min()
            continue
        span = (early + tail).max()
        length, use, rest = duration[some], share[some], tail[some]
        lft, lst = span - tail[some] + duration[some], span - tail[some]
        est, slack = early[some], span - tail[some] - now
        successors, direct = after[some].sum(axis=1), before[some].sum(axis=1)
        weight, energy = length + before[some] @ duration, length * use
        begin = 0 * length + now
        priority = lft
        best = some[np.argmin(priority)]
        start[best], finish[best], started[best] = now, now + duration[best], True
    return start


def serial(duration, before, demand, capacity, early, tail):
    """The eligible activity of least priority starts as early as predecessors and resources allow."""
    n = len(duration)
    after = before.copy()
    for _ in range(n.bit_length()):
        after |= (after.astype(np.int64) @ after.astype(np.int64)) > 0
    share = (demand / np.maximum(capacity, 1)).max(axis=1)
    start, done = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
    used = np.zeros((int(duration.sum() + duration.max()) + 1, len(capacity)), dtype=np.int64)
    for _ in range(n):
        some = np.flatnonzero(~done & ~(before & ~done[:, None]).any(axis=0))
        begin = np.where(before[:, some], (start + duration)[:, None], 0).max(axis=0)
        span, now = (early + tail).max(), begin.min()
        length, use, rest = duration[some], share[some], tail[some]
        lft, lst = span - tail[some] + duration[some], span - tail[some]
        est, slack = early[some], span - tail[some] - begin
        successors, direct = after[some].sum(axis=1), before[some].sum(axis=1)
        weight, energy = length + before[some] @ duration, length * use
        priority = lft
        place = int(np.argmin(priority))
        best, t = some[place], int(begin[place])
        clash = np.flatnonzero((used[t : t + duration[best]] + demand[best] > capacity).any(axis=1))
        while clash.size:
            t += int(clash[-1]) + 1
            clash = np.flatnonzero((used[t : t + duration[best]] + demand[best] > capacity).any(axis=1))
        used[t : t + duration[best]] += demand[best]
        start[best], done[best] = t, True
    return start


def earliest_serial(duration, before, demand, capacity, early, tail):
    """Serial; `begin` is when resources allow, too, so that priorities can prefer what could start soon."""
    n = len(duration)
    after = before.copy()
    for _ in range(n.bit_length()):
        after |= (after.astype(np.int64) @ after.astype(np.int64)) > 0
    share = (demand / np.maximum(capacity, 1)).max(axis=1)
    start, done = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
    used = np.zeros((int(duration.sum() + duration.max()) + 1, len(capacity)), dtype=np.int64)
    for _ in range(n):
        some = np.flatnonzero(~done & ~(before & ~done[:, None]).any(axis=0))
        begin = np.where(before[:, some], (start + duration)[:, None], 0).max(axis=0)
        for place, i in enumerate(some):
            t = int(begin[place])
            clash = np.flatnonzero((used[t : t + duration[i]] + demand[i] > capacity).any(axis=1))
            while clash.size:
                t += int(clash[-1]) + 1
                clash = np.flatnonzero((used[t : t + duration[i]] + demand[i] > capacity).any(axis=1))
            begin[place] = t
        span, now = (early + tail).max(), begin.min()
        length, use, rest = duration[some], share[some], tail[some]
        lft, lst = span - tail[some] + duration[some], span - tail[some]
        est, slack = early[some], span - tail[some] - begin
        successors, direct = after[some].sum(axis=1), before[some].sum(axis=1)
        weight, energy = length + before[some] @ duration, length * use
        priority = begin + lst
        place = int(np.argmin(priority))
        best = some[place]
        start[best], done[best] = begin[place], True
        used[start[best] : start[best] + duration[best]] += demand[best]
    return start


def from_the_end(duration, before, demand, capacity, early, tail):
    """Serial on the project read backwards, then moved to the left in the order of the starts."""
    n = len(duration)
    early, tail, forward, before = tail - duration, early + duration, before, before.T
    after = before.copy()
    for _ in range(n.bit_length()):
        after |= (after.astype(np.int64) @ after.astype(np.int64)) > 0
    share = (demand / np.maximum(capacity, 1)).max(axis=1)
    for backwards in (True, False):
        start, done = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
        used = np.zeros((int(duration.sum() + duration.max()) + 1, len(capacity)), dtype=np.int64)
        for _ in range(n):
            some = np.flatnonzero(~done & ~(before & ~done[:, None]).any(axis=0))
            begin = np.where(before[:, some], (start + duration)[:, None], 0).max(axis=0)
            span, now = (early + tail).max(), begin.min()
            length, use, rest = duration[some], share[some], tail[some]
            lft, lst = span - tail[some] + duration[some], span - tail[some]
            est, slack = early[some], span - tail[some] - begin
            successors, direct = after[some].sum(axis=1), before[some].sum(axis=1)
            weight, energy = length + before[some] @ duration, length * use
            priority = lft
            place = int(np.argmin(priority if backwards else order[some]))
            best, t = some[place], int(begin[place])
            clash = np.flatnonzero((used[t : t + duration[best]] + demand[best] > capacity).any(axis=1))
            while clash.size:
                t += int(clash[-1]) + 1
                clash = np.flatnonzero((used[t : t + duration[best]] + demand[best] > capacity).any(axis=1))
            used[t : t + duration[best]] += demand[best]
            start[best], done[best] = t, True
        order, before = -(start + duration), forward
    return start


def keep(duration, before, demand, capacity, start):
    """No improvement."""
    return start


def justification(duration, before, demand, capacity, start):
    """Everything to the right, last finish first, then to the left, first start first; repeated while it helps."""
    n = len(duration)

    def generated(order, arcs):
        begin, done = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
        used = np.zeros((int(duration.sum() + duration.max()) + 1, len(capacity)), dtype=np.int64)
        for _ in range(n):
            some = np.flatnonzero(~done & ~(arcs & ~done[:, None]).any(axis=0))
            i = some[np.argmin(order[some])]
            t = int((begin + duration)[arcs[:, i]].max(initial=0))
            clash = np.flatnonzero((used[t : t + duration[i]] + demand[i] > capacity).any(axis=1))
            while clash.size:
                t += int(clash[-1]) + 1
                clash = np.flatnonzero((used[t : t + duration[i]] + demand[i] > capacity).any(axis=1))
            used[t : t + duration[i]] += demand[i]
            begin[i], done[i] = t, True
        return begin

    for _ in range(3):
        right = generated(-(start + duration), before.T)
        trial = generated(-(right + duration), before)
        if (trial + duration).max() >= (start + duration).max():
            break
        start = trial
    return start


def list_shifts(duration, before, demand, capacity, start):
    """Serial scheme on the order of the starts; activities are moved at random, with a fixed seed."""
    n = len(duration)

    def generated(order):
        begin, done = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
        used = np.zeros((int(duration.sum() + duration.max()) + 1, len(capacity)), dtype=np.int64)
        for _ in range(n):
            some = np.flatnonzero(~done & ~(before & ~done[:, None]).any(axis=0))
            i = some[np.argmin(order[some])]
            t = int((begin + duration)[before[:, i]].max(initial=0))
            clash = np.flatnonzero((used[t : t + duration[i]] + demand[i] > capacity).any(axis=1))
            while clash.size:
                t += int(clash[-1]) + 1
                clash = np.flatnonzero((used[t : t + duration[i]] + demand[i] > capacity).any(axis=1))
            used[t : t + duration[i]] += demand[i]
            begin[i], done[i] = t, True
        return begin

    rng = np.random.default_rng(0)
    order = start.astype(float)
    for _ in range(30):
        other = order.copy()
        other[rng.integers(n)] += rng.normal(0, 0.2) * (start + duration).max()
        trial = generated(other)
        if (trial + duration).max() <= (start + duration).max():
            start, order = trial, trial.astype(float)
    return start


def sampling(duration, before, demand, capacity, start):
    """Serial scheme on the order of the starts with random noise, with a fixed seed; each sample is justified."""
    n = len(duration)

    def generated(order, arcs):
        begin, done = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
        used = np.zeros((int(duration.sum() + duration.max()) + 1, len(capacity)), dtype=np.int64)
        for _ in range(n):
            some = np.flatnonzero(~done & ~(arcs & ~done[:, None]).any(axis=0))
            i = some[np.argmin(order[some])]
            t = int((begin + duration)[arcs[:, i]].max(initial=0))
            clash = np.flatnonzero((used[t : t + duration[i]] + demand[i] > capacity).any(axis=1))
            while clash.size:
                t += int(clash[-1]) + 1
                clash = np.flatnonzero((used[t : t + duration[i]] + demand[i] > capacity).any(axis=1))
            used[t : t + duration[i]] += demand[i]
            begin[i], done[i] = t, True
        return begin

    rng = np.random.default_rng(0)
    for _ in range(25):
        right = generated(rng.normal(0, 0.1, n) * (start + duration).max() - start - duration, before.T)
        trial = generated(-(right + duration), before)
        if (trial + duration).max() <= (start + duration).max():
            start = trial
    return start


def brief_lists(duration, before, demand, capacity, start):
    """Compiled genetic algorithm on activity lists with justification, of brief work."""
    schedules = int(SECONDS * 400000) // len(duration)
    return search_lists(duration, before, demand, capacity, start, schedules, 1)


def lists(duration, before, demand, capacity, start):
    """Compiled genetic algorithm on activity lists with justification."""
    schedules = int(SECONDS * 1200000) // len(duration)
    return search_lists(duration, before, demand, capacity, start, schedules, 1)


def long_lists(duration, before, demand, capacity, start):
    """Compiled genetic algorithm on activity lists with justification, of long work."""
    schedules = int(SECONDS * 2400000) // len(duration)
    return search_lists(duration, before, demand, capacity, start, schedules, 1)


IMPROVEMENTS = (keep, justification, list_shifts, sampling)

GRAMMAR = Grammar(
    main=schedule,
    blocks={
        "construct": (parallel, serial, earliest_serial, from_the_end),
        "improve": IMPROVEMENTS,
        "polish": IMPROVEMENTS,
    },
    compiled=dict.fromkeys(("improve", "polish"), (brief_lists, lists, long_lists)),
    terminals=(
        Terminal("length", "time", "durations of the eligible activities, an array"),
        Terminal("lft", "time", "their latest finish times on the critical path's length, an array"),
        Terminal("lst", "time", "their latest start times, an array"),
        Terminal("est", "time", "their earliest start times without resources, an array"),
        Terminal("begin", "time", "when they could start in the partial schedule, an array"),
        Terminal("slack", "time", "latest start less the time at which they could start, an array"),
        Terminal("rest", "time", "longest ways from their starts to the end, an array"),
        Terminal(
            "weight", "time", "rank positional weights: own and immediate successors' durations, an array"
        ),
        Terminal("energy", "time", "duration times greatest share of a resource, an array"),
        Terminal("use", "ratio", "greatest share of a resource's capacity that they need, an array"),
        Terminal("successors", "count", "how many activities come after them, an array"),
        Terminal("direct", "count", "how many come immediately after them, an array"),
        Terminal("now", "time", "the time of the decision, or the earliest at which one could start"),
        Terminal("span", "time", "the length of the critical path"),
    ),
    priorities=(
        "lft",
        "lst",
        "successors * -1.0",
        "weight * -1.0",
        "slack",
        "begin + lst",
        "length",
        "lft - 0.5 * energy",
        "rest * -1.0 - energy",
    ),
)
