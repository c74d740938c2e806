"""The course of a run: its best gap against what was used."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from gapsmith.agent.archive import Archive, CallRow, CandidateRow
from gapsmith.agent.archive.safety.cells import find_types
from gapsmith.evaluators.outcomes import CandidateOutcome

SLOTS = text(
    "SELECT slot, program, train_gap, validation_gap, gate, charged, operator FROM candidates "
    "WHERE run = :run AND slot >= 0 ORDER BY slot"
).columns(
    **find_types(
        CandidateRow, "slot", "program", "train_gap", "validation_gap", "gate", "charged", "operator"
    )
)
PRICES = text("SELECT slot, usd, seconds FROM calls WHERE run = :run ORDER BY slot").columns(
    **find_types(CallRow, "slot", "usd", "seconds")
)
FAILURES = text(
    "SELECT outcome, count(*), max(slot) FROM candidates WHERE run = :run GROUP BY outcome ORDER BY 2 DESC"
).columns(**find_types(CandidateRow, "outcome"))
MESSAGES = text(
    "SELECT slot, program, operator, model, message FROM candidates WHERE run = :run AND outcome = :outcome "
    "ORDER BY slot DESC LIMIT :limit"
).columns(**find_types(CandidateRow, "slot", "program", "operator", "model", "message"))


@dataclass(frozen=True)
class Step:
    """A program that was the best so far.

    Attributes:
        gap: in percent.
        calls: answered requests until then.
        waited: seconds for which models took to answer, added up.
    """

    slot: int
    program: int
    gap: float
    evaluations: int
    calls: int
    usd: float
    waited: float


@dataclass(frozen=True)
class Course:
    """Programs that were the best so far, and where the run stands.

    Attributes:
        training: best in training.
        validation: champions: those that passed the gate.
        last: what has been used until now, with the gap of the best in training.
        rule: gap in training of the best reference rule; None before one is scored.
        priced: whether the price of every call is known.
    """

    training: tuple[Step, ...]
    validation: tuple[Step, ...]
    last: Step | None
    rule: float | None
    priced: bool


def trace_course(store: Archive, run: int) -> Course:
    """Traces the best programs of a run.

    Every slot is read once, from an index that holds these columns alone.
    """
    with store.engine.connect() as connection:
        prices = _Prices(connection, run)
        return _fold_slots(connection.execute(SLOTS, {"run": run}), prices)


class _Prices:
    """What calls up to a slot have cost."""

    def __init__(self, connection: Connection, run: int) -> None:
        self._rows: Iterator[Any] = iter(connection.execute(PRICES, {"run": run}).all())
        self._next = next(self._rows, None)
        self.calls, self.usd, self.waited, self.known = 0, 0.0, 0.0, True

    def advance(self, slot: int) -> None:
        """Adds the calls of all slots up to this one."""
        while self._next is not None and self._next[0] <= slot:
            _, usd, seconds = self._next
            self.known = self.known and usd is not None
            self.calls, self.usd, self.waited = self.calls + 1, self.usd + (usd or 0.0), self.waited + seconds
            self._next = next(self._rows, None)


def _fold_slots(rows: Iterable[Any], prices: _Prices) -> Course:
    training: list[Step] = []
    validation: list[Step] = []
    evaluations, rule = 0, None
    at: tuple[int, int | None] | None = None

    def mark(slot: int, program: int | None, gap: float) -> Step:
        prices.advance(slot)
        return Step(slot, program or 0, gap, evaluations, prices.calls, prices.usd, prices.waited)

    for row in rows:
        number, program, train, checked, gate, charged, operator = row
        at = number, program
        evaluations += charged
        if train is not None and operator == "rule":
            rule = train if rule is None else min(rule, train)
        if train is not None and (not training or train < training[-1].gap):
            training.append(mark(number, program, train))
        if gate == "passed" and checked is not None:
            validation.append(mark(number, program, checked))
    last = mark(at[0], training[-1].program, training[-1].gap) if at and training else None
    return Course(tuple(training), tuple(validation), last, rule, prices.known)


@dataclass(frozen=True)
class FailureKind:
    """Slots that failed alike, and the latest of them."""

    outcome: str
    count: int
    latest: tuple[tuple[int, int | None, str, str, str], ...]


def list_failures(store: Archive, run: int, limit: int = 5) -> list[FailureKind]:
    """Lists the kinds of failure of a run with their latest messages."""
    with store.engine.connect() as connection:
        kinds = connection.execute(FAILURES, {"run": run}).all()
        return [
            FailureKind(outcome, count, _read_messages(connection, run, outcome, limit))
            for outcome, count, _ in kinds
            if CandidateOutcome(outcome).is_failure
        ]


def _read_messages(connection: Connection, run: int, outcome: str, limit: int) -> Any:
    rows = connection.execute(MESSAGES, {"run": run, "outcome": outcome, "limit": limit})
    return tuple(tuple(row) for row in rows)
