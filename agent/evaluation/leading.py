"""Ranks the programs of an archive by their gaps."""

import math
from collections.abc import Iterator

from gapsmith.agent.archive import Archive, CandidateRow, RunRow

ALL = 1_000_000


def leading(
    archive: Archive, problem: str | None, run: int | None, limit: int, version: str | None = None
) -> list[CandidateRow]:
    """Ranks the best programs by validation gap, else training gap.

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
    """Yields the programs of a run, none ranked before its winner."""
    winner = winner_of(archive, run)
    least = gap_of(winner) if winner else -math.inf
    if winner:
        yield (least, -math.inf), winner
    for row in archive.by_gap(run.id or 0, limit):
        yield (max(gap_of(row), least), gap_of(row)), row


def winner_of(archive: Archive, run: RunRow) -> CandidateRow | None:
    """Returns the winner of a finished run; None of any other."""
    best = (run.report or {}).get("best") or {}
    births = archive.births(best["id"]) if "id" in best else []
    return next((row for row in births if row.run == run.id and row.train_gap is not None), None)


def gap_of(row: CandidateRow) -> float:
    """Returns the gap in validation, else in training; percent."""
    found = row.train_gap if row.validation_gap is None else row.validation_gap
    return math.inf if found is None else found
