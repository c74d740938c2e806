"""Ranks the programs of an archive by their gaps."""

import math
from collections.abc import Iterator, Sequence

from gapsmith.agent.archive import Archive, CandidateRow, RunRow
from gapsmith.evaluators.base import SMALL

ALL = 1_000_000


def rank_programs(
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

    Nor do gaps of different scales: of each problem, the runs at the scale of the latest one are ranked.
    """
    wanted = archive.list_comparable_runs(problem, version) if run is None else [run]
    runs = [row for row in archive.list_runs() if row.id in wanted and problem in (None, row.problem)]
    runs = runs if run is not None else _select_latest_scales(runs)
    ranked = [pair for row in reversed(runs) for pair in _rank_run(archive, row, limit)]
    found: dict[int | None, CandidateRow] = {}
    for _, row in sorted(ranked, key=lambda pair: pair[0]):
        found.setdefault(row.program, row)
    return list(found.values())[:limit]


def _select_latest_scales(runs: Sequence[RunRow]) -> list[RunRow]:
    """Selects the runs at the scale of their problem's latest run.

    Args:
        runs: the latest first.
    """
    latest: dict[str, str] = {}
    for row in runs:
        latest.setdefault(row.problem, _find_scale(row))
    return [row for row in runs if _find_scale(row) == latest[row.problem]]


def _find_scale(run: RunRow) -> str:
    return str(run.config.get("scale", SMALL))


def _rank_run(
    archive: Archive, run: RunRow, limit: int
) -> Iterator[tuple[tuple[float, float], CandidateRow]]:
    """Yields the programs of a run, none ranked before its winner."""
    winner = find_winner(archive, run)
    least = find_gap(winner) if winner else -math.inf
    if winner:
        yield (least, -math.inf), winner
    for row in archive.rank_by_gap(run.id or 0, limit):
        yield (max(find_gap(row), least), find_gap(row)), row


def find_winner(archive: Archive, run: RunRow) -> CandidateRow | None:
    """Returns the winner of a finished run; None of any other."""
    best = (run.report or {}).get("best") or {}
    births = archive.list_births(best["id"]) if "id" in best else []
    return next((row for row in births if row.run == run.id and row.train_gap is not None), None)


def find_gap(row: CandidateRow) -> float:
    """Returns the gap in validation, else in training; percent."""
    found = row.train_gap if row.validation_gap is None else row.validation_gap
    return math.inf if found is None else found
