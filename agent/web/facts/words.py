"""Word problems: samples of programs, their answers and votes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from gapsmith.agent.archive import Archive, CallRow, CandidateRow, Event
from gapsmith.agent.archive.safety.cells import find_types

PAGE = 100
REPAIRS = 100_000
"""Slots of repairs are numbered from here on, by sample."""

SAMPLES = text(
    "SELECT c.slot, c.operator, c.program, c.outcome, c.message, e.detail FROM candidates c "
    "LEFT JOIN events e ON e.run = c.run AND e.slot = c.slot AND e.kind = 'verdict' "
    "WHERE c.run = :run ORDER BY c.slot % 100000, c.slot LIMIT :limit OFFSET :skip"
).columns(
    **find_types(CandidateRow, "slot", "operator", "program", "outcome", "message"),
    **find_types(Event, "detail", optional=True),
)
COUNT = text("SELECT count(*) FROM candidates WHERE run = :run")
QUESTION = text("SELECT prompt FROM calls WHERE run = :run ORDER BY slot LIMIT 1").columns(
    **find_types(CallRow, "prompt")
)


@dataclass(frozen=True)
class SampleRow:
    """A program that a model wrote for a question, and its answer."""

    slot: int
    operator: str
    program: int | None
    outcome: str
    message: str
    verdict: Mapping[str, Any] | None

    @property
    def objective(self) -> float | None:
        """Its value; None without an answer."""
        return (self.verdict or {}).get("objective")

    @property
    def status(self) -> str:
        """What it says of its value: "optimal", "infeasible" and so on."""
        return str((self.verdict or {}).get("status") or "")


def list_samples(store: Archive, run: int, page: int) -> tuple[list[SampleRow], int]:
    """Lists a page of the samples of a run, and counts all."""
    values = {"run": run, "limit": PAGE, "skip": PAGE * (page - 1)}
    with store.engine.connect() as connection:
        rows = [SampleRow(*row) for row in connection.execute(SAMPLES, values)]
        return rows, int(connection.execute(COUNT, {"run": run}).scalar() or 0)


def read_question(store: Archive, run: int) -> str:
    """Returns the first prompt of a run, which holds its question."""
    with store.engine.connect() as connection:
        return str(connection.execute(QUESTION, {"run": run}).scalar() or "")


def count_votes(rows: Sequence[SampleRow]) -> list[tuple[str, float | None, int]]:
    """Counts the last answers of each sample, the most frequent first."""
    last = {row.slot % REPAIRS: row for row in sorted(rows, key=lambda row: row.slot) if row.status}
    votes = Counter((row.status, row.objective) for row in last.values())
    return [(status, objective, count) for (status, objective), count in votes.most_common()]
