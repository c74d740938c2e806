"""Building blocks of programs for the quadratic assignment problem.

What the genetic programmer assembles.

Every block bounds its own work, so that none comes near the CPU limit on the sizes that a search uses: a run of
`offline` must give the same archive on a slow machine as on a fast one.
"""

# Blocks are sources of candidates: annotations would be noise there.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, name-defined"

import numpy as np

from gapsmith.evaluators.grammar import SECONDS, Grammar, Terminal
from gapsmith.evaluators.problems.quadratic_assignment.compiled import search_tabu


def assign(flow, distance):
    """Builds an assignment, improves it, and improves it once more in another way."""
    return polish(flow, distance, improve(flow, distance, construct(flow, distance)))


def pairs(flow, distance):
    """At each step the pair of a free facility and a free location with the least priority is fixed."""
    n = len(flow)
    place, free = np.full(n, -1), np.ones(n, dtype=bool)
    both, apart = flow + flow.T, distance + distance.T
    spent = np.outer(flow.diagonal(), distance.diagonal()) * 1.0
    for _ in range(n):
        left, open_ = np.flatnonzero(place < 0), np.flatnonzero(free)
        known = spent[np.ix_(left, open_)]
        busy = np.repeat(both[np.ix_(left, left)].sum(axis=1)[:, None] * 1.0, len(open_), axis=1)
        linked = np.repeat(both[left][:, place >= 0].sum(axis=1)[:, None] * 1.0, len(open_), axis=1)
        remote = np.repeat(apart[np.ix_(open_, open_)].sum(axis=1)[None, :] * 1.0, len(left), axis=0)
        mean = distance.mean() * 1.0
        share = left.size / n
        priority = known - linked * mean
        row, column = divmod(int(np.argmin(priority)), len(open_))
        i, j = left[row], open_[column]
        place[i], free[j] = j, False
        spent = spent + np.outer(flow[:, i], distance[:, j]) + np.outer(flow[i], distance[j])
    return place


def facility_first(flow, distance):
    """The facility with most flow to those placed is next; it goes to the free location with the least priority."""
    n = len(flow)
    place, free = np.full(n, -1), np.ones(n, dtype=bool)
    both, apart = flow + flow.T, distance + distance.T
    spent = np.outer(flow.diagonal(), distance.diagonal()) * 1.0
    for _ in range(n):
        left, open_ = np.flatnonzero(place < 0), np.flatnonzero(free)
        ties = both[left][:, place >= 0].sum(axis=1) * n * (1 + both.max()) + both[left].sum(axis=1)
        i = left[np.argmax(ties)]
        known = spent[i, open_]
        busy = np.full(len(open_), both[i, left].sum() * 1.0)
        linked = np.full(len(open_), both[i, place >= 0].sum() * 1.0)
        remote = apart[np.ix_(open_, open_)].sum(axis=1) * 1.0
        mean = distance.mean() * 1.0
        share = left.size / n
        priority = known + remote * 0.001
        j = open_[np.argmin(priority)]
        place[i], free[j] = j, False
        spent = spent + np.outer(flow[:, i], distance[:, j]) + np.outer(flow[i], distance[j])
    return place


def ranks(flow, distance):
    """The facility of the greatest total flow goes to the location of the least total distance, and so on."""
    place = np.empty(len(flow), dtype=np.int64)
    busy = np.argsort(-(flow.sum(axis=0) + flow.sum(axis=1)), kind="stable")
    place[busy] = np.argsort(distance.sum(axis=0) + distance.sum(axis=1), kind="stable")
    return place


def keep(flow, distance, place):
    """No improvement."""
    return place


def best_swaps(flow, distance, place):
    """The best swap of a pair of facilities while one helps, for a number of steps that grows with the size."""
    place = place.copy()
    for _ in range(3 * len(flow)):
        d = distance[np.ix_(place, place)]
        row, column = flow @ d.T, flow.T @ d
        now = row.diagonal() + column.diagonal()
        change = row + row.T + column + column.T - now[:, None] - now
        f_r, f_s, d_r, d_s = flow.diagonal()[:, None], flow.diagonal(), d.diagonal()[:, None], d.diagonal()
        change = change - (f_r - flow.T) * (d.T - d_r) - (flow - f_s) * (d_s - d)
        change = change - (f_r - flow) * (d - d_r) - (flow.T - f_s) * (d_s - d.T)
        change = np.triu(change + (f_r - f_s) * (d_s - d_r) + (flow - flow.T) * (d.T - d), 1)
        i, j = divmod(int(np.argmin(change)), len(flow))
        if change[i, j] >= 0:
            break
        place[i], place[j] = place[j], place[i]
    return place


def tabu(flow, distance, place):
    """The best swap, helpful or not, of facilities that were not moved lately; the best assignment is kept."""
    n = len(flow)
    place, best, least, rested = place.copy(), place.copy(), 0.0, np.zeros(n)
    total = 0.0
    for step in range(1, 5 * n + 1):
        d = distance[np.ix_(place, place)]
        row, column = flow @ d.T, flow.T @ d
        now = row.diagonal() + column.diagonal()
        change = row + row.T + column + column.T - now[:, None] - now
        f_r, f_s, d_r, d_s = flow.diagonal()[:, None], flow.diagonal(), d.diagonal()[:, None], d.diagonal()
        change = change - (f_r - flow.T) * (d.T - d_r) - (flow - f_s) * (d_s - d)
        change = change - (f_r - flow) * (d - d_r) - (flow.T - f_s) * (d_s - d.T)
        change = (change + (f_r - f_s) * (d_s - d_r) + (flow - flow.T) * (d.T - d)) * 1.0
        forbidden = (rested[:, None] >= step) & (rested >= step) & (total + change >= least)
        change[forbidden | np.tri(n, dtype=bool)] = np.inf
        i, j = divmod(int(np.argmin(change)), n)
        if not np.isfinite(change[i, j]):
            break
        total += change[i, j]
        place[i], place[j] = place[j], place[i]
        rested[i] = rested[j] = step + n // 2
        if total < least:
            best, least = place.copy(), total
    return best


def rotations(flow, distance, place):
    """The cheapest of the cyclic shifts of the assignment."""
    shifts = [np.roll(place, k) for k in range(len(place))]
    costs = [(flow * distance[np.ix_(shift, shift)]).sum() for shift in shifts]
    return shifts[int(np.argmin(costs))]


def brief_tabu(flow, distance, place):
    """Compiled tabu search over all swaps, of brief work."""
    return search_tabu(flow, distance, place, 1.0, 10, 0.6, int(SECONDS * 30000000), 1)


def iterated_tabu(flow, distance, place):
    """Compiled tabu search over all swaps, which soon goes on from far around the best."""
    return search_tabu(flow, distance, place, 1.0, 10, 0.6, int(SECONDS * 80000000), 1)


def patient_tabu(flow, distance, place):
    """Compiled tabu search over all swaps, which goes on for longer before it is restarted near the best."""
    return search_tabu(flow, distance, place, 1.0, 50, 0.3, int(SECONDS * 80000000), 1)


def short_tabu(flow, distance, place):
    """Compiled tabu search over all swaps, in which facilities may soon return."""
    return search_tabu(flow, distance, place, 0.4, 5, 0.3, int(SECONDS * 80000000), 1)


def long_tabu(flow, distance, place):
    """Compiled tabu search over all swaps, of long work."""
    return search_tabu(flow, distance, place, 1.0, 10, 0.6, int(SECONDS * 150000000), 1)


IMPROVEMENTS = (keep, best_swaps, tabu, rotations)

GRAMMAR = Grammar(
    main=assign,
    blocks={
        "construct": (pairs, facility_first, ranks),
        "improve": IMPROVEMENTS,
        "polish": IMPROVEMENTS,
    },
    compiled=dict.fromkeys(
        ("improve", "polish"), (brief_tabu, iterated_tabu, patient_tabu, short_tabu, long_tabu)
    ),
    terminals=(
        Terminal("known", "cost", "what each choice costs with the facilities placed so far, an array"),
        Terminal("busy", "flow", "flow between its facility and those not yet placed, an array"),
        Terminal("linked", "flow", "flow between its facility and those placed, an array"),
        Terminal("remote", "distance", "distances from its location to the other free ones, an array"),
        Terminal("mean", "distance", "mean distance between locations"),
        Terminal("share", "ratio", "facilities not yet placed as a share of all"),
    ),
    priorities=(
        "known - linked * mean",
        "known + busy * remote * 0.1",
        "known - busy * mean + busy * remote * 0.1",
        "busy * remote",
        "known - linked * mean + remote * mean * 0.001",
    ),
)
