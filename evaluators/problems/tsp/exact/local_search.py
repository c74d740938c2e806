"""Kernels of the travelling salesman's upper bound.

2-opt and or-opt over near neighbours, and kicks.

2-opt: Croes 1958; or-opt: Or 1976; neighbour lists and a queue of cities to look at: Bentley 1992; the kick is the
double bridge of Martin, Otto and Felten 1991, among cities close together on the tour.
"""

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.solvers.compiled import compile_kernel

LONGEST_SEGMENT = 3
KICK_SPAN = 30


@compile_kernel
def reverse_part(tour: NDArray[np.int64], place: NDArray[np.int64], first: int, last: int) -> None:
    """Reverses a part of the tour, or the rest of it.

    The part is from place `first` to place `last`; both ways give the same cycle.
    """
    n = tour.size
    length = (last - first + n) % n + 1
    if 2 * length > n:
        first, last, length = (last + 1) % n, (first - 1 + n) % n, n - length
    for _ in range(length // 2):
        a, b = tour[first], tour[last]
        tour[first], tour[last] = b, a
        place[a], place[b] = last, first
        first = first + 1 if first + 1 < n else 0
        last = last - 1 if last > 0 else n - 1


@compile_kernel
def make_two_opt_move(
    distance: NDArray[np.int64],
    near: NDArray[np.int64],
    tour: NDArray[np.int64],
    place: NDArray[np.int64],
    a: int,
) -> int:
    """Makes the first improving 2-opt move at `a`; returns the gain.

    An edge at `a` is exchanged for one to a near city. The gain is 0 if there is no such move.
    """
    n = tour.size
    for step in (1, -1):
        b = tour[(place[a] + step + n) % n]
        for c in near[a]:
            gained = distance[a, b] - distance[a, c]
            if gained <= 0:
                break
            e = tour[(place[c] + step + n) % n]
            gained += distance[c, e] - distance[b, e]
            if gained > 0:
                if step == 1:
                    reverse_part(tour, place, place[b], place[c])
                else:
                    reverse_part(tour, place, place[a], place[e])
                return int(gained)
    return 0


@compile_kernel
def move_segment(
    distance: NDArray[np.int64],
    near: NDArray[np.int64],
    tour: NDArray[np.int64],
    place: NDArray[np.int64],
    a: int,
) -> int:
    """Makes the first improving move of a segment; returns the gain.

    Up to three cities from `a` on go beside a near city; the gain is 0 if there is no such move. The segment keeps
    its direction or is reversed, whichever brings `a` beside the near city.
    """
    n = tour.size
    for step in (1, -1):
        p = tour[(place[a] - step + n) % n]
        for length in range(1, min(LONGEST_SEGMENT, n - 3) + 1):
            e = tour[(place[a] + step * (length - 1) + n) % n]
            q = tour[(place[e] + step + n) % n]
            freed = distance[p, a] + distance[e, q] - distance[p, q]
            for c in near[a]:
                if distance[p, a] <= distance[a, c]:
                    break
                if (step * (place[c] - place[a]) + n) % n < length:
                    continue  # inside the segment
                for side in (1, -1):
                    f = tour[(place[c] + side * step + n) % n]
                    if (step * (place[f] - place[a]) + n) % n < length:
                        continue
                    gained = freed + distance[c, f] - distance[a, c] - distance[e, f]
                    if gained > 0:
                        carry_segment(tour, place, a, e, c, f, step, side)
                        return int(gained)
    return 0


@compile_kernel
def carry_segment(
    tour: NDArray[np.int64],
    place: NDArray[np.int64],
    a: int,
    e: int,
    c: int,
    f: int,
    step: int,
    side: int,
) -> None:
    """Moves the segment a…e between c and f.

    The segment runs along `step`; `a` is put beside `c`, and what lies between is shifted.
    """
    n = tour.size
    length = (step * (place[e] - place[a]) + n) % n + 1
    # The nearer of c and f, seen along `step` from behind the segment, is where the shift stops.
    last = c if side == 1 else f
    start = place[a]
    hops = (step * (place[last] - place[e]) + n) % n
    # Keep the segment: at most three cities.
    s0, s1, s2 = a, a, a
    if length > 1:
        s1 = tour[(start + step + n) % n]
    if length > 2:
        s2 = tour[(start + 2 * step + n) % n]
    where = start
    source = (start + step * length + 2 * n) % n
    for _ in range(hops):
        city = tour[source]
        tour[where] = city
        place[city] = where
        where = (where + step + n) % n
        source = (source + step + n) % n
    for index in range(length):
        # After c comes a; after f comes e.
        rank = index if side == 1 else length - 1 - index
        city = s0 if rank == 0 else (s1 if rank == 1 else s2)
        tour[where] = city
        place[city] = where
        where = (where + step + n) % n


@compile_kernel
def descend(
    distance: NDArray[np.int64],
    near: NDArray[np.int64],
    tour: NDArray[np.int64],
    place: NDArray[np.int64],
    queue: NDArray[np.int64],
    queued: NDArray[np.int64],
    waiting: int,
) -> int:
    """Improves the tour until no queued city has an improving move.

    Returns the total gain.

    Args:
        distance: symmetric, shape (n, n).
        near: the nearest other cities of each, nearest first, shape (n, k).
        tour: cities in order; changed, shape (n,).
        place: where each city stands; changed, shape (n,).
        queue: the cities to look at are its first `waiting`, shape (n,).
        queued: whether a city is in the queue, shape (n,).
        waiting: how many they are.
    """
    n, head, total = tour.size, 0, 0
    while waiting:
        a = queue[head]
        head = (head + 1) % n
        waiting -= 1
        queued[a] = 0
        gained = make_two_opt_move(distance, near, tour, place, a)
        if gained == 0:
            gained = move_segment(distance, near, tour, place, a)
        if gained > 0:
            total += gained
            for city in (a, tour[(place[a] + 1) % n], tour[(place[a] - 1 + n) % n]):
                if not queued[city]:
                    queue[(head + waiting) % n] = city
                    queued[city] = 1
                    waiting += 1
            for city in near[a]:
                if not queued[city]:
                    queue[(head + waiting) % n] = city
                    queued[city] = 1
                    waiting += 1
    return total


@compile_kernel
def descend_with_kicks(
    distance: NDArray[np.int64],
    near: NDArray[np.int64],
    tour: NDArray[np.int64],
    scratch: NDArray[np.int64],
    chance: NDArray[np.int64],
    kicks: int,
) -> int:
    """Improves a tour by descents after double bridges; returns the gain.

    The tour has at least 8 cities. Each result is kept if it is not worse.

    Args:
        distance: symmetric, shape (n, n).
        near: the nearest other cities of each, nearest first, shape (n, k).
        tour: cities in order; changed, shape (n,).
        scratch: kept between calls, shape (4, n).
        chance: state of the random numbers, 0 before the first call; changed, shape (1,).
        kicks: how many double bridges.
    """
    n, total = tour.size, np.int64(0)
    place, queue, queued, kept = scratch[0], scratch[1], scratch[2], scratch[3]
    state = chance[0]
    if state == 0:
        state = np.int64(88172645463325252)
        for index in range(n):
            place[tour[index]] = index
            queue[index] = tour[index]
            queued[tour[index]] = 1
        total += np.int64(descend(distance, near, tour, place, queue, queued, n))
    for _ in range(kicks):
        for index in range(n):
            kept[index] = tour[index]
        state ^= state << 13
        state ^= (state >> 7) & 0x1FFFFFFFFFFFFFF
        state ^= state << 17
        draw = state & 0x7FFFFFFFFFFFFFFF
        span = min(n - 2, KICK_SPAN)
        # Three cuts within a window: …|A|B|… becomes …|B|A|…
        start = draw % n
        first = 1 + (draw >> 16) % (span - 1)
        second = 1 + (draw >> 32) % (span - first)
        waiting = 0
        before, after = (start - 1 + n) % n, (start + first + second) % n
        middle = (start + first) % n
        gained = distance[kept[before], kept[start]] - distance[kept[before], kept[middle]]
        gained += distance[kept[(middle - 1 + n) % n], kept[middle]]
        gained -= distance[kept[(after - 1 + n) % n], kept[start]]
        gained += distance[kept[(after - 1 + n) % n], kept[after]]
        gained -= distance[kept[(middle - 1 + n) % n], kept[after]]
        for index in range(first + second):
            source = (middle + index) % n if index < second else (start + index - second) % n
            target = (start + index) % n
            tour[target] = kept[source]
            place[kept[source]] = target
        for spot in (before, start, middle, (middle - 1 + n) % n, (after - 1 + n) % n, after):
            city = kept[spot]
            if not queued[city]:
                queue[waiting] = city
                queued[city] = 1
                waiting += 1
        gained += np.int64(descend(distance, near, tour, place, queue, queued, waiting))
        if gained >= 0:
            total += int(gained)
        else:
            for index in range(n):
                tour[index] = kept[index]
                place[kept[index]] = index
    chance[0] = state
    return int(total)
