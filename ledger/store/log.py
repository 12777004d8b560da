"""The log as it is read: heads, events, and the fold over them. Runs in the transaction that it is given."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, bindparam, func, select

from ledger.domain.chain import AUTHORITY_NAMES, KIND_NAMES, KINDS
from ledger.domain.events import Event, SessionForked
from ledger.domain.origins import origin_of
from ledger.domain.payload import Payload
from ledger.domain.view import View
from ledger.errors import DamagedRecord, UnknownChange
from ledger.store.columns import BODY, PAYLOAD_OF, RAW_TIME
from ledger.store.moments import microseconds, moment
from ledger.store.replaying import Leg, Nearest, decode, going_round, replay
from ledger.store.session_keys import SessionKeys, is_storable
from ledger.store.tables import events, feed, heads, payloads, sessions

__all__ = ["Head", "Log", "event_of", "fed"]

#: How many events a page of a long read holds.
PAGE = 500


@dataclass(frozen=True, slots=True)
class Head:
    """The head row of a session: all that a save or a reconciliation has to look at."""

    version: int
    digest: str
    tombstone: int
    life: int
    open_questions: tuple[str, ...]

    @property
    def deleted(self) -> bool:
        """Whether the session's last event is a tombstone."""
        return self.tombstone == self.version


class Log:
    """Events and heads of one ledger. Every method runs in the transaction of the connection that it is given."""

    def __init__(self, ledger_id: bytes) -> None:
        self.ledger_id = ledger_id
        self.keyring = SessionKeys(ledger_id)

    def uid(self, connection: Connection, session_id: str) -> bytes:
        """Give the key under which the session that an id means is kept, also if it was imported from elsewhere."""
        return self.keyring.find(connection, session_id).uid

    def head(self, connection: Connection, session_id: str) -> Head | None:
        """Give the head row by one indexed read, or `None` for an id that was never saved."""
        row = self._head_row(connection, session_id)
        if row is None:
            return None
        try:
            version, open_questions = int(row["version"]), tuple(json.loads(row["open_questions"]))
            return Head(version, bytes(row["leaf"]).hex(), int(row["tombstone"]), int(row["life"]), open_questions)
        except (TypeError, ValueError) as error:
            raise DamagedRecord(session_id, None, "its head does not parse") from error

    def hold(self, connection: Connection, session_id: str) -> None:
        """Keep every other writer from moving the head until this transaction ends; `connection` writes."""
        # On SQLite a writing transaction is alone anyway, and the statement says nothing of locks.
        query = select(heads.c.version).where(heads.c.session_uid == self.uid(connection, session_id))
        connection.execute(query.with_for_update())

    def _head_row(self, connection: Connection, session_id: str) -> RowMapping | None:
        key = self.keyring.likely(session_id)
        row = connection.execute(_HEAD, {"uid": key.uid}).mappings().one_or_none()
        if row is not None:
            self.keyring.remember(session_id, key)
            return row
        other = self.keyring.look_up(connection, session_id)
        if other is None or other == key:
            return None
        return connection.execute(_HEAD, {"uid": other.uid}).mappings().one_or_none()

    def events(
        self,
        connection: Connection,
        session_id: str,
        *,
        after: int = 0,
        upto: int | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> list[Event]:
        """Give the events with `after < version <= upto`, oldest first unless `reverse`, at most `limit`.

        Raises:
            DamagedRecord: if one does not parse.
            UnknownChange: if one was written by a newer release.
        """
        uid = self.uid(connection, session_id)
        query = _EVENTS.where(events.c.session_uid == uid, events.c.version > after)
        if upto is not None:
            query = query.where(events.c.version <= upto)
        query = query.order_by(events.c.version.desc() if reverse else events.c.version)
        if limit is not None:
            query = query.limit(limit)
        # To the end before any is decoded: a cursor that is left half read, by an error, spoils the next one's rows.
        rows = connection.execute(query).mappings().all()
        return [event_of(session_id, row) for row in rows]

    def walk(
        self, connection: Connection, session_id: str, *, after: int = 0, upto: int | None = None
    ) -> Iterator[Event]:
        """Give the events like `events`, a page at a time, each the successor of the one before.

        Raises:
            DamagedRecord: if a version is missing.
        """
        while page := self.events(connection, session_id, after=after, upto=upto, limit=PAGE):
            for event in page:
                after += 1
                if event.version != after:
                    raise DamagedRecord(session_id, after, "it is missing")
                yield event

    def view(self, connection: Connection, session_id: str, version: int, start: View | None = None) -> View:
        """Fold the log up to `version`, from `start` (an earlier view) or from the beginning.

        A fork begins with what it was forked from, which is folded from its own beginning.

        Raises:
            DamagedRecord: if an event is missing or does not parse, or a fork does not fit what it was forked from.
            UnknownChange: if one was written by a newer release.
        """
        nearest = None if start is None else lambda _session_id, _version: start
        return self.replayed(connection, session_id, version, nearest)[-1].view

    def replayed(
        self, connection: Connection, session_id: str, version: int, nearest: Nearest | None = None
    ) -> list[Leg]:
        """Give the legs of the way to what `view` gives, which is the end of the last one; see `replay`."""
        return replay(connection, partial(self.uid, connection), session_id, version, nearest)

    def origin(self, connection: Connection, session_id: str) -> SessionForked | None:
        """Give what the session was forked from, if it is a fork."""
        row = connection.execute(_FIRST, {"uid": self.uid(connection, session_id)}).one_or_none()
        return None if row is None else origin_of(1, decode(session_id, 1, *row).changes)

    def ancestry(self, connection: Connection, session_id: str) -> Iterator[SessionForked]:
        """Give what a fork was forked from, then what that one was, and so on; nothing for any other session.

        Raises:
            DamagedRecord: if the way comes back to a session that it has passed.
        """
        seen = {session_id}
        while origin := self.origin(connection, session_id):
            if origin.from_session_id in seen:
                raise going_round(session_id, origin)
            yield origin
            session_id = origin.from_session_id
            seen.add(session_id)

    def inherited(self, connection: Connection, session_id: str) -> list[Event]:
        """Give the events of other sessions that a fork took over, of the life that it was forked from, oldest first.

        They are told as what they are to the fork: a part of its version 1.
        """
        spans: list[tuple[str, int, int]] = []
        for origin in self.ancestry(connection, session_id):
            parent, upto = origin.place
            after = self.last_tombstone(connection, parent, upto)
            spans.append((parent, after, upto))
            if after:
                break
        return [
            event.model_copy(update={"session_id": session_id, "version": 1})
            for parent, after, upto in reversed(spans)
            for event in self.walk(connection, parent, after=after, upto=upto)
        ]

    def last_tombstone(self, connection: Connection, session_id: str, upto: int) -> int:
        """Give the last version up to one that deleted the session; 0 if none did.

        The head knows the newest of all, which is nearly always the one.
        """
        uid = self.uid(connection, session_id)
        newest = select(heads.c.tombstone).where(heads.c.session_uid == uid)
        tombstone = int(connection.execute(newest).scalar_one_or_none() or 0)
        if tombstone <= upto:
            return tombstone
        query = select(func.coalesce(func.max(events.c.version), 0)).where(
            events.c.session_uid == uid, events.c.version <= upto, events.c.kind == KINDS["deleted"]
        )
        return int(connection.execute(query).scalar_one())

    def digest(self, connection: Connection, session_id: str, version: int) -> str | None:
        """Give the digest of one version, or `None` where there is none."""
        leaf = connection.execute(
            select(events.c.leaf).where(
                events.c.session_uid == self.uid(connection, session_id), events.c.version == version
            )
        ).scalar_one_or_none()
        return None if leaf is None else bytes(leaf).hex()

    def version_of_key(self, connection: Connection, session_id: str, key: str) -> int | None:
        """Give the version that was saved with this idempotency key."""
        if not is_storable(key):
            return None
        return connection.execute(
            select(events.c.version).where(
                events.c.session_uid == self.uid(connection, session_id), events.c.key == key
            )
        ).scalar_one_or_none()

    def version_of_event(self, connection: Connection, session_id: str, event_id: str, *, after: int) -> int | None:
        """Give the version of an event, looked for behind `after` only."""
        return connection.execute(
            select(events.c.version).where(
                events.c.session_uid == self.uid(connection, session_id),
                events.c.version > after,
                events.c.event_id == bytes.fromhex(event_id),
            )
        ).scalar_one_or_none()

    def keys(self, connection: Connection, session_id: str) -> dict[str, int]:
        """Give every idempotency key of a session, with the version that it stands for."""
        query = select(events.c.key, events.c.version).where(
            events.c.session_uid == self.uid(connection, session_id), events.c.key.is_not(None)
        )
        return {row.key: row.version for row in connection.execute(query)}

    def payload(self, connection: Connection, session_id: str, version: int) -> Payload:
        """Give what the payload of one version says."""
        query = _EVENTS.where(events.c.session_uid == self.uid(connection, session_id), events.c.version == version)
        row = connection.execute(query).mappings().one()
        return decode(session_id, version, row["body"], row["schema_version"])

    def effective_time(self, connection: Connection, session_id: str, version: int) -> int | None:
        """Give the effective time of a version in microseconds, or `None` if there is no event up to it."""
        query = select(func.max(RAW_TIME)).where(
            events.c.session_uid == self.uid(connection, session_id), events.c.version <= version
        )
        time = connection.execute(query).scalar_one()
        return None if time is None else int(time)

    def version_at(self, connection: Connection, session_id: str, time: datetime) -> int | None:
        """Give the last version whose effective time is not after `time`, or `None` if all are.

        Effective times never run backwards in a session, so that is the version before the first later one.
        """
        uid = self.uid(connection, session_id)
        later = connection.execute(
            select(func.min(events.c.version)).where(events.c.session_uid == uid, microseconds(time) < RAW_TIME)
        ).scalar_one()
        if later is None:
            return connection.execute(select(heads.c.version).where(heads.c.session_uid == uid)).scalar_one_or_none()
        return int(later) - 1 or None

    def version_that_asked(
        self, connection: Connection, session_id: str, question_id: str, *, upto: int | None = None
    ) -> int | None:
        """Give the latest version that asked this question, or the latest up to one."""
        asking = select(payloads.c.version).where(
            payloads.c.session_uid == self.uid(connection, session_id),
            payloads.c.body.contains('"question_asked"', autoescape=True),
        )
        if upto is not None:
            asking = asking.where(payloads.c.version <= upto)
        for version in connection.execute(asking.order_by(payloads.c.version.desc())).scalars().all():
            for change in self.payload(connection, session_id, version).changes:
                if change.type == "question_asked" and change.question.id == question_id:
                    return int(version)
        return None


def event_of(session_id: str, row: RowMapping) -> Event:
    """Make an event of its row; an outer join leaves the columns of a record that is gone empty.

    Raises:
        DamagedRecord: if it is gone, or does not parse.
        UnknownChange: if a newer release wrote it.
    """
    if not session_id:
        raise DamagedRecord("?", row["version"] or 0, "the row that gives its session a name is missing")
    if row["leaf"] is None:
        raise DamagedRecord(session_id or "?", row["fed_version"], "the feed names it, but it is not in the log")
    if row["kind"] not in KIND_NAMES or row["authority"] not in AUTHORITY_NAMES:
        raise UnknownChange(f"event of kind {row['kind']} and authority {row['authority']}", session_id, row["version"])
    payload = decode(session_id, row["version"], row["body"], row["schema_version"])
    try:
        occurred_at = row["occurred_at"]
        return Event.model_construct(
            session_id=session_id,
            version=row["version"],
            base_version=int(row["base_version"]),
            event_id=bytes(row["event_id"]).hex(),
            recorded_at=moment(row["recorded_at"]),
            occurred_at=None if occurred_at is None else moment(occurred_at),
            writer=str.__str__(row["writer"]),
            authority=AUTHORITY_NAMES[row["authority"]],
            kind=KIND_NAMES[row["kind"]],
            key=row["key"],
            schema_version=row["schema_version"],
            changes=payload.changes,
            agreed=payload.agreed,
            digest=bytes(row["leaf"]).hex(),
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise DamagedRecord(session_id, row["version"], "a column has an impossible value") from error


def fed(connection: Connection, *, after: int, limit: int) -> list[RowMapping]:
    """Give rows of the feed behind `after`, with their events and payloads, which may be gone."""
    query = (
        select(
            feed.c.position,
            feed.c.session_uid.label("fed_uid"),
            feed.c.version.label("fed_version"),
            sessions.c.session_id,
            *_EVENT_COLUMNS,
        )
        .outerjoin(events, and_(events.c.session_uid == feed.c.session_uid, events.c.version == feed.c.version))
        .outerjoin(payloads, and_(payloads.c.session_uid == feed.c.session_uid, payloads.c.version == feed.c.version))
        .outerjoin(sessions, sessions.c.session_uid == feed.c.session_uid)
        .where(feed.c.position > after)
        .order_by(feed.c.position)
        .limit(limit)
    )
    return list(connection.execute(query).mappings())


# The body is read as bytes, so that a record that is no UTF-8 any more is our error to explain and not the driver's.
_EVENT_COLUMNS: Iterable[Any] = (*events.c, BODY.label("body"))
_EVENTS = select(*_EVENT_COLUMNS).outerjoin(payloads, PAYLOAD_OF)
_FIRST = (
    select(BODY, events.c.schema_version)
    .select_from(events)
    .outerjoin(payloads, PAYLOAD_OF)
    .where(events.c.session_uid == bindparam("uid"), events.c.version == 1)
)
_HEAD = select(heads).where(heads.c.session_uid == bindparam("uid"))
