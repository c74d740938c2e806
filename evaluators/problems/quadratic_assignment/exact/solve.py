"""Solves the quadratic assignment problem.

Kicked swap descents, and branch and bound by Hahn and Grant's bound.

Bounds are sums of integers, in a unit that is a power of two of that of the costs. All costs are multiples of a
step that follows from the matrices (2 where both are symmetric, times their common divisors), which lets a bound be
rounded up to the next multiple.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline
from gapsmith.evaluators.problems.quadratic_assignment.exact.symmetry import list_automorphisms
from gapsmith.evaluators.solutions import make_exact

if TYPE_CHECKING:
    from gapsmith.evaluators.problems.quadratic_assignment.exact.branch_and_bound import Tree

Integers = NDArray[np.int64]

KICKS_PER_FACILITY = 50
LARGEST_COST = 1 << 58

FIRST_SHARE = 0.5
"""The greatest share of the time that descents may take."""

UNIT_BITS = 27
"""Costs are shifted so that the best known cost has this many bits."""

MOST_FACILITIES = 40
"""Beyond, the costs of all pairs of pairs would take more than half a gigabyte: the Gilmore-Lawler bound has to do."""

SLICE_SWAPS = 1 << 24
"""Products computed between two looks at the clock in a descent: some hundredths of a second."""

ROUNDS_PER_SECOND = 1e9
"""Of the ascent at the root, times n⁵: what one takes at most."""

LARGE = 300
"""Facilities from which the Gilmore-Lawler bound takes a second or more."""

SLICE_WORK = 1 << 21
"""Costs looked at between two looks at the clock, if every node took one round."""


def compute_cost(flow: Integers, distance: Integers, place: Sequence[int]) -> int:
    """Returns the sum of flows times distances of an assignment.

    The flow of each facility with itself is included.
    """
    where = np.asarray(place, dtype=np.int64)
    return int((make_exact(flow, int(distance.max(initial=1))) * distance[np.ix_(where, where)]).sum())


def find_cost_step(flow: Integers, distance: Integers) -> int:
    """Returns a number that divides the cost of every assignment."""
    if (flow.diagonal().any() and distance.diagonal().any()) or not (flow.any() and distance.any()):
        return 1
    off = ~np.eye(len(flow), dtype=bool)
    step = int(np.gcd.reduce(flow[off])) * int(np.gcd.reduce(distance[off]))
    both = (flow == flow.T).all() and (distance == distance.T).all()
    return max(1, 2 * step if both else step)


def descend_by_swaps(flow: Integers, distance: Integers, place: Integers, deadline: float = np.inf) -> None:
    """Swaps locations of facilities until no swap helps.

    The first improvement is taken. It also stops when the CPU time is over.
    """
    from gapsmith.evaluators.problems.quadratic_assignment.exact.branch_and_bound import swap_once

    n, gained = len(flow), 1
    rows = max(1, SLICE_SWAPS // (n * n))
    while gained:
        gained = 0
        for first in range(0, n, rows):
            gained += swap_once(flow, distance, place, first, first + rows)
            if time.process_time() > deadline:
                return


def find_assignment(flow: Integers, distance: Integers, kicks: int, deadline: float = np.inf) -> list[int]:
    """Finds a good assignment by iterated swap descent.

    Equal inputs give the same assignment if the CPU time suffices. After Stützle 2006 (European Journal of
    Operational Research 174): a few facilities exchange their locations at random, and the result of the descent is
    kept unless it is worse.
    """
    rng, n = np.random.default_rng(0), len(flow)
    place = rng.permutation(n).astype(np.int64)
    descend_by_swaps(flow, distance, place, deadline)
    best, least = place, compute_cost(flow, distance, place.tolist())
    now = least
    for kick in range(kicks):
        if time.process_time() > deadline:
            break
        other = place.copy()
        moved = rng.choice(n, size=min(n, 3 + kick % max(1, n // 2)), replace=False)
        other[moved] = other[np.roll(moved, 1)]
        descend_by_swaps(flow, distance, other, deadline)
        cost = compute_cost(flow, distance, other.tolist())
        if cost <= now or kick % (5 * n) == 0:
            place, now = other, cost
        if cost < least:
            best, least = other, cost
    return [int(location) for location in best]


def bound_gilmore_lawler(flow: Integers, distance: Integers) -> int:
    """Returns the bound of Gilmore (1962) and Lawler (1963).

    It is rounded up to a multiple of the step. A facility costs at least the least scalar product of its flows with
    its location's distances; a linear assignment of these costs is a bound.
    """
    from gapsmith.evaluators.problems.quadratic_assignment.exact.hahn_grant import solve_assignment

    n = len(flow)
    flows, distances = (_drop_diagonal(matrix) for matrix in (flow, distance))
    costs = np.outer(flow.diagonal(), distance.diagonal())
    costs += np.sort(flows, axis=1) @ np.sort(distances, axis=1)[:, ::-1].T
    bound, step = solve_assignment(costs, n, np.zeros((7, n), np.int64)), find_cost_step(flow, distance)
    return -(-int(bound) // step) * step


def bound_scalar_product(flow: Integers, distance: Integers) -> int:
    """Returns a quick bound, for when no time is left.

    It pairs the greatest flows with the least distances.
    """
    n = len(flow)
    if n == 1:
        return int(flow[0, 0] * distance[0, 0])
    flows, distances = (np.sort(_drop_diagonal(matrix).ravel()) for matrix in (flow, distance))
    ends = (np.sort(matrix.diagonal()) for matrix in (flow, distance))
    inner = next(ends) @ next(ends)[::-1]
    return int(flows @ distances[::-1] + inner)


def _drop_diagonal(matrix: Integers) -> Integers:
    n = len(matrix)
    rest: Integers = matrix[~np.eye(n, dtype=bool)].reshape(n, n - 1)
    return rest


def branch_and_bound(
    flow: Integers, distance: Integers, start: list[int], seconds: float
) -> tuple[int, list[int], int]:
    """Searches for an assignment that costs less than `start`.

    Args:
        flow: between facilities, integers of at least 0, shape (n, n).
        distance: between locations, integers of at least 0, shape (n, n).
        start: an assignment: the location of each facility.
        seconds: limit of CPU time, looked at now and then.

    Returns:
        A proven lower bound, the best assignment, and the nodes that were looked into.
    """
    from gapsmith.evaluators.problems.quadratic_assignment.exact import branch_and_bound as kernel

    deadline = time.process_time() + seconds
    symmetries = list_automorphisms(flow), list_automorphisms(distance)
    rounds = int(min(1 << 30, ROUNDS_PER_SECOND * max(0.0, seconds) / len(flow) ** 5))
    tree = _plant_tree(flow, distance, start, rounds)
    while not tree.state[kernel.DONE]:
        kernel.search(flow, distance, *symmetries, tree, 1 + SLICE_WORK // len(flow) ** 4)
        if time.process_time() > deadline:
            break
    return _bound_open_nodes(tree), tree.best.tolist(), int(tree.state[kernel.NODES])


def _plant_tree(flow: Integers, distance: Integers, start: list[int], rounds: int) -> "Tree":
    from gapsmith.evaluators.problems.quadratic_assignment.exact import branch_and_bound as kernel

    cost, each = compute_cost(flow, distance, start), np.arange(len(flow))
    shift = UNIT_BITS - max(1, cost).bit_length()
    leads = np.outer(flow.diagonal(), distance.diagonal())
    pairs = flow[:, None, :, None] * distance[None, :, None, :]
    pairs[each, :, each, :] = 0
    pairs[:, each, :, each] = 0
    best, step = np.array(start, np.int64), find_cost_step(flow, distance)
    return kernel.plant_tree(
        np.left_shift(leads, shift) if shift >= 0 else np.right_shift(leads, -shift),
        np.left_shift(pairs, shift) if shift >= 0 else np.right_shift(pairs, -shift),
        best,
        cost,
        step,
        shift,
        rounds,
    )


def _bound_open_nodes(tree: "Tree") -> int:
    """Returns the least of the best cost and the open bounds."""
    from gapsmith.evaluators.problems.quadratic_assignment.exact import branch_and_bound as kernel

    least, step, shift = (int(tree.state[k]) for k in (kernel.BEST, kernel.STEP, kernel.SHIFT))
    if tree.state[kernel.DONE]:
        return least
    depth = int(tree.state[kernel.DEPTH])
    found = [int(tree.bound[depth])]
    for level in range(depth):
        # The child that the path goes through stands just behind those that are left.
        found += tree.bounds[level, : tree.frames[level, kernel.COUNT] + 1].tolist()
    bound = min(found) << -shift if shift < 0 else -(-min(found) >> shift)
    return min(least, -(-bound // step) * step)


def solve_quadratic_assignment(flow: Integers, distance: Integers, seconds: float) -> Baseline:
    """Solves within the CPU limit, or returns bounds and an assignment.

    Args:
        flow: between facilities, integers, shape (n, n).
        distance: between locations, integers, shape (n, n).
        seconds: limit of CPU time.

    Raises:
        ValueError: sums of such products may not fit into int64.
    """
    _compile()
    begin, n = time.process_time(), len(flow)
    flow, distance = (np.ascontiguousarray(matrix, dtype=np.int64) for matrix in (flow, distance))
    if int(np.abs(flow).max()) * int(np.abs(distance).max()) * 4 * n * n > LARGEST_COST:
        raise ValueError("flows and distances are too large to reckon exactly")
    share = FIRST_SHARE * seconds if n <= MOST_FACILITIES else seconds
    place = find_assignment(flow, distance, KICKS_PER_FACILITY * n, begin + share)
    late = n > LARGE and time.process_time() > begin + share
    lower = (bound_scalar_product if late else bound_gilmore_lawler)(flow, distance)
    left = seconds - (time.process_time() - begin)
    if n <= MOST_FACILITIES and left > 0 and lower < compute_cost(flow, distance, place):
        bound, place, _ = branch_and_bound(flow, distance, place, left)
        lower = max(lower, bound)
    upper = compute_cost(flow, distance, place)
    if lower > upper or sorted(place) != list(range(n)):
        raise AssertionError(f"bug in branch and bound: {lower} on an assignment of {upper}; please report")
    solver = "Hahn-Grant branch-and-bound" if lower == upper else "Hahn-Grant bounds"
    return Baseline(lower, upper, place, solver, time.process_time() - begin)


def _compile() -> None:
    """Compiles the kernels on a single facility.

    No time limit is then spent on the compiler.
    """
    one = np.ones((1, 1), np.int64)
    branch_and_bound(one, one, find_assignment(one, one, 0), 0.0)
    bound_gilmore_lawler(one, one)
