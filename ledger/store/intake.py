"""Takes a session in that another ledger made, with the hashes, times and keys that it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, func, insert, select, text, update

from ledger.domain.chain import NO_LEAF, feed_digest
from ledger.errors import IdempotencyConflict, SessionDiverged
from ledger.store.log import Log
from ledger.store.sequencer import is_queued
from ledger.store.session_keys import SessionKey
from ledger.store.tables import events, feed, feed_queue, heads, payloads, sessions, usage_records

__all__ = ["HeadRow", "Incoming", "Intake", "UsageRecord"]

#: How many events go into the tables at once.
PAGE = 200


class HeadRow(NamedTuple):
    """What the head of a session says, beside its version and its leaf."""

    tombstone: int
    life: int
    open_questions: str


class UsageRecord(NamedTuple):
    """A token-usage record as it is stored."""

    recorded_at: int
    key: str | None
    body: str


class Incoming(Protocol):
    """A session that is to be taken in; all of it was checked."""

    @property
    def session_id(self) -> str: ...  # noqa: D102 - what the columns of the same names hold
    @property
    def key(self) -> SessionKey: ...  # noqa: D102
    @property
    def created_at(self) -> int: ...  # noqa: D102
    @property
    def versions(self) -> int: ...  # noqa: D102
    @property
    def head(self) -> HeadRow: ...  # noqa: D102
    def leaf(self, version: int) -> bytes: ...  # noqa: D102


class Intake:
    """Writes sessions as they are. Every method runs in the transaction of the connection that it is given."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def hold(self, connection: Connection, session: Incoming) -> None:
        """Let nobody create a session, or save this one, until the writing transaction of `connection` ends."""
        if is_queued(connection.dialect):
            connection.execute(_NONE_CREATED)
        self._log.hold(connection, session.session_id)

    def held(self, connection: Connection, session: Incoming) -> int:
        """Give up to which version a session is here already; 0 if it is not.

        Raises:
            SessionDiverged: if its id means another session, or one with another past.
        """
        found = self._log.keyring.look_up(connection, session.session_id)
        head = self._log.head(connection, session.session_id)
        if found is None or head is None:
            return 0
        common = min(head.version, session.versions)
        here = self._log.digest(connection, session.session_id, common)
        if found != session.key or here != session.leaf(common).hex():
            raise SessionDiverged(
                session.session_id, head.version, origin=session.key.origin.hex(), held=found.origin.hex()
            )
        return head.version

    def add(
        self, connection: Connection, session: Incoming, held: int, stored: Iterable[tuple[dict[str, Any], bytes, str]]
    ) -> None:
        """Append the events behind version `held`, which is the head, and move the head to the last of them.

        Args:
            connection: in a writing transaction, in which `held` was asked.
            session: whose they are.
            held: the version that the session is at, 0 if it is not there yet.
            stored: of each event its columns but the key, its salt and its payload, in order.
        """
        uid = {"session_uid": session.key.uid}
        row: dict[str, Any] = {
            "version": session.versions,
            "leaf": session.leaf(session.versions),
            **session.head._asdict(),
        }
        if held:
            at_head = (heads.c.session_uid == session.key.uid) & (heads.c.version == held)
            connection.execute(update(heads).where(at_head).values(row))
        else:
            born = {"session_id": session.session_id, "origin": session.key.origin, "created_at": session.created_at}
            connection.execute(insert(sessions), {**uid, **born})
            connection.execute(insert(heads), {**uid, **row})
        for page in _pages(stored):
            connection.execute(insert(events), [{**uid, **columns} for columns, _, _ in page])
            bodies = [
                {**uid, "version": columns["version"], "salt": salt, "body": body} for columns, salt, body in page
            ]
            connection.execute(insert(payloads), bodies)
            self._feed(connection, session.key.uid, [columns for columns, _, _ in page])

    def _feed(self, connection: Connection, uid: bytes, page: Sequence[Mapping[str, Any]]) -> None:
        if is_queued(connection.dialect):
            queued = [{"session_uid": uid, "version": row["version"], "leaf": row["leaf"]} for row in page]
            connection.execute(insert(feed_queue), queued)
            return
        last = connection.execute(
            select(feed.c.position, feed.c.digest).order_by(feed.c.position.desc()).limit(1)
        ).one_or_none()
        position, digest = (last.position, bytes(last.digest)) if last else (0, NO_LEAF)
        rows = []
        for columns in page:
            position += 1
            digest = feed_digest(digest, position, uid, columns["version"], columns["leaf"])
            rows.append({"position": position, "session_uid": uid, "version": columns["version"], "digest": digest})
        connection.execute(insert(feed), rows)

    def new_usage(self, connection: Connection, session: Incoming, records: Sequence[UsageRecord]) -> list[UsageRecord]:
        """Give the usage records that are not here yet: none is counted twice.

        Raises:
            IdempotencyConflict: if the key of one stands for another record here.
        """
        query = select(usage_records).where(usage_records.c.session_uid == session.key.uid)
        here: dict[UsageRecord, int] = {}
        keyed: dict[str, tuple[str, int]] = {}
        for row in connection.execute(query).mappings():
            record = UsageRecord(row["recorded_at"], row["key"], row["body"])
            here[record] = here.get(record, 0) + 1
            if record.key is not None:
                keyed[record.key] = record.body, row["number"]
        new = []
        for record in records:
            body, number = keyed.get(record.key or "", ("", 0))
            if number and body != record.body:
                raise IdempotencyConflict(session.session_id, str(record.key), number)
            if here.get(record, 0):
                here[record] -= 1
            elif not number:
                new.append(record)
        return new

    def add_usage(self, connection: Connection, session: Incoming, records: Sequence[UsageRecord]) -> None:
        """Append usage records behind those that there are."""
        uid = session.key.uid
        last = connection.execute(
            select(func.max(usage_records.c.number)).where(usage_records.c.session_uid == uid)
        ).scalar_one()
        rows = [
            {"session_uid": uid, "number": number, **record._asdict()}
            for number, record in enumerate(records, (last or 0) + 1)
        ]
        if rows:
            connection.execute(insert(usage_records), rows)


# An id may be taken by any session, so no key of one session can keep it free.
_NONE_CREATED = text("LOCK TABLE sessions IN SHARE ROW EXCLUSIVE MODE")


def _pages(items: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while page := list(islice(rest, PAGE)):
        yield page
