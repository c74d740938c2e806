"""Hashes the decisions of a run, so that runs can be compared."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Row

from gapsmith.agent.archive.queries import CANDIDATES, EVENTS, HASHES

CHUNK = 500
"""Maximum number of values in one query, and of rows that are loaded at a time."""


def _read_verdicts(connection: Connection, run: int) -> Iterator[list[Any]]:
    """Yields the results of the slots, with programs by their hashes.

    The numbers of programs depend on what the archive held before.
    """
    streamed = connection.execute(CANDIDATES, {"run": run}, execution_options={"yield_per": CHUNK})
    for rows in streamed.partitions():
        wanted = {number for row in rows for number in (*row.parents, row.program)}
        hashes = _read_hashes(connection, sorted(wanted - {None}))
        for row in rows:
            yield _verdict(row, hashes)


def _verdict(row: Row[Any], hashes: Mapping[int | None, str]) -> list[Any]:
    return [
        row.slot,
        row.arm,
        row.operator,
        [hashes[parent] for parent in row.parents],
        hashes.get(row.program),
        row.behaviour,
        row.outcome,
        row.train_gap,
        row.validation_gap,
        row.charged,
    ]


def _read_decisions(connection: Connection, run: int) -> Iterator[list[Any]]:
    streamed = connection.execute(EVENTS, {"run": run}, execution_options={"yield_per": CHUNK})
    return ([event.slot, event.kind, event.detail] for event in streamed)


def _read_hashes(connection: Connection, programs: Sequence[int]) -> dict[int | None, str]:
    rows = (connection.execute(HASHES, {"programs": some}) for some in _split_chunks(programs))
    return {row.id: row.hash for row in chain.from_iterable(rows)}


def _split_chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


def _clamp_number(number: int) -> int:
    """Returns the number, or -1 where the database cannot hold it."""
    return number if abs(number) < 1 << 63 else -1
