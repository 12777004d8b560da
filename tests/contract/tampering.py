"""Altering a database behind the ledger's back, as someone would who can write to its file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Table, inspect, select

from ledger.store.tables import events, feed, heads, payloads, sessions
from tests.contract.faces import Book

__all__ = ["RECORD", "alter", "altered", "drop_triggers", "rows_of", "spoiled"]

#: The tables that hold the record; everything else is made from them.
RECORD = (sessions, heads, events, payloads, feed)
#: Those that are append-only.
GUARDED = ("events", "payloads", "usage_records")


def drop_triggers(book: Book) -> None:
    """Take the guards away that refuse UPDATE and DELETE."""
    if book.on_server:
        book.execute(*(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in GUARDED))
        return
    for (name,) in book.query("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
        book.execute(f"DROP TRIGGER {name}")


def alter(value: Any, *, of_key: bool = False) -> Any:
    """Give the nearest value that is another: one bit of one byte, one character, one more, or a free number."""
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    if isinstance(value, str):
        return value[:-1] + ("!" if value.endswith("}") else "}") if value else "x"
    return 1 if value is None else value + (1000 if of_key else 1)


@contextmanager
def altered(book: Book, table: Table, key: dict[str, Any], column: str) -> Iterator[None]:
    """Let one value of one row be another for a while."""
    where = [table.c[name] == value for name, value in key.items()]
    with book.database.read() as connection:
        was = connection.execute(select(table.c[column]).where(*where)).scalar_one()
    now = alter(was, of_key=column in key)
    with book.database.write() as connection:
        connection.execute(table.update().where(*where).values({column: now}))
    yield
    moved = [table.c[name] == (now if name == column else value) for name, value in key.items()]
    with book.database.write() as connection:
        connection.execute(table.update().where(*moved).values({column: was}))


@contextmanager
def spoiled(book: Book, table: Table, key: dict[str, Any], column: str) -> Iterator[None]:
    """Let one value of one row be of another type for a while, as a database without strict types allows."""
    where = " AND ".join(f"{name} = {_literal(value)}" for name, value in key.items())
    ((kind,),) = book.query(f"SELECT typeof({column}) FROM {table} WHERE {where}")
    other = {"integer": "'one'", "blob": "'text'", "text": "x'fffe'", "null": "x'ff'"}[kind]
    book.execute(
        "DROP TABLE IF EXISTS aside",
        f"CREATE TABLE aside AS SELECT * FROM {table}",
        f"UPDATE {table} SET {column} = {other} WHERE {where}",
    )
    yield
    book.execute(f"DELETE FROM {table}", f"INSERT INTO {table} SELECT * FROM aside")


def _literal(value: Any) -> str:
    return f"x'{value.hex()}'" if isinstance(value, bytes) else repr(value)


def rows_of(book: Book, table: Table) -> list[dict[str, Any]]:
    """Give the primary keys of all rows."""
    names = [column.name for column in inspect(table).primary_key]
    with book.database.read() as connection:
        return [dict(row) for row in connection.execute(select(*(table.c[name] for name in names))).mappings()]
