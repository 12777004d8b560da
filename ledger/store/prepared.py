"""A statement that is compiled once: what runs on every save does not go through the compiler's caches again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect, Executable
from sqlalchemy.sql.compiler import SQLCompiler

__all__ = ["Prepared"]


class Prepared:
    """A Core statement as the driver's own text. Its values are given by name, as the driver takes them."""

    def __init__(self, statement: Executable, dialect: Dialect, columns: list[str] | None = None) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=columns)  # type: ignore[attr-defined]  # any statement
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - of a statement, not of a schema
        self.sql = str(compiled)
        self._order = compiled.positiontup

    def run(self, connection: Connection, values: dict[str, Any]) -> CursorResult[Any]:
        """Execute with these values, in the transaction of `connection`."""
        if self._order is None:
            return connection.exec_driver_sql(self.sql, values)
        return connection.exec_driver_sql(self.sql, tuple([values[name] for name in self._order]))
