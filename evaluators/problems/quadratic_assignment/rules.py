"""Reference rules for the quadratic assignment problem.

Each is self-contained: its source runs in the sandbox.

Ties: every rule takes the facility, location or pair of the lowest index.
"""

# The annotations of the rules would be noise in the modules made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np

from gapsmith.evaluators.grammar import Rule


def rank(flow, distance):
    """The facility of the greatest total flow goes to the location of the least total distance, and so on."""
    busy = np.argsort(-(flow.sum(axis=0) + flow.sum(axis=1)), kind="stable")
    central = np.argsort(distance.sum(axis=0) + distance.sum(axis=1), kind="stable")
    place = np.empty(len(flow), dtype=np.int64)
    place[busy] = central
    return place


def greedy(flow, distance):
    """The facility with most flow to those placed goes to the free location where it costs least with them.

    The first facility is that of the greatest total flow, at the location of the least total distance.
    """
    n = len(flow)
    both, away = flow + flow.T, distance.sum(axis=0) + distance.sum(axis=1)
    place = np.full(n, -1)
    place[np.argmax(both.sum(axis=1))] = np.argmin(away)
    for _ in range(n - 1):
        placed = np.flatnonzero(place >= 0)
        at = place[placed]
        linked = both[:, placed].sum(axis=1)
        facility = int(np.argmax(np.where(place < 0, linked, -np.inf)))
        costs = distance[:, at] @ flow[facility, placed] + flow[placed, facility] @ distance[at]
        free = np.ones(n, dtype=bool)
        free[at] = False
        place[facility] = int(np.argmin(np.where(free, costs, np.inf)))
    return place


def cheapest_pair(flow, distance):
    """At each step the pair of a free facility and a free location that is cheapest by the Gilmore-Lawler costs."""
    n = len(flow)
    place, free = np.full(n, -1), np.ones(n, dtype=bool)
    known = np.outer(flow.diagonal(), distance.diagonal()).astype(float)
    for _ in range(n):
        facilities, locations = np.flatnonzero(place < 0), np.flatnonzero(free)
        m = len(facilities)
        off = ~np.eye(m, dtype=bool)
        flows = np.sort(flow[np.ix_(facilities, facilities)][off].reshape(m, m - 1), axis=1)
        away = -np.sort(-distance[np.ix_(locations, locations)][off].reshape(m, m - 1), axis=1)
        costs = known[np.ix_(facilities, locations)] + flows @ away.T
        # Regret: the facility that loses most by its second choice goes first.
        if m > 1:
            two = np.partition(costs, 1, axis=1)
            row = int(np.argmax(two[:, 1] - two[:, 0]))
        else:
            row = 0
        i, j = facilities[row], locations[np.argmin(costs[row])]
        place[i], free[j] = j, False
        known += np.outer(flow[:, i], distance[:, j]) + np.outer(flow[i], distance[j])
    return place


def swap_changes(flow, distance, place):
    """What each swap of two facilities would change the cost by, shape [n, n]; exact for any matrices."""
    d = distance[np.ix_(place, place)]
    row, column = flow @ d.T, flow.T @ d
    now = row.diagonal() + column.diagonal()
    change = row + row.T + column + column.T - now[:, None] - now
    # The sums run over the pair itself too: its wrong terms come out, the true ones in.
    f_r, f_s, d_r, d_s = flow.diagonal()[:, None], flow.diagonal(), d.diagonal()[:, None], d.diagonal()
    change = change - (f_r - flow.T) * (d.T - d_r) - (flow - f_s) * (d_s - d)
    change = change - (f_r - flow) * (d - d_r) - (flow.T - f_s) * (d_s - d.T)
    return change + (f_r - f_s) * (d_s - d_r) + (flow - flow.T) * (d.T - d)


def descend(flow, distance, place):
    """The best swap of two facilities while one helps, at most 20 n times."""
    place = place.copy()
    for _ in range(20 * len(flow)):
        change = np.triu(swap_changes(flow, distance, place), 1)
        i, j = divmod(int(np.argmin(change)), len(flow))
        if change[i, j] >= 0:
            break
        place[i], place[j] = place[j], place[i]
    return place


def swap_descent(flow, distance):
    """2-swap descent from the greedy assignment."""
    return descend(flow, distance, greedy(flow, distance))


def repeated_descent(flow, distance):
    """2-swap descents from the n rotations of the rank assignment; the best of them."""
    start = rank(flow, distance)
    tried = [descend(flow, distance, np.roll(start, k)) for k in range(len(flow))]
    return min(tried, key=lambda place: (flow * distance[np.ix_(place, place)]).sum())


_DESCENT = "pairwise exchange: Armour and Buffa 1963, Manag. Sci. 9"

RULES = (
    Rule(
        "Rank",
        rank,
        "facilities by flow, locations by distance; compare Müller-Merbach 1970, Optimale Reihenfolgen",
    ),
    Rule(
        "Greedy", greedy, "Gilmore 1962, J. SIAM 10; Hillier and Connors 1966, Manag. Sci. 13: construction"
    ),
    Rule(
        "CheapestPair", cheapest_pair, "construction by the bound's costs: Gilmore 1962; regret: Vogel's rule"
    ),
    Rule("SwapDescent", swap_descent, _DESCENT, (greedy, swap_changes, descend)),
    Rule("RepeatedDescent", repeated_descent, f"{_DESCENT}, from n starts", (rank, swap_changes, descend)),
)
