"""Builds the graphs of `state_graph`, of single jobs and pairs.

Without the arcs that no optimum needs.

Of two or three neighbours only their best order is allowed, of equal ones the first by job numbers: so the
lexicographically first of all optimal sequences survives, whatever else is ruled out in the same way.
"""

from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.local_search import (
    Jobs,
    compute_cost,
)
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.state_graph import (
    Graph,
    Integers,
    Places,
)
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.time_indexed import NEVER, NOBODY
from gapsmith.evaluators.solvers.compiled import compile_kernel


@compile_kernel
def number_states(table: Integers, number: Places) -> int:
    """Numbers the states left in a table; returns their count.

    Numbers follow time and job, from 1; the count includes source and sink.
    """
    states = 1
    for moment in range(table.shape[0]):
        for job in range(table.shape[1]):
            number[moment, job] = NOBODY
            if table[moment, job] < NEVER:
                number[moment, job] = states
                states += 1
    return states + 1


@compile_kernel
def build_from_table(jobs: Jobs, table: Integers, number: Places, graph: Graph, fill: bool) -> int:
    """Builds the graph of a table of completion times.

    Returns the number of its arcs.

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
                    if number[start, before] != NOBODY and is_in_order(jobs, start, before, job):
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
        write_ends(graph, size, horizon)
    return arcs


@compile_kernel
def write_ends(graph: Graph, size: int, horizon: int) -> None:
    """Writes source and sink."""
    sink = graph.job.size - 1
    graph.first[0] = graph.first[1] = 0
    graph.job[0] = graph.guard[0] = size
    graph.job[sink] = graph.guard[sink] = size + 1
    graph.time[0] = graph.cost[0] = graph.cost[sink] = 0
    graph.time[sink] = horizon


@compile_kernel
def is_in_order(jobs: Jobs, moment: int, first: int, second: int) -> bool:
    """Tells whether `first` may stand right before `second`.

    It may if the other order is no better, with `first` complete at this moment.
    """
    if first == second:
        return False
    start = moment - jobs.processing[first]
    end = moment + jobs.processing[second]
    kept = compute_cost(jobs, first, moment) + compute_cost(jobs, second, end)
    other = compute_cost(jobs, second, start + jobs.processing[second]) + compute_cost(jobs, first, end)
    return kept < other or (kept == other and first < second)


@compile_kernel
def price_three(jobs: Jobs, start: int, first: int, second: int, third: int) -> int:
    """Returns the cost of three jobs in a row."""
    moment = start + jobs.processing[first]
    total = compute_cost(jobs, first, moment)
    moment += jobs.processing[second]
    total += compute_cost(jobs, second, moment)
    return total + compute_cost(jobs, third, moment + jobs.processing[third])


@compile_kernel
def is_best_order(jobs: Jobs, start: int, a: int, b: int, c: int) -> bool:
    """Tells whether three neighbours are in their best order.

    No other order of three different jobs may be better, or as good and lexicographically earlier.
    """
    if a in (b, c) or b == c:
        return False
    kept = price_three(jobs, start, a, b, c)
    return (
        is_kept(price_three(jobs, start, a, c, b), kept, c < b)
        and is_kept(price_three(jobs, start, b, a, c), kept, b < a)
        and is_kept(price_three(jobs, start, b, c, a), kept, b < a)
        and is_kept(price_three(jobs, start, c, a, b), kept, c < a)
        and is_kept(price_three(jobs, start, c, b, a), kept, c < a)
    )


@compile_kernel
def is_kept(other: int, kept: int, earlier: bool) -> bool:
    """Tells whether an order survives comparison with another one.

    Its cost is `kept`; the other one may be lexicographically earlier.
    """
    return other > kept or (other == kept and not earlier)


@compile_kernel
def build_from_pairs(jobs: Jobs, old: Graph, new: Graph, fill: bool) -> int:
    """Builds the graph whose states are another graph's arcs.

    A state is a job and the job before it. Returns the number of arcs.

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
                if far == 0 or is_best_order(
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
        write_ends(new, old.job[0], old.time[sink])
    return arcs
