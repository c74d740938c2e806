"""Kernels of the quadratic assignment problem.

Branch and bound by Hahn and Grant's bound, and swap descent.

Hahn, Grant and Hall 1998 (European Journal of Operational Research 108): a child starts from what is left of its
parent's costs, so that a few rounds of the ascent are enough. All is integer.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.problems.quadratic_assignment.exact.hahn_grant import (
    FORBIDDEN,
    look_ahead,
    raise_bound,
)
from gapsmith.evaluators.solvers.compiled import compile_kernel

Integers = NDArray[np.int64]

DEPTH, BEST, MOST, NODES, DONE, STEP, SHIFT, LIMIT, STATE_SIZE = range(9)
"""What `state` carries: depth of the path; least cost so far; the greatest bound of interest, in the unit of the
bounds; nodes so far; whether all is searched; what divides all costs; how many bits a cost is shifted to the left
to have it in the unit of the bounds; how many rounds the root's ascent may take."""

LINE, BY_LOCATION, COUNT, FRAME_SIZE = range(4)
"""A frame: the free facility (or location) that was branched on, which of the two, and how many of its children are
left, -1 before the node is looked at."""

ROUNDS, PATIENCE = 60, 12
"""Of the ascent at a node; see `assignment_ascent.ascend`."""

AT_ROOT = 4
"""The root has this many times the rounds and patience: all other nodes start from its result."""


class Tree(NamedTuple):
    """The path through the tree, with costs at its nodes.

    Attributes:
        state: see DEPTH and the rest.
        frames: a line for each node of the path, [n + 1, FRAME_SIZE].
        bound: of each node, [n + 1].
        leads: at each node, [n + 1, n, n], of which m times m are used where m facilities are free.
        pairs: what pairs cost together at each node, one after another; see `assignment_ascent.reduce_pair`.
        offset: where the pairs of each node begin, [n + 1].
        facilities: the free ones at each node, [n + 1, n].
        locations: the free ones at each node, [n + 1, n].
        children: of the facility or location that was branched on, the best last, [n + 1, n].
        bounds: of these children.
        place: location of each facility, -1 where free, [n].
        used: facility of each location, -1 where free, [n].
        best: the best assignment so far, [n].
        costs: scratch, [n, n].
        ahead: scratch, [n, n].
        work: scratch, [7, n].
    """

    state: Integers
    frames: Integers
    bound: Integers
    leads: Integers
    pairs: NDArray[np.int32]
    offset: Integers
    facilities: Integers
    locations: Integers
    children: Integers
    bounds: Integers
    place: Integers
    used: Integers
    best: Integers
    costs: Integers
    ahead: Integers
    work: Integers


def plant_tree(
    leads: Integers, pairs: Integers, best: Integers, cost: int, step: int, shift: int, rounds: int = 1 << 30
) -> Tree:
    """Returns a tree that holds the root alone.

    Args:
        leads: what each facility costs at each location, in the unit of the bounds, shape (n, n).
        pairs: what facility i at j and k at l cost together, at [i, j, k, l]; 0 where i = k or j = l.
        best: an assignment; a better one overwrites it.
        cost: of it.
        step: what divides all costs.
        shift: see `SHIFT`; to the right where it is negative.
        rounds: see `LIMIT`.
    """
    n = len(best)
    offset = np.cumsum([0] + [(n - depth) ** 4 for depth in range(n)])
    levels, line = np.zeros((n + 1, n, n), np.int64), np.full((2, n), -1, np.int64)
    room = np.zeros(int(offset[-1]), np.int32)
    levels[0], room[: n**4] = np.minimum(leads, FORBIDDEN), np.minimum(pairs, FORBIDDEN).ravel()
    free, tried = (np.tile(np.arange(n), (2, n + 1, 1)), np.zeros((2, n + 1, n), np.int64))
    return Tree(
        state=np.array([0, cost, shift_cost(cost - step, shift), 0, 0, step, shift, rounds], np.int64),
        frames=np.full((n + 1, FRAME_SIZE), -1, np.int64),
        bound=np.zeros(n + 1, np.int64),
        leads=levels,
        pairs=room,
        offset=offset,
        facilities=free[0],
        locations=free[1],
        children=tried[0],
        bounds=tried[1],
        place=line[0],
        used=line[1],
        best=best,
        costs=np.zeros((n, n), np.int64),
        ahead=np.zeros((n, n), np.int64),
        work=np.zeros((7, n), np.int64),
    )


@compile_kernel
def shift_cost(value: int, shift: int) -> int:
    """Converts a cost to the unit of bounds, rounded down."""
    return value << shift if shift >= 0 else value >> -shift


@compile_kernel
def search(
    flow: Integers,
    distance: Integers,
    facility_symmetries: Integers,
    location_symmetries: Integers,
    tree: Tree,
    nodes: int,
) -> None:
    """Continues the search for a limited number of nodes.

    The tree is all that must be kept between calls.

    Args:
        flow: shape (n, n).
        distance: shape (n, n).
        facility_symmetries: permutations that leave the flows as they are, shape (count, n).
        location_symmetries: the same of the distances.
        tree: changed.
        nodes: how many to look into.
    """
    state, frames = tree.state, tree.frames
    limit = state[NODES] + nodes
    while state[NODES] < limit:
        depth = state[DEPTH]
        if frames[depth, COUNT] < 0:
            state[NODES] += 1
            frames[depth, COUNT] = 0
            explore_node(depth, flow, distance, facility_symmetries, location_symmetries, tree)
        elif frames[depth, COUNT] > 0:
            frames[depth, COUNT] -= 1
            if tree.bounds[depth, frames[depth, COUNT]] <= state[MOST]:
                descend(depth, tree)
        elif depth == 0:
            state[DONE] = 1
            break
        else:
            state[DEPTH] -= 1
            a, b = get_child(depth - 1, tree)
            tree.place[tree.facilities[depth - 1, a]] = -1
            tree.used[tree.locations[depth - 1, b]] = -1


@compile_kernel
def explore_node(
    depth: int,
    flow: Integers,
    distance: Integers,
    facility_symmetries: Integers,
    location_symmetries: Integers,
    tree: Tree,
) -> None:
    """Raises the bound of the node at the path's end.

    Then it makes the node's children, or prices the assignment if all facilities are placed.
    """
    state, m = tree.state, flow.shape[0] - depth
    if m == 1:
        price_leaf(tree.facilities[depth, 0], tree.locations[depth, 0], flow, distance, tree)
        return
    more, leads = 1 if depth else AT_ROOT, tree.leads[depth]
    pairs = tree.pairs[tree.offset[depth] : tree.offset[depth + 1]]
    tree.bound[depth] = raise_bound(
        m,
        tree.bound[depth],
        state[MOST],
        min(more * ROUNDS, max(1, state[LIMIT] * more // AT_ROOT)),
        more * more * PATIENCE,
        leads,
        pairs,
        tree.costs,
        tree.work,
    )
    if tree.bound[depth] <= state[MOST]:
        slack = state[MOST] - tree.bound[depth]
        look_ahead(m, slack, leads, pairs, tree.ahead, tree.costs, tree.work)
        mark_distinct(facility_symmetries, tree.place, tree.facilities[depth], m, tree.work[0])
        mark_distinct(location_symmetries, tree.used, tree.locations[depth], m, tree.work[1])
        expand(depth, m, slack, tree)


@compile_kernel
def price_leaf(i: int, j: int, flow: Integers, distance: Integers, tree: Tree) -> None:
    """Prices the assignment that is completed by the last pair.

    It is kept if it is the best.
    """
    n, total, place = flow.shape[0], np.int64(0), tree.place
    place[i] = j
    for k in range(n):
        for h in range(n):
            total += flow[k, h] * distance[place[k], place[h]]
    if total < tree.state[BEST]:
        tree.state[BEST] = total
        tree.state[MOST] = shift_cost(total - tree.state[STEP], tree.state[SHIFT])
        for k in range(n):
            tree.best[k] = place[k]
    place[i] = -1


@compile_kernel
def get_child(depth: int, tree: Tree) -> tuple[int, int]:
    """Returns the facility and the location of the current child.

    That is the child through which the path goes, or the next one.
    """
    line, child = tree.frames[depth, LINE], tree.children[depth, tree.frames[depth, COUNT]]
    return (child, line) if tree.frames[depth, BY_LOCATION] else (line, child)


@compile_kernel
def descend(depth: int, tree: Tree) -> None:
    """Goes to the next child and updates the costs.

    What the free pairs cost together with the chosen one is added to their leads.
    """
    a, b = get_child(depth, tree)
    i, j, m = tree.facilities[depth, a], tree.locations[depth, b], tree.place.shape[0] - depth
    tree.place[i], tree.used[j] = j, i
    bound = tree.bound[depth] + tree.leads[depth, a, b]
    copy_without(a, m, tree.facilities[depth], tree.facilities[depth + 1])
    copy_without(b, m, tree.locations[depth], tree.locations[depth + 1])
    pairs = tree.pairs[tree.offset[depth] : tree.offset[depth + 1]]
    fix_pair(
        a, b, m, tree.state[MOST] - bound, tree.leads[depth], pairs,
        tree.leads[depth + 1], tree.pairs[tree.offset[depth + 1] :],
    )  # fmt: skip
    tree.bound[depth + 1] = bound
    tree.frames[depth + 1, COUNT] = -1
    tree.state[DEPTH] = depth + 1


@compile_kernel
def copy_without(a: int, m: int, line: Integers, shorter: Integers) -> None:
    """Copies the first m of a line but for the a-th."""
    for k in range(m - 1):
        shorter[k] = line[k if k < a else k + 1]


@compile_kernel
def fix_pair(
    a: int,
    b: int,
    m: int,
    slack: int,
    leads: Integers,
    pairs: NDArray[np.int32],
    next_leads: Integers,
    next_pairs: NDArray[np.int32],
) -> None:
    """Writes the costs left after placing facility a at location b.

    Both are numbered among the free ones.
    """
    square, to = m * m, 0
    mine = (a * m + b) * square
    for k in range(m):
        if k == a:
            continue
        for h in range(m):
            if h == b:
                continue
            theirs = (k * m + h) * square
            value = leads[k, h] + np.int64(pairs[mine + k * m + h]) + np.int64(pairs[theirs + a * m + b])
            next_leads[k - (k > a), h - (h > b)] = FORBIDDEN if value > slack else value
            for r in range(m):
                if r != a:
                    for s in range(m):
                        if s != b:
                            next_pairs[to] = pairs[theirs + r * m + s]
                            to += 1


@compile_kernel
def mark_distinct(symmetries: Integers, taken: Integers, free: Integers, m: int, marks: Integers) -> None:
    """Marks one free element of each orbit of the symmetries.

    Only symmetries that leave all placed elements fixed count; the element of the lowest number is marked.
    """
    for k in range(m):
        marks[k] = 1
    for s in range(symmetries.shape[0]):
        stays = True
        for k in range(taken.shape[0]):
            if taken[k] >= 0 and symmetries[s, k] != k:
                stays = False
                break
        if stays:
            for k in range(m):
                if symmetries[s, free[k]] < free[k]:
                    marks[k] = 0


@compile_kernel
def expand(depth: int, m: int, slack: int, tree: Tree) -> None:
    """Branches on the facility or location that promises the least work.

    The best child comes last. Of children that a symmetry maps to each other, one is enough: rows 0 and 1 of `work`
    mark these facilities and locations.
    """
    ahead, marks, least = tree.ahead, tree.work, np.inf
    line, by_location = 0, 0
    for across in range(2):
        for a in range(m):
            total = 0.0
            for b in range(m):
                rise = ahead[b, a] if across else ahead[a, b]
                if rise <= slack and marks[1 - across, b]:
                    total += ((slack + 1 - rise) / (slack + 1)) ** 3
            if total < least:
                line, by_location, least = a, across, total
    count, children, bounds = 0, tree.children[depth], tree.bounds[depth]
    for b in range(m):
        rise = ahead[b, line] if by_location else ahead[line, b]
        if rise <= slack and marks[1 - by_location, b]:
            bound, spot = tree.bound[depth] + rise, count
            while spot > 0 and bounds[spot - 1] < bound:
                bounds[spot], children[spot] = bounds[spot - 1], children[spot - 1]
                spot -= 1
            bounds[spot], children[spot] = bound, b
            count += 1
    frame = tree.frames[depth]
    frame[LINE], frame[BY_LOCATION], frame[COUNT] = line, by_location, count


@compile_kernel
def swap_once(flow: Integers, distance: Integers, place: Integers, first: int, last: int) -> int:
    """Swaps locations of facilities wherever that helps; returns the gain.

    The first facility of each swap is from a range.
    """
    n, total = flow.shape[0], np.int64(0)
    for r in range(first, min(last, n - 1)):
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
    return int(total)
