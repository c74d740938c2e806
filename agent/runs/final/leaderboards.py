"""Pareto front and portfolio of a run's programs.

The front is of gap, CPU time and size; the portfolio is a set of complementary programs, of which the best of k runs
is taken.

Both are chosen by the training instances and priced on others, so that the figures are unbiased.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gapsmith.agent.archive import Archive
from gapsmith.agent.evaluation.leading import ALL
from gapsmith.agent.evaluation.scores import Known, Scorer, list_costs
from gapsmith.agent.runs.final.pareto import FrontPoint, find_front, thin_front
from gapsmith.agent.search.instances import InstanceSet
from gapsmith.evaluators.base import Number
from gapsmith.evaluators.running.assess import Assessment
from gapsmith.evaluators.scoring import Scale, Score, collect_costs

MOST = 5


def choose_complementary(
    scale: Scale, costs: Sequence[Sequence[Number]], limit: int = MOST, first: Sequence[int] = ()
) -> list[int]:
    """Chooses complementary programs greedily, until none adds anything.

    Args:
        scale: of the instances.
        costs: one row per program, one column per instance.
        limit: number of programs at most.
        first: places that are chosen already.
    """
    losses = np.array([scale.compute_losses(row) for row in costs]).reshape(len(costs), -1)
    best: NDArray[np.float64] = np.full(losses.shape[1], np.inf)
    chosen = list(first)
    for place in chosen:
        best = np.minimum(best, losses[place])
    while len(chosen) < min(limit, len(costs)):
        sums = np.minimum(losses, best).sum(axis=1)
        place = int(sums.argmin())  # the first of equal ones
        if not sums[place] < best.sum():
            break
        chosen.append(place)
        best = np.minimum(best, losses[place])
    return chosen


def pool_gaps(scale: Scale, costs: Sequence[Sequence[Number]]) -> list[float]:
    """Computes the pooled gap of the best of k, per k."""
    rows = np.array(costs, dtype=float)
    losses = np.array([scale.compute_losses(row) for row in costs])
    found = []
    for k in range(1, len(costs) + 1):
        best = rows[losses[:k].argmin(axis=0), np.arange(rows.shape[1])]
        found.append(scale.compute_pooled_gap([float(cost) for cost in best]))
    return found


ON_FRONT = 12
"""Programs of the front in training that are priced."""


@dataclass(frozen=True)
class Member:
    """One program of a set that is run as a whole.

    Attributes:
        program: its number in the archive.
        name: of a reference rule, else empty.
        gap: pooled gap in percent of the best of this program and those before it: with k members, k runs.
    """

    program: int
    name: str
    gap: float


@dataclass(frozen=True)
class Boards:
    """The leaderboards of a run.

    Attributes:
        front: none of these is worse than another in gap, time and size at once; the winner is there in any case.
        together: at most five, in the order of choice; the winner is the first.
    """

    front: tuple[FrontPoint, ...] = ()
    together: tuple[Member, ...] = ()


def make_leaderboards(
    run: int, winner: int, train: InstanceSet, bench: InstanceSet, scorer: Scorer
) -> Boards:
    """Makes the leaderboards of all programs of a run that solved training.

    Args:
        run: its number.
        winner: the number of the program that it hands over.
        train: what the programs are chosen by.
        bench: what they are priced on.
        scorer: runs programs.
    """
    solved = _find_solved(run, train, scorer.archive, scorer.problem.name)
    place = next((k for k, (known, _, _) in enumerate(solved) if known.program == winner), None)
    first = [] if place is None else [place]
    pareto = list(dict.fromkeys([*(solved[k][0] for k in first), *_select_training_front(solved, train)]))
    members = [
        solved[k][0]
        for k in choose_complementary(train.scale, [costs for _, costs, _ in solved], first=first)
    ]
    programs = list(dict.fromkeys([*pareto, *members]))
    results = dict(zip(programs, scorer.run(programs, bench.instances), strict=True))
    points = [
        _make_point(p, costs, results[p].scores, bench) for p in pareto if (costs := list_costs(results[p]))
    ]
    return Boards(_make_front(points, winner), _choose_members(members, [results[p] for p in members], bench))


Solved = list[tuple[Known, Sequence[Number], list[Score]]]


def _find_solved(run: int, train: InstanceSet, archive: Archive, problem: str) -> Solved:
    programs = [Known.build(*pair) for pair in archive.read_elites(problem, ALL, run)]
    digests = [instance.digest for instance in train.instances]
    scores = archive.read_score_table([known.program for known in programs], digests)
    found = ((known, collect_costs(scores[known.program], train.instances)) for known in programs)
    return [(known, costs, list(scores[known.program].values())) for known, costs in found if costs]


def _select_training_front(solved: Solved, train: InstanceSet) -> list[Known]:
    """Selects the programs of the front in training."""
    by_number = {known.program: known for known, _, _ in solved}
    points = find_front(_make_point(known, costs, scores, train) for known, costs, scores in solved)
    return [by_number[point.program] for point in thin_front(points, ON_FRONT)]


def _make_front(points: Sequence[FrontPoint], winner: int) -> tuple[FrontPoint, ...]:
    """Makes the front, and adds the winner even if it is dominated."""
    best = {point.program for point in find_front(points)} | {winner}
    return tuple(sorted((point for point in points if point.program in best), key=lambda point: point.gap))


def _make_point(
    known: Known, costs: Sequence[Number], scores: Sequence[Score], bench: InstanceSet
) -> FrontPoint:
    seconds = sum(score.cpu_seconds for score in scores) / len(scores)
    return FrontPoint(known.program, known.name, bench.scale.compute_pooled_gap(costs), seconds, known.size)


def _choose_members(
    members: Sequence[Known], results: Sequence[Assessment], bench: InstanceSet
) -> tuple[Member, ...]:
    """Selects the members that solve all instances, in order of choice."""
    solved = [
        (m, costs) for m, r in zip(members, results, strict=True) if (costs := list_costs(r)) is not None
    ]
    gaps = pool_gaps(bench.scale, [costs for _, costs in solved])
    return tuple(Member(m.program, m.name, gap) for (m, _), gap in zip(solved, gaps, strict=True))
