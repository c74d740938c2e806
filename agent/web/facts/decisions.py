"""Decisions of a run: of the gate, of races, of the end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from gapsmith.agent.archive import Archive, CandidateRow, Event
from gapsmith.agent.archive.safety.cells import check_detail, find_types

PAGE = 100

GATE = text(
    "SELECT e.slot, e.detail, c.program, c.operator, c.name, c.model, c.validation_gap FROM events e "
    "LEFT JOIN candidates c ON c.run = e.run AND c.slot = e.slot "
    "WHERE e.run = :run AND e.kind = 'gate' ORDER BY e.slot LIMIT :limit OFFSET :skip"
).columns(
    **find_types(Event, "slot", "detail"),
    **find_types(CandidateRow, "program", "operator", "name", "model", "validation_gap", optional=True),
)
KINDS = text(
    "SELECT kind, count(*) FROM events WHERE run = :run AND slot >= 0 GROUP BY kind ORDER BY 2 DESC LIMIT 50"
).columns(**find_types(Event, "kind"))
LATEST = text(
    "SELECT e.slot, e.kind, e.detail, c.program, c.operator, c.name FROM events e "
    "LEFT JOIN candidates c ON c.run = e.run AND c.slot = e.slot "
    "WHERE e.run = :run AND e.slot >= 0 ORDER BY e.slot DESC, e.id DESC LIMIT :limit OFFSET :skip"
).columns(
    **find_types(Event, "slot", "kind", "detail"),
    **find_types(CandidateRow, "program", "operator", "name", optional=True),
)


@dataclass(frozen=True)
class GateDecision:
    """A decision of the gate and the program that it is about."""

    slot: int
    detail: Mapping[str, Any]
    program: int | None
    operator: str
    name: str
    model: str
    gap: float | None


@dataclass(frozen=True)
class SlotDecision:
    """A decision about a slot."""

    slot: int
    kind: str
    detail: Mapping[str, Any]
    program: int | None
    operator: str
    name: str


def list_gate_decisions(store: Archive, run: int, page: int) -> list[GateDecision]:
    """Lists a page of the gate's decisions, in order."""
    values = {"run": run, "limit": PAGE, "skip": PAGE * (page - 1)}
    with store.engine.connect() as connection:
        found = [GateDecision(*row) for row in connection.execute(GATE, values)]
    for each in found:
        check_detail(store.location, run, each.slot, "gate", each.detail)
    return found


def count_kinds(store: Archive, run: int) -> dict[str, int]:
    """Counts the decisions of a run by kind."""
    with store.engine.connect() as connection:
        return {str(kind): int(count) for kind, count in connection.execute(KINDS, {"run": run})}


def list_latest(store: Archive, run: int, page: int) -> list[SlotDecision]:
    """Lists a page of all decisions about slots, the latest first."""
    values = {"run": run, "limit": PAGE, "skip": PAGE * (page - 1)}
    with store.engine.connect() as connection:
        found = [SlotDecision(*row) for row in connection.execute(LATEST, values)]
    for each in found:
        check_detail(store.location, run, each.slot, each.kind, each.detail)
    return found
