"""Checks what is read from the archive, cell by cell.

Every column of the archive's tables has the type `Cell`: it reads what the column's own type reads, and refuses what
gapsmith would not have written there. So a file that was changed by hand, or damaged, ends in one named error.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary, ref

from sqlalchemy import Column, Dialect, Engine, Table
from sqlalchemy.types import JSON, String, TypeDecorator, TypeEngine

from gapsmith.agent.archive.safety.shapes import find_misfit
from gapsmith.evaluators.base import GapsmithError
from gapsmith.sandbox import Level

LONGEST = 60
"""Characters of a wrong value that are shown."""

LAST_SECOND = 253_402_300_800
"""The end of the year 9999, in seconds since the epoch."""

MOST_SLOTS = 2**31

LIMITS: Mapping[str, tuple[float, float]] = {
    "slot": (-1, MOST_SLOTS),
    "isolation": (min(Level), max(Level)),
    "started": (0, LAST_SECOND),
    "made": (0, LAST_SECOND),
    "found": (0, LAST_SECOND),
    "expires": (0, LAST_SECOND),
    "reward": (-math.inf, math.inf),
    "cost": (-math.inf, math.inf),
    "lower": (-math.inf, math.inf),
    "upper": (-math.inf, math.inf),
    "optimum": (-math.inf, math.inf),
    "train_gap": (-math.inf, math.inf),
    "validation_gap": (-math.inf, math.inf),
}
"""The least and the largest value by column; elsewhere numbers are finite and at least 0."""

OPTIONAL_DATA = ("runs.report", "baselines.solution", "run_bounds.solution", "counterexamples.data")
"""JSON columns that may be empty."""


class StoredEvent(Protocol):
    """A row of the table of events."""

    run: int
    slot: int
    kind: str
    detail: dict[str, Any]


Checked = TypeVar("Checked", bound=StoredEvent)


class DamagedCell(GapsmithError):
    """A cell of the archive holds what gapsmith does not write.

    Args:
        location: the archive.
        place: table, row and column.
        found: the value.
        expected: what would be right.
    """

    def __init__(self, location: str, place: str, found: object, expected: str) -> None:
        shown = "nothing" if found is None else repr(found)
        shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"
        super().__init__(
            f"archive {location}: {place}: found {shown}, expected {expected}; the archive was damaged, or changed "
            "by hand: restore a copy"
        )


class Cell(TypeDecorator[Any]):
    """The type of a column, which checks each value.

    Args:
        stored: the column's own type.
        place: table and column, as "runs.seed".
        optional: whether the column may be empty.
    """

    impl = String
    cache_ok = True

    def __init__(self, stored: TypeEngine[Any], place: str, optional: bool) -> None:
        super().__init__()
        self.impl = stored  # type: ignore[assignment]  # the column's own type, as SQLAlchemy makes it, too
        self.stored = stored
        self.place, self.optional = place, optional

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        """Returns the type of a value that a column is compared with."""
        return self.stored.coerce_compared_value(op, value)

    def copy(self, **_: Any) -> "Cell":
        """Copies the type."""
        return Cell(self.stored, self.place, self.optional)

    def make_optional(self) -> "Cell":
        """Returns the type of a column that a join may leave empty."""
        return Cell(self.stored, self.place, True)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Makes the function that reads a value of the column."""
        read = self.stored.dialect_impl(dialect).result_processor(dialect, coltype)
        find_fault = _choose_check(self.place, self.stored)

        def process(value: Any) -> Any:
            if value is None and self.optional:
                return None
            try:
                found = value if read is None or value is None else read(value)
            except (ValueError, TypeError, RecursionError):
                found, fault = None, "JSON"
            else:
                fault = "" if found is None and self.optional else find_fault(found)
            if fault:
                raise _locate(dialect, self.place, value, fault)
            return found

        return process


def _choose_check(place: str, stored: TypeEngine[Any]) -> Callable[[Any], str]:
    """Makes the function that describes what a wrong value should be."""
    _, _, name = place.partition(".")
    least, most = LIMITS.get(name, (0, math.inf))
    kind = (stored.impl_instance if isinstance(stored, TypeDecorator) else stored).python_type
    if isinstance(stored, JSON):
        return lambda value: _find_json_fault(place, value)
    if kind is str:
        return lambda value: "" if type(value) is str else "text"
    words = _describe_limits("a whole number" if kind is int else "a number", least, most)
    if kind is int:
        return lambda value: "" if type(value) is int and least <= value <= most else words
    finite = name not in LIMITS
    return lambda value: (
        ""
        if type(value) in (int, float) and least <= value <= most and not (finite and value == math.inf)
        else words
    )


def _find_json_fault(place: str, value: object) -> str:
    if misfit := find_misfit(place, value):
        return f"JSON of another shape ({misfit})"
    return ""


def _describe_limits(words: str, least: float, most: float) -> str:
    if least == -math.inf:
        return words
    return f"{words} from {least:g} on" if most == math.inf else f"{words} from {least:g} to {most:g}"


# Where


_OPENED: WeakKeyDictionary[Dialect, tuple["ref[Engine]", str]] = WeakKeyDictionary()
"""The open archives, so that an error can say in which row a value stands."""


def remember_engine(engine: Engine, location: str) -> None:
    """Remembers an open archive, for the errors about its cells."""
    _OPENED[engine.dialect] = ref(engine), location


def _locate(dialect: Dialect, place: str, value: object, expected: str) -> DamagedCell:
    table, _, column = place.partition(".")
    known, location = _OPENED.get(dialect, (lambda: None, "?"))
    engine = known()
    row = _find_row(engine, table, column, value) if engine is not None else ""
    return DamagedCell(location, f"{table}{row}, {column}", value, expected)


def _find_row(engine: Engine, table: str, column: str, value: object) -> str:
    """Names the first row with that value; empty without one."""
    if engine.dialect.name != "sqlite":
        return ""
    keys = [key.name for key in KEYS[table]]
    query = f'SELECT {", ".join(keys)} FROM {table} WHERE "{column}" IS ? LIMIT 1'
    with engine.connect() as connection:
        found = connection.exec_driver_sql(query, (value,)).first()
    return "" if found is None else f" row {describe_row(table, dict(zip(keys, found, strict=True)))}"


def describe_row(table: str, values: Mapping[str, Any]) -> str:
    """Names a row by its key."""
    words = {name: str(value)[:LONGEST] for name, value in values.items()}
    return words["id"] if [*words] == ["id"] else ", ".join(f"{name} {word}" for name, word in words.items())


KEYS: dict[str, tuple[Column[Any], ...]] = {}
"""The key of each table."""


def check_columns(tables: Iterable[Table]) -> None:
    """Gives every column of the tables the type `Cell`."""
    for table in tables:
        KEYS[table.name] = tuple(table.primary_key.columns)
        for column in table.columns:
            place = f"{table.name}.{column.name}"
            optional = place in OPTIONAL_DATA if isinstance(column.type, JSON) else bool(column.nullable)
            column.type = Cell(column.type, place, optional)


def find_types(table: type[Any], *names: str, optional: bool = False) -> dict[str, Cell]:
    """Returns the types of columns by name, for a query in SQL.

    Args:
        table: the table's class.
        names: of its columns.
        optional: whether a join may leave them empty.
    """
    types = {name: table.__table__.columns[name].type for name in names}
    return {name: each.make_optional() if optional else each for name, each in types.items()}


def check_detail(location: str, run: int, slot: int, kind: str, detail: object) -> None:
    """Checks the data of an event. Raises DamagedCell."""
    if misfit := find_misfit(kind.split(" ")[0].rstrip(","), detail):
        place = f"events row run {run}, slot {slot}, kind {kind!r:.60}, detail"
        raise DamagedCell(location, place, detail, f"JSON of another shape ({misfit})")


def check_events(location: str, events: list[Checked]) -> list[Checked]:
    """Checks the data of events, and returns them. Raises DamagedCell."""
    for event in events:
        check_detail(location, event.run, event.slot, event.kind, event.detail)
    return events
