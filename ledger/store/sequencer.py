"""The sequencer: gives what was committed its place in the feed, where many commit at once.

On PostgreSQL sequence numbers do not commit in the order in which they are drawn, and a reader that trusts them skips
events. So an append queues its event, and one sequencer at a time moves what is committed from the queue into the feed:
what commits late gets a late position. No writer waits for it. On SQLite appends write the feed themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, select, text, update

from ledger.domain.chain import feed_digest
from ledger.errors import StorageError
from ledger.store.database import Database
from ledger.store.tables import feed_queue, feed_state
from ledger.telemetry import get_logger

__all__ = ["is_queued", "sequence"]

_log = get_logger(__name__)

#: How many events one transaction places.
PAGE = 1000


def is_queued(dialect: Dialect) -> bool:
    """Tell whether events go into the feed by way of the queue."""
    return dialect.name == "postgresql"


def sequence(database: Database, go_on: Callable[[], bool] = lambda: True) -> int:
    """Give a place in the feed to every event that was committed before the call, and say how many there were.

    Safe to call from any number of processes: one of them works, the others wait for it, a page at most. Where nothing
    can be written, as on a standby, the feed stays as it is.
    """
    if not is_queued(database.dialect):
        return 0
    placed = 0
    try:
        while go_on() and _is_waiting(database):
            with database.write() as connection:
                page = place(connection)
            placed += page
            if not page:
                break
    except StorageError as error:
        _log.debug("feed_not_sequenced", place=database.place, reason=str(error))
    return placed


def _is_waiting(database: Database) -> bool:
    with database.read() as connection:
        return connection.execute(select(feed_queue.c.id).limit(1)).first() is not None


def place(connection: Connection, limit: int = PAGE) -> int:
    """Move at most `limit` events from the queue into the feed, in the transaction of `connection`; give their number.

    Raises:
        StorageError: if what was moved is not what was read.
    """
    state = connection.execute(select(feed_state).with_for_update()).one()
    queued = select(feed_queue.c.session_uid, feed_queue.c.version, feed_queue.c.leaf)
    rows = connection.execute(queued.order_by(feed_queue.c.id).limit(limit)).all()
    if not rows:
        return 0
    placed = _placed(state.position, bytes(state.digest), rows)
    moved = connection.execute(
        _MOVE,
        {
            "positions": [each.position for each in placed],
            "uids": [each.session_uid for each in placed],
            "versions": [each.version for each in placed],
            "digests": [each.digest for each in placed],
        },
    ).rowcount
    if moved != len(placed):
        raise StorageError(f"{len(placed)} events were to be placed in the feed, and {moved} were", "try again")
    last = placed[-1]
    connection.execute(update(feed_state).values(position=last.position, digest=last.digest))
    connection.exec_driver_sql("NOTIFY sessionledger")
    return moved


class _Placed(NamedTuple):
    position: int
    session_uid: bytes
    version: int
    digest: bytes


def _placed(position: int, digest: bytes, rows: Sequence[Any]) -> list[_Placed]:
    """Give each event its position and the running hash; the events of one session follow each other by version."""
    # A session keeps the places that its events have in the queue, and fills them in the order of its versions.
    waiting: dict[bytes, list[tuple[int, bytes]]] = {}
    for uid, version, leaf in rows:
        waiting.setdefault(bytes(uid), []).append((version, bytes(leaf)))
    for events in waiting.values():
        events.sort(reverse=True)
    placed = []
    for row in rows:
        uid = bytes(row[0])
        version, leaf = waiting[uid].pop()
        position += 1
        digest = feed_digest(digest, position, uid, version, leaf)
        placed.append(_Placed(position, uid, version, digest))
    return placed


# One statement, so that what leaves the queue is what enters the feed, whatever happens in between.
_MOVE = text("""
    WITH placed AS (
        SELECT * FROM unnest(
            CAST(:positions AS bigint[]), CAST(:uids AS bytea[]), CAST(:versions AS bigint[]), CAST(:digests AS bytea[])
        ) AS placed (position, session_uid, version, digest)
    ), gone AS (
        DELETE FROM feed_queue AS queue USING placed
        WHERE queue.session_uid = placed.session_uid AND queue.version = placed.version
        RETURNING placed.position, queue.session_uid, queue.version, placed.digest
    )
    INSERT INTO feed (position, session_uid, version, digest) SELECT * FROM gone
""")
