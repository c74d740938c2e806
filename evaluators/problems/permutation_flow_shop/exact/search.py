"""Compiled search for the permutation flow shop.

Iterated greedy for sequences, branch and bound for proofs.

A node of the tree is a sequence that is fixed at both ends. Each node is branched at the end where fewer children
survive. The bound is that of one machine: its front, its remaining work and its back.

Sources: Taillard 1990 (insertion in one pass), Ruiz and Stützle 2007 (iterated greedy), Carlier and Rebaï 1996
(both ends), Gmys, Mezmaz, Melab and Tuyttens 2020 (the choice of the end).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.solvers.compiled import compile_kernel

Integers = NDArray[np.int64]

DEPTH, NODES, UPPER, FRESH, STATE_SIZE = range(5)
"""What `state` carries: depth of the stack, -1 when the tree is done; nodes so far; the makespan to beat; whether
the top still has to be expanded."""

LEFT, RIGHT, COUNT, NEXT, FORWARD, FRAME_SIZE = range(6)
"""A frame: jobs fixed in front, where the fixed end begins, children, the next of them, which end they join."""


class Stack(NamedTuple):
    """The path through the tree.

    Attributes:
        state: see DEPTH and the rest.
        frames: a line for each node of the path, [n + 1, FRAME_SIZE].
        front: when the machines are free of the jobs in front, [n + 1, m].
        back: how long the machines are needed from the jobs at the end on, [n + 1, m].
        rest: work of the free jobs, [n + 1, m].
        jobs: the children that are not pruned, least bound first, [n + 1, n].
        bounds: their bounds.
        sequence: the jobs that are fixed, at their places, [n].
        fixed: 1 for each of them, [n].
        best: the best sequence so far, [n].
        pad: room of `expand`.
    """

    state: Integers
    frames: Integers
    front: Integers
    back: Integers
    rest: Integers
    jobs: Integers
    bounds: Integers
    sequence: Integers
    fixed: Integers
    best: Integers
    pad: Integers


def make_stack(p: Integers, upper: int, best: Integers) -> Stack:
    """Returns a stack that holds the root alone, with nothing fixed.

    Args:
        p: processing times, shape [n, m].
        upper: the makespan of `best`: only less is looked for.
        best: a sequence; a better one overwrites it.
    """
    n, m = p.shape
    frames, rest = np.zeros((n + 1, FRAME_SIZE), np.int64), np.zeros((n + 1, m), np.int64)
    frames[0, RIGHT] = n
    rest[0] = p.sum(axis=0)
    return Stack(
        state=np.array([0, 0, upper, 1], np.int64),
        frames=frames,
        front=np.zeros((n + 1, m), np.int64),
        back=np.zeros((n + 1, m), np.int64),
        rest=rest,
        jobs=np.zeros((n + 1, n), np.int64),
        bounds=np.zeros((n + 1, n), np.int64),
        sequence=np.zeros(n, np.int64),
        fixed=np.zeros(n, np.int64),
        best=best,
        pad=np.zeros((3, max(n, m)), np.int64),
    )


@compile_kernel
def copy_line(target: Integers, source: Integers) -> None:
    """Overwrites one line with another.

    Assignment to a slice would allocate memory.
    """
    for i in range(target.size):
        target[i] = source[i]


@compile_kernel
def bound_forward(
    p: Integers, job: int, front: Integers, back: Integers, rest: Integers, least: Integers
) -> int:
    """Returns the bound when `job` comes next in front.

    `least` holds the shortest operations of the free jobs.
    """
    bound = end = begin = 0
    for k in range(p.shape[1]):
        end = max(end, front[k]) + p[job, k]
        # What is left cannot reach machine k before its shortest way through the machines before.
        begin = max(end, begin + least[k - 1]) if k else end
        bound = max(bound, begin + rest[k] - p[job, k] + back[k])
    return bound


@compile_kernel
def bound_backward(
    p: Integers, job: int, front: Integers, back: Integers, rest: Integers, least: Integers
) -> int:
    """Returns the bound when `job` comes last of the free jobs.

    This is the forward bound of the flow shop read from its end.
    """
    bound = end = begin = 0
    machines = p.shape[1]
    for k in range(machines - 1, -1, -1):
        end = max(end, back[k]) + p[job, k]
        begin = max(end, begin + least[k + 1]) if k < machines - 1 else end
        bound = max(bound, front[k] + rest[k] - p[job, k] + begin)
    return bound


@compile_kernel
def expand(p: Integers, stack: Stack) -> None:
    """Writes the children of the top node that may improve.

    They may be better than the best sequence, and are sorted by bound, the least first.
    """
    state, depth = stack.state, stack.state[DEPTH]
    frame, (n, m) = stack.frames[depth], p.shape
    front, back, rest = stack.front[depth], stack.back[depth], stack.rest[depth]
    least, ahead, behind = stack.pad[0], stack.pad[1], stack.pad[2]
    last = frame[RIGHT] - frame[LEFT] == 1
    for k in range(m):
        # After the last job nothing comes that could be late.
        least[k] = 0 if last else 1 << 60
        for job in range(n):
            if not stack.fixed[job]:
                least[k] = min(least[k], p[job, k])
    kept_ahead = kept_behind = sum_ahead = sum_behind = 0
    for job in range(n):
        if stack.fixed[job]:
            continue
        ahead[job] = bound_forward(p, job, front, back, rest, least)
        behind[job] = bound_backward(p, job, front, back, rest, least)
        kept_ahead += ahead[job] < state[UPPER]
        kept_behind += behind[job] < state[UPPER]
        sum_ahead += ahead[job]
        sum_behind += behind[job]
    forward = kept_ahead < kept_behind or (kept_ahead == kept_behind and sum_ahead >= sum_behind)
    frame[FORWARD], frame[NEXT], count = forward, 0, 0
    for job in range(n):
        bound = ahead[job] if forward else behind[job]
        if stack.fixed[job] or bound >= state[UPPER]:
            continue
        place = count
        while place and stack.bounds[depth, place - 1] > bound:
            stack.bounds[depth, place] = stack.bounds[depth, place - 1]
            stack.jobs[depth, place] = stack.jobs[depth, place - 1]
            place -= 1
        stack.bounds[depth, place], stack.jobs[depth, place] = bound, job
        count += 1
    frame[COUNT] = count


@compile_kernel
def push_child(p: Integers, stack: Stack, job: int) -> None:
    """Fixes a job at the chosen end and pushes the new node."""
    depth, m = stack.state[DEPTH], p.shape[1]
    frame, below = stack.frames[depth], stack.frames[depth + 1]
    below[LEFT], below[RIGHT] = frame[LEFT], frame[RIGHT]
    end = 0
    for k in range(m):
        stack.rest[depth + 1, k] = stack.rest[depth, k] - p[job, k]
        stack.front[depth + 1, k], stack.back[depth + 1, k] = stack.front[depth, k], stack.back[depth, k]
    if frame[FORWARD]:
        stack.sequence[frame[LEFT]] = job
        below[LEFT] += 1
        for k in range(m):
            end = max(end, stack.front[depth, k]) + p[job, k]
            stack.front[depth + 1, k] = end
    else:
        stack.sequence[frame[RIGHT] - 1] = job
        below[RIGHT] -= 1
        for k in range(m - 1, -1, -1):
            end = max(end, stack.back[depth, k]) + p[job, k]
            stack.back[depth + 1, k] = end
    stack.fixed[job] = 1
    stack.state[DEPTH], stack.state[FRESH] = depth + 1, 1


@compile_kernel
def price_leaf(stack: Stack, machines: int) -> None:
    """Prices a complete sequence, and keeps it if it is better."""
    depth, makespan = stack.state[DEPTH], 0
    for k in range(machines):
        makespan = max(makespan, stack.front[depth, k] + stack.back[depth, k])
    if makespan < stack.state[UPPER]:
        stack.state[UPPER] = makespan
        copy_line(stack.best, stack.sequence)
    stack.frames[depth, COUNT] = stack.frames[depth, NEXT] = 0


@compile_kernel
def search_tree(p: Integers, stack: Stack, nodes: int) -> None:
    """Walks the tree depth first, for a limited number of nodes.

    The search is complete when the stack is empty; else it can be called again to continue.
    """
    state = stack.state
    while state[DEPTH] >= 0 and state[NODES] < nodes:
        depth = state[DEPTH]
        frame = stack.frames[depth]
        if state[FRESH]:
            state[FRESH] = 0
            state[NODES] += 1
            if frame[LEFT] == frame[RIGHT]:
                price_leaf(stack, p.shape[1])
            else:
                expand(p, stack)
        child = frame[NEXT]
        if child < frame[COUNT] and stack.bounds[depth, child] < state[UPPER]:
            frame[NEXT] += 1
            push_child(p, stack, stack.jobs[depth, child])
            continue
        state[DEPTH] -= 1
        if depth:
            above = stack.frames[depth - 1]
            stack.fixed[stack.sequence[above[LEFT] if above[FORWARD] else above[RIGHT] - 1]] = 0


@compile_kernel
def insert_job(p: Integers, sequence: Integers, size: int, job: int, front: Integers, back: Integers) -> int:
    """Inserts a job at its first best place; returns the makespan.

    The places are those among the first `size` jobs.

    Args:
        p: processing times, shape [n, m].
        sequence: shape [n]; the first `size + 1` places are written.
        size: jobs in the partial sequence.
        job: the one to insert.
        front: room of shape [n + 1, m + 1], its borders 0.
        back: room of shape [n + 2, m + 2], its borders 0.
    """
    m = p.shape[1]
    for i in range(size):
        for k in range(m):
            front[i + 1, k + 1] = max(front[i, k + 1], front[i + 1, k]) + p[sequence[i], k]
    for k in range(m):
        back[size, k] = 0
    for i in range(size - 1, -1, -1):
        for k in range(m - 1, -1, -1):
            back[i, k] = max(back[i + 1, k], back[i, k + 1]) + p[sequence[i], k]
    best, place = 1 << 60, 0
    for i in range(size + 1):
        end = makespan = 0
        for k in range(m):
            end = max(end, front[i, k + 1]) + p[job, k]
            makespan = max(makespan, end + back[i, k])
        if makespan < best:
            best, place = makespan, i
    for i in range(size, place, -1):
        sequence[i] = sequence[i - 1]
    sequence[place] = job
    return best


@compile_kernel
def run_iterated_greedy(
    p: Integers,
    best: Integers,
    rounds: int,
    stop: int,
    heat: float,
    room: tuple[Integers, ...],
    back: Integers,
) -> int:
    """Improves a sequence by iterated greedy; returns the least makespan.

    Four jobs are taken out and put back at their best places, again and again. A worse sequence is accepted with
    the probability of simulated annealing at a constant temperature.

    Args:
        p: processing times, shape [n, m].
        best: where to start, overwritten by the best found, shape [n].
        rounds: how often.
        stop: a makespan that cannot be beaten.
        heat: the temperature, in time units.
        room: `front` of `insert`; two lines [n] and one [4].
        back: room of `insert`.
    """
    front, now, trial, out = room
    n, seed = p.shape[0], 1
    makespan = 0
    for i in range(n):
        makespan = insert_job(p, now, i, best[i], front, back)
    copy_line(best, now)
    current = least = makespan
    for _ in range(rounds):
        if least <= stop:
            break
        copy_line(trial, now)
        size = n
        for k in range(min(4, n - 1)):
            seed = (seed * 1103515245 + 12345) % 2147483648
            place = (seed >> 8) % size
            out[k] = trial[place]
            size -= 1
            for i in range(place, size):
                trial[i] = trial[i + 1]
        for k in range(min(4, n - 1)):
            makespan = insert_job(p, trial, size + k, out[k], front, back)
        seed = (seed * 1103515245 + 12345) % 2147483648
        if makespan <= current or seed / 2147483648 < np.exp((current - makespan) / heat):
            copy_line(now, trial)
            current = makespan
        if makespan < least:
            copy_line(best, trial)
            least = makespan
    return least
