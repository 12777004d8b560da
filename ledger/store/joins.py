"""Where forks begin, as `verify` looks at it: which versions have to be there, and what was found of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, select

from ledger.domain.events import SessionForked
from ledger.domain.origins import origin_of
from ledger.domain.payload import decode_payload
from ledger.errors import UnknownChange
from ledger.store.columns import BODY, PAYLOAD_OF
from ledger.store.log import Log
from ledger.store.tables import events, payloads

__all__ = ["Join", "Joins"]


class Join(NamedTuple):
    """What was found where a session was forked: the leaf of that version, and the questions that were open there."""

    leaf: bytes
    open: tuple[str, ...]


class Joins:
    """The joins of the forks that are verified. A session that was forked is looked at before its forks are."""

    def __init__(self, connection: Connection, log: Log) -> None:
        self._connection = connection
        self._log = log
        #: The versions of each session that something was forked from, with what was found there.
        self._found: dict[bytes, dict[int, Join | None]] = {}

    def in_order(self, uids: Iterable[bytes], known: Collection[bytes]) -> list[bytes]:
        """Give sessions in their order, but each one behind what it was forked from."""
        origins = self._origins()
        ordered: list[bytes] = []
        passed: set[bytes] = set()
        for uid in uids:
            way = []
            at: bytes | None = uid
            while at is not None and at in known and at not in passed:
                passed.add(at)
                way.append(at)
                at = self._expect(origins, at)
            ordered += reversed(way)
        return ordered

    def way_to(self, uid: bytes) -> list[tuple[bytes, int | None]]:
        """Give the sessions that one came from, each with the version it was forked at, and last that one itself."""
        way: list[tuple[bytes, int | None]] = [(uid, None)]
        while origin := self._origins(uid).get(uid):
            parent = self._expect({uid: origin}, uid)
            if parent is None or parent in {passed for passed, _ in way} or not self._is_there(parent):
                break
            way.append((parent, origin.from_version))
            uid = parent
        return way[::-1]

    def note(self, uid: bytes, version: int, leaf: bytes, pending: Iterable[str]) -> None:
        """Keep what was found of a version, if something was forked from it."""
        wanted = self._found.get(uid, {})
        if version in wanted:
            wanted[version] = Join(leaf, tuple(pending))

    def found(self, origin: SessionForked) -> Join | None:
        """Give what was found where a fork begins, or `None` if there was no such event."""
        return self._found.get(self._log.uid(self._connection, origin.from_session_id), {}).get(origin.from_version)

    def _expect(self, origins: Mapping[bytes, SessionForked], uid: bytes) -> bytes | None:
        origin = origins.get(uid)
        if origin is None:
            return None
        parent = self._log.uid(self._connection, origin.from_session_id)
        self._found.setdefault(parent, {}).setdefault(origin.from_version, None)
        return parent

    def _is_there(self, uid: bytes) -> bool:
        found = self._connection.execute(select(events.c.version).where(events.c.session_uid == uid).limit(1))
        return found.first() is not None

    def _origins(self, uid: bytes | None = None) -> dict[bytes, SessionForked]:
        """Give what each session was forked from, or one of them; a record that does not parse is named elsewhere."""
        query = (
            select(events.c.session_uid, events.c.schema_version, BODY.label("body"))
            .join(payloads, PAYLOAD_OF)
            .where(events.c.version == 1, payloads.c.body.contains('"session_forked"', autoescape=True))
        )
        if uid is not None:
            query = query.where(events.c.session_uid == uid)
        origins = {}
        for row in self._connection.execute(query).all():
            try:
                origin = origin_of(1, decode_payload(bytes(row.body), row.schema_version).changes)
            except (UnknownChange, TypeError, ValueError):
                continue
            if origin is not None:
                origins[bytes(row.session_uid)] = origin
        return origins
