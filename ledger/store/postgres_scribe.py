"""Appends on PostgreSQL: a batch is one statement a table, and all of it takes two round trips with its commit.

Rows are given as arrays in the order of their keys, and a lane's connection plans without hash joins: so two batches
that share sessions meet at the first of them, one waits, and neither waits for the other. The statements name one
session a row and need no trigger, so they run unchanged where the tables are distributed by session.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from ledger.store.appending import Append, HeadMoved
from ledger.store.tables import events, feed_queue, heads, payloads, sessions

__all__ = ["PREPARING", "PostgresScribe"]

#: Said once on a connection whose batches must lock their rows in order.
PREPARING = "SET enable_hashjoin = off"

_types: Any = PGDialect_psycopg().type_compiler_instance  # type: ignore[no-untyped-call]  # it has no types


class PostgresScribe:
    """Writes appends by psycopg, in its pipeline mode: the transaction is under way in it."""

    def write(self, connection: Any, appends: Sequence[Append]) -> list[bool]:
        """Append each event whose head has not moved, as `Scribe` says.

        Raises:
            HeadMoved: if an imported session took the id of one that begins here, at the same moment.
        """
        with _in_pipeline(connection):
            taken = _keyed(connection, [append for append in appends if append.key is not None])
            left = [append for append in appends if (append.entry.session_uid, append.key) not in taken]
            # Both are sent before the answer of either is waited for.
            moving = _send(connection, _MOVE, [_move(append) for append in left if append.before.version])
            beginning = [append for append in left if not append.before.version]
            creating = _send(connection, _CREATE, [_head(append) for append in beginning])
            _send(connection, _BEGIN_SESSION, [_session(append) for append in beginning])
            claimed = _claims(connection, beginning)
            moved = {uid for answer in (moving, creating) if answer is not None for (uid,) in answer.fetchall()}
            own = {append.entry.session_uid for append in beginning}
            if claimed is not None and any(uid not in own for (uid,) in claimed.fetchall()):
                raise HeadMoved
            written = [append for append in left if append.entry.session_uid in moved]
            _send(connection, _INSERT_EVENTS, [append.event_row for append in written])
            _send(connection, _INSERT_PAYLOADS, [append.payload_row for append in written])
            _send(connection, _INSERT_QUEUE, [_queued(append) for append in written])
        return [append.entry.session_uid in moved and append in written for append in appends]


def _in_pipeline(connection: Any) -> AbstractContextManager[Any]:
    """Give the pipeline mode; where it is on already, entering it again would only wait for all that was sent."""
    return nullcontext() if connection.pgconn.pipeline_status else connection.in_one_go()


def _send(connection: Any, statement: str, rows: Sequence[tuple[Any, ...]]) -> Any:
    """Send a statement with these rows, a column an array, and give what its answer can be read from."""
    if not rows:
        return None
    answer = connection.cursor(binary=True).execute(statement, [list(column) for column in zip(*rows, strict=True)])
    connection.flush()
    return answer


def _keyed(connection: Any, appends: Sequence[Append]) -> set[tuple[bytes, str]]:
    """Give the keys that were saved with before: a retry from a copy that has not seen its own save."""
    answer = _send(connection, _OF_KEYS, [(append.entry.session_uid, append.key) for append in appends])
    return set() if answer is None else {(uid, key) for uid, key in answer.fetchall()}


def _claims(connection: Any, beginning: Sequence[Append]) -> Any:
    """Ask which sessions have the ids of those that begin, behind their own claim, which an import waits for."""
    if not beginning:
        return None
    return connection.cursor(binary=True).execute(_OF_IDS, [[append.session_id for append in beginning]])


def _move(append: Append) -> tuple[Any, ...]:
    before, after = append.before, append.after
    was = (append.entry.session_uid, before.version, append.entry.prev_leaf)
    tombstone = None if after.alive else after.version
    return (*was, after.version, append.leaf, tombstone, after.life_version, append.open_questions)


def _head(append: Append) -> tuple[Any, ...]:
    after = append.after
    return (append.entry.session_uid, after.version, append.leaf, 0, after.life_version, append.open_questions)


def _session(append: Append) -> tuple[Any, ...]:
    entry = append.entry
    return (entry.session_uid, append.session_id, entry.ledger_id, entry.recorded_at_us)


def _queued(append: Append) -> tuple[Any, ...]:
    return (append.entry.session_uid, append.entry.version, append.leaf)


def _array(table: Table, name: str) -> str:
    return f"%b::{_types.process(table.c[name].type)}[]"


def _insertion(table: Table, names: Sequence[str] = ()) -> str:
    columns = list(names or table.columns.keys())
    arrays = ", ".join(_array(table, name) for name in columns)
    return f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608 - our own names


_MOVED = ("session_uid", "version", "leaf", "version", "leaf", "tombstone", "life", "open_questions")
_MOVE = (
    "UPDATE heads SET version = given.version, leaf = given.leaf,"  # noqa: S608 - our own names
    " tombstone = coalesce(given.tombstone, heads.tombstone), life = given.life, open_questions = given.open_questions"
    f" FROM unnest({', '.join(_array(heads, name) for name in _MOVED)})"
    " AS given (session_uid, was_version, was_leaf, version, leaf, tombstone, life, open_questions)"
    " WHERE heads.session_uid = given.session_uid AND heads.version = given.was_version"
    " AND heads.leaf = given.was_leaf RETURNING heads.session_uid"
)
_CREATE = f"{_insertion(heads)} ON CONFLICT DO NOTHING RETURNING session_uid"
_BEGIN_SESSION = f"{_insertion(sessions)} ON CONFLICT DO NOTHING"
_OF_IDS = "SELECT session_uid FROM sessions WHERE session_id = ANY(%b)"
_OF_KEYS = (
    "SELECT events.session_uid, events.key FROM events"  # noqa: S608 - our own names
    f" JOIN unnest({_array(events, 'session_uid')}, {_array(events, 'key')}) AS given (session_uid, key)"
    " ON events.session_uid = given.session_uid AND events.key = given.key"
)
_INSERT_EVENTS = _insertion(events)
_INSERT_PAYLOADS = _insertion(payloads)
_INSERT_QUEUE = _insertion(feed_queue, ("session_uid", "version", "leaf"))
