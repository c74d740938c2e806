"""Building blocks of programs for the job shop.

Dispatching, looking ahead, and improvement of bounded work.

A sequence names each job once for each of its operations; read from left to right, every operation starts as
early as its job and its machine allow. Every block bounds its own work by counts, so that none comes near the
CPU limit on the sizes that a search uses: a run of `offline` must give the same archive on every machine.
"""

# Blocks are sources of candidates: annotations would be noise there.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, name-defined, var-annotated"

import numpy as np

from gapsmith.evaluators.grammar import SECONDS, Grammar, Terminal
from gapsmith.evaluators.problems.job_shop.compiled import search_tabu


def schedule(machines, p):
    """Dispatches the operations, improves the sequence, and improves it once more in another way."""
    return polish(machines, p, improve(machines, p, construct(machines, p)))


def active(machines, p):
    """Giffler and Thompson: of the operations that would delay the earliest end, the least priority."""
    n, m = p.shape
    to_come = np.hstack((np.cumsum(p[:, ::-1], axis=1)[:, ::-1], np.zeros((n, 1), dtype=np.int64)))
    lengths = np.hstack((p, np.zeros((n, 1), dtype=np.int64)))
    places = np.hstack((machines, np.full((n, 1), m)))
    loads = np.array([p[machines == k].sum() for k in range(m)] + [0])
    step, ready, free = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), np.zeros(m, dtype=np.int64)
    left, sequence = np.arange(n), []
    while left.size:
        machine, work, arrival = machines[left, step[left]], p[left, step[left]], ready[left]
        start = np.maximum(arrival, free[machine])
        finish = start + work
        remaining, operations = to_come[left, step[left]], m - step[left]
        following, load = lengths[left, step[left] + 1], loads[machine]
        queue = loads[places[left, step[left] + 1]]
        now, mean = finish.min(), p.mean()
        priority = remaining * -1.0
        first = int(np.argmin(finish))
        rivals = (machine == machine[first]) & (start < now)
        rivals[first] = True
        best = int(np.argmin(np.where(rivals, priority, np.inf)))
        chosen, k = left[best], machine[best]
        sequence.append(chosen)
        ready[chosen] = free[k] = finish[best]
        loads[k] -= work[best]
        step[chosen] += 1
        left = left[step[left] < m]
    return np.array(sequence)


def without_delay(machines, p):
    """No machine waits: of the operations that can start first, the least priority."""
    n, m = p.shape
    to_come = np.hstack((np.cumsum(p[:, ::-1], axis=1)[:, ::-1], np.zeros((n, 1), dtype=np.int64)))
    lengths = np.hstack((p, np.zeros((n, 1), dtype=np.int64)))
    places = np.hstack((machines, np.full((n, 1), m)))
    loads = np.array([p[machines == k].sum() for k in range(m)] + [0])
    step, ready, free = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), np.zeros(m, dtype=np.int64)
    left, sequence = np.arange(n), []
    while left.size:
        machine, work, arrival = machines[left, step[left]], p[left, step[left]], ready[left]
        start = np.maximum(arrival, free[machine])
        finish = start + work
        remaining, operations = to_come[left, step[left]], m - step[left]
        following, load = lengths[left, step[left] + 1], loads[machine]
        queue = loads[places[left, step[left] + 1]]
        now, mean = start.min(), p.mean()
        priority = remaining * -1.0
        best = int(np.argmin(np.where(start == now, priority, np.inf)))
        chosen, k = left[best], machine[best]
        sequence.append(chosen)
        ready[chosen] = free[k] = finish[best]
        loads[k] -= work[best]
        step[chosen] += 1
        left = left[step[left] < m]
    return np.array(sequence)


def between(machines, p):
    """Between non-delay and active schedules: an operation may wait for a share of the time to now."""
    n, m = p.shape
    to_come = np.hstack((np.cumsum(p[:, ::-1], axis=1)[:, ::-1], np.zeros((n, 1), dtype=np.int64)))
    lengths = np.hstack((p, np.zeros((n, 1), dtype=np.int64)))
    places = np.hstack((machines, np.full((n, 1), m)))
    loads = np.array([p[machines == k].sum() for k in range(m)] + [0])
    step, ready, free = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), np.zeros(m, dtype=np.int64)
    left, sequence = np.arange(n), []
    while left.size:
        machine, work, arrival = machines[left, step[left]], p[left, step[left]], ready[left]
        start = np.maximum(arrival, free[machine])
        finish = start + work
        remaining, operations = to_come[left, step[left]], m - step[left]
        following, load = lengths[left, step[left] + 1], loads[machine]
        queue = loads[places[left, step[left] + 1]]
        now, mean = finish.min(), p.mean()
        priority = remaining * -1.0
        same = machine == machine[int(np.argmin(finish))]
        earliest = start[same].min()
        rivals = same & (start <= earliest + 0.4 * (now - earliest))
        best = int(np.argmin(np.where(rivals, priority, np.inf)))
        chosen, k = left[best], machine[best]
        sequence.append(chosen)
        ready[chosen] = free[k] = finish[best]
        loads[k] -= work[best]
        step[chosen] += 1
        left = left[step[left] < m]
    return np.array(sequence)


def from_the_end(machines, p):
    """Giffler and Thompson on the shop read backwards: the operation of least priority comes last."""
    machines, p = machines[:, ::-1], p[:, ::-1]
    n, m = p.shape
    to_come = np.hstack((np.cumsum(p[:, ::-1], axis=1)[:, ::-1], np.zeros((n, 1), dtype=np.int64)))
    lengths = np.hstack((p, np.zeros((n, 1), dtype=np.int64)))
    places = np.hstack((machines, np.full((n, 1), m)))
    loads = np.array([p[machines == k].sum() for k in range(m)] + [0])
    step, ready, free = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), np.zeros(m, dtype=np.int64)
    left, sequence = np.arange(n), []
    while left.size:
        machine, work, arrival = machines[left, step[left]], p[left, step[left]], ready[left]
        start = np.maximum(arrival, free[machine])
        finish = start + work
        remaining, operations = to_come[left, step[left]], m - step[left]
        following, load = lengths[left, step[left] + 1], loads[machine]
        queue = loads[places[left, step[left] + 1]]
        now, mean = finish.min(), p.mean()
        priority = remaining * -1.0
        first = int(np.argmin(finish))
        rivals = (machine == machine[first]) & (start < now)
        rivals[first] = True
        best = int(np.argmin(np.where(rivals, priority, np.inf)))
        chosen, k = left[best], machine[best]
        sequence.append(chosen)
        ready[chosen] = free[k] = finish[best]
        loads[k] -= work[best]
        step[chosen] += 1
        left = left[step[left] < m]
    return np.array(sequence[::-1])


def look_ahead(machines, p):
    """Of the rivals of least priority, the one after which the rivals' latest possible end is earliest."""
    n, m = p.shape
    to_come = np.hstack((np.cumsum(p[:, ::-1], axis=1)[:, ::-1], np.zeros((n, 1), dtype=np.int64)))
    lengths = np.hstack((p, np.zeros((n, 1), dtype=np.int64)))
    places = np.hstack((machines, np.full((n, 1), m)))
    loads = np.array([p[machines == k].sum() for k in range(m)] + [0])
    step, ready, free = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), np.zeros(m, dtype=np.int64)
    left, sequence = np.arange(n), []
    while left.size:
        machine, work, arrival = machines[left, step[left]], p[left, step[left]], ready[left]
        start = np.maximum(arrival, free[machine])
        finish = start + work
        remaining, operations = to_come[left, step[left]], m - step[left]
        following, load = lengths[left, step[left] + 1], loads[machine]
        queue = loads[places[left, step[left] + 1]]
        now, mean = finish.min(), p.mean()
        priority = remaining * -1.0
        first = int(np.argmin(finish))
        rivals = (machine == machine[first]) & (start < now)
        rivals[first] = True
        rivals = np.flatnonzero(rivals)
        tried = rivals[np.argsort(priority[rivals] + np.zeros(len(rivals)), kind="stable")[:3]]
        ends = [(np.maximum(arrival[rivals], finish[i]) + remaining[rivals])[rivals != i] for i in tried]
        latest = [
            max(end.max(initial=0), start[i] + remaining[i]) for i, end in zip(tried, ends, strict=True)
        ]
        best = int(tried[int(np.argmin(latest))])
        chosen, k = left[best], machine[best]
        sequence.append(chosen)
        ready[chosen] = free[k] = finish[best]
        loads[k] -= work[best]
        step[chosen] += 1
        left = left[step[left] < m]
    return np.array(sequence)


def keep(machines, p, sequence):
    """No improvement."""
    return sequence


def critical_swaps(machines, p, sequence):
    """Tabu search at the edges of critical blocks, after Nowicki and Smutnicki 1996 and Taillard 1994."""
    n, m = p.shape
    route, time = machines.ravel().tolist(), p.ravel().tolist()
    head, tail, before, after = ([0] * (n * m) for _ in range(4))
    order, best, forbidden = sequence.tolist(), None, {}
    for turn in range(6 * n * m):
        step, ready, free, last, found = [job * m for job in range(n)], [0] * n, [0] * m, [-1] * m, []
        for job in order:
            i = step[job]
            step[job], k = i + 1, route[i]
            head[i], before[i] = max(ready[job], free[k]), last[k]
            last[k], ready[job] = i, head[i] + time[i]
            free[k] = ready[job]
            found.append(i)
        span = max(ready)
        if best is None or span < best:
            best, kept = span, order
        ready, free, last = [0] * n, [0] * m, [-1] * m
        for i in reversed(found):
            job, k = i // m, route[i]
            tail[i], after[i] = max(ready[job], free[k]), last[k]
            last[k], ready[job] = i, tail[i] + time[i]
            free[k] = ready[job]
        path = [next(i for i in found if head[i] == 0 and time[i] + tail[i] == span)]
        while tail[path[-1]] > 0:
            i, k = path[-1], after[path[-1]]
            path.append(k if k >= 0 and time[k] + tail[k] == tail[i] else i + 1)
        places, moves = [*(route[i] for i in path), -1], []
        for i in range(len(path) - 1):
            (a, b), left, here = path[i : i + 2], places[i - 1], places[i]
            there, right = places[i + 1], places[i + 2]
            opening, closing = left != here and left >= 0, right != there and right >= 0
            alone = left != here and right != there
            if here != there or a // m == b // m or not (opening or closing or alone):
                continue
            x, y = before[a], after[b]
            begin = max(head[x] + time[x] if x >= 0 else 0, head[b - 1] + time[b - 1] if b % m else 0)
            later = max(begin + time[b], head[a - 1] + time[a - 1] if a % m else 0)
            rest = max(tail[y] + time[y] if y >= 0 else 0, tail[a + 1] + time[a + 1] if (a + 1) % m else 0)
            behind = max(rest + time[a], tail[b + 1] + time[b + 1] if (b + 1) % m else 0)
            value = max(begin + time[b] + behind, later + time[a] + rest)
            moves.append((forbidden.get((b, a), -1) >= turn and value >= best, value, a, b))
        if not moves:
            break
        _, _, a, b = min(moves)
        forbidden[a, b] = turn + 12
        found.sort(key=head.__getitem__)
        found.remove(a)
        found.insert(found.index(b) + 1, a)
        order = [i // m for i in found]
    return np.array(kept)


def random_shifts(machines, p, sequence):
    """Places of the sequence are moved at random, with a fixed seed; what is not worse is kept."""
    routes, times = machines.tolist(), p.tolist()
    n, m = p.shape

    def makespan(order):
        step, ready, free = [0] * n, [0] * n, [0] * m
        for job in order:
            k = routes[job][step[job]]
            ready[job] = free[k] = max(ready[job], free[k]) + times[job][step[job]]
            step[job] += 1
        return max(ready)

    rng = np.random.default_rng(0)
    best = sequence.tolist()
    span = makespan(best)
    for a, b in rng.integers(0, len(best), (400, 2)).tolist():
        trial = best.copy()
        trial.insert(b, trial.pop(a))
        value = makespan(trial)
        if value <= span:
            best, span = trial, value
    return np.array(best)


def forward_backward(machines, p, sequence):
    """Fills gaps, from the end and from the start in turn: latest first, then earliest first; a few double passes."""
    n, m = p.shape

    def packed(order, routes, times):
        step, ready, busy, found = [0] * n, [0] * n, [[] for _ in range(m)], []
        for job in order:
            k, length = routes[job][step[job]], times[job][step[job]]
            start, place = ready[job], len(busy[k])
            for i, (begin, end) in enumerate(busy[k]):
                if start + length <= begin:
                    place = i
                    break
                start = max(start, end)
            busy[k].insert(place, (start, start + length))
            ready[job] = start + length
            found.append((start, start + length, step[job], job))
            step[job] += 1
        return [job for _, _, _, job in sorted(found)], max(ready)

    ahead = machines.tolist(), p.tolist()
    behind = machines[:, ::-1].tolist(), p[:, ::-1].tolist()
    best, span = packed(sequence.tolist(), *ahead)
    order = best
    for _ in range(4):
        order = packed(order[::-1], *behind)[0]
        order, value = packed(order[::-1], *ahead)
        if value >= span:
            break
        best, span = order, value
    return np.array(best)


def reinsertion(machines, p, sequence):
    """One sweep: each place of the sequence tries a few places nearby, and takes the best."""
    routes, times = machines.tolist(), p.tolist()
    n, m = p.shape

    def makespan(order):
        step, ready, free = [0] * n, [0] * n, [0] * m
        for job in order:
            k = routes[job][step[job]]
            ready[job] = free[k] = max(ready[job], free[k]) + times[job][step[job]]
            step[job] += 1
        return max(ready)

    best = sequence.tolist()
    span = makespan(best)
    for a in range(len(best)):
        options = []
        for b in (a - 6, a - 2, a + 2, a + 6):
            if 0 <= b < len(best):
                trial = best.copy()
                trial.insert(b, trial.pop(a))
                options.append((makespan(trial), trial))
        if options and min(options)[0] < span:
            span, best = min(options)
    return np.array(best)


def brief_tabu(machines, p, sequence):
    """Compiled tabu search over critical blocks, of brief work."""
    n, m = p.shape
    return search_tabu(machines, p, sequence, int(SECONDS * 1500000) // (n * m), 1)


def tabu(machines, p, sequence):
    """Compiled tabu search over critical blocks."""
    n, m = p.shape
    return search_tabu(machines, p, sequence, int(SECONDS * 5000000) // (n * m), 1)


def long_tabu(machines, p, sequence):
    """Compiled tabu search over critical blocks, of long work."""
    n, m = p.shape
    return search_tabu(machines, p, sequence, int(SECONDS * 10000000) // (n * m), 1)


IMPROVEMENTS = (keep, critical_swaps, random_shifts, forward_backward, reinsertion)

GRAMMAR = Grammar(
    main=schedule,
    blocks={
        "construct": (active, without_delay, between, from_the_end, look_ahead),
        "improve": IMPROVEMENTS,
        "polish": IMPROVEMENTS,
    },
    compiled=dict.fromkeys(("improve", "polish"), (brief_tabu, tabu, long_tabu)),
    terminals=(
        Terminal("work", "time", "processing times of the jobs' next operations, an array"),
        Terminal("remaining", "time", "work remaining in the jobs, the next operation included, an array"),
        Terminal("operations", "count", "operations remaining in the jobs, at least 1, an array"),
        Terminal("arrival", "time", "when the jobs are ready for their next operations, an array"),
        Terminal("start", "time", "when the next operations could start, machines considered, an array"),
        Terminal("finish", "time", "when they would end then, an array"),
        Terminal("following", "time", "times of the operations after the next, 0 after the last, an array"),
        Terminal("load", "time", "work left on the machines of the next operations, an array"),
        Terminal("queue", "time", "work left on the machines after the next, 0 after the last, an array"),
        Terminal("now", "time", "the time of the decision"),
        Terminal("mean", "time", "mean processing time of all operations, above 0"),
    ),
    priorities=(
        "remaining * -1.0",
        "operations * -1.0",
        "work",
        "work * -1.0",
        "arrival",
        "start - remaining",
        "finish - remaining",
        "(arrival + work) / (remaining + mean)",
        "work - following - remaining",
        "work / (remaining + mean) * load",
    ),
)
