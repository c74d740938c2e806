"""Compiled tours: greedy edges, and iterated local search; see `evaluators.grammar.CompiledFunctions`.

`tour` holds the cities in their order, and `place` where each city stands. `near[i]` are the cities nearest to city i,
nearest first (Bentley 1992). All changes are exchanges of two edges, so that they can be taken back one by one.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated, untyped-decorator, misc"

import numpy as np
from numba import njit

LONGEST = 3
"""Cities of a segment that is moved, at most."""

SPAN = 50
"""Cities of a part that a double bridge exchanges, at most."""

EXCHANGES = 1000
"""Exchanges after a double bridge, at most."""

UNIT = 4
"""Places of a tour that are turned in the time in which one near city is looked at."""


@njit
def list_near(distance, count):
    """Lists the nearest other cities of each, nearest first.

    distance: int64 [n, n]; count: at most n - 1 are listed. Returns int64 [n, count].
    """
    n = len(distance)
    count = min(count, n - 1)
    near = np.zeros((n, count), np.int64)
    for i in range(n):
        filled = 0
        for j in range(n):
            if j == i or (filled == count and distance[i, j] >= distance[i, near[i, count - 1]]):
                continue
            at = min(filled, count - 1)
            filled = min(filled + 1, count)
            while at > 0 and distance[i, near[i, at - 1]] > distance[i, j]:
                near[i, at] = near[i, at - 1]
                at -= 1
            near[i, at] = j
    return near


@njit
def _walk(city, step, tour, place):
    """Returns the city that many places on."""
    at = place[city] + step
    n = len(tour)
    return tour[at - n if at >= n else at + n if at < 0 else at]


@njit
def _exchange(a, b, c, d, tour, place, used):
    """Replaces the edges ab and cd by ac and bd.

    b follows a, and d follows c, in the same direction, whichever it is.
    """
    if _walk(a, 1, tour, place) == b:
        first, last = place[b], place[c]
    else:
        first, last = place[a], place[d]
    n = len(tour)
    length = last - first + 1 if last >= first else last - first + 1 + n
    if 2 * length > n:
        first, last, length = last + 1, first - 1, n - length
        first, last = first - n if first >= n else first, last + n if last < 0 else last
    used[0] += 1 + length // UNIT
    for _ in range(length // 2):
        one, other = tour[first], tour[last]
        tour[first], tour[last] = other, one
        place[one], place[other] = last, first
        first = first + 1 if first + 1 < n else 0
        last = last - 1 if last > 0 else n - 1


@njit
def _log(a, b, c, d, tour, place, log, count, used):
    """Exchanges two edges, and notes that."""
    _exchange(a, b, c, d, tour, place, used)
    log[count, 0], log[count, 1], log[count, 2], log[count, 3] = a, b, c, d
    return count + 1


@njit
def _carry(p, a, e, q, c, f, turned, tour, place, log, count, used):
    """Moves a segment between c and f; returns the log's length.

    The cities stand as p a…e q…c f, in either direction. It becomes c a…e f, or c e…a f if turned.
    """
    count = _log(p, a, c, f, tour, place, log, count, used)
    if c != q:
        count = _log(p, c, q, e, tour, place, log, count, used)
    if not turned and a != e:
        count = _log(c, e, a, f, tour, place, log, count, used)
    return count


@njit
def _try_exchange(a, distance, near, tour, place, log, count, used):
    """Makes the first exchange that helps (2-opt, Croes 1958).

    Returns gain and length of the log.
    """
    for step in (1, -1):
        b = _walk(a, step, tour, place)
        for k in range(near.shape[1]):
            c = near[a, k]
            used[0] += 1
            gain = distance[a, b] - distance[a, c]
            if gain <= 0:
                break
            d = _walk(c, step, tour, place)
            gain += distance[c, d] - distance[b, d]
            if gain > 0:
                return gain, _log(a, b, c, d, tour, place, log, count, used)
    return 0, count


@njit
def _try_segments(a, distance, near, tour, place, log, count, used):
    """Makes the first move of a segment that helps (Or 1976).

    Returns gain and length of the log.
    """
    n = len(tour)
    for step in (1, -1):
        p = _walk(a, -step, tour, place)
        for length in range(1, LONGEST + 1):
            e = _walk(a, step * (length - 1), tour, place)
            q = _walk(e, step, tour, place)
            freed = distance[p, a] + distance[e, q] - distance[p, q]
            if freed <= 0:
                continue
            for k in range(near.shape[1]):
                c = near[a, k]
                used[0] += 1
                if distance[a, c] >= distance[p, a]:
                    break
                ahead = step * (place[c] - place[a])
                if (ahead + n if ahead < 0 else ahead) < length:
                    continue
                for side in (1, -1):
                    f = _walk(c, side * step, tour, place)
                    ahead = step * (place[f] - place[a])
                    if (ahead + n if ahead < 0 else ahead) < length:
                        continue
                    gain = freed + distance[c, f] - distance[a, c] - distance[e, f]
                    if gain <= 0:
                        continue
                    if side == 1:
                        return gain, _carry(p, a, e, q, c, f, False, tour, place, log, count, used)
                    return gain, _carry(p, a, e, q, f, c, True, tour, place, log, count, used)
    return 0, count


@njit
def _push(city, queue, queued, head, waiting):
    """Puts a city into the queue once; returns how many wait."""
    if queued[city]:
        return waiting
    at = head + waiting
    queue[at - len(queue) if at >= len(queue) else at] = city
    queued[city] = True
    return waiting + 1


@njit
def _descend(distance, near, tour, place, queue, queued, waiting, log, count, used, limit, undo):
    """Improves the tour at queued cities; returns gain and log's length.

    Cities whose edges change are queued. The log fills up only if it is kept, to undo what was done.
    """
    head, total = 0, 0
    while waiting > 0:
        a = queue[head]
        head = head + 1 if head + 1 < len(queue) else 0
        waiting -= 1
        queued[a] = False
        if used[0] >= limit or count + LONGEST >= len(log):
            continue
        first = count
        gain, count = _try_exchange(a, distance, near, tour, place, log, count, used)
        if gain == 0:
            gain, count = _try_segments(a, distance, near, tour, place, log, count, used)
        total += gain
        for k in range(first, count):
            for column in range(4):
                waiting = _push(log[k, column], queue, queued, head, waiting)
        if not undo:
            count = 0
    return total, count


@njit
def join_fragments(distance, near):
    """Builds a tour of short edges (greedy matching, Bentley 1992).

    distance: int64 [n, n]; near: int64 [n, k], as of `list_near`. Returns int64 [n].

    Edges to near cities are taken from the shortest on, where they close no circle; then parts are joined at ends that
    are nearest.
    """
    n, width = near.shape
    ends, degree, links = np.arange(n), np.zeros(n, np.int64), np.full((n, 2), -1)
    lengths = np.zeros(n * width, np.int64)
    for i in range(n * width):
        lengths[i] = distance[i // width, near[i // width, i % width]]
    for i in np.argsort(lengths, kind="mergesort"):
        a, b = i // width, near[i // width, i % width]
        if degree[a] < 2 and degree[b] < 2 and ends[a] != b:
            _link(a, b, ends, degree, links)
    tour, here, before = np.zeros(n, np.int64), 0, -1
    for i in range(n):
        if degree[i] < degree[here]:
            here = i
    for i in range(n):
        tour[i] = here
        if degree[here] < 2 and i < n - 1 and (degree[here] == 0 or links[here, 0] == before):
            # The end of a part: on to the nearest end of another one.
            closest = -1
            for j in range(n):
                open_ = degree[j] < 2 and j != here and ends[here] != j
                if open_ and (closest < 0 or distance[here, j] < distance[here, closest]):
                    closest = j
            _link(here, closest, ends, degree, links)
        following = links[here, 0] if links[here, 0] != before else links[here, 1]
        here, before = following, here
    return tour


@njit
def _link(a, b, ends, degree, links):
    """Joins two parts at their ends."""
    links[a, degree[a]], links[b, degree[b]] = b, a
    degree[a] += 1
    degree[b] += 1
    one, other = ends[a], ends[b]
    ends[one], ends[other] = other, one


@njit
def search_locally(distance, near, sequence, warmth, work, seed):
    """Improves a tour by iterated local search.

    distance: int64 [n, n]; near: int64 [n, k], as of `list_near`; sequence: cities, int64 [n]; warmth: how much longer
    a tour may be to go on from, in mean edges, 0 to 0.3; work: near cities to look at, about 50,000,000 a second.
    Returns the best tour.

    2-opt and moves of segments with near cities and a queue (Bentley 1992), and double bridges of parts that lie close
    together (Martin, Otto and Felten 1991).
    """
    n = len(sequence)
    tour, place, queue = sequence.copy(), np.zeros(n, np.int64), sequence.copy()
    if n < 8:
        return tour
    np.random.seed(seed)
    queued, used = np.ones(n, np.bool_), np.zeros(1, np.int64)
    length = 0
    for i in range(n):
        place[tour[i]] = i
        length += distance[tour[i - 1], tour[i]]
    log = np.zeros((EXCHANGES, 4), np.int64)
    gain, _ = _descend(distance, near, tour, place, queue, queued, n, log, 0, used, work, False)
    length -= gain
    kept, least, scale = tour.copy(), length, warmth * length / n
    span = min(SPAN, (n - 2) // 2)
    while used[0] < work:
        p = tour[np.random.randint(n)]
        one, other = 1 + np.random.randint(span), 1 + np.random.randint(span)
        a, e = _walk(p, 1, tour, place), _walk(p, one, tour, place)
        q, c = _walk(e, 1, tour, place), _walk(e, other, tour, place)
        f = _walk(c, 1, tour, place)
        change = distance[p, q] + distance[c, a] + distance[e, f]
        change -= distance[p, a] + distance[e, q] + distance[c, f]
        count = _carry(p, a, e, q, c, f, False, tour, place, log, 0, used)
        waiting = 0
        for city in (p, a, e, q, c, f):
            waiting = _push(city, queue, queued, 0, waiting)
        gain, count = _descend(
            distance, near, tour, place, queue, queued, waiting, log, count, used, work, True
        )
        change -= gain
        if change <= 0 or (scale > 0 and np.random.random() < np.exp(-change / scale)):
            length += change
            if length < least:
                least = length
                for i in range(n):
                    kept[i] = tour[i]
        else:
            for i in range(count - 1, -1, -1):
                _exchange(log[i, 0], log[i, 2], log[i, 1], log[i, 3], tour, place, used)
    return kept


def warm_up():
    """Compiles every function with the types of real calls."""
    distance = np.abs(np.arange(9) - np.arange(9)[:, None])
    near = list_near(distance, 5)
    search_locally(distance, near, join_fragments(distance, near), 0.1, 500, 0)
