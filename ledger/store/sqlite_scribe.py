"""Appends on SQLite, where one writer commits at a time: an append writes its entry of the feed itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.dialects.sqlite import dialect

from ledger.domain.chain import NO_LEAF, feed_digest
from ledger.store.appending import Append
from ledger.store.tables import events, feed, heads, payloads, sessions

__all__ = ["SqliteScribe"]

#: So many rows go into one statement: 64 of 14 columns are fewer than the 999 values that every SQLite takes.
MAX_ROWS = 64


class SqliteScribe:
    """Writes appends by the driver's own statements: a few for a whole batch, whatever its size.

    The driver lets go of the interpreter's lock in each row that it is given one by one, and where another thread has
    work it gets the lock back after the switch interval: 5 ms, which 64 saves of four rows would wait for 256 times.
    """

    def __init__(self) -> None:
        self._sql = _sql()

    def in_one_statement(self, appends: Sequence[Append]) -> bool:
        """A statement of SQLite writes to one table."""
        del appends
        return False

    def write(self, connection: Any, appends: Sequence[Append]) -> list[bool]:
        """Append each event whose head has not moved, as `Scribe` says."""
        cursor = connection.cursor()
        moved = self._all_moved(cursor, appends) or [self._moves(cursor, append) for append in appends]
        written = [append for append, has_moved in zip(appends, moved, strict=True) if has_moved]
        if written:
            _insert(cursor, self._sql.insert_event, [append.event_row for append in written])
            _insert(cursor, self._sql.insert_payload, [append.payload_row for append in written])
            self._feed(cursor, written)
        return moved

    def _all_moved(self, cursor: Any, appends: Sequence[Append]) -> list[bool] | None:
        """Move the heads of a batch together; `None`, and nothing moved, if some of them cannot be moved so."""
        if len(appends) == 1 or any(append.key is not None or not append.before.version for append in appends):
            return None
        cursor.execute("SAVEPOINT batch")
        count = 0
        for rows in _chunks([_move(append) for append in appends]):
            count += cursor.execute(_moving(len(rows)), list(chain.from_iterable(rows))).rowcount
        if count != len(appends):
            cursor.execute("ROLLBACK TO batch")
        cursor.execute("RELEASE batch")
        return [True] * count if count == len(appends) else None

    def _moves(self, cursor: Any, append: Append) -> bool:
        uid = append.entry.session_uid
        # A retry from a copy that has not seen its own save: looked up before anything else is decided.
        if append.key is not None and cursor.execute(self._sql.of_key, (uid, append.key)).fetchone():
            return False
        if append.before.version:
            return bool(cursor.execute(_moving(1), _move(append)).rowcount)
        # In here nobody can take the id any more: not by a save, and not by an import.
        if cursor.execute(self._sql.of_id, (append.session_id,)).fetchone():
            return False
        after, entry = append.after, append.entry
        head = (uid, after.version, append.leaf, 0, after.life_version, append.open_questions)
        if not cursor.execute(self._sql.create, head).rowcount:
            return False
        cursor.execute(self._sql.insert_session, (uid, append.session_id, entry.ledger_id, entry.recorded_at_us))
        return True

    def _feed(self, cursor: Any, written: Sequence[Append]) -> None:
        # Positions come out dense and in the order of the commits, since one writer commits at a time.
        position, digest = cursor.execute(self._sql.last_fed).fetchone() or (0, NO_LEAF)
        rows = []
        for append in written:
            entry = append.entry
            position += 1
            digest = feed_digest(digest, position, entry.session_uid, entry.version, append.leaf)
            rows.append((position, entry.session_uid, entry.version, digest))
        _insert(cursor, self._sql.insert_feed, rows)


def _move(append: Append) -> tuple[Any, ...]:
    before, after = append.before, append.after
    tombstone = None if after.alive else after.version
    now = (after.version, append.leaf, tombstone, after.life_version, append.open_questions)
    return (*now, append.entry.session_uid, before.version, append.entry.prev_leaf)


def _insert(cursor: Any, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if len(rows) == 1:
        cursor.execute(statement, rows[0])
        return
    for chunk in _chunks(rows):
        cursor.execute(_inserting(statement, len(chunk)), list(chain.from_iterable(chunk)))


def _chunks(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Give the rows in as few chunks as there are ones in the binary form of their number, for few statements."""
    start = 0
    while left := len(rows) - start:
        size = min(MAX_ROWS, 1 << (left.bit_length() - 1))
        yield rows[start : start + size]
        start += size


@cache
def _inserting(statement: str, count: int) -> str:
    """Give a statement that inserts one row for so many."""
    before, values, row = statement.partition(" VALUES ")
    return before + values + ", ".join([row] * count)


@cache
def _moving(count: int) -> str:
    """Give the statement that moves so many heads, each from the version and leaf that it was at."""
    row = "(?, ?, ?, ?, ?, ?, ?, ?)"
    return (
        "WITH given (version, leaf, tombstone, life, open_questions, uid, was_version, was_leaf)"  # noqa: S608 - no names
        f" AS (VALUES {', '.join([row] * count)})"
        " UPDATE heads SET version = given.version, leaf = given.leaf, life = given.life,"
        " tombstone = coalesce(given.tombstone, heads.tombstone), open_questions = given.open_questions"
        " FROM given WHERE heads.session_uid = given.uid"
        " AND heads.version = given.was_version AND heads.leaf = given.was_leaf"
    )


_LAST_FED = select(feed.c.position, feed.c.digest).where(
    feed.c.position == select(func.max(feed.c.position)).scalar_subquery()
)
_OF_KEY = select(events.c.version).where(events.c.session_uid == bindparam("uid"), events.c.key == bindparam("key"))
_OF_ID = select(sessions.c.session_uid).where(sessions.c.session_id == bindparam("id"))


class _Sql(NamedTuple):
    """The statements as the driver takes them."""

    create: str
    insert_session: str
    insert_event: str
    insert_payload: str
    insert_feed: str
    last_fed: str
    of_key: str
    of_id: str


@cache
def _sql() -> _Sql:
    """Compile them, once: what runs on every save does not go through the compiler again."""
    spoken = dialect(paramstyle="qmark")
    statements: tuple[Any, ...] = (
        insert(heads).prefix_with("OR IGNORE"),
        insert(sessions),
        insert(events),
        insert(payloads),
        insert(feed),
        _LAST_FED,
        _OF_KEY,
        _OF_ID,
    )
    return _Sql(*(str(statement.compile(dialect=spoken)) for statement in statements))
