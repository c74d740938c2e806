"""Proven optima of 1‖ΣwjTj, each with its sequence.

The cost of every sequence is computed again.

Successive sublimation (Ibaraki and Nakamura 1994; Tanaka, Fujikuma and Araki 2009): a Lagrangian relaxation of
"each job once" is solved as a shortest walk, its multipliers are raised, whatever cannot be part of a sequence
cheaper than the best known one is ruled out, and what is left is refined, until nothing is left or the walk is a
sequence. Multipliers are integers in a fine scale, so that every bound is exact.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Baseline, GapsmithError

if TYPE_CHECKING:
    from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.local_search import Jobs
    from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.relaxations import Relaxation

Integers: TypeAlias = "NDArray[np.int64]"
Floats: TypeAlias = "NDArray[np.float64]"
IntegerList: TypeAlias = "Sequence[int] | NDArray[np.integer]"

SCALE = 1024
"""Multipliers are whole multiples of 1/SCALE, coarser where prices would leave 64 bits."""

LARGEST_SUM = 1 << 57
"""No price may reach this value."""

DESCENTS, REPAIRS = 200, 20
"""Descents of the local search at the start, and from each sequence that a walk suggests."""

FIRST_SHARE = 0.3
"""Part of the time limit that the first descents may take, so that there is a bound, too."""

LEAST_SPAN = 0.05
"""What a job's span counts at least where jobs are chosen to be split: imbalance per growth of the graph."""

SLICE, LARGE = 20, 300
"""Descents between two looks at the clock; one where there are more jobs than that."""

SLICE_PRICES = 1 << 27
"""Jobs priced anew in one descent, at most: some tenths of a second; no descent of up to 300 jobs needs as many."""


@dataclass(frozen=True)
class Solved:
    """The result of the search.

    Attributes:
        sequence: job numbers in processing order.
        total: total weighted tardiness of `sequence`.
        lower: what no sequence costs less than.
    """

    sequence: list[int]
    total: int
    lower: int

    @property
    def proven(self) -> bool:
        """Whether no sequence costs less."""
        return self.lower == self.total


@dataclass(frozen=True)
class Ascent:
    """Parameters of the ascent.

    A subgradient method with Polyak's steps and a memory of former directions.

    Attributes:
        rounds: most steps.
        step: the first share of Polyak's step; halved after `patience` steps without gain.
        patience: see there.
        least: share at which the ascent ends.
        memory: part of the former direction in the next.
    """

    rounds: int
    step: float
    patience: int = 15
    least: float = 0.02
    memory: float = 0.7


FIRST, SECOND, THIRD, LATER = Ascent(500, 1.0), Ascent(300, 0.5), Ascent(200, 0.5), Ascent(30, 0.3)
"""On the time-indexed relaxation, the graph of states, that of pairs, and after each job that is split."""


def compute_weighted_tardiness(
    p: IntegerList, w: IntegerList, d: IntegerList, sequence: Sequence[int]
) -> int:
    """Prices a sequence of all jobs, started at time zero."""
    completion = total = 0
    for job in sequence:
        completion += int(p[job])
        total += int(w[job]) * max(0, completion - int(d[job]))
    return total


def solve_by_sublimation(p: IntegerList, w: IntegerList, d: IntegerList, seconds: float = 60.0) -> Solved:
    """Solves 1‖ΣwjTj by successive sublimation.

    Args:
        p: processing times, integers of at least 0, shape (n,).
        w: weights, integers of at least 0, shape (n,).
        d: due dates, integers of either sign, shape (n,).
        seconds: limit of CPU time of this thread; looked at between two steps of an ascent, compilation not counted.

    Raises:
        GapsmithError: the arguments are not such integers.
        AssertionError: the sequence does not cost what the search claims: a bug in this module.
    """
    processing, weight, due = _check_arguments(p, w, d)
    instant, weightless = processing == 0, (processing > 0) & (weight == 0)
    jobs = np.flatnonzero(~(instant | weightless))
    # Between two jobs of which one is no longer, due no later and no lighter, the order is this one.
    jobs = jobs[np.lexsort((-weight[jobs], due[jobs], processing[jobs]))]
    _compile()
    search = _Search(processing[jobs], weight[jobs], due[jobs], seconds)
    search.run()
    # A job without length delays no other job at the start; one without weight costs nothing at the end.
    ends = (np.flatnonzero(instant).tolist(), np.flatnonzero(weightless).tolist())
    sequence = ends[0] + [int(jobs[number]) for number in search.sequence] + ends[1]
    total = compute_weighted_tardiness(p, w, d, sequence)
    constant = compute_weighted_tardiness(p, w, d, ends[0])
    if total != search.upper + constant or sorted(sequence) != list(range(len(p))):
        raise AssertionError(
            f"bug in sublimation: claims {search.upper + constant}, its sequence costs {total}; please report"
        )
    return Solved(sequence, total, search.lower + constant)


def _check_arguments(p: IntegerList, w: IntegerList, d: IntegerList) -> tuple[Integers, Integers, Integers]:
    arrays = [np.asarray(values) for values in (p, w, d)]
    shapes = [array.shape for array in arrays]
    if arrays[0].ndim != 1 or len(set(shapes)) > 1:
        raise GapsmithError(f"p, w and d have shapes {shapes}; expected one number per job in each")
    if arrays[0].size and not all(np.issubdtype(array.dtype, np.integer) for array in arrays):
        raise GapsmithError(f"p, w and d are {[str(array.dtype) for array in arrays]}; expected integers")
    for name, array in (("takes", arrays[0]), ("weighs", arrays[1])):
        if (array < 0).any():
            raise GapsmithError(f"job {int(np.argmin(array))} {name} {array.min()}; expected at least 0")
    processing, weight, due = (array.astype(np.int64) for array in arrays)
    return processing, weight, due


@cache
def _compile() -> None:
    """Compiles or loads what a search needs.

    No instance's time limit is then spent on it.
    """
    from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.local_search import (
        Jobs,
        iterate,
    )
    from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.relaxations import (
        StartTimes,
        States,
    )

    order = np.arange(3)
    jobs = Jobs(order + 1, order + 1, 2 * order)
    iterate(jobs, order.copy(), order.copy(), order.copy(), 1, 1, 1)
    table = StartTimes(jobs, 1)
    _run_kernels(table)
    graph = States.build_after(table)
    _run_kernels(graph)
    graph = graph.pair_states()
    graph.split(0)
    _run_kernels(graph)


def _run_kernels(relaxation: "Relaxation") -> None:
    relaxation.find_shortest_walk(np.zeros(3, np.int64))
    relaxation.prune(np.zeros(3, np.int64), LARGEST_SUM)


class _Stop(Exception):
    """The bounds meet, or the time is over."""


class _Search:
    """The bounds of one instance, and their closing.

    Jobs have positive lengths and weights.

    Attributes:
        sequence: the best one known.
        upper: what it costs.
        lower: what no sequence costs less than.
    """

    def __init__(self, processing: Integers, weight: Integers, due: Integers, seconds: float) -> None:
        from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact import (
            local_search as weighted_descent,
        )

        self._descent = weighted_descent
        self._jobs: Jobs = weighted_descent.Jobs(processing, weight, due)
        begin = time.thread_time()
        self._first, self._deadline = begin + FIRST_SHARE * seconds, begin + seconds
        self.sequence = [int(job) for job in np.argsort(due, kind="stable")]
        self.upper = compute_weighted_tardiness(processing, weight, due, self.sequence)
        self.lower = 0
        self._imbalance = np.zeros(processing.size)

    def run(self) -> None:
        """Closes the gap between the bounds, within time and memory."""
        from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.relaxations import NoRoom

        try:
            self._improve(self.sequence, DESCENTS, self._first)
            self._refine()
        except (_Stop, NoRoom):
            return

    def _improve(self, sequence: list[int], descents: int, until: float = float("inf")) -> None:
        """Searches around a sequence and keeps a better one.

        It ends when the CPU clock of this thread shows `until`.
        """
        best = np.array(sequence, np.int64)
        order, completion = np.empty_like(best), np.empty_like(best)
        attempts = max(1, SLICE_PRICES // max(1, best.size**2))
        rounds = SLICE if best.size <= LARGE else 1
        for seed in range(1, descents // SLICE + 1):
            cost = int(self._descent.iterate(self._jobs, best, order, completion, rounds, seed, attempts))
            if cost < self.upper:
                self.upper, self.sequence = cost, [int(job) for job in best]
            self._look()
            if time.thread_time() > until:
                return

    def _look(self) -> None:
        if self.lower == self.upper or time.thread_time() > self._deadline:
            raise _Stop

    def _refine(self) -> None:
        """Goes from relaxation to relaxation.

        Each starts with what the former has left.
        """
        from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.relaxations import (
            StartTimes,
            States,
        )

        self._scale, self._steepest = self._choose_scales()
        table = StartTimes(self._jobs, self._scale)
        multiplier = self._ascend(table, self._estimate_savings(), FIRST)
        graph = States.build_after(table)
        multiplier = self._ascend(graph, multiplier, SECOND)
        graph = graph.pair_states()
        multiplier = self._ascend(graph, multiplier, THIRD)
        whole = set(range(len(self.sequence)))
        while whole:
            worth = self._imbalance / (LEAST_SPAN + graph.compute_spans())
            job = max(whole, key=lambda job: float(worth[job]))
            whole.remove(job)
            graph.split(job)
            multiplier = self._ascend(graph, multiplier, LATER)
        raise AssertionError(
            "bug in sublimation: a walk visits each job once and is no sequence; please report"
        )

    def _choose_scales(self) -> tuple[int, int]:
        """Returns the scale of costs and the largest multiplier.

        No price then reaches LARGEST_SUM, and no sum 2^63.
        """
        horizon, scale = int(self._jobs.processing.sum()), SCALE
        steepest = int(self._jobs.weight.sum()) * (horizon + int(np.abs(self._jobs.due).max()))
        while scale * 2 * steepest * horizon >= LARGEST_SUM:
            if scale == 1:
                raise _Stop
            scale //= 2
        return scale, scale * steepest

    def _estimate_savings(self) -> Floats:
        """Returns multipliers to start from.

        They are what the best known sequence would save without each job.
        """
        jobs, order = self._jobs, np.array(self.sequence)
        length, completion = jobs.processing[order], np.cumsum(jobs.processing[order])
        late = completion - jobs.due[order]
        cost = jobs.weight[order] * np.maximum(0, late)
        earlier = jobs.weight[order] * np.maximum(0, late - length[:, None])
        savings = np.empty(order.size)
        savings[order] = cost + np.triu(cost - earlier, 1).sum(axis=1)
        return self._scale * savings

    def _ascend(self, relaxation: "Relaxation", start: Floats, ascent: Ascent) -> Floats:
        """Raises the multipliers, prunes, and returns the best ones.

        Raises _Stop when the instance is settled.
        """
        multiplier, step, failures = start, ascent.step, 0
        best, best_multiplier, pruned, direction = -np.inf, start, -np.inf, np.zeros_like(start)
        for _ in range(ascent.rounds):
            target = self._scale * self.upper
            bound = self._bound(relaxation, multiplier)
            failures += 1
            if bound > best:
                failures = failures if bound - best < 5e-4 * (target - best) else 0
                best, best_multiplier = bound, multiplier
            if target - bound < 0.97 * (target - pruned):
                pruned = bound
                self._prune(relaxation, multiplier)
            if failures >= ascent.patience:
                multiplier, direction, failures, step = best_multiplier, 0 * direction, 0, step / 2
                if step < ascent.least:
                    break
                continue
            gradient = 1.0 - relaxation.visits
            self._imbalance += 0.1 * (np.abs(gradient) - self._imbalance)
            direction = gradient + ascent.memory * direction
            length = step * (target - bound) / max(1e-9, float(direction @ direction))
            multiplier = np.clip(multiplier + length * direction, -self._steepest, self._steepest)
        self._improve(self._repair_walk(relaxation.order()), REPAIRS)
        return best_multiplier

    def _bound(self, relaxation: "Relaxation", multiplier: Floats) -> int:
        """Records the scaled bound by these multipliers.

        Raises _Stop when it settles the instance.
        """
        from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.time_indexed import NEVER

        paid = np.rint(multiplier).astype(np.int64)
        price = int(relaxation.find_shortest_walk(paid))
        bound = price + int(paid.sum())
        if price == NEVER or bound > self._scale * (self.upper - 1):
            # Costs are integers: there is none between this bound and the best known.
            self.lower = self.upper
        else:
            self.lower = max(self.lower, -(-bound // self._scale))
            if (relaxation.visits == 1).all():
                self.lower = self.upper = bound // self._scale
                self.sequence = relaxation.order()
        self._look()
        return bound

    def _prune(self, relaxation: "Relaxation", multiplier: Floats) -> None:
        """Removes what no sequence better than the best known needs."""
        paid = np.rint(multiplier).astype(np.int64)
        relaxation.prune(paid, self._scale * (self.upper - 1) - int(paid.sum()))

    def _repair_walk(self, walk: list[int]) -> list[int]:
        """Turns a walk into a sequence.

        Jobs come by their first visit; those that the walk leaves out follow.
        """
        return list(dict.fromkeys(walk + self.sequence))


def solve_weighted_tardiness(p: IntegerList, w: IntegerList, d: IntegerList, seconds: float) -> Baseline:
    """Solves within the CPU limit, or returns bounds and a sequence."""
    _compile()
    start = time.thread_time()
    solved = solve_by_sublimation(p, w, d, seconds)
    return Baseline(solved.lower, solved.total, solved.sequence, "sublimation", time.thread_time() - start)
