"""Reading where nothing can be written: projections are caught up in temporary tables, for one reader, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Table, text

__all__ = ["overlaid"]


@contextmanager
def overlaid(connection: Connection, tables: Sequence[Table]) -> Iterator[None]:
    """Put copies of `tables` in front of them, which can be written even if the database is read-only.

    Statements that name a table mean its temporary copy, until the end of the block.
    """
    for table in tables:
        copying = f"CREATE TEMP TABLE {table.name} AS SELECT * FROM main.{table.name}"  # noqa: S608 - our own names
        connection.execute(text(copying))
    try:
        yield
    finally:
        for table in tables:
            connection.execute(text(f"DROP TABLE temp.{table.name}"))
