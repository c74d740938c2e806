"""Compiled tabu search for quadratic assignment; see `evaluators.grammar.CompiledFunctions`.

`placed[i, k]` is the distance between the places of facilities i and k, so that sums run along rows. Where one of the
matrices is symmetric, the other one is made so, and costs double; else both are also kept transposed.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated, untyped-decorator, misc"

import numpy as np
from numba import njit

ROW = 36
"""What a facility takes in each turn beside its pairs, in pairs."""


@njit
def _is_symmetric(matrix):
    """Tells whether a matrix is its own transpose."""
    for i in range(len(matrix)):
        for j in range(i):
            if matrix[i, j] != matrix[j, i]:
                return False
    return True


@njit
def _add_transposed(matrix):
    """Returns the sum of a matrix and its transpose."""
    total = matrix.copy()
    for i in range(len(matrix)):
        for j in range(len(matrix)):
            total[i, j] += matrix[j, i]
    return total


@njit
def _multiply_rows(flow, placed, i, j):
    """Sums what a swap changes with all facilities, itself included."""
    total = 0
    for k in range(len(flow)):
        total += (flow[i, k] - flow[j, k]) * (placed[j, k] - placed[i, k])
    return total


@njit
def _price(flow, placed, back_flow, back_placed, even, i, j):
    """Computes what swapping two facilities changes."""
    total = _multiply_rows(flow, placed, i, j)
    total += total if even else _multiply_rows(back_flow, back_placed, i, j)
    # Terms of i and j with themselves and with each other.
    for k in (i, j):
        total -= (flow[i, k] - flow[j, k]) * (placed[j, k] - placed[i, k])
        total -= (flow[k, i] - flow[k, j]) * (placed[k, j] - placed[k, i])
    total += (flow[i, i] - flow[j, j]) * (placed[j, j] - placed[i, i])
    return total + (flow[i, j] - flow[j, i]) * (placed[j, i] - placed[i, j])


@njit
def _swap(placed, i, j):
    """Swaps two facilities in a matrix."""
    for k in range(len(placed)):
        placed[i, k], placed[j, k] = placed[j, k], placed[i, k]
    for k in range(len(placed)):
        placed[k, i], placed[k, j] = placed[k, j], placed[k, i]


@njit
def _renew(flow, placed, u, v, changes, weight):
    """Renews what other swaps change after that of u and v.

    Each in constant time (Burkard and Rendl 1984).
    """
    n = len(flow)
    one, other = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for k in range(n):
        one[k] = weight * (flow[u, k] - flow[v, k])
        other[k] = placed[v, k] - placed[u, k]
    for i in range(n):
        x, y = one[i], other[i]
        for j in range(i + 1, n):
            changes[i, j] += (x - one[j]) * (y - other[j])


@njit
def _renew_pair(flow, placed, back_flow, back_placed, even, u, v, changes):
    """Computes anew what swaps of u or v with others change."""
    for k in range(len(flow)):
        for i in (u, v):
            if k != i:
                changes[min(i, k), max(i, k)] = _price(flow, placed, back_flow, back_placed, even, i, k)


@njit
def _choose(changes, place, tabu, turn, limit):
    """Chooses the best swap that is not tabu.

    One that changes the cost by less than the limit is never tabu.
    """
    n = len(place)
    least, first, second = np.iinfo(np.int64).max, -1, -1
    for i in range(n):
        for j in range(i + 1, n):
            change = changes[i, j]
            if change < least and (change < limit or tabu[i, place[j]] <= turn or tabu[j, place[i]] <= turn):
                least, first, second = change, i, j
    return first, second


@njit
def search_tabu(flow, distance, place, tenure, patience, strength, work, seed):
    """Improves an assignment by iterated tabu search.

    flow, distance: int64 [n, n]; place: locations of the facilities, int64 [n]; tenure: turns for which a facility
    does not return to a location, as a share of n, about 0.3 to 1.5; patience: turns without a new best, in n, after
    which it goes on from near the best; strength: share of the facilities that are then moved, 0 to 1; work: pairs of
    facilities to look at, about 400,000,000 a second. Returns the best assignment.

    The neighbourhood is all swaps, each priced in constant time, and the tenure is random (Taillard 1991); restarts
    from near the best are those of Misevicius (2012).
    """
    n = len(place)
    place, best = place.copy(), place.copy()
    if n < 2:
        return best
    np.random.seed(seed)
    even = _is_symmetric(flow) or _is_symmetric(distance)
    if even and not _is_symmetric(flow):
        flow = _add_transposed(flow)
    elif even and not _is_symmetric(distance):
        distance = _add_transposed(distance)
    back_flow = np.ascontiguousarray(flow.T)
    placed, back_placed = np.zeros((n, n), np.int64), np.zeros((n, n), np.int64)
    changes, tabu = np.zeros((n, n), np.int64), np.zeros((n, n), np.int64)
    total, least, since, turn, fresh = 0, 0, 0, 0, True
    while work > 0:
        if fresh:
            for i in range(n):
                for j in range(n):
                    placed[i, j] = distance[place[i], place[j]]
                    back_placed[j, i] = placed[i, j]
            for i in range(n):
                for j in range(i + 1, n):
                    changes[i, j] = _price(flow, placed, back_flow, back_placed, even, i, j)
            work -= n * n * n // 2
            fresh, since = False, 0
        turn += 1
        work -= n * (n + ROW) * (1 if even else 2)
        i, j = _choose(changes, place, tabu, turn, least - total)
        if i >= 0:
            tabu[i, place[i]] = turn + 1 + int(tenure * n * (0.9 + 0.2 * np.random.random()))
            tabu[j, place[j]] = turn + 1 + int(tenure * n * (0.9 + 0.2 * np.random.random()))
            total += changes[i, j]
            place[i], place[j] = place[j], place[i]
            _swap(placed, i, j)
            _renew(flow, placed, i, j, changes, 2 if even else 1)
            if not even:
                _swap(back_placed, i, j)
                _renew(back_flow, back_placed, i, j, changes, 1)
            _renew_pair(flow, placed, back_flow, back_placed, even, i, j, changes)
        since += 1
        if total < least:
            least, since = total, 0
            for k in range(n):
                best[k] = place[k]
        elif since > patience * n:
            for k in range(n):
                place[k] = best[k]
            total = least
            total += _shake(flow, distance, place, max(2, int(strength * n)))
            fresh = True
            for i in range(n):
                for j in range(n):
                    tabu[i, j] = 0
    return best


@njit
def _shake(flow, distance, place, count):
    """Moves random facilities in a circle; returns what that changes."""
    n, before, after = len(place), 0, 0
    for i in range(n):
        for k in range(n):
            before += flow[i, k] * distance[place[i], place[k]]
    count = min(count, n)
    chosen = np.random.permutation(n)
    first = place[chosen[0]]
    for k in range(count - 1):
        place[chosen[k]] = place[chosen[k + 1]]
    place[chosen[count - 1]] = first
    for i in range(n):
        for k in range(n):
            after += flow[i, k] * distance[place[i], place[k]]
    return after - before


def warm_up():
    """Compiles every function with the types of real calls."""
    distance = np.abs(np.arange(6) - np.arange(6)[:, None])
    search_tabu(distance % 3, distance, np.arange(6), 0.8, 1, 0.5, 3000, 0)
