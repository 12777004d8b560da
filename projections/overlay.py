"""Reading where nothing can be written: projections are caught up in temporary tables, for one reader, once."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table, text

__all__ = ["overlay"]


def overlay(connection: Connection, tables: Sequence[Table]) -> None:
    """Put copies of `tables` in front of them, which can be written even if the database is read-only.

    Statements that name a table mean its temporary copy, until the transaction ends, which is one for scratch.
    """
    for table in tables:
        key = ", ".join(column.name for column in table.primary_key)
        # Our own names. Before it is there, the copy's name means the table.
        connection.execute(text(f"CREATE TEMPORARY TABLE {table.name} AS SELECT * FROM {table.name}"))  # noqa: S608
        connection.execute(text(_KEYS[connection.dialect.name].format(table=table.name, key=key)))


_KEYS = {
    "sqlite": "CREATE UNIQUE INDEX temp.{table}_key ON {table} ({key})",
    "postgresql": "CREATE UNIQUE INDEX ON pg_temp.{table} ({key})",
}
