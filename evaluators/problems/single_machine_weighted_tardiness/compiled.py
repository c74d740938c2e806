"""Compiled local search for weighted tardiness; see `evaluators.grammar.CompiledFunctions`.

`order[k]` is the job at place k, `end[k]` when it ends; `late[k]` and `cost[k]` are sums over the places before k: the
weights of late jobs, and the weighted tardiness. A move changes what lies between two places alone.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated, untyped-decorator, misc"

import numpy as np
from numba import njit

KICKS = 4
"""Exchanges at random before each descent."""


@njit
def _price(job, end, w, d):
    """Returns the weighted tardiness of a job that ends at a time."""
    return w[job] * (end - d[job]) if end > d[job] else 0


@njit
def _update(state, p, w, d, a, b):
    """Updates ends from place a to b, and sums from a on."""
    order, end, late, cost = state
    now = end[a - 1] if a > 0 else 0
    for k in range(a, b + 1):
        now += p[order[k]]
        end[k] = now
    for k in range(a, len(order)):
        job = order[k]
        late[k + 1] = late[k] + (w[job] if end[k] > d[job] else 0)
        cost[k + 1] = cost[k] + _price(job, end[k], w, d)


@njit
def _find_insertion(k, state, p, w, d):
    """Finds the best insertion of the job at place k.

    Returns `(change, place)`. Each place takes O(1) steps: the jobs that are passed are priced on the way.
    """
    order, end, _, _ = state
    job, found, least = order[k], k, 0
    length, own, change = p[job], _price(order[k], end[k], w, d), 0
    for place in range(k + 1, len(order)):
        other, moment = order[place], end[place]
        change += _price(other, moment - length, w, d) - _price(other, moment, w, d)
        value = change + _price(job, moment, w, d) - own
        if value < least:
            least, found = value, place
    change = -own
    for place in range(k - 1, -1, -1):
        other, moment = order[place], end[place]
        change += _price(other, moment + length, w, d) - _price(other, moment, w, d)
        if change >= least:
            break
        value = change + _price(job, moment - p[other] + length, w, d)
        if value < least:
            least, found = value, place
    return least, found


@njit
def _find_exchange(k, state, p, w, d, least):
    """Finds the best exchange of the job at place k.

    Returns `(change, place, steps)`. The jobs between are priced only where the sums leave hope: late ones that get
    later cost at least their weight for each unit of time; those that get earlier save no more than that, and no more
    than they cost.
    """
    order, end, late, cost = state
    found, steps = k, 0
    for place in range(len(order)):
        a, b = min(k, place), max(k, place)
        first, last = order[a], order[b]
        shift = p[last] - p[first]
        if a == b or (shift >= 0 and d[last] >= d[first] and w[last] <= w[first]):
            continue
        change = _price(last, end[a] + shift, w, d) - _price(last, end[b], w, d)
        change += _price(first, end[b], w, d) - _price(first, end[a], w, d)
        hope = shift * (late[b] - late[a + 1])
        if shift < 0:
            hope = max(hope, cost[a + 1] - cost[b])
        if change + hope >= least:
            continue
        steps += b - a
        for between in range(a + 1, b):
            job, moment = order[between], end[between]
            change += _price(job, moment + shift, w, d) - _price(job, moment, w, d)
        if change < least:
            least, found = change, place
    return least, found, steps


@njit
def _descend(state, p, w, d, waiting, count, listed, span, steps):
    """Makes the best move of each place until none helps.

    waiting, count: the queue, a ring; listed: the places in it; span: widened to the places that change. Returns the
    steps that are left.
    """
    order, n, first = state[0], len(p), 0
    while count > 0:
        k = waiting[first]
        first = (first + 1) % n
        count -= 1
        listed[k] = False
        if steps <= 0:
            continue
        change, place = _find_insertion(k, state, p, w, d)
        better, other, more = _find_exchange(k, state, p, w, d, change)
        steps -= 3 * n + more
        if better < change:
            place = other
            order[k], order[place] = order[place], order[k]
        elif change < 0:
            job, step = order[k], 1 if place > k else -1
            for between in range(k, place, step):
                order[between] = order[between + step]
            order[place] = job
        else:
            continue
        a, b = min(k, place), max(k, place)
        _update(state, p, w, d, a, b)
        span[0], span[1] = min(span[0], a), max(span[1], b)
        for near in range(max(0, a - 1), min(n, b + 2)):
            if not listed[near]:
                waiting[(first + count) % n] = near
                listed[near] = True
                count += 1
    return steps


@njit
def search_tardiness(p, w, d, sequence, steps, seed):
    """Improves a sequence by iterated local search: exchanges and insertions.

    p, w, d: processing times, weights above 0 and due dates, int64 [n]; sequence: jobs, int64 [n]; steps: jobs that
    moves are priced by. Returns the best sequence.

    The moves are those of Congram, Potts and van de Velde (2002), the kicks exchanges within a stretch of random
    length; a place is looked at again only after a change nearby (Bentley 1992), and what does not worsen is kept.
    """
    n = len(p)
    order, kept = sequence.copy(), sequence.copy()
    state = (order, np.zeros(n, np.int64), np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64))
    waiting, listed, span = np.arange(n), np.ones(n, np.bool_), np.zeros(2, np.int64)
    np.random.seed(seed)
    cost = state[3]
    _update(state, p, w, d, 0, n - 1)
    old, settled = cost[n], False
    while steps > 0 and cost[n] > 0:
        if settled:
            # A kick.
            length = max(min(n, 8), n >> np.random.randint(0, 4))
            low = np.random.randint(0, n - length + 1)
            span[0], span[1] = low + length, low
            for _ in range(KICKS):
                one, other = low + np.random.randint(0, length), low + np.random.randint(0, length)
                order[one], order[other] = order[other], order[one]
                span[0], span[1] = min(span[0], one, other), max(span[1], one, other)
            _update(state, p, w, d, span[0], span[1])
        else:
            span[0], span[1] = 0, n - 1
        count = 0
        for k in range(max(0, span[0] - 1), min(n, span[1] + 2)):
            waiting[count] = k
            listed[k] = True
            count += 1
        steps = _descend(state, p, w, d, waiting, count, listed, span, steps - 3 * n)
        a, b = span
        if cost[n] <= old:
            # The first descents look at all places, until none changes.
            settled = settled or cost[n] == old
            old = cost[n]
            kept[a : b + 1] = order[a : b + 1]
        else:
            order[a : b + 1] = kept[a : b + 1]
            _update(state, p, w, d, a, b)
    return kept


def warm_up():
    """Compiles every function with the types of real calls."""
    p, w, d = np.array([3, 1, 2, 4]), np.array([1, 2, 1, 3]), np.array([4, 2, 3, 5])
    search_tardiness(p, w, d, np.arange(4), 10000, 0)
