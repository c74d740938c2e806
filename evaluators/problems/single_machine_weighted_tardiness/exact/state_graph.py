"""The stronger relaxations of 1‖ΣwjTj.

An explicit graph of states, pruned by bounds and refined step by step.

A state is a completion time and its job; later also the job before, and for some jobs whether they were visited.
Walks that come back to a job after one other, or two others where the job before is part of the state, are left
out on the fly: at each state the two best walks that differ in the job to be avoided are kept.

Sources: Ibaraki and Nakamura 1994 (successive sublimation); Tanaka, Fujikuma and Araki 2009, J. Scheduling 12
(constraints on adjacent jobs; pruning by forward and backward walks; adding visits of jobs to the state).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.time_indexed import NEVER, NOBODY
from gapsmith.evaluators.solvers.compiled import compile_kernel

Integers = NDArray[np.int64]
Places = NDArray[np.int32]


class Graph(NamedTuple):
    """States in order of time, with the arcs into each.

    State 0 is the source and the last one the sink.

    Attributes:
        first: arcs into state v are first[v] to first[v + 1] - 1; shape (states + 1,).
        tail: where each arc comes from.
        job: the job that completes at the state; n at the source, n + 1 at the sink.
        guard: the job that may not follow the state's successor: its own, or the one before its own.
        time: completion times.
        cost: scaled cost of the job that completes.
    """

    first: Integers
    tail: Places
    job: Integers
    guard: Integers
    time: Integers
    cost: Integers


class Walks(NamedTuple):
    """For each state the two best walks from source or sink.

    They differ in `key`; shape (states,).

    Attributes:
        best: the least price.
        key: of its neighbouring state: the guard on the way here, the job on the way on.
        next_best: the least price with another key.
        by: neighbouring state of the best walk.
        next_by: that of the other.
    """

    best: Integers
    key: Integers
    next_best: Integers
    by: Places
    next_by: Places


@compile_kernel
def get_other_walk(walks: Walks, state: int, key: int) -> int:
    """Returns the least price of a walk with another key."""
    price: int = walks.next_best[state] if walks.key[state] == key else walks.best[state]
    return price


@compile_kernel
def record_walk(walks: Walks, state: int, price_: int, key: int, by: int) -> None:
    """Records a walk if it is one of the best two.

    The two differ in their keys.
    """
    if price_ < walks.best[state]:
        if key != walks.key[state]:
            walks.next_best[state], walks.next_by[state] = walks.best[state], walks.by[state]
        walks.best[state], walks.key[state], walks.by[state] = price_, key, by
    elif key != walks.key[state] and price_ < walks.next_best[state]:
        walks.next_best[state], walks.next_by[state] = price_, by


@compile_kernel
def clear_walks(walks: Walks, states: int) -> None:
    """Forgets all walks."""
    for state in range(states):
        walks.best[state] = walks.next_best[state] = NEVER
        walks.key[state] = walks.by[state] = walks.next_by[state] = NOBODY


@compile_kernel
def walk_forward(graph: Graph, multiplier: Integers, heads: Walks) -> int:
    """Computes the walks from the source; returns the best complete price.

    Args:
        graph: the states.
        multiplier: what each visit of a job is paid; 0 for the jobs of source and sink.
        heads: overwritten.
    """
    states = graph.job.size
    heads.best[0], heads.next_best[0], heads.key[0] = 0, NEVER, NOBODY
    for state in range(1, states):
        job = graph.job[state]
        own = graph.cost[state] - multiplier[job]
        best = next_best = NEVER
        key = by = next_by = NOBODY
        for arc in range(graph.first[state], graph.first[state + 1]):
            tail = graph.tail[arc]
            before = heads.next_best[tail] if heads.key[tail] == job else heads.best[tail]
            if before < next_best:
                guard = graph.guard[tail]
                if before < best:
                    if guard != key:
                        next_best, next_by = best, by
                    best, key, by = before, guard, tail
                elif guard != key:
                    next_best, next_by = before, tail
        heads.best[state] = best + own if best < NEVER else NEVER
        heads.next_best[state] = next_best + own if next_best < NEVER else NEVER
        heads.key[state], heads.by[state], heads.next_by[state] = key, by, next_by
    least: int = heads.best[states - 1]
    return least


@compile_kernel
def trace_walk(graph: Graph, heads: Walks, visits: Integers, order: Integers) -> int:
    """Reads the best complete walk; returns its length.

    It writes the visits of each job, and the jobs from the last to the first.

    Args:
        graph: the states.
        heads: filled.
        visits: overwritten, shape (n + 2,).
        order: overwritten as far as the walk and `order` go.
    """
    for job in range(visits.size):
        visits[job] = 0
    state, length = heads.by[graph.job.size - 1], 0
    follower = graph.job[graph.job.size - 1]
    while state > 0:
        job = graph.job[state]
        visits[job] += 1
        if length < order.size:
            order[length] = job
        length += 1
        state = heads.next_by[state] if heads.key[state] == follower else heads.by[state]
        follower = job
    return length


@compile_kernel
def walk_backward(graph: Graph, multiplier: Integers, tails: Walks) -> None:
    """Computes the walks from each state to the sink.

    The state's own price is left out.
    """
    states = graph.job.size
    clear_walks(tails, states)
    tails.best[states - 1] = 0
    for state in range(states - 1, 0, -1):
        job = graph.job[state]
        own = graph.cost[state] - multiplier[job]
        for arc in range(graph.first[state], graph.first[state + 1]):
            tail = graph.tail[arc]
            after = get_other_walk(tails, state, graph.guard[tail])
            if after < NEVER:
                record_walk(tails, tail, after + own, job, state)


@compile_kernel
def prune_graph(
    graph: Graph, multiplier: Integers, heads: Walks, tails: Walks, limit: int, number: Places
) -> tuple[int, int]:
    """Drops arcs that no walk up to `limit` takes, in place.

    States without arcs go too. The graph's arrays keep their lengths; the caller cuts them to the counts returned.

    Args:
        graph: changed.
        multiplier: those that heads and tails were filled with.
        heads: filled.
        tails: filled.
        limit: in the price of a walk, multipliers paid.
        number: scratch of shape (states,): new numbers of the states.

    Returns:
        How many states and arcs are left.
    """
    states, arcs, begin = 1, 0, graph.first[1]
    number[0] = 0
    for state in range(1, graph.job.size):
        job, end = graph.job[state], graph.first[state + 1]
        own, kept = graph.cost[state] - multiplier[job], arcs
        for arc in range(begin, end):
            tail = graph.tail[arc]
            if number[tail] == NOBODY:
                continue
            before = get_other_walk(heads, tail, job)
            # Read at its new place: the old one may be overwritten by now.
            after = get_other_walk(tails, state, graph.guard[number[tail]])
            if before < NEVER and after < NEVER and before + own + after <= limit:
                graph.tail[kept] = number[tail]
                kept += 1
        begin = end
        number[state] = NOBODY
        if kept > arcs:
            number[state] = states
            graph.job[states], graph.guard[states] = job, graph.guard[state]
            graph.time[states], graph.cost[states] = graph.time[state], graph.cost[state]
            graph.first[states] = arcs
            states, arcs = states + 1, kept
            graph.first[states] = arcs
    return states, arcs


@compile_kernel
def split_states(old: Graph, chosen: int, new: Graph, number: Places) -> tuple[int, int]:
    """Doubles the states by whether a job was visited.

    A walk visits it at most once, and at the sink at least once.

    Args:
        old: the graph.
        chosen: the job.
        new: overwritten; with room for twice the states and arcs.
        number: scratch of shape (states, 2): numbers of the copies.

    Returns:
        How many states and arcs the new graph has.
    """
    number[0, 0], number[0, 1] = 0, NOBODY
    states, arcs, sink = 1, 0, old.job.size - 1
    for state in range(1, sink + 1):
        number[state, 0] = number[state, 1] = NOBODY
        for visited in range(2):
            once = old.job[state] == chosen
            if visited == 0 and (once or state == sink):
                continue
            came = 0 if once else visited
            begin = arcs
            for arc in range(old.first[state], old.first[state + 1]):
                tail = number[old.tail[arc], came]
                if tail != NOBODY:
                    new.tail[arcs] = tail
                    arcs += 1
            if arcs > begin:
                number[state, visited] = states
                new.first[states] = begin
                new.job[states], new.guard[states] = old.job[state], old.guard[state]
                new.time[states], new.cost[states] = old.time[state], old.cost[state]
                states += 1
    new.first[0], new.first[states] = 0, arcs
    new.job[0], new.guard[0], new.time[0], new.cost[0] = old.job[0], old.guard[0], 0, 0
    return states, arcs
