"""Sessions out of a ledger, as the lines of an export."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from ledger.domain.events import SessionForked
from ledger.domain.redaction import NO_SALT, Redacting, redacted_paths
from ledger.errors import DamagedRecord, SessionNotFound
from ledger.exchange.envelopes import StoredEvent, event_line, to_time
from ledger.exchange.lines import FORMAT, FORMAT_VERSION, LineWriter
from ledger.exchange.links import Links
from ledger.store.census import session_ids as every_id
from ledger.store.columns import BODY, PAYLOAD_OF
from ledger.store.database import Database
from ledger.store.log import Log
from ledger.store.tables import events, payloads, sessions, usage_records
from ledger.telemetry import get_logger

__all__ = ["Export"]

_log = get_logger(__name__)

#: How many events one transaction reads.
PAGE = 200

Progress = Callable[[int, int], None]


class _Taken(NamedTuple):
    """A session as it was at one moment, and how far it is exported."""

    session_id: str
    uid: bytes
    origin: bytes
    version: int
    leaf: bytes
    created_at: int
    usage: int
    redacted: tuple[str, ...]


class Export:
    """The lines of sessions: each of one moment, with no transaction held between pages. It is iterated over once.

    A fork brings what it was forked from along, up to where it was; those come first.

    Args:
        database: where they are.
        log: of that database.
        session_ids: which; all that were ever saved, in the order of their ids, if it is `None`.
        redact: paths to blank.
        progress: called with the events exported so far, and their number.

    Raises:
        SessionNotFound: if one of them was never saved.
        InvalidRedaction: if one of the paths means nothing that can be blanked.
    """

    def __init__(
        self,
        database: Database,
        log: Log,
        session_ids: Iterable[str] | None,
        *,
        redact: Iterable[str] = (),
        progress: Progress | None = None,
    ) -> None:
        self._database = database
        self._log = log
        self._redacting = Redacting([redact] if isinstance(redact, str) else redact)
        self._progress = progress
        self._done = 0
        self._total = 0
        #: Every session, in the order of the export; those that only came along, with the version they end at.
        self._plan = self._planned([session_ids] if isinstance(session_ids, str) else session_ids)

    def __iter__(self) -> Iterator[str]:
        line = LineWriter().line
        counts = {"sessions": 0, "events": 0, "usage_records": 0}
        paths = list(self._redacting.patterns)
        yield line({"format": FORMAT, "version": FORMAT_VERSION, "redacted": paths})
        for session_id, upto in self._plan.items():
            taken = self._take(session_id, upto)
            yield line({"session": _session_line(taken, paths)})
            for event in self._events(taken):
                yield line(event_line(event))
            for record in self._usage(taken):
                yield line({"usage": record})
            counts["sessions"] += 1
            counts["events"] += taken.version
            counts["usage_records"] += taken.usage
        yield line({"end": {**counts, "redacted": dict(self._redacting.found)}})

    def _planned(self, session_ids: Iterable[str] | None) -> dict[str, int | None]:
        if session_ids is None:
            with self._database.read() as connection:
                session_ids = every_id(connection, "")
        wanted = list(dict.fromkeys(session_ids))
        origins: dict[str, SessionForked | None] = {}
        upto: dict[str, int | None] = {}
        plan: dict[str, int | None] = {}
        for session_id in wanted:
            upto[session_id] = None
            self._look_back(session_id, origins)
        for forked in filter(None, origins.values()):
            ancestor = forked.from_session_id
            if ancestor not in wanted:
                upto[ancestor] = max(forked.from_version, upto.get(ancestor) or 0)
        for session_id in wanted:
            plan |= {each: upto[each] for each in reversed(_way(session_id, origins)) if each not in plan}
        self._total += sum(version or 0 for version in plan.values())
        return plan

    def _look_back(self, session_id: str, origins: dict[str, SessionForked | None]) -> None:
        """Note what a session was forked from, and what that was, to the first of them."""
        with self._database.read() as connection:
            self._total += self._version(connection, session_id)
            at: str | None = session_id
            while at is not None and at not in origins:
                origins[at] = forked = self._log.origin(connection, at)
                at = None if forked is None else forked.from_session_id

    def _version(self, connection: Connection, session_id: str) -> int:
        head = self._log.head(connection, session_id)
        if head is None:
            raise SessionNotFound(session_id)
        return head.version

    def _take(self, session_id: str, upto: int | None) -> _Taken:
        with self._database.read() as connection:
            version = upto or self._version(connection, session_id)
            uid, origin = self._log.keyring.find(connection, session_id)
            leaf = self._log.digest(connection, session_id, version)
            created_at = connection.execute(
                select(sessions.c.created_at).where(sessions.c.session_uid == uid)
            ).scalar_one_or_none()
            if leaf is None or created_at is None:
                raise DamagedRecord(session_id, version, "it is missing" if leaf is None else "its session has no row")
            usage = connection.execute(
                select(func.max(usage_records.c.number)).where(usage_records.c.session_uid == uid)
            ).scalar_one()
            before = () if origin == self._log.ledger_id else _redacted_before(connection, uid, version)
        # What only came along is a part of a session, and no record of usage says of which part it is.
        usage = (usage or 0) if upto is None else 0
        return _Taken(session_id, uid, origin, version, bytes.fromhex(leaf), created_at, usage, before)

    def _events(self, taken: _Taken) -> Iterator[StoredEvent]:
        links = Links(taken.session_id, taken.origin, taken.uid)
        while links.version < taken.version:
            with self._database.read() as connection:
                page = _stored(connection, taken.uid, links.version, min(links.version + PAGE, taken.version))
            if not page:
                raise DamagedRecord(taken.session_id, links.version + 1, "it is missing")
            for row in page:
                yield self._redacted(taken, _checked(links, row))
            self._done += len(page)
            if self._progress is not None:
                self._progress(self._done, max(self._total, self._done))
        if links.leaf(links.version) != taken.leaf:
            raise DamagedRecord(taken.session_id, taken.version, "it is another one than when the export began")

    def _redacted(self, taken: _Taken, event: StoredEvent) -> StoredEvent:
        known = set(self._redacting.left)
        try:
            redacted = self._redacting.redact(event.body, event.columns["schema_version"])
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedRecord(taken.session_id, event.version, "its payload does not parse") from error
        for path in sorted(self._redacting.left - known):
            _log.warning("redaction_incomplete", session_id=taken.session_id, version=event.version, path=path)
        return event if redacted is None else event._replace(body=redacted[0], redacted=redacted[1])

    def _usage(self, taken: _Taken) -> Iterator[dict[str, Any]]:
        number = 0
        while number < taken.usage:
            upto = min(number + PAGE, taken.usage)
            query = select(usage_records).where(
                usage_records.c.session_uid == taken.uid,
                usage_records.c.number > number,
                usage_records.c.number <= upto,
            )
            with self._database.read() as connection:
                page = connection.execute(query.order_by(usage_records.c.number)).mappings().all()
            for row in page:
                recorded_at = to_time(row["recorded_at"])
                yield {"number": row["number"], "recorded_at": recorded_at, "key": row["key"], "record": row["body"]}
            number = upto


def _way(session_id: str, origins: Mapping[str, SessionForked | None]) -> list[str]:
    """Give a session, what it was forked from, and so on."""
    way = [session_id]
    while (forked := origins[way[-1]]) is not None and forked.from_session_id not in way:
        way.append(forked.from_session_id)
    return way


def _session_line(taken: _Taken, paths: Iterable[str]) -> dict[str, Any]:
    return {
        "session_id": taken.session_id,
        "session_uid": taken.uid.hex(),
        "ledger_id": taken.origin.hex(),
        "created_at": to_time(taken.created_at),
        "versions": taken.version,
        "digest": taken.leaf.hex(),
        "usage_records": taken.usage,
        "redacted": sorted({*taken.redacted, *paths}),
    }


def _stored(connection: Connection, uid: bytes, after: int, upto: int) -> list[Mapping[str, Any]]:
    query = (
        select(*events.c, payloads.c.salt, BODY.label("body"))
        .outerjoin(payloads, PAYLOAD_OF)
        .where(events.c.session_uid == uid, events.c.version > after, events.c.version <= upto)
        .order_by(events.c.version)
    )
    return [dict(row) for row in connection.execute(query).mappings().all()]


def _checked(links: Links, row: Mapping[str, Any]) -> StoredEvent:
    """What was altered is not passed on: an export that blanks something would hide that it was."""
    try:
        body = bytes(row["body"]).decode()
        columns = {
            column.name: bytes(value) if isinstance(value := row[column.name], bytes) else value
            for column in events.c
            if column is not events.c.session_uid
        }
        event = StoredEvent(columns, bytes(row["salt"]), body, redacted_paths(body, bytes(row["salt"])))
        links.hashes(event)
    except (ValueError, TypeError, OverflowError) as error:
        what = str(error) if isinstance(error, ValueError) else "a column has an impossible value"
        raise DamagedRecord(links.session_id, links.version + 1, what) from error
    return event


def _redacted_before(connection: Connection, uid: bytes, upto: int) -> tuple[str, ...]:
    """Give what had been redacted of a session before it came here."""
    query = select(payloads.c.body).where(
        payloads.c.session_uid == uid, payloads.c.version <= upto, payloads.c.salt == NO_SALT
    )
    return tuple({path for body in connection.execute(query).scalars() for path in json.loads(body)["redacted"]})
