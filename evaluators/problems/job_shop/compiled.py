"""Compiled local search for the job shop; see `evaluators.grammar.CompiledFunctions`.

An operation is `job * m + step`. `before` and `after` hold its neighbours on its machine, -1 where there is none.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated, untyped-decorator, misc"

import numpy as np
from numba import njit

SHAKE = 8
"""Random moves after which the search goes on from near the best."""


@njit
def _link(route, order, m, before, after):
    """Links the operations of each machine in the order of the jobs."""
    step, last = np.zeros(len(route) // m, np.int64), np.full(m, -1)
    before[:], after[:] = -1, -1
    for job in order:
        i = job * m + step[job]
        step[job] += 1
        k = route[i]
        before[i] = last[k]
        if last[k] >= 0:
            after[last[k]] = i
        last[k] = i


@njit
def _schedule(time, opens, closes, before, after, head, tail, found):
    """Computes starts, tails and an order; returns the makespan, -1 for cycles."""
    size = len(time)
    missing = np.zeros(size, np.int64)
    filled, span = 0, 0
    for i in range(size):
        missing[i] = int(not opens[i]) + int(before[i] >= 0)
        head[i] = 0
        if missing[i] == 0:
            found[filled] = i
            filled += 1
    place = 0
    while place < filled:
        i = found[place]
        place += 1
        end = head[i] + time[i]
        span = max(span, end)
        for later in (i + 1 if not closes[i] else -1, after[i]):
            if later >= 0:
                if end > head[later]:
                    head[later] = end
                missing[later] -= 1
                if missing[later] == 0:
                    found[filled] = later
                    filled += 1
    if filled < size:
        return -1
    for place in range(size - 1, -1, -1):
        i = found[place]
        job = tail[i + 1] + time[i + 1] if not closes[i] else 0
        machine = tail[after[i]] + time[after[i]] if after[i] >= 0 else 0
        tail[i] = max(job, machine)
    return span


@njit
def _price_later(u, v, time, opens, closes, before, after, head, tail, start):
    """Estimates the makespan after moving u behind v (Balas and Vazacopoulos 1998)."""
    last = before[u]
    ready = head[last] + time[last] if last >= 0 else 0
    i, count = after[u], 0
    while True:
        if not opens[i]:
            ready = max(ready, head[i - 1] + time[i - 1])
        start[count] = ready
        ready += time[i]
        count += 1
        if i == v:
            break
        i = after[i]
    if not opens[u]:
        ready = max(ready, head[u - 1] + time[u - 1])
    rest = tail[after[v]] + time[after[v]] if after[v] >= 0 else 0
    if not closes[u]:
        rest = max(rest, tail[u + 1] + time[u + 1])
    value = ready + time[u] + rest
    rest += time[u]
    i = v
    while i != u:
        count -= 1
        if not closes[i]:
            rest = max(rest, tail[i + 1] + time[i + 1])
        value = max(value, start[count] + time[i] + rest)
        rest += time[i]
        i = before[i]
    return value


@njit
def _price_earlier(u, v, time, opens, closes, before, after, head, tail, start):
    """Estimates the makespan after moving v in front of u."""
    last = before[u]
    ready = head[last] + time[last] if last >= 0 else 0
    if not opens[v]:
        ready = max(ready, head[v - 1] + time[v - 1])
    first = ready
    ready += time[v]
    i, count = u, 0
    while i != v:
        if not opens[i]:
            ready = max(ready, head[i - 1] + time[i - 1])
        start[count] = ready
        ready += time[i]
        count += 1
        i = after[i]
    rest = tail[after[v]] + time[after[v]] if after[v] >= 0 else 0
    value, i = 0, before[v]
    while True:
        count -= 1
        if not closes[i]:
            rest = max(rest, tail[i + 1] + time[i + 1])
        value = max(value, start[count] + time[i] + rest)
        rest += time[i]
        if i == u:
            break
        i = before[i]
    if not closes[v]:
        rest = max(rest, tail[v + 1] + time[v + 1])
    return max(value, first + time[v] + rest)


@njit
def _is_tabu(u, v, later, turn, route, jobs, after, tabu):
    """Tells whether a move restores an order that was left lately."""
    i = u
    while True:
        if later and i != u and tabu[route[u], jobs[i], jobs[u]] > turn:
            return True
        if not later and i != v and tabu[route[u], jobs[v], jobs[i]] > turn:
            return True
        if i == v:
            return False
        i = after[i]


@njit
def _move(u, v, later, until, route, jobs, before, after, tabu):
    """Moves u behind v, or v before u; forbids the way back."""
    i = u
    while True:
        if later and i != u:
            tabu[route[u], jobs[u], jobs[i]] = until
        if not later and i != v:
            tabu[route[u], jobs[i], jobs[v]] = until
        if i == v:
            break
        i = after[i]
    moved = u if later else v
    left, right = before[moved], after[moved]
    if left >= 0:
        after[left] = right
    if right >= 0:
        before[right] = left
    if later:
        left, right = v, after[v]
    else:
        left, right = before[u], u
    before[moved], after[moved] = left, right
    if left >= 0:
        after[left] = moved
    if right >= 0:
        before[right] = moved


@njit
def _find_path(time, before, after, head, tail, span, path):
    """Finds a critical path, machines before jobs; returns its length."""
    i = 0
    while head[i] > 0 or time[i] + tail[i] != span:
        i += 1
        if i == len(time):
            return 0
    count = 0
    while True:
        path[count] = i
        count += 1
        if tail[i] == 0:
            return count
        k = after[i]
        i = k if k >= 0 and time[k] + tail[k] == tail[i] else i + 1


@njit
def _choose_move(shop, state, path, count, best, turn, tabu, start):
    """Chooses the best move that is not tabu, and a random one."""
    route, jobs, time, opens, closes = shop
    before, after, head, tail = state
    found, spare, least, options = (-1, -1, False), (-1, -1, False), np.iinfo(np.int64).max, 0
    first = 0
    while first < count:
        last = first
        while last + 1 < count and route[path[last + 1]] == route[path[first]]:
            last += 1
        for a in range(first, last):
            for b in range(a + 1, last + 1):
                if a != first and b != last:
                    continue
                u, v = path[a], path[b]
                for later in (True, False):
                    # These conditions exclude cycles.
                    if later and not closes[u] and tail[v] + time[v] < tail[u + 1] + time[u + 1]:
                        continue
                    if not later and (
                        b == a + 1 or (not opens[v] and head[u] + time[u] < head[v - 1] + time[v - 1])
                    ):
                        continue
                    options += 1
                    if np.random.randint(options) == 0:
                        spare = (u, v, later)
                    value = (
                        _price_later(u, v, time, opens, closes, before, after, head, tail, start)
                        if later
                        else _price_earlier(u, v, time, opens, closes, before, after, head, tail, start)
                    )
                    if value < least and (
                        value < best or not _is_tabu(u, v, later, turn, route, jobs, after, tabu)
                    ):
                        found, least = (u, v, later), value
        first = last + 1
    return found, spare


@njit
def search_tabu(machines, p, sequence, steps, seed):
    """Improves a sequence by tabu search over critical blocks.

    machines, p: int64 [n, m]; sequence: jobs, int64 [n * m]; steps: number of moves. Returns the best sequence.

    Moves lead to the ends of critical blocks, neighbourhood N6 of Balas and Vazacopoulos (1998); the tenure is that of
    Zhang et al. (2007); after a stretch without progress it goes on near the best, by random moves.
    """
    n, m = p.shape
    size = n * m
    route, time = machines.copy().ravel(), p.copy().ravel()
    jobs = np.arange(size) // m
    opens, closes = np.arange(size) % m == 0, np.arange(size) % m == m - 1
    before, after, head, tail, found, path = np.zeros((6, size), np.int64)
    start, tabu = np.zeros(n, np.int64), np.full((m, n, n), -1)
    np.random.seed(seed)
    best, kept = np.iinfo(np.int64).max, sequence.copy()
    _link(route, sequence, m, before, after)
    least = 10 + n // m
    most = max(least + 1, int(1.4 * least) if n <= 2 * m else int(1.5 * least))
    patience, since, shake = max(1000, 20 * size), 0, 0
    for turn in range(steps):
        span = _schedule(time, opens, closes, before, after, head, tail, found)
        if span < 0 or since > patience:
            _link(route, kept, m, before, after)
            tabu[:] = -1
            since, shake = 0, SHAKE
            continue
        since += 1
        if span < best:
            best, since = span, 0
            for place in range(size):
                kept[place] = jobs[found[place]]
        count = _find_path(time, before, after, head, tail, span, path)
        shop, state = (route, jobs, time, opens, closes), (before, after, head, tail)
        chosen, spare = _choose_move(shop, state, path, count, best, turn, tabu, start)
        if spare[0] < 0:
            break
        if shake > 0 or chosen[0] < 0:
            chosen, shake = spare, max(0, shake - 1)
        until = turn + np.random.randint(least, most + 1)
        _move(chosen[0], chosen[1], chosen[2], until, route, jobs, before, after, tabu)
    return kept


def warm_up():
    """Compiles every function with the types of real calls."""
    machines = np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1]])
    p = np.array([[3, 2, 4], [2, 5, 1], [4, 1, 3]])
    search_tabu(machines, p, np.array([0, 1, 2] * 3), 50, 0)
