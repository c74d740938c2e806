"""Kernels of the quadratic assignment problem: branch and bound by the Gilmore-Lawler bound, and swap descent.

Gilmore 1962 and Lawler 1963: a pair of a facility and a location costs at least what is known of it, and the least
scalar product of the facility's flows with the location's distances; a linear assignment of these costs is a bound.
All is integer. Children whose reduced cost lifts the bound too far are struck out unseen (Burkard 1991).
"""

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.exact.compiled import compiled

DEPTH, BEST, NODES, DONE, ROOT = 0, 1, 2, 3, 4
"""Places in the state: depth, least cost so far, nodes so far, whether all is searched, the bound at the root."""

HUGE = np.int64(1) << 60


@compiled
def assign(
    costs: NDArray[np.int64], m: int, u: NDArray[np.int64], v: NDArray[np.int64], work: NDArray[np.int64]
) -> int:
    """Solves a linear assignment problem by shortest augmenting paths; returns its value.

    Args:
        costs: in rows and columns 1..m, shape (n + 1, n + 1).
        m: how many rows and columns there are.
        u: out: duals of the rows 1..m, shape (n + 1,).
        v: out: duals of the columns 1..m, shape (n + 1,); costs less duals are at least 0.
        work: scratch, shape (4, n + 1).
    """
    row_of, way, least, seen = work[0], work[1], work[2], work[3]
    for j in range(m + 1):
        u[j], v[j], row_of[j] = 0, 0, 0
    for i in range(1, m + 1):
        row_of[0] = i
        column = 0
        for j in range(m + 1):
            least[j], seen[j] = HUGE, 0
        while row_of[column] != 0:
            seen[column] = 1
            row, delta, following = row_of[column], HUGE, 0
            for j in range(1, m + 1):
                if not seen[j]:
                    slack = costs[row, j] - u[row] - v[j]
                    if slack < least[j]:
                        least[j], way[j] = slack, column
                    if least[j] < delta:
                        delta, following = least[j], j
            for j in range(m + 1):
                if seen[j]:
                    u[row_of[j]] += delta
                    v[j] -= delta
                else:
                    least[j] -= delta
            column = following
        while column != 0:
            row_of[column] = row_of[way[column]]
            column = way[column]
    total = np.int64(0)
    for j in range(1, m + 1):
        total += u[j] + v[j]
    return int(total)


@compiled
def gilmore_lawler(
    flow: NDArray[np.int64],
    distance: NDArray[np.int64],
    flow_order: NDArray[np.int64],
    distance_order: NDArray[np.int64],
    linear: NDArray[np.int64],
    facilities: NDArray[np.int64],
    locations: NDArray[np.int64],
    place: NDArray[np.int64],
    used: NDArray[np.int64],
    rows: NDArray[np.int64],
    costs: NDArray[np.int64],
    m: int,
) -> None:
    """Writes the Gilmore-Lawler costs of the free facilities and locations into `costs`, from 1 on.

    Args:
        flow: shape (n, n).
        distance: shape (n, n).
        flow_order: the other facilities of each by flow, least first, shape (n, n - 1).
        distance_order: the other locations of each by distance, greatest first, shape (n, n - 1).
        linear: what each pair costs with what is assigned, shape (n, n).
        facilities: the first m are free, shape (n,).
        locations: the first m are free, shape (n,).
        place: of each facility, -1 where free, shape (n,).
        used: facility of each location, -1 where free, shape (n,).
        rows: scratch, shape (2, n, n).
        costs: out, shape (n + 1, n + 1).
        m: how many are free.
    """
    n = flow.shape[0]
    for index in range(m):
        i, j = facilities[index], locations[index]
        count = 0
        for k in range(n - 1):
            other = flow_order[i, k]
            if place[other] < 0:
                rows[0, index, count] = flow[i, other]
                count += 1
        count = 0
        for k in range(n - 1):
            other = distance_order[j, k]
            if used[other] < 0:
                rows[1, index, count] = distance[j, other]
                count += 1
    for a in range(m):
        for b in range(m):
            total = linear[facilities[a], locations[b]]
            for k in range(m - 1):
                total += rows[0, a, k] * rows[1, b, k]
            costs[a + 1, b + 1] = total


@compiled
def search(
    flow: NDArray[np.int64],
    distance: NDArray[np.int64],
    flow_order: NDArray[np.int64],
    distance_order: NDArray[np.int64],
    linear: NDArray[np.int64],
    fixed: NDArray[np.int64],
    places: NDArray[np.int64],
    branch: NDArray[np.int64],
    children: NDArray[np.int64],
    bounds: NDArray[np.int64],
    rows: NDArray[np.int64],
    costs: NDArray[np.int64],
    work: NDArray[np.int64],
    best: NDArray[np.int64],
    state: NDArray[np.int64],
    step: int,
    nodes: int,
) -> None:
    """Goes on with the search for so many nodes; the state is all that has to be kept between calls.

    Args:
        flow: shape (n, n).
        distance: shape (n, n).
        flow_order: see `gilmore_lawler`.
        distance_order: see `gilmore_lawler`.
        linear: at each depth; the first is given, shape (n + 1, n, n).
        fixed: cost of what is assigned at each depth, shape (n + 1,).
        places: location of each facility, facility of each location, free facilities, free ones, shape (4, n).
        branch: the facility and the number of children left at each depth, -1 before it is looked at, shape (2, n + 1).
        children: locations to try at each depth, shape (n + 1, n).
        bounds: of these children, shape (n + 1, n).
        rows: scratch, shape (2, n, n).
        costs: scratch, shape (n + 1, n + 1).
        work: scratch, shape (6, n + 1).
        best: the best assignment, shape (n,).
        state: see `DEPTH` and the rest, shape (5,).
        step: all costs are multiples of it.
        nodes: how many to look into.
    """
    n = flow.shape[0]
    place, used, facilities, locations = places[0], places[1], places[2], places[3]
    u, v = work[4], work[5]
    depth = state[DEPTH]
    limit = state[NODES] + nodes
    while state[NODES] < limit:
        if branch[1, depth] < 0:
            state[NODES] += 1
            branch[1, depth] = 0
            if depth == n:
                if fixed[n] < state[BEST]:
                    state[BEST] = fixed[n]
                    for i in range(n):
                        best[i] = place[i]
            else:
                m = 0
                for i in range(n):
                    if place[i] < 0:
                        facilities[m] = i
                        m += 1
                m = 0
                for j in range(n):
                    if used[j] < 0:
                        locations[m] = j
                        m += 1
                gilmore_lawler(
                    flow, distance, flow_order, distance_order, linear[depth], facilities, locations, place, used,
                    rows, costs, m,
                )  # fmt: skip
                bound = fixed[depth] + assign(costs, m, u, v, work)
                if depth == 0:
                    state[ROOT] = bound
                if bound <= state[BEST] - step:
                    expand(
                        costs,
                        u,
                        v,
                        m,
                        bound,
                        state[BEST] - step,
                        facilities,
                        locations,
                        depth,
                        branch,
                        children,
                        bounds,
                    )
        elif branch[1, depth] == 0:
            if depth == 0:
                state[DONE] = 1
                break
            depth -= 1
            i = branch[0, depth]
            used[place[i]] = -1
            place[i] = -1
        else:
            branch[1, depth] -= 1
            last = branch[1, depth]
            if bounds[depth, last] > state[BEST] - step:
                continue
            i, j = branch[0, depth], children[depth, last]
            place[i], used[j] = j, i
            fixed[depth + 1] = fixed[depth] + linear[depth, i, j]
            for k in range(n):
                if place[k] < 0:
                    for h in range(n):
                        if used[h] < 0:
                            linear[depth + 1, k, h] = (
                                linear[depth, k, h]
                                + flow[k, i] * distance[h, j]
                                + flow[i, k] * distance[j, h]
                            )
            depth += 1
            branch[1, depth] = -1
    state[DEPTH] = depth


@compiled
def expand(
    costs: NDArray[np.int64],
    u: NDArray[np.int64],
    v: NDArray[np.int64],
    m: int,
    bound: int,
    most: int,
    facilities: NDArray[np.int64],
    locations: NDArray[np.int64],
    depth: int,
    branch: NDArray[np.int64],
    children: NDArray[np.int64],
    bounds: NDArray[np.int64],
) -> None:
    """Branches on the facility with the fewest locations left, then the greatest reduced costs; the best child last."""
    chosen, fewest, greatest = 0, m + 1, np.int64(-1)
    for a in range(1, m + 1):
        count, total = 0, np.int64(0)
        for b in range(1, m + 1):
            rise = costs[a, b] - u[a] - v[b]
            total += rise
            if bound + rise <= most:
                count += 1
        if count < fewest or (count == fewest and total > greatest):
            chosen, fewest, greatest = a, count, total
    count = 0
    for b in range(1, m + 1):
        lifted = bound + costs[chosen, b] - u[chosen] - v[b]
        if lifted <= most:
            spot = count
            while spot > 0 and bounds[depth, spot - 1] < lifted:
                bounds[depth, spot] = bounds[depth, spot - 1]
                children[depth, spot] = children[depth, spot - 1]
                spot -= 1
            bounds[depth, spot] = lifted
            children[depth, spot] = locations[b - 1]
            count += 1
    branch[0, depth], branch[1, depth] = facilities[chosen - 1], count


@compiled
def swap_descent(flow: NDArray[np.int64], distance: NDArray[np.int64], place: NDArray[np.int64]) -> int:
    """Swaps the locations of two facilities, first improvement, until no swap helps; returns the total gain."""
    n, total, improved = flow.shape[0], np.int64(0), True
    while improved:
        improved = False
        for r in range(n - 1):
            for s in range(r + 1, n):
                a, b = place[r], place[s]
                change = (flow[r, r] - flow[s, s]) * (distance[b, b] - distance[a, a])
                change += (flow[r, s] - flow[s, r]) * (distance[b, a] - distance[a, b])
                for k in range(n):
                    if k != r and k != s:
                        c = place[k]
                        change += (flow[k, r] - flow[k, s]) * (distance[c, b] - distance[c, a])
                        change += (flow[r, k] - flow[s, k]) * (distance[b, c] - distance[a, c])
                if change < 0:
                    place[r], place[s] = b, a
                    total -= change
                    improved = True
    return int(total)
