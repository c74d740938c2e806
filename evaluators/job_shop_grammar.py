"""Building blocks of programs for the job shop: dispatching, looking ahead, and improvement of bounded work.

A sequence names each job once for each of its operations; read from left to right, every operation starts as
early as its job and its machine allow. Every block bounds its own work by counts, so that none comes near the
CPU limit on the sizes that a search uses: a run of `offline` must give the same archive on every machine.
"""

# Blocks are sources of candidates: annotations would be noise there.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, name-defined, var-annotated"

import numpy as np

from gapsmith.evaluators.base import Grammar, Terminal


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
    """Part of the way from no delay to active schedules: an operation may wait for 0.4 of the time to now."""
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
    """Of the 3 rivals of least priority, the one after which the rivals' latest possible end is earliest."""
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
    """Tabu search: two neighbours at the edge of a critical block change places, at most 150 times."""
    routes, times = machines.tolist(), p.tolist()
    n, m = p.shape

    def timed(order):
        step, ready, free, found = [0] * n, [0] * n, [0] * m, []
        for job in order:
            k, length = routes[job][step[job]], times[job][step[job]]
            start = max(ready[job], free[k])
            ready[job] = free[k] = start + length
            found.append((start, start + length, k, job, step[job]))
            step[job] += 1
        return found

    def critical_path(found):
        at = max(range(len(found)), key=lambda i: found[i][1])
        path = [at]
        while found[at][0] > 0:
            start, _, k, job, _ = found[at]
            at = next(
                i
                for i in range(at - 1, -1, -1)
                if found[i][1] == start and (found[i][2] == k or found[i][3] == job)
            )
            path.append(at)
        return path[::-1]

    found = sorted(timed(sequence.tolist()))
    best, span, forbidden = [each[3] for each in found], max(each[1] for each in found), {}
    for turn in range(150):
        path = critical_path(found)
        moves = []
        for i in range(len(path) - 1):
            a, b = path[i], path[i + 1]
            if found[a][2] == found[b][2] and found[a][3] != found[b][3]:
                order = [each[3] for each in found]
                order.insert(b, order.pop(a))
                trial = timed(order)
                value = max(each[1] for each in trial)
                tabu = forbidden.get((found[b][3:], found[a][3:]), -1) >= turn and value >= span
                moves.append((tabu, value, a, b, trial))
        if not moves:
            break
        _, value, a, b, trial = min(moves)
        forbidden[found[a][3:], found[b][3:]] = turn + 8
        found = sorted(trial)
        if value < span:
            best, span = [each[3] for each in found], value
    return np.array(best)


def random_shifts(machines, p, sequence):
    """One place of the sequence is moved by a fixed stream of chance, 400 times; what is not worse is kept."""
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
    """Fills gaps, from the end and from the start in turn: latest first, then earliest first; 4 double passes."""
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
    """One sweep: each place of the sequence tries 4 places, up to 6 steps away, and takes the best."""
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


IMPROVEMENTS = (keep, critical_swaps, random_shifts, forward_backward, reinsertion)

GRAMMAR = Grammar(
    main=schedule,
    blocks={
        "construct": (active, without_delay, between, from_the_end, look_ahead),
        "improve": IMPROVEMENTS,
        "polish": IMPROVEMENTS,
    },
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
