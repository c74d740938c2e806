"""Compiled search for the resource-constrained project; see `evaluators.grammar.CompiledFunctions`.

A list is an order of the activities in which none stands before one that it needs. The serial scheme starts each, in
this order, as early as precedences and resources allow. Backwards, everything is mirrored in time.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated, untyped-decorator, misc"

import numpy as np
from numba import njit

PARENTS = 100
"""Lists of a population, an even number."""

PATIENCE = 25
"""Generations without progress before a new population is drawn from the neighbours of the best list."""


@njit
def _list_arcs(before, mirrored):
    """Lists the predecessors of each activity; mirrored, its successors.

    Those of j are `arcs[first[j]:first[j + 1]]`. Returns `(first, arcs)`.
    """
    n = len(before)
    first, arcs, count = np.zeros(n + 1, np.int64), np.zeros(n * n, np.int64), 0
    for j in range(n):
        for i in range(n):
            if before[j, i] if mirrored else before[i, j]:
                arcs[count] = i
                count += 1
        first[j + 1] = count
    return first, arcs


@njit
def _place_serially(order, duration, first, arcs, demand, free, start):
    """Starts activities in the order of a list; returns the makespan.

    Each starts as early as possible.

    free: units of each resource that are left at each time, all of them at the start and at the end; start: filled in.
    """
    resources, span = demand.shape[1], 0
    for i in order:
        t = 0
        for place in range(first[i], first[i + 1]):
            t = max(t, start[arcs[place]] + duration[arcs[place]])
        end = t + duration[i]
        # From the end, so that a moment of too little lets the activity skip all before it.
        moment = end - 1
        while moment >= t:
            fits = True
            for k in range(resources):
                if free[moment, k] < demand[i, k]:
                    fits = False
                    break
            if not fits:
                t = moment + 1
                end = t + duration[i]
                moment = end
            moment -= 1
        for moment in range(t, end):
            for k in range(resources):
                free[moment, k] -= demand[i, k]
        start[i] = t
        span = max(span, end)
    for i in order:
        for moment in range(start[i], start[i] + duration[i]):
            for k in range(resources):
                free[moment, k] += demand[i, k]
    return span


@njit
def _sort_by(key, order):
    """Sorts a list by keys, equal ones as they stood."""
    for place in range(1, len(order)):
        i = order[place]
        gap = place
        while gap > 0 and key[order[gap - 1]] > key[i]:
            order[gap] = order[gap - 1]
            gap -= 1
        order[gap] = i


@njit
def _reverse(order):
    """Reverses a list in place."""
    n = len(order)
    for place in range(n // 2):
        order[place], order[n - 1 - place] = order[n - 1 - place], order[place]


@njit
def _justify(order, project, free, start, key):
    """Generates a schedule, justifies it, and orders the list by starts.

    Double justification of Valls, Ballestin and Quintanilla (2005). Returns the makespan; two more schedules.
    """
    duration, first, arcs, last, back, demand = project
    _place_serially(order, duration, first, arcs, demand, free, start)
    n = len(order)
    for i in range(n):
        key[i] = start[i] + duration[i]
    _sort_by(key, order)
    _reverse(order)
    _place_serially(order, duration, last, back, demand, free, start)
    for i in range(n):
        key[i] = -start[i] - duration[i]
    _reverse(order)
    _sort_by(key, order)
    span = _place_serially(order, duration, first, arcs, demand, free, start)
    _sort_by(start, order)
    return span


@njit
def _draw_list(rank, sharpness, first, arcs, last, back, order, missing, ready, weight):
    """Draws a list by regret (Drexl 1991).

    Activities of low rank are likely to come early.
    """
    n, count = len(rank), 0
    for i in range(n):
        missing[i] = first[i + 1] - first[i]
        if missing[i] == 0:
            ready[count] = i
            count += 1
    for place in range(n):
        worst, total = rank[ready[0]], 0.0
        for option in range(1, count):
            worst = max(worst, rank[ready[option]])
        for option in range(count):
            weight[option] = (worst - rank[ready[option]] + 1.0) ** sharpness
            total += weight[option]
        left, chosen = np.random.random() * total, 0
        while chosen < count - 1 and left >= weight[chosen]:
            left -= weight[chosen]
            chosen += 1
        i = ready[chosen]
        order[place] = i
        count -= 1
        ready[chosen] = ready[count]
        for arc in range(last[i], last[i + 1]):
            missing[back[arc]] -= 1
            if missing[back[arc]] == 0:
                ready[count] = back[arc]
                count += 1


@njit
def _cross(mother, father, a, b, child, used):
    """Crosses two lists at two points (Hartmann 1998).

    Places before a and from b on are in the mother's order, those between in the father's.
    """
    used[:] = False
    for place in range(a):
        child[place] = mother[place]
        used[mother[place]] = True
    place = a
    for i in father:
        if place == b:
            break
        if not used[i]:
            child[place] = i
            used[i] = True
            place += 1
    for i in mother:
        if not used[i]:
            child[place] = i
            place += 1


@njit
def _exchange_neighbours(order, before, chance):
    """Exchanges neighbours of a list at random, where precedences allow."""
    for place in range(len(order) - 1):
        if np.random.random() < chance and not before[order[place], order[place + 1]]:
            order[place], order[place + 1] = order[place + 1], order[place]


@njit
def _find_bound(project, capacity):
    """Finds the latest starts and a lower bound.

    The latest starts are below 0, those of the last activity 0; the bound is the length of the critical path, or the
    work of a resource divided by its capacity.
    """
    duration, _, _, last, back, demand = project
    n = len(duration)
    tail, rank, bound = np.zeros(n, np.int64), np.zeros(n), 0
    for i in range(n - 1, -1, -1):
        for place in range(last[i], last[i + 1]):
            tail[i] = max(tail[i], tail[back[place]])
        rank[i] = -tail[i]
        tail[i] += duration[i]
        bound = max(bound, tail[i])
    for k in range(len(capacity)):
        work = 0
        for i in range(n):
            work += duration[i] * demand[i, k]
        if capacity[k] > 0:
            bound = max(bound, (work + capacity[k] - 1) // capacity[k])
    return rank, bound


@njit
def _shuffle(order, count):
    """Shuffles the first entries."""
    for place in range(count - 1, 0, -1):
        other = np.random.randint(0, place + 1)
        order[place], order[other] = order[other], order[place]


@njit
def search_lists(duration, before, demand, capacity, start, schedules, seed):
    """Improves the starts of activities by a genetic algorithm on activity lists.

    duration: int64 [n]; before: bool [n, n], whether i is before j; demand: int64 [n, r]; capacity: int64 [r]; start:
    int64 [n], of a valid schedule; schedules: how many are generated at most. Returns the starts of the best schedule.

    Two-point crossover of Hartmann (1998); every child is justified twice, as by Valls, Ballestin and Quintanilla
    (2008); after a stretch without progress a new population is drawn from the neighbours of the best list. It ends
    early where the makespan is the length of the critical path or the work of a resource divided by its capacity.
    """
    n = len(duration)
    first, arcs = _list_arcs(before, False)
    last, back = _list_arcs(before, True)
    project = (duration, first, arcs, last, back, demand)
    kept, trial, best, total, longest = start.copy(), start.copy(), 0, 0, 0
    for i in range(n):
        best, total, longest = (
            max(best, start[i] + duration[i]),
            total + duration[i],
            max(longest, duration[i]),
        )
    free = np.zeros((total + longest + 1, len(capacity)), np.int64)
    free[:] = capacity
    rank, bound = _find_bound(project, capacity)
    np.random.seed(seed)
    used, weight, key = np.zeros(n, np.bool_), np.zeros(n), np.zeros(n, np.int64)
    missing, ready, champion = np.zeros(n, np.int64), np.zeros(n, np.int64), np.arange(n)
    _sort_by(start, champion)
    # The better half are parents, the places of the others are for children.
    pool, values, ranked = (
        np.zeros((2 * PARENTS, n), np.int64),
        np.zeros(2 * PARENTS, np.int64),
        np.arange(2 * PARENTS),
    )
    drawn, sharpness, since = False, 1.0, 0
    while True:
        for number in range(PARENTS):
            if schedules <= 0 or best <= bound:
                return kept
            slot = ranked[PARENTS + number] if drawn else ranked[number]
            child = pool[slot]
            if drawn:
                a = np.random.randint(0, n)
                b = np.random.randint(a, n) + 1
                _cross(pool[ranked[number]], pool[ranked[number ^ 1]], a, b, child, used)
                _exchange_neighbours(child, before, 0.05)
            elif number == 0:
                child[:] = champion
            else:
                _draw_list(rank, sharpness, first, arcs, last, back, child, missing, ready, weight)
            values[slot] = _justify(child, project, free, trial, key)
            schedules -= 3
            if values[slot] < best:
                best, since = values[slot], 0
                kept[:], champion[:] = trial, child
        if drawn:
            _sort_by(values, ranked)
        _shuffle(ranked, PARENTS)
        drawn, since = True, since + 1
        if since > PATIENCE:
            drawn, sharpness, since = False, 3.0, 0
            for place in range(n):
                rank[champion[place]] = place


def warm_up():
    """Compiles every function with the types of real calls."""
    duration = np.array([0, 3, 2, 4, 0])
    before = np.zeros((5, 5), dtype=bool)
    before[0, 1:4] = before[1:4, 4] = True
    demand = np.array([[0, 0], [2, 1], [1, 2], [2, 0], [0, 0]])
    search_lists(duration, before, demand, np.array([3, 2]), np.array([0, 0, 3, 5, 9]), 300, 0)
