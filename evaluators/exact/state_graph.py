"""The stronger relaxations of 1‖ΣwjTj: an explicit graph of states, pruned by bounds and refined step by step.

A state is a completion time and its job; later also the job before, and for some jobs whether they were visited.
Arcs that no optimal sequence needs are never made: of two or three neighbours only their best order is allowed
(equal ones in the order of their numbers, so that the lexicographically first optimum always survives). Walks
that come back to a job after one step, or two in the refined graph, are left out on the fly: at each state the
two best walks with different jobs there are kept.

Sources: Ibaraki and Nakamura 1994 (successive sublimation); Tanaka, Fujikuma and Araki 2009, J. Scheduling 12
(constraints on adjacent jobs; pruning by forward and backward walks; adding visits of jobs to the state).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.exact.compiled import compiled
from gapsmith.evaluators.exact.start_times import NEVER, NOBODY
from gapsmith.evaluators.exact.weighted_descent import Jobs, price

Integers = NDArray[np.int64]
Places = NDArray[np.int32]


class Graph(NamedTuple):
    """States in order of time, state 0 the source and the last one the sink, with the arcs that lead into each.

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
    """For each state the two best walks from the source (or to the sink), different in `key`; shape (states,).

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


@compiled
def without(walks: Walks, state: int, key: int) -> int:
    """The least price of a walk at the state whose key is another one."""
    return walks.next_best[state] if walks.key[state] == key else walks.best[state]


@compiled
def record(walks: Walks, state: int, price_: int, key: int, by: int) -> None:
    """Remembers a walk if it is one of the two best of different keys."""
    if price_ < walks.best[state]:
        if key != walks.key[state]:
            walks.next_best[state], walks.next_by[state] = walks.best[state], walks.by[state]
        walks.best[state], walks.key[state], walks.by[state] = price_, key, by
    elif key != walks.key[state] and price_ < walks.next_best[state]:
        walks.next_best[state], walks.next_by[state] = price_, by


@compiled
def clear(walks: Walks, states: int) -> None:
    """Forgets all walks."""
    for state in range(states):
        walks.best[state] = walks.next_best[state] = NEVER
        walks.key[state] = walks.by[state] = walks.next_by[state] = NOBODY


@compiled
def walk_forward(graph: Graph, multiplier: Integers, heads: Walks) -> int:
    """Fills the walks from the source; the price of the best complete one.

    Args:
        graph: the states.
        multiplier: what each visit of a job is paid; 0 for the jobs of source and sink.
        heads: overwritten.
    """
    states = graph.job.size
    clear(heads, states)
    heads.best[0] = 0
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
    return heads.best[states - 1]


@compiled
def trace(graph: Graph, heads: Walks, visits: Integers, order: Integers) -> int:
    """Reads the best complete walk: its visits of each job, its jobs from the last to the first; its length.

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


@compiled
def walk_backward(graph: Graph, multiplier: Integers, tails: Walks) -> None:
    """Fills the walks from each state to the sink, the state's own price left out."""
    states = graph.job.size
    clear(tails, states)
    tails.best[states - 1] = 0
    for state in range(states - 1, 0, -1):
        job = graph.job[state]
        own = graph.cost[state] - multiplier[job]
        for arc in range(graph.first[state], graph.first[state + 1]):
            tail = graph.tail[arc]
            after = without(tails, state, graph.guard[tail])
            if after < NEVER:
                record(tails, tail, after + own, job, state)


@compiled
def prune(
    graph: Graph, multiplier: Integers, heads: Walks, tails: Walks, limit: int, number: Places
) -> tuple[int, int]:
    """Drops the arcs that no walk of `limit` or less takes, and the states without any, in place.

    The graph's arrays keep their lengths; the caller cuts them to the counts returned.

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
            before = without(heads, tail, job)
            # Read at its new place: the old one may be overwritten by now.
            after = without(tails, state, graph.guard[number[tail]])
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


@compiled
def number_states(table: Integers, number: Places) -> int:
    """Numbers what is left of the table, by time and job, from 1; the count, source and sink included."""
    states = 1
    for moment in range(table.shape[0]):
        for job in range(table.shape[1]):
            number[moment, job] = NOBODY
            if table[moment, job] < NEVER:
                number[moment, job] = states
                states += 1
    return states + 1


@compiled
def from_table(jobs: Jobs, table: Integers, number: Places, graph: Graph, fill: bool) -> int:
    """Makes the graph of what is left of a table of completion times; the number of its arcs.

    Args:
        jobs: the instance.
        table: see `start_times`.
        number: see `number_states`.
        graph: written to where `fill`, else only counted for.
        fill: whether to write.
    """
    horizon, size = table.shape[0] - 1, table.shape[1]
    arcs, states = 0, 1
    for moment in range(1, horizon + 1):
        for job in range(size):
            if number[moment, job] == NOBODY:
                continue
            start = moment - jobs.processing[job]
            if fill:
                graph.job[states] = graph.guard[states] = job
                graph.time[states], graph.cost[states] = moment, table[moment, job]
                graph.first[states] = arcs
            if start == 0:
                if fill:
                    graph.tail[arcs] = 0
                arcs += 1
            else:
                for before in range(size):
                    if number[start, before] != NOBODY and in_order(jobs, start, before, job):
                        if fill:
                            graph.tail[arcs] = number[start, before]
                        arcs += 1
            states += 1
    if fill:
        graph.first[states] = arcs
    for job in range(size):
        if number[horizon, job] != NOBODY:
            if fill:
                graph.tail[arcs] = number[horizon, job]
            arcs += 1
    if fill:
        graph.first[states + 1] = arcs
        close(graph, size, horizon)
    return arcs


@compiled
def close(graph: Graph, size: int, horizon: int) -> None:
    """Writes source and sink."""
    sink = graph.job.size - 1
    graph.first[0] = graph.first[1] = 0
    graph.job[0] = graph.guard[0] = size
    graph.job[sink] = graph.guard[sink] = size + 1
    graph.time[0] = graph.cost[0] = graph.cost[sink] = 0
    graph.time[sink] = horizon


@compiled
def in_order(jobs: Jobs, moment: int, first: int, second: int) -> bool:
    """Whether `first`, complete at the moment, may stand right before `second`: the other order is no better."""
    if first == second:
        return False
    start = moment - jobs.processing[first]
    end = moment + jobs.processing[second]
    kept = price(jobs, first, moment) + price(jobs, second, end)
    other = price(jobs, second, start + jobs.processing[second]) + price(jobs, first, end)
    return kept < other or (kept == other and first < second)


@compiled
def three(jobs: Jobs, start: int, first: int, second: int, third: int) -> int:
    """Cost of three jobs in a row."""
    moment = start + jobs.processing[first]
    total = price(jobs, first, moment)
    moment += jobs.processing[second]
    total += price(jobs, second, moment)
    return total + price(jobs, third, moment + jobs.processing[third])


@compiled
def three_in_order(jobs: Jobs, start: int, a: int, b: int, c: int) -> bool:
    """Whether no other order of three different neighbours is better, or as good and lexicographically earlier."""
    if a == b or b == c or a == c:
        return False
    kept = three(jobs, start, a, b, c)
    return (
        not_before(three(jobs, start, a, c, b), kept, c < b)
        and not_before(three(jobs, start, b, a, c), kept, b < a)
        and not_before(three(jobs, start, b, c, a), kept, b < a)
        and not_before(three(jobs, start, c, a, b), kept, c < a)
        and not_before(three(jobs, start, c, b, a), kept, c < a)
    )


@compiled
def not_before(other: int, kept: int, earlier: bool) -> bool:
    """Whether an order of cost `kept` survives another one, which is lexicographically earlier or not."""
    return other > kept or (other == kept and not earlier)


@compiled
def from_pairs(jobs: Jobs, old: Graph, new: Graph, fill: bool) -> int:
    """Makes the graph whose states are the arcs of another one: the job and the one before it. Its number of arcs.

    Args:
        jobs: the instance.
        old: a graph of single jobs.
        new: written to where `fill`; of one state for each arc of `old`, but those to the sink, and source and sink.
        fill: whether to write.
    """
    arcs, sink = 0, old.job.size - 1
    for state in range(1, sink):
        for arc in range(old.first[state], old.first[state + 1]):
            middle = old.tail[arc]
            if fill:
                new.first[arc + 1] = arcs
                new.job[arc + 1], new.guard[arc + 1] = old.job[state], old.job[middle]
                new.time[arc + 1], new.cost[arc + 1] = old.time[state], old.cost[state]
            if middle == 0:
                if fill:
                    new.tail[arcs] = 0
                arcs += 1
                continue
            start = old.time[middle] - jobs.processing[old.job[middle]]
            for earlier in range(old.first[middle], old.first[middle + 1]):
                far = old.tail[earlier]
                if far == 0 or three_in_order(
                    jobs,
                    start - jobs.processing[old.job[far]],
                    old.job[far],
                    old.job[middle],
                    old.job[state],
                ):
                    if fill:
                        new.tail[arcs] = earlier + 1
                    arcs += 1
    final = old.first[sink]
    if fill:
        new.first[final + 1] = arcs
    for arc in range(final, old.first[sink + 1]):
        last = old.tail[arc]
        for earlier in range(old.first[last], old.first[last + 1]):
            if fill:
                new.tail[arcs] = earlier + 1
            arcs += 1
    if fill:
        new.first[final + 2] = arcs
        close(new, old.job[0], old.time[sink])
    return arcs


@compiled
def split(old: Graph, chosen: int, new: Graph, number: Places) -> tuple[int, int]:
    """Doubles the states by whether a job was visited: once at most on any walk, once at least at the sink.

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
