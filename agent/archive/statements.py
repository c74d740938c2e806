"""Statements that are carried out for every candidate: made and compiled once, then given to the driver as text.

SQLAlchemy says the same each time, in whichever database's words; to have it say so takes longer than the
database takes to do it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement

Row = Mapping[str, Any]


class Statement:
    """A statement as its database understands it.

    Args:
        engine: of the database.
        statement: of which only the values change.
        columns: which values an insertion has; those that the statement names by default.
    """

    def __init__(
        self, engine: Engine, statement: ClauseElement, columns: Sequence[str] | None = None
    ) -> None:
        compiled = statement.compile(dialect=engine.dialect, column_keys=columns)
        assert isinstance(compiled, SQLCompiler)  # as statements on tables are
        self._text, self._places = str(compiled), compiled.positiontup
        self._converted = _converters(compiled)

    def __call__(self, connection: Connection, *rows: Row) -> CursorResult[Any]:
        """Carries it out with the values of a row, or of each of several."""
        values = [self._values(row) for row in rows]
        return connection.exec_driver_sql(self._text, values if len(values) > 1 else values[0])

    def _values(self, row: Row) -> Any:
        """In the driver's order, or by name where it wants names; what a column writes in its own way, so written."""
        if self._converted:
            row = {**row, **{name: convert(row[name]) for name, convert in self._converted.items()}}
        return row if self._places is None else tuple([row[name] for name in self._places])


def _converters(compiled: SQLCompiler) -> dict[str, Callable[[Any], Any]]:
    """How values become what the driver takes, by name, for columns such as JSON's."""
    found: dict[str, Callable[[Any], Any]] = {}
    for name, value in compiled.binds.items():
        convert = value.type.dialect_impl(compiled.dialect).bind_processor(compiled.dialect)
        if convert is not None:
            found[name] = convert
    return found
