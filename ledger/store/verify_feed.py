"""Checks the feed, and what waits for a place in it: dense, in order, hashed as it says, and no event in neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from ledger.domain.chain import NO_LEAF, feed_digest
from ledger.store.raw_values import number, octets
from ledger.store.sequencer import is_queued
from ledger.store.tables import events, feed, feed_queue, feed_state, heads, sessions

__all__ = ["verify_feed"]

PAGE = 1000
_LOWEST = -(2**62)

#: Takes a session, a version, and what is wrong with it.
Report = Callable[[str | None, int | None, str], None]


def verify_feed(connection: Connection, report: Report) -> None:
    """Report what is wrong with the feed as a whole, in one reading transaction."""
    check = _FeedCheck(connection, report)
    check.places()
    if is_queued(connection.dialect):
        check.queue()
        check.state()
    check.nothing_is_missing()


class _FeedCheck:
    def __init__(self, connection: Connection, report: Report) -> None:
        self._connection = connection
        self._report = report
        self._position = 0
        self._digest = NO_LEAF
        #: The last version of each session in the feed.
        self._last: dict[bytes, int] = {}
        self._queued: set[tuple[bytes, int]] = set()

    def places(self) -> None:
        """Check that positions are dense, each session's versions too, and that each place hashes to what it says."""
        for row in self._pages(_FED, feed.c.position):
            uid, session_id, version = octets(row["session_uid"]), row["session_id"], number(row["version"])
            position = row["position"]
            if position != self._position + 1:
                self._report(None, None, f"position {self._position + 1} is missing")
            if not isinstance(position, int) or position < 1:
                self._report(session_id, version, f"its place in the feed is {position!r}")
                continue
            self._position = position
            if version != self._last.get(uid, 0) + 1:
                self._report(session_id, version, f"it is out of order in the feed, at position {position}")
            self._last[uid] = version
            if row["leaf"] is None:
                self._report(session_id, version, "the feed names it, but it is not in the log")
            elif feed_digest(self._digest, position, uid, version, octets(row["leaf"])) != octets(row["digest"]):
                self._report(session_id, version, f"its place in the feed was altered, at position {position}")
            self._digest = octets(row["digest"])

    def queue(self) -> None:
        """Check that what waits for a place is in the log, as it was saved, and has none yet."""
        for row in self._pages(_QUEUED, feed_queue.c.id):
            uid, session_id, version = octets(row["session_uid"]), row["session_id"], row["version"]
            self._queued.add((uid, version))
            if row["leaf"] is None:
                self._report(session_id, version, "the feed's queue names it, but it is not in the log")
            elif octets(row["leaf"]) != octets(row["queued_leaf"]):
                self._report(session_id, version, "the feed's queue names another event in its place")
            if version <= self._last.get(uid, 0):
                self._report(session_id, version, "it waits for a place in the feed, and has one")

    def state(self) -> None:
        """Check that the sequencer will go on from where the feed ends."""
        row = self._connection.execute(_STATE).one_or_none()
        if row is None:
            self._report(None, None, "the row that says where the feed ends is missing")
        elif row.position != self._position:
            what = f"the feed ends at position {self._position}, and is said to end at {row.position}"
            self._report(None, None, what)
        elif octets(row.digest) != self._digest:
            self._report(None, None, f"the feed is said to have another digest at its end, position {row.position}")

    def nothing_is_missing(self) -> None:
        """Check that every event up to the heads has a place, or waits for one."""
        for uid, session_id, version in self._connection.execute(_HEADS):
            fed = self._last.get(octets(uid), 0)
            while (octets(uid), fed + 1) in self._queued:
                fed += 1
            if fed < number(version):
                self._report(session_id, fed + 1, "it is missing from the feed")

    def _pages(self, query: Select[Any], by: Any) -> Iterator[Mapping[str, Any]]:
        after = _LOWEST
        while page := self._connection.execute(query.where(by > after).order_by(by).limit(PAGE)).mappings().all():
            yield from map(dict, page)
            after = page[-1][by.name]


_FED = (
    select(feed, events.c.leaf, sessions.c.session_id)
    .outerjoin(events, and_(events.c.session_uid == feed.c.session_uid, events.c.version == feed.c.version))
    .outerjoin(sessions, sessions.c.session_uid == feed.c.session_uid)
)
_QUEUED = (
    select(
        feed_queue.c.id,
        feed_queue.c.session_uid,
        feed_queue.c.version,
        feed_queue.c.leaf.label("queued_leaf"),
        events.c.leaf,
        sessions.c.session_id,
    )
    .outerjoin(events, and_(events.c.session_uid == feed_queue.c.session_uid, events.c.version == feed_queue.c.version))
    .outerjoin(sessions, sessions.c.session_uid == feed_queue.c.session_uid)
)
_STATE = select(feed_state.c.position, feed_state.c.digest)
_HEADS = select(heads.c.session_uid, sessions.c.session_id, heads.c.version).outerjoin(
    sessions, sessions.c.session_uid == heads.c.session_uid
)
