"""Kernels of Hahn and Grant's bound for the quadratic assignment problem.

Dual ascent on the level-1 RLT.

Hahn and Grant 1998 (Operations Research 46): every pair of a facility and a location has a cost of its own, its
lead, and a matrix of what it costs with each other such pair. Leads are shared out to their matrices, what two
pairs cost together is moved from the one's matrix to the other's, and each matrix is reduced by a linear assignment
whose value becomes the lead; a linear assignment of the leads raises the bound. This changes no cost of an
assignment, and all costs stay at least 0: so the bound is proven whenever the ascent stops. All is integer.
"""

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.solvers.compiled import compile_kernel

FORBIDDEN = np.int64(1) << 29
"""A cost that no assignment of interest has; costs are cut to it, so that they fit into int32."""


@compile_kernel
def solve_assignment(costs: NDArray[np.int64], m: int, work: NDArray[np.int64]) -> int:
    """Solves a linear assignment problem by shortest augmenting paths.

    Returns its value.

    Args:
        costs: in rows and columns 0..m-1, at least 0; becomes the reduced costs, at least 0 too.
        m: how many rows and columns there are.
        work: scratch, shape (7, n).
    """
    row_of, column_of, way, least, seen, u, v = work[0], work[1], work[2], work[3], work[4], work[5], work[6]
    total = subtract_minima(costs, m)
    for b in range(m):
        row_of[b], u[b], v[b] = -1, 0, 0
    for a in range(m):
        column_of[a] = -1
        for b in range(m):
            if costs[a, b] == 0 and row_of[b] < 0:
                row_of[b], column_of[a] = a, b
                break
    paths = 0
    for free in range(m):
        if column_of[free] >= 0:
            continue
        paths += 1
        for b in range(m):
            least[b], way[b], seen[b] = costs[free, b] - u[free] - v[b], free, 0
        while True:
            column, distance = -1, np.int64(1) << 60
            for b in range(m):
                if seen[b] == 0 and least[b] < distance:
                    column, distance = b, least[b]
            row = row_of[column]
            if row < 0:
                break
            seen[column] = 1
            away = distance - u[row]
            for b in range(m):
                if seen[b] == 0:
                    longer = away + costs[row, b] - v[b]
                    if longer < least[b]:
                        least[b], way[b] = longer, row
        u[free] += distance
        for b in range(m):
            if seen[b]:
                u[row_of[b]] += distance - least[b]
                v[b] += least[b] - distance
        while column >= 0:
            row = way[column]
            row_of[column] = row
            column, column_of[row] = column_of[row], column
    if paths:
        for a in range(m):
            total += u[a] + v[a]
            for b in range(m):
                costs[a, b] -= u[a] + v[b]
    return int(total)


@compile_kernel
def subtract_minima(costs: NDArray[np.int64], m: int) -> int:
    """Subtracts the row minima, then the column minima; returns their sum."""
    total = np.int64(0)
    for a in range(m):
        least = costs[a, 0]
        for b in range(1, m):
            least = min(least, costs[a, b])
        if least:
            total += least
            for b in range(m):
                costs[a, b] -= least
    for b in range(m):
        least = costs[0, b]
        for a in range(1, m):
            least = min(least, costs[a, b])
        if least:
            total += least
            for a in range(m):
                costs[a, b] -= least
    return int(total)


@compile_kernel
def spread_leads(m: int, leads: NDArray[np.int64], pairs: NDArray[np.int32]) -> None:
    """Distributes each lead evenly over the rows of its matrix.

    Each other facility takes exactly one location, so that an equal share goes to each.
    """
    for i in range(m):
        for j in range(m):
            if leads[i, j] == 0 or leads[i, j] >= FORBIDDEN:
                continue
            share, rest = divmod(leads[i, j], max(1, m - 1))
            leads[i, j] = 0
            place = (i * m + j) * m * m
            for k in range(m):
                if k == i:
                    continue
                extra = share
                if rest > 0:
                    extra, rest = extra + 1, rest - 1
                for other in range(m):
                    if other != j:
                        pairs[place + k * m + other] = min(pairs[place + k * m + other] + extra, FORBIDDEN)


@compile_kernel
def reduce_pair(
    i: int,
    j: int,
    m: int,
    slack: int,
    leads: NDArray[np.int64],
    pairs: NDArray[np.int32],
    costs: NDArray[np.int64],
    work: NDArray[np.int64],
) -> None:
    """Collects costs into one pair's matrix and reduces it.

    The matrix takes what other pairs cost together with this pair; its reduction becomes the lead.

    Args:
        i: the facility.
        j: the location.
        m: how many facilities and locations are free.
        slack: costs beyond the bound that are of interest.
        leads: shape (n, n), of which m times m are used.
        pairs: what pairs cost together, [i, j, k, l] at ((i * m + j) * m + k) * m + l.
        costs: scratch, shape (n, n).
        work: scratch, see `settle`.
    """
    mine, square, a = (i * m + j) * m * m, m * m, 0
    for k in range(m):
        if k == i:
            continue
        b = 0
        for other in range(m):
            if other == j:
                continue
            theirs = (k * m + other) * square + i * m + j
            value = np.int64(pairs[mine + k * m + other]) + np.int64(pairs[theirs])
            pairs[theirs] = 0
            costs[a, b] = FORBIDDEN if value + leads[k, other] > slack else value
            b += 1
        a += 1
    lead = solve_assignment(costs, m - 1, work)
    leads[i, j] = FORBIDDEN if lead > slack else lead
    a = 0
    for k in range(m):
        if k == i:
            continue
        b = 0
        for other in range(m):
            if other == j:
                continue
            pairs[mine + k * m + other] = min(costs[a, b], FORBIDDEN)
            b += 1
        a += 1


@compile_kernel
def assign_leads(
    m: int, slack: int, leads: NDArray[np.int64], costs: NDArray[np.int64], work: NDArray[np.int64]
) -> int:
    """Reduces the leads by a linear assignment; returns its value.

    Pairs whose lead is beyond the slack are forbidden.
    """
    for i in range(m):
        for j in range(m):
            costs[i, j] = leads[i, j]
    value = solve_assignment(costs, m, work)
    for i in range(m):
        for j in range(m):
            if leads[i, j] < FORBIDDEN:
                leads[i, j] = FORBIDDEN if value + costs[i, j] > slack else costs[i, j]
    return value


@compile_kernel
def raise_bound(
    m: int,
    bound: int,
    most: int,
    rounds: int,
    patience: int,
    leads: NDArray[np.int64],
    pairs: NDArray[np.int32],
    costs: NDArray[np.int64],
    work: NDArray[np.int64],
) -> int:
    """Raises the bound in rounds of dual ascent.

    It stops when the bound is beyond the cost of interest or hardly rises.

    Args:
        m: how many facilities and locations are free.
        bound: on all assignments, before.
        most: the greatest cost of interest.
        rounds: at most.
        patience: it ends when this many rounds like the last would not reach `most`.
        leads: see `reduce_pair`; changed.
        pairs: see `reduce_pair`; changed.
        costs: scratch.
        work: scratch.

    Returns:
        The bound.
    """
    bound += assign_leads(m, most - bound, leads, costs, work)
    for index in range(rounds, 0, -1):
        if bound > most:
            break
        spread_leads(m, leads, pairs)
        # Those that come first take most: so the order changes from round to round.
        for x in range(m):
            for y in range(m):
                i, j = m - 1 - x if index & 1 else x, m - 1 - y if index & 2 else y
                if index & 4:
                    i, j = j, i
                if leads[i, j] < FORBIDDEN:
                    reduce_pair(i, j, m, most - bound, leads, pairs, costs, work)
        gain = assign_leads(m, most - bound, leads, costs, work)
        bound += gain
        if gain * patience <= most - bound:
            break
    return bound


@compile_kernel
def look_ahead(
    m: int,
    slack: int,
    leads: NDArray[np.int64],
    pairs: NDArray[np.int32],
    ahead: NDArray[np.int64],
    costs: NDArray[np.int64],
    work: NDArray[np.int64],
) -> None:
    """Writes the least increase of the bound for each pair.

    Pairs that would cost too much are forbidden.

    Args:
        m: see `reduce_pair`, as for all that follow.
        slack: see `reduce_pair`.
        leads: see `reduce_pair`.
        pairs: see `reduce_pair`.
        ahead: out, shape (n, n).
        costs: scratch.
        work: scratch.
    """
    square = m * m
    for i in range(m):
        for j in range(m):
            ahead[i, j] = FORBIDDEN
            if leads[i, j] >= FORBIDDEN:
                continue
            mine, a = (i * m + j) * square, 0
            for k in range(m):
                if k == i:
                    continue
                b = 0
                for other in range(m):
                    if other == j:
                        continue
                    theirs = (k * m + other) * square + i * m + j
                    value = leads[k, other] + np.int64(pairs[mine + k * m + other]) + np.int64(pairs[theirs])
                    costs[a, b] = FORBIDDEN if value + leads[i, j] > slack else value
                    b += 1
                a += 1
            value = leads[i, j] + solve_assignment(costs, m - 1, work)
            if value > slack:
                leads[i, j] = FORBIDDEN
            else:
                ahead[i, j] = value
