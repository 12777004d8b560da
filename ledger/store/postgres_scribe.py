"""Appends on PostgreSQL: a batch that goes on with sessions is one statement, and one that begins some is a few.

Rows are given as arrays in the order of their keys, and are locked in that order: so two batches that share sessions
meet at the first of them, one waits, and neither waits for the other. The statements name one session a row and need no
trigger, so they run unchanged where the tables are distributed by session.
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

#: Said once on a connection that appends: whatever the tables hold, each row is found by its key, in the given order.
PREPARING = "; ".join(
    f"SET {name}"
    for name in (
        "enable_hashjoin = off",
        "enable_mergejoin = off",
        "enable_seqscan = off",
        "plan_cache_mode = force_generic_plan",
    )
)

_types: Any = PGDialect_psycopg().type_compiler_instance  # type: ignore[no-untyped-call]  # it has no types


class PostgresScribe:
    """Writes appends by psycopg. A batch that only goes on with sessions is one statement, and so one round trip."""

    def in_one_statement(self, appends: Sequence[Append]) -> bool:
        """Tell whether `write` sends these as one statement: then it needs no transaction around it."""
        return all(append.key is None and append.before.version for append in appends)

    def write(self, connection: Any, appends: Sequence[Append]) -> list[bool]:
        """Append each event whose head has not moved, as `Scribe` says.

        Raises:
            HeadMoved: if an imported session took the id of one that begins here, at the same moment.
        """
        if self.in_one_statement(appends):
            moved = _uids(_go_on(connection, appends))
            return [append.entry.session_uid in moved for append in appends]
        with _in_pipeline(connection):
            taken = _keyed(connection, [append for append in appends if append.key is not None])
            left = [append for append in appends if (append.entry.session_uid, append.key) not in taken]
            # All are sent before the answer of any is waited for.
            going_on = _go_on(connection, [append for append in left if append.before.version])
            beginning = [append for append in left if not append.before.version]
            creating = _send(connection, _CREATE, [_head(append) for append in beginning])
            _send(connection, _BEGIN_SESSION, [_session(append) for append in beginning])
            # Behind their own claim, which an import of a session with such an id waits for.
            claimed = _uids(_send(connection, _OF_IDS, [(append.session_id,) for append in beginning]))
            created = _uids(creating)
            if claimed - {append.entry.session_uid for append in beginning}:
                raise HeadMoved
            begun = [append for append in beginning if append.entry.session_uid in created]
            _send(connection, _INSERT_EVENTS, [append.event_row for append in begun])
            _send(connection, _INSERT_PAYLOADS, [append.payload_row for append in begun])
            _send(connection, _INSERT_QUEUE, [_queued(append) for append in begun])
            moved = created | _uids(going_on)
        return [append.entry.session_uid in moved for append in appends]


def _go_on(connection: Any, appends: Sequence[Append]) -> Any:
    """Send the events of sessions that go on, and the heads that they make, as one statement."""
    if len(appends) != 1:
        return _send(connection, _GO_ON_ALL, [_row(append) for append in appends])
    # Arrays of one would cost more than the rest of it.
    return _execute(connection, _GO_ON, _row(appends[0]))


def _uids(answer: Any) -> set[bytes]:
    return set() if answer is None else {uid for (uid,) in answer.fetchall()}


def _in_pipeline(connection: Any) -> AbstractContextManager[Any]:
    """Give the pipeline mode; where it is on already, entering it again would only wait for all that was sent."""
    return nullcontext() if connection.pgconn.pipeline_status else connection.in_one_go()


def _send(connection: Any, statement: str, rows: Sequence[tuple[Any, ...]]) -> Any:
    """Send a statement with these rows, a column an array, and give what its answer can be read from."""
    if not rows:
        return None
    return _execute(connection, statement, [list(column) for column in zip(*rows, strict=True)])


def _execute(connection: Any, statement: str, values: Sequence[Any]) -> Any:
    """Send a statement, and wait for nothing; it is planned once for a connection."""
    answer = connection.cursor(binary=True).execute(statement, values, prepare=True)
    connection.flush()
    return answer


def _keyed(connection: Any, appends: Sequence[Append]) -> set[tuple[bytes, str]]:
    """Give the keys that were saved with before: a retry from a copy that has not seen its own save."""
    answer = _send(connection, _OF_KEYS, [(append.entry.session_uid, append.key) for append in appends])
    return set() if answer is None else {(uid, key) for uid, key in answer.fetchall()}


def _row(append: Append) -> tuple[Any, ...]:
    after = append.after
    tombstone = None if after.alive else after.version
    return (*append.event_row, *append.payload_row[2:], tombstone, after.life_version, append.open_questions)


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


_OF_EVENT, _OF_PAYLOAD = events.columns.keys(), payloads.columns.keys()
#: What one row of `_row` says.
_ROW = (
    *((events, name) for name in _OF_EVENT),
    *((payloads, name) for name in _OF_PAYLOAD[2:]),
    *((heads, name) for name in ("tombstone", "life", "open_questions")),
)


def _going_on(given: str) -> str:
    # One statement, so that an event is written if, and only if, its head has moved to it.
    return (
        f"WITH given ({', '.join(name for _, name in _ROW)}) AS ({given}), moved AS ("  # noqa: S608 - our own names
        "UPDATE heads SET version = given.version, leaf = given.leaf,"
        " tombstone = coalesce(given.tombstone, heads.tombstone), life = given.life,"
        " open_questions = given.open_questions FROM given WHERE heads.session_uid = given.session_uid"
        " AND heads.version = given.version - 1 AND heads.leaf = given.prev_leaf RETURNING heads.session_uid"
        f"), event AS (INSERT INTO events ({', '.join(_OF_EVENT)})"
        f" SELECT {', '.join(_OF_EVENT)} FROM given JOIN moved USING (session_uid)"
        f"), payload AS (INSERT INTO payloads ({', '.join(_OF_PAYLOAD)})"
        f" SELECT {', '.join(_OF_PAYLOAD)} FROM given JOIN moved USING (session_uid))"
        " INSERT INTO feed_queue (session_uid, version, leaf)"
        " SELECT session_uid, version, leaf FROM given JOIN moved USING (session_uid) RETURNING session_uid"
    )


_GO_ON = _going_on(f"SELECT {', '.join(f'%b::{_types.process(table.c[name].type)}' for table, name in _ROW)}")
_GO_ON_ALL = _going_on(f"SELECT * FROM unnest({', '.join(_array(table, name) for table, name in _ROW)})")  # noqa: S608 - likewise
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
