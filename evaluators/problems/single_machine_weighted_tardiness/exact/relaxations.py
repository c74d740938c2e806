"""Relaxations of 1‖ΣwjTj as objects.

The best walk under multipliers, and what a limit on its price rules out.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact import state_graph
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact import (
    state_graph_builder as state_graph_making,
)
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact import time_indexed as start_times
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.local_search import Jobs
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.state_graph import Graph, Walks
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.time_indexed import NEVER

Integers = NDArray[np.int64]

MEMORY_BYTES = 1 << 31
"""Memory that one relaxation may take."""

STATE_BYTES, ARC_BYTES = 112, 4


class NoRoom(Exception):
    """The relaxation would take more memory than it may."""


class Relaxation(Protocol):
    """Walks through time whose price bounds the optimum.

    A job may be visited more often than once, or never.

    Attributes:
        visits: of each job by the walk of the last call of `shortest`.
        size: what work it makes, in arcs or so.
    """

    visits: Integers

    @property
    def size(self) -> int:
        """Number of moves that are left."""

    def find_shortest_walk(self, multiplier: Integers) -> int:
        """Returns the least price of a walk.

        That is its scaled costs less a multiplier for each visit; NEVER where no walk is left.
        """

    def order(self) -> list[int]:
        """Returns the jobs of that walk, first to last."""

    def prune(self, multiplier: Integers, limit: int) -> None:
        """Removes what no walk of a price up to `limit` needs.

        It must be called directly after `shortest`.
        """


class StartTimes:
    """The time-indexed relaxation, jobs not twice running.

    Args:
        jobs: in an order in which a job that is shorter or equal, due earlier or at once, and weighs more or the
            same comes first: between two such jobs an optimal sequence keeps that order.
        scale: what costs are multiplied by.
    """

    def __init__(self, jobs: Jobs, scale: int) -> None:
        self.jobs = jobs
        size, horizon = jobs.processing.size, int(jobs.processing.sum())
        if (horizon + 1) * size * 12 > MEMORY_BYTES:
            raise NoRoom
        moments = np.arange(horizon + 1)[:, None]
        self.table = scale * jobs.weight * np.maximum(0, moments - jobs.due)
        first, last = _compute_completions(jobs)
        self.table[(moments < first) | (moments > last)] = NEVER
        self.size = int((self.table < NEVER).sum())
        self.visits = np.zeros(size, np.int64)
        self._heads, self._tails = (
            start_times.Steps(*(np.empty(horizon + 1, np.int64) for _ in range(4))) for _ in range(2)
        )

    def find_shortest_walk(self, multiplier: Integers) -> int:
        """Returns the least price of a walk; see `Relaxation`."""
        price = start_times.walk_forward(self.table, self.jobs.processing, multiplier, self._heads)
        if price < NEVER:
            start_times.count_visits(self.jobs.processing, self._heads, self.visits)
        return price

    def order(self) -> list[int]:
        """Returns the jobs of that walk; see `Relaxation`."""
        heads, moment, job, found = self._heads, self._heads.best.size - 1, start_times.NOBODY, []
        while moment > 0:
            job = int(heads.next_job[moment] if heads.job[moment] == job else heads.job[moment])
            found.append(job)
            moment -= int(self.jobs.processing[job])
        return found[::-1]

    def prune(self, multiplier: Integers, limit: int) -> None:
        """Removes what no cheap walk needs; see `Relaxation`."""
        self.size = start_times.prune_table(
            self.table, self.jobs.processing, multiplier, self._heads, self._tails, limit
        )


def _compute_completions(jobs: Jobs) -> tuple[Integers, Integers]:
    """Returns the earliest and latest completion of each job.

    They follow from the jobs that must come before it and after it.
    """
    processing, weight, due = jobs
    number = np.arange(processing.size)
    before = (number[:, None] < number) & (weight[:, None] >= weight) & (due[:, None] <= due)
    before &= processing[:, None] <= processing
    first = processing + processing @ before
    return first, processing.sum() - before @ processing


class States:
    """The relaxation over a graph of states, which can be refined.

    Args:
        jobs: the instance.
        graph: the states.
    """

    _graph: Graph

    def __init__(self, jobs: Jobs, graph: Graph) -> None:
        self._jobs = jobs
        size = jobs.processing.size
        self._visits = np.zeros(size + 2, np.int64)
        self.visits = self._visits[:size]
        self._order = np.empty(int(jobs.processing.sum()), np.int64)
        self._take(graph)

    @classmethod
    def build_after(cls, relaxation: StartTimes) -> "States":
        """Builds the graph of what another relaxation has left.

        Neighbours stand in their better order.
        """
        jobs, table = relaxation.jobs, relaxation.table
        number = np.empty(table.shape, np.int32)
        states = state_graph_making.number_states(table, number)
        arcs = state_graph_making.build_from_table(jobs, table, number, _graph(0, 0), False)
        graph = _graph(states, arcs)
        state_graph_making.build_from_table(jobs, table, number, graph, True)
        return cls(jobs, graph)

    @property
    def size(self) -> int:
        """See `Relaxation`."""
        return self._graph.tail.size

    def find_shortest_walk(self, multiplier: Integers) -> int:
        """Returns the least price of a walk; see `Relaxation`."""
        if not self.size:
            return NEVER
        price = state_graph.walk_forward(self._graph, _pad(multiplier), self._heads)
        if price < NEVER:
            self._length = state_graph.trace_walk(self._graph, self._heads, self._visits, self._order)
        return price

    def order(self) -> list[int]:
        """Returns the jobs of that walk; see `Relaxation`."""
        return [int(job) for job in self._order[: self._length][::-1]]

    def prune(self, multiplier: Integers, limit: int) -> None:
        """Removes what no cheap walk needs; see `Relaxation`."""
        padded = _pad(multiplier)
        state_graph.walk_backward(self._graph, padded, self._tails)
        left = state_graph.prune_graph(self._graph, padded, self._heads, self._tails, limit, self._number)
        self._graph = _cut(self._graph, *left)

    def pair_states(self) -> "States":
        """Builds the graph whose states are pairs of neighbours.

        Any three neighbours stand in their best order.
        """
        old = self._graph
        arcs = state_graph_making.build_from_pairs(self._jobs, old, _graph(0, 0), False)
        graph = _graph(int(old.first[old.job.size - 1]) + 2, arcs)
        state_graph_making.build_from_pairs(self._jobs, old, graph, True)
        return States(self._jobs, graph)

    def compute_spans(self) -> NDArray[np.float64]:
        """Returns the share of states within each job's span.

        The span is between the job's first and last state; splitting the job doubles at most these states.
        """
        jobs, number = self._graph.job, np.arange(self._graph.job.size)
        ends = np.zeros((2, self._visits.size), np.int64)
        # Of repeated indices the last assignment counts.
        ends[0, jobs[::-1]] = number[::-1]
        ends[1, jobs] = number
        spans: NDArray[np.float64] = (ends[1] - ends[0])[: self.visits.size] / number.size
        return spans

    def split(self, job: int) -> None:
        """Adds to the state whether a job was visited.

        Each walk then visits the job once.
        """
        states, arcs = self._graph.job.size, self.size
        graph = _graph(2 * states, 2 * arcs)
        left = state_graph.split_states(self._graph, job, graph, np.empty((states, 2), np.int32))
        self._take(_cut(graph, *left))

    def _take(self, graph: Graph) -> None:
        states = graph.job.size
        self._graph = graph
        self._number = np.empty(states, np.int32)
        self._heads, self._tails = _make_walks(states), _make_walks(states)


def _pad(multiplier: Integers) -> Integers:
    """Returns values with those of source and sink."""
    return np.append(multiplier, [0, 0])


def _graph(states: int, arcs: int) -> Graph:
    if states * STATE_BYTES + arcs * ARC_BYTES > MEMORY_BYTES:
        raise NoRoom
    fields = (np.empty(states, np.int64) for _ in range(4))
    return Graph(np.empty(states + 1, np.int64), np.empty(arcs, np.int32), *fields)


def _cut(graph: Graph, states: int, arcs: int) -> Graph:
    return Graph(graph.first[: states + 1], graph.tail[:arcs], *(field[:states] for field in graph[2:]))


def _make_walks(states: int) -> Walks:
    prices, neighbours = (np.empty((3, states), np.int64), np.empty((2, states), np.int32))
    return Walks(*prices, *neighbours)
