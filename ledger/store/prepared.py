"""Statements as the driver's own text: what runs on every save does not go through the compiler again."""

from __future__ import annotations

from sqlalchemy import Dialect, Executable
from sqlalchemy.sql.compiler import SQLCompiler

__all__ = ["Prepared"]


class Prepared:
    """A Core statement, compiled once. Its values are given as a tuple, in the order of `names`."""

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]  # any statement
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - of a statement, not of a schema
        assert compiled.positiontup is not None  # noqa: S101 - of a driver whose parameters have no names
        self.sql = str(compiled)
        self.names = tuple(compiled.positiontup)
