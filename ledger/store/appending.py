"""Appending one event: the head moves by compare-and-set, then the event, its payload and its feed entry follow."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Dialect, and_, bindparam, func, insert, select, update

from ledger.domain.apply import fold, stamped
from ledger.domain.chain import AUTHORITIES, KINDS, NO_LEAF, Entry, commit_payload, feed_digest, leaf_of
from ledger.domain.events import SCHEMA_VERSION, Agreement, Authority, Event
from ledger.domain.view import View
from ledger.store.moments import microseconds, moment
from ledger.store.prepared import Prepared
from ledger.store.session_keys import SessionKeys
from ledger.store.tables import events, feed, heads, payloads, sessions

__all__ = ["Appender", "new_event"]


class Appender:
    """Appends events to one ledger. Every append runs in the transaction of the connection that it is given."""

    def __init__(self, keyring: SessionKeys, dialect: Dialect) -> None:
        self._keyring = keyring
        self._move = Prepared(_MOVE_HEAD, dialect)
        self._create = Prepared(insert(heads).prefix_with("OR IGNORE", dialect="sqlite"), dialect)
        self._insert_session = Prepared(insert(sessions), dialect)
        self._insert_event = Prepared(insert(events), dialect)
        self._insert_payload = Prepared(insert(payloads), dialect)
        self._insert_feed = Prepared(insert(feed), dialect)
        self._last_fed = Prepared(_LAST_FED, dialect)

    def append(
        self, connection: Connection, view: View, event: Event, payload: bytes, content: View | None = None
    ) -> View | None:
        """Append `event` on top of `view` if that is the head, and give the view after it, else `None`.

        Args:
            connection: in a writing transaction.
            view: what the event applies to; its version and digest are compared with the head row's.
            event: complete but for its digest, which the chain gives it.
            payload: the event's changes as they are stored.
            content: `view` with the event's changes made in it, where that is known already.
        """
        if view.version:
            uid, origin = self._keyring.find(connection, event.session_id)
        elif self._keyring.look_up(connection, event.session_id) is None:
            uid, origin = self._keyring.local(event.session_id)
        else:
            return None  # in here nobody can take the id any more: not by a save, and not by an import
        salt = secrets.token_bytes(32)
        entry = Entry(
            ledger_id=origin,
            session_uid=uid,
            version=event.version,
            base_version=event.base_version,
            event_id=bytes.fromhex(event.event_id),
            recorded_at_us=microseconds(event.recorded_at),
            kind=KINDS[event.kind],
            authority=AUTHORITIES[event.authority],
            schema_version=event.schema_version,
            writer=event.writer,
            payload_commit=commit_payload(salt, payload),
            prev_leaf=bytes.fromhex(view.digest) if view.version else NO_LEAF,
        )
        leaf = leaf_of(entry)
        event.__dict__["digest"] = leaf.hex()
        after = fold(view, (event,)) if content is None else stamped(content, event)
        if not self._move_head(connection, uid, view, after, leaf):
            return None
        if not view.version:
            born = {"session_id": event.session_id, "origin": origin, "created_at": entry.recorded_at_us}
            self._insert_session.run(connection, {"session_uid": uid, **born})
        row = {
            "session_uid": uid,
            "version": event.version,
            "base_version": event.base_version,
            "event_id": entry.event_id,
            "recorded_at": entry.recorded_at_us,
            "occurred_at": None if event.occurred_at is None else microseconds(event.occurred_at),
            "kind": entry.kind,
            "authority": entry.authority,
            "schema_version": event.schema_version,
            "writer": event.writer,
            "key": event.key,
            "payload_commit": entry.payload_commit,
            "prev_leaf": entry.prev_leaf,
            "leaf": leaf,
        }
        self._insert_event.run(connection, row)
        self._insert_payload.run(
            connection, {"session_uid": uid, "version": event.version, "salt": salt, "body": payload.decode()}
        )
        self._feed(connection, uid, event.version, leaf)
        return after

    def _move_head(self, connection: Connection, uid: bytes, view: View, after: View, leaf: bytes) -> bool:
        row: dict[str, Any] = {
            "session_uid": uid,
            "version": after.version,
            "leaf": leaf,
            "tombstone": None if after.alive else after.version,
            "life": after.life_version,
            "open_questions": json.dumps(after.pending) if after.alive else "[]",
        }
        if view.version:
            row |= {"uid": uid, "was_version": view.version, "was_leaf": bytes.fromhex(view.digest)}
            return bool(self._move.run(connection, row).rowcount)
        return bool(self._create.run(connection, {**row, "tombstone": 0}).rowcount)

    def _feed(self, connection: Connection, uid: bytes, version: int, leaf: bytes) -> None:
        # Here one writer commits at a time, so positions come out dense and in the order of the commits.
        last = self._last_fed.run(connection, {}).mappings().one_or_none()
        position, before = (last["position"] + 1, bytes(last["digest"])) if last else (1, NO_LEAF)
        digest = feed_digest(before, position, uid, version, leaf)
        self._insert_feed.run(
            connection, {"position": position, "session_uid": uid, "version": version, "digest": digest}
        )


def new_event(
    session_id: str,
    *,
    version: int,
    base_version: int,
    event_id: str,
    writer: str,
    authority: Authority,
    changes: Sequence[Any],
    agreed: Sequence[Agreement] = (),
    kind: Literal["saved", "deleted"] = "saved",
    key: str | None = None,
    occurred_at: datetime | None = None,
) -> Event:
    """Make the event that is about to be appended; the time is now."""
    return Event.model_construct(
        session_id=session_id,
        version=version,
        base_version=base_version,
        event_id=event_id,
        recorded_at=moment(time.time_ns() // 1000),
        occurred_at=occurred_at,
        writer=writer,
        authority=authority,
        kind=kind,
        key=key,
        schema_version=SCHEMA_VERSION,
        changes=tuple(changes),
        agreed=tuple(agreed),
        digest="",
    )


_MOVE_HEAD = (
    update(heads)
    .where(
        and_(
            heads.c.session_uid == bindparam("uid"),
            heads.c.version == bindparam("was_version"),
            heads.c.leaf == bindparam("was_leaf"),
        )
    )
    .values(
        version=bindparam("version"),
        leaf=bindparam("leaf"),
        tombstone=func.coalesce(bindparam("tombstone"), heads.c.tombstone),
        life=bindparam("life"),
        open_questions=bindparam("open_questions"),
    )
)
_LAST_FED = select(feed.c.position, feed.c.digest).where(
    feed.c.position == select(func.max(feed.c.position)).scalar_subquery()
)
