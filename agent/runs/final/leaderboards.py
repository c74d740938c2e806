"""Two leaderboards beside the winner: what quality costs in time and length, and programs that complement each other.

Both are chosen by the training instances and priced on others, so that they flatter nobody.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gapsmith.agent.archive import Archive, CandidateRow, Program, RunRow
from gapsmith.agent.evaluation.scores import Measuring, costs_in
from gapsmith.agent.runs.final.pareto import FrontPoint, front, thinned
from gapsmith.agent.search.instances import Bench
from gapsmith.agent.search.portfolio import complementary, pooled_together
from gapsmith.evaluators.assess import Assessment
from gapsmith.evaluators.base import Number
from gapsmith.evaluators.scoring import Score, costs_of

ON_FRONT = 12
"""Programs of the front in training that are priced."""
ALL = 1_000_000


@dataclass(frozen=True)
class Known:
    """A program of a run.

    Attributes:
        program: its number in the archive.
        source: its code.
        size: nodes of its syntax tree.
        name: of a reference rule, else empty.
    """

    program: int
    source: str
    size: int
    name: str = ""

    @classmethod
    def of(cls, program: Program, row: CandidateRow) -> "Known":
        """From the archive's rows."""
        return cls(program.id or 0, program.source, program.size, row.name)


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


def leading(
    archive: Archive, problem: str | None, run: int | None, limit: int, version: str | None = None
) -> list[CandidateRow]:
    """Returns the best programs of an archive by their gap in validation, else in training.

    No program of a run stands before its winner: that was chosen among them by more instances.

    Args:
        archive: what is remembered.
        problem: of one problem only.
        run: of one run only.
        limit: how many at most.
        version: of the problem; that of its latest run by default. Gaps of different versions do not compare.
    """
    wanted = archive.comparable(problem, version) if run is None else [run]
    runs = [row for row in archive.runs() if row.id in wanted and problem in (None, row.problem)]
    ranked = [pair for row in reversed(runs) for pair in _ranked(archive, row, limit)]
    found: dict[int | None, CandidateRow] = {}
    for _, row in sorted(ranked, key=lambda pair: pair[0]):
        found.setdefault(row.program, row)
    return list(found.values())[:limit]


def _ranked(archive: Archive, run: RunRow, limit: int) -> Iterator[tuple[tuple[float, float], CandidateRow]]:
    """Yields the programs of a run with their rank: that of the winner, or one behind it."""
    winner = winner_of(archive, run)
    least = gap_of(winner) if winner else -math.inf
    if winner:
        yield (least, -math.inf), winner
    for row in archive.by_gap(run.id or 0, limit):
        yield (max(gap_of(row), least), gap_of(row)), row


def winner_of(archive: Archive, run: RunRow) -> CandidateRow | None:
    """Returns the candidate that a finished run handed over; None of any other run."""
    best = (run.report or {}).get("best") or {}
    births = archive.births(best["id"]) if "id" in best else []
    return next((row for row in births if row.run == run.id and row.train_gap is not None), None)


def gap_of(row: CandidateRow) -> float:
    """The gap in validation, else in training; percent."""
    found = row.train_gap if row.validation_gap is None else row.validation_gap
    return math.inf if found is None else found


def boards(run: int, winner: int, train: Bench, bench: Bench, by: Measuring) -> Boards:
    """Makes the leaderboards of all programs of a run that solved training.

    Args:
        run: its number.
        winner: the number of the program that it hands over.
        train: what the programs are chosen by.
        bench: what they are priced on.
        by: runs programs.
    """
    solved = _solved(run, train, by.archive, by.problem.name)
    place = next((k for k, (known, _, _) in enumerate(solved) if known.program == winner), None)
    first = [] if place is None else [place]
    pareto = list(dict.fromkeys([*(solved[k][0] for k in first), *_fitting(solved, train)]))
    members = [
        solved[k][0] for k in complementary(train.scale, [costs for _, costs, _ in solved], first=first)
    ]
    programs = list(dict.fromkeys([*pareto, *members]))
    results = dict(zip(programs, by.run(programs, bench.instances), strict=True))
    points = [_point(p, costs, results[p].scores, bench) for p in pareto if (costs := costs_in(results[p]))]
    return Boards(_front(points, winner), _together(members, [results[p] for p in members], bench))


Solved = list[tuple[Known, Sequence[Number], list[Score]]]


def _solved(run: int, train: Bench, archive: Archive, problem: str) -> Solved:
    programs = [Known.of(*pair) for pair in archive.elites(problem, ALL, run)]
    digests = [instance.digest for instance in train.instances]
    scores = archive.costs([known.program for known in programs], digests)
    found = ((known, costs_of(scores[known.program], train.instances)) for known in programs)
    return [(known, costs, list(scores[known.program].values())) for known, costs in found if costs]


def _fitting(solved: Solved, train: Bench) -> list[Known]:
    """The programs of the front in training."""
    by_number = {known.program: known for known, _, _ in solved}
    points = front(_point(known, costs, scores, train) for known, costs, scores in solved)
    return [by_number[point.program] for point in thinned(points, ON_FRONT)]


def _front(points: Sequence[FrontPoint], winner: int) -> tuple[FrontPoint, ...]:
    """The front, and the winner, which was chosen by other instances and may be dominated on these."""
    best = {point.program for point in front(points)} | {winner}
    return tuple(sorted((point for point in points if point.program in best), key=lambda point: point.gap))


def _point(known: Known, costs: Sequence[Number], scores: Sequence[Score], bench: Bench) -> FrontPoint:
    seconds = sum(score.cpu_seconds for score in scores) / len(scores)
    return FrontPoint(known.program, known.name, bench.scale.pooled(costs), seconds, known.size)


def _together(members: Sequence[Known], results: Sequence[Assessment], bench: Bench) -> tuple[Member, ...]:
    """The members that solve all instances, in the order of choice."""
    solved = [(m, costs) for m, r in zip(members, results, strict=True) if (costs := costs_in(r)) is not None]
    gaps = pooled_together(bench.scale, [costs for _, costs in solved])
    return tuple(Member(m.program, m.name, gap) for (m, _), gap in zip(solved, gaps, strict=True))
