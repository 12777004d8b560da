"""Rows of one session, read in order a span of versions at a time.

A server is asked for the next span before the rows of this one are looked at, so that it unpacks payloads while they
are decoded here. PostgreSQL sends as much as the socket takes and goes on when that is read.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select

__all__ = ["spans"]

#: So many versions are asked for at once,
SPAN = 500
#: and so many of a server: of common size they fill the buffer of a socket, and more would wait there for the client.
SPAN_AHEAD = 32


def spans(
    connection: Connection, statement: Select[Any], uid: bytes, after: int, upto: int
) -> Generator[Sequence[Sequence[Any]]]:
    """Give the rows of a session with `after < version <= upto`, some at a time; close it before the transaction ends.

    Args:
        connection: in a reading transaction.
        statement: takes ``uid``, ``after`` and ``upto``; of columns whose values the driver gives as they are needed.
        uid: the key of the session.
        after: the version before the first one.
        upto: the last version.
    """
    if connection.dialect.name == "postgresql":
        yield from _ahead(connection, statement, uid, after, upto)
        return
    for first, last in _bounds(after, upto, SPAN):
        # To the end before any is looked at: a cursor that is left half read, by an error, spoils the next one's rows.
        yield connection.execute(statement, {"uid": uid, "after": first, "upto": last}).all()


def _ahead(
    connection: Connection, statement: Select[Any], uid: bytes, after: int, upto: int
) -> Generator[Sequence[Sequence[Any]]]:
    driver: Any = connection.connection.dbapi_connection
    query = _compiled(statement)

    def ask(first: int, last: int) -> Any:
        answer = driver.cursor(binary=True).execute(query, {"uid": uid, "after": first, "upto": last}, prepare=True)
        driver.flush()
        return answer

    with driver.in_one_go():
        answer: Any = None
        for first, last in _bounds(after, upto, SPAN_AHEAD):
            rows = None if answer is None else answer.fetchall()
            answer = ask(first, last)
            if rows is not None:
                yield rows
        if answer is not None:
            yield answer.fetchall()


def _bounds(after: int, upto: int, size: int) -> Iterator[tuple[int, int]]:
    for first in range(after, upto, size):
        yield first, min(first + size, upto)


@cache
def _compiled(statement: Select[Any]) -> str:
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg  # noqa: PLC0415 - for servers alone

    # Not by the connection's own dialect, of which each ledger that is opened has another: they would all be kept.
    return str(statement.compile(dialect=PGDialect_psycopg()))  # type: ignore[no-untyped-call]  # it has no types
