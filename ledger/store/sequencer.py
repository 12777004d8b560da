"""The sequencer: gives what was committed its place in the feed, where many commit at once.

On PostgreSQL sequence numbers do not commit in the order in which they are drawn, and a reader that trusts them skips
events. So an append queues its event, and one sequencer at a time moves what is committed from the queue into the feed:
what commits late gets a late position. No writer waits for it, and it waits for none. On SQLite, where one writer
commits at a time, appends write the feed themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, bindparam, func, select, text, update

from ledger.domain.sequencing import Queued, awaited, in_order, placed
from ledger.errors import StorageError
from ledger.store.database import Database
from ledger.store.tables import feed_queue, feed_state
from ledger.telemetry import get_logger

__all__ = ["Sequencer", "is_queued"]

_log = get_logger(__name__)

#: How many events one transaction places.
PAGE = 1000
#: A reader that finds another sequencer at work gives it so long to place what the reader may just have saved.
PATIENCE_S = 0.25
GLANCE_S = 0.01


def is_queued(dialect: Dialect) -> bool:
    """Tell whether events go into the feed by way of the queue."""
    return dialect.name == "postgresql"


class Sequencer:
    """Places the events of one ledger in its feed. Any number of these may run, in any number of processes.

    A page is placed as a whole or not at all, also if its sequencer is killed. Safe to share between threads.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wanted = is_queued(database.dialect)
        self._may = False

    def drain(self, go_on: Callable[[], bool]) -> int:
        """Place what is queued by now, page by page, as long as `go_on` says so; give the number of events.

        What others queue meanwhile is left for the next time, else who has other work would never come to it. What
        another one is at, or nobody may place from here, is left as it is.

        Raises:
            StorageError: if the database fails.
        """
        return self._place_queued(go_on) if self._may_place() else 0

    def catch_up(self, *, pages: int | None = None, patience_s: float = PATIENCE_S) -> None:
        """Let a reader see what had been committed when it asked, as far as that can be had.

        Where another one is at it, or nobody may place from here, the reader reads what there is.

        Args:
            pages: place at most so many.
            patience_s: so long another one that is at it is given for what the reader may just have saved.
        """
        try:
            if self._may_place():
                self._place_queued(lambda: True, pages=pages, until=time.monotonic() + patience_s)
        except StorageError as error:
            # Whether the feed itself can be read is found out by reading it.
            _log.debug("feed_not_sequenced", place=self._database.place, reason=str(error))

    def _place_queued(self, go_on: Callable[[], bool], *, pages: int | None = None, until: float = 0.0) -> int:
        total = 0
        queued = self._queued()
        horizon = queued[1] if queued else 0
        while queued and queued[0] <= horizon and (pages is None or pages > 0) and go_on():
            count = self._place()
            if count == 0:
                break  # what is left waits for what nobody sees yet
            if count is not None:
                total += count
                pages = None if pages is None else pages - 1
            elif time.monotonic() >= until:
                break
            else:
                time.sleep(GLANCE_S)
            queued = self._queued()
        return total

    def _queued(self) -> tuple[int, int] | None:
        """Give the first and the last of the queue, or `None` where it is empty."""
        with self._database.read() as connection:
            first, last = connection.execute(_ENDS).one()
        return None if first is None else (first, last)

    def _place(self) -> int | None:
        try:
            with self._database.write(rings=False) as connection:
                count = place(connection, self._database.channel)
        except StorageError:
            self._may = False  # to be asked again: rights are taken away, and servers change their roles
            raise
        if count:
            self._database.wakeups.ring()
        return count

    def _may_place(self) -> bool:
        """Ask first, since a server logs what it refuses; and again, since rights are granted and standbys promoted."""
        if self._wanted and not self._may:
            with self._database.read() as connection:
                self._may = bool(connection.execute(_MAY_PLACE).scalar_one())
        return self._may


def place(connection: Connection, channel: str, size: int = PAGE) -> int | None:
    """Move at most `size` events from the queue into the feed, in the transaction of `connection`; give their number.

    `None` if another one is at it. Whoever listens on the channel is told the last position when it is committed.

    Raises:
        StorageError: if what was moved is not what was read.
    """
    state = connection.execute(_STATE).one_or_none()
    if state is None:
        return None
    rows = _next_page(connection, size)
    if not rows:
        return 0
    moving = placed(rows, state.position, bytes(state.digest))
    moved = connection.execute(
        _MOVE,
        {
            "positions": [row.position for row in moving],
            "uids": [row.session_uid for row in moving],
            "versions": [row.version for row in moving],
            "digests": [row.digest for row in moving],
        },
    ).rowcount
    last = moving[-1]
    advanced = connection.execute(
        _ADVANCE, {"was": state.position, "new_position": last.position, "new_digest": last.digest}
    ).rowcount
    if (moved, advanced) != (len(moving), 1):
        raise StorageError(
            f"{len(moving)} events were to be placed in the feed behind position {state.position}, and {moved} were",
            "run `ledger verify`",
        )
    connection.execute(_NOTIFY, {"channel": channel, "position": str(last.position)})
    return moved


def _next_page(connection: Connection, size: int) -> list[Queued]:
    """Give what can be placed next, in order, at most so much of it.

    A page of which nothing can be, since all of it waits for events behind it, must not hold up the rest.
    """
    after = 0
    while rows := connection.execute(_QUEUED, {"after": after, "size": size}).all():
        queued = [Queued(bytes(row.session_uid), row.version, bytes(row.leaf)) for row in rows]
        ordered = in_order(queued, _fed(connection, sorted(awaited(queued))))
        if len(ordered) < len(queued):
            _log.debug("feed_held_back", events=len(queued) - len(ordered))
        if ordered:
            return ordered
        after = rows[-1].id
    return []


def _fed(connection: Connection, wanted: Sequence[tuple[bytes, int]]) -> set[tuple[bytes, int]]:
    """Tell which of some events are in the feed."""
    if not wanted:
        return set()
    uids, versions = zip(*wanted, strict=True)
    rows: Sequence[Any] = connection.execute(_FED, {"uids": list(uids), "versions": list(versions)}).all()
    return {(bytes(row[0]), row[1]) for row in rows}


_ENDS = select(func.min(feed_queue.c.id), func.max(feed_queue.c.id))
_STATE = select(feed_state.c.position, feed_state.c.digest).with_for_update(skip_locked=True)
_QUEUED = (
    select(feed_queue.c.id, feed_queue.c.session_uid, feed_queue.c.version, feed_queue.c.leaf)
    .where(feed_queue.c.id > bindparam("after"))
    .order_by(feed_queue.c.id)
    .limit(bindparam("size"))
)
_FED = text("""
    SELECT feed.session_uid, feed.version
    FROM unnest(CAST(:uids AS bytea[]), CAST(:versions AS bigint[])) AS wanted (session_uid, version)
    JOIN feed ON feed.session_uid = wanted.session_uid AND feed.version = wanted.version
""")
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
_ADVANCE = (
    update(feed_state)
    .where(feed_state.c.position == bindparam("was"))
    .values(position=bindparam("new_position"), digest=bindparam("new_digest"))
)
_NOTIFY = select(func.pg_notify(bindparam("channel"), bindparam("position")))
_MAY_PLACE = text("""
    SELECT NOT pg_is_in_recovery()
        AND current_setting('default_transaction_read_only') = 'off'
        AND has_table_privilege('feed_state', 'UPDATE')
        AND has_table_privilege('feed_queue', 'SELECT') AND has_table_privilege('feed_queue', 'DELETE')
        AND has_table_privilege('feed', 'INSERT')
""")
