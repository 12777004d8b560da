"""Recomputes every hash of the log, and compares every column that repeats what the chain covers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Table, func, select

from ledger.domain import events as e
from ledger.domain.chain import KINDS, NO_LEAF, commit_payload, leaf_of, session_uid
from ledger.domain.payload import Payload, decode_payload
from ledger.domain.question_changes import Ending
from ledger.domain.records import Problem, Redaction, Verification
from ledger.domain.redaction import redacted_paths
from ledger.errors import SessionNotFound, UnknownChange
from ledger.store.columns import BODY, PAYLOAD_OF
from ledger.store.entries import entry_of
from ledger.store.joins import Joins
from ledger.store.log import Log
from ledger.store.moments import microseconds
from ledger.store.raw_values import number, octets, text
from ledger.store.sequencer import is_queued
from ledger.store.tables import events, feed, feed_queue, heads, payloads, sessions
from ledger.store.verify_feed import verify_feed

__all__ = ["verify"]

PAGE = 1000
_LOWEST = -(2**62)

Expect = Mapping[str, tuple[int, str]]
Progress = Callable[[int, int], None]


def verify(
    connection: Connection,
    log: Log,
    session_id: str | None = None,
    *,
    expect: Expect | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Check one session, or all of them and the feed, in one reading transaction.

    Args:
        connection: in a reading transaction.
        log: whose ledger it is.
        session_id: only this one.
        expect: what receipts said: `{session_id: (version, digest)}`; catches a tail that was cut off consistently.
        progress: called with the events checked so far and their number.

    Raises:
        SessionNotFound: if `session_id` was never saved, and nothing of it is left.
    """
    check = _Check(connection, log, progress)
    if session_id is None:
        check.all_sessions()
        verify_feed(connection, check.problem)
    else:
        check.one_session(session_id)
    for expected_id, (version, digest) in (expect or {}).items():
        if session_id is None or expected_id == session_id:
            check.expectation(expected_id, version, digest)
    return Verification(
        sessions=check.sessions, events=check.events, problems=tuple(check.problems), redacted=tuple(check.redacted)
    )


@dataclass(slots=True)
class _Chain:
    """What has been seen of one session, up to the last event."""

    version: int = 0
    leaf: bytes = NO_LEAF
    leaves: list[bytes] = field(default_factory=list)
    open: dict[str, None] = field(default_factory=dict)
    #: Whether it is known what was open where the session was forked; it always is, of one that was not.
    rooted: bool = True
    tombstone: int = 0
    alive: bool = False
    life: int = 0
    #: Whether another ledger made it: what was redacted of it can only have been so there, or on the way.
    foreign: bool = False


@dataclass(slots=True)
class _Check:
    connection: Connection
    log: Log
    progress: Progress | None
    sessions: int = 0
    events: int = 0
    total: int = 0
    problems: list[Problem] = field(default_factory=list)
    redacted: list[Redaction] = field(default_factory=list)
    joins: Joins = field(init=False)

    def __post_init__(self) -> None:
        self.joins = Joins(self.connection, self.log)

    def problem(self, session_id: str | None, version: int | None, what: str) -> None:
        self.problems.append(Problem(session_id=session_id, version=version, what=what))

    def all_sessions(self) -> None:
        self.total = self.connection.execute(select(func.count()).select_from(events)).scalar_one()
        names = {
            octets(row[0]): text(row[1])
            for row in self.connection.execute(select(sessions.c.session_uid, sessions.c.session_id))
        }
        for twice, count in Counter(names.values()).items():
            if count > 1:
                self.problem(twice, None, "its id stands for more than one session")
        uids = set(names)
        for table in (heads, events, payloads):
            uids |= {octets(uid) for uid in self.connection.execute(select(table.c.session_uid).distinct()).scalars()}
        for uid in self.joins.in_order(sorted(uids, key=lambda uid: (names.get(uid, ""), uid)), uids):
            self.session(uid)

    def one_session(self, session_id: str) -> None:
        uid = self.log.uid(self.connection, session_id)
        left = [
            self.connection.execute(select(t.c.session_uid).where(t.c.session_uid == uid).limit(1)).first()
            for t in (sessions, heads, events)
        ]
        if not any(left):
            raise SessionNotFound(session_id)
        way = self.joins.way_to(uid)
        self.total = sum(len(self._versions(events, passed, upto)) for passed, upto in way)
        for passed, upto in way:
            name = self.session(passed, upto)
            fed = self._versions(feed, passed, upto)
            if is_queued(self.connection.dialect):
                fed |= self._versions(feed_queue, passed, upto)
            known = self._versions(events, passed, upto)
            for version in sorted(known - fed):
                self.problem(name, version, "it is missing from the feed")
            for version in sorted(fed - known):
                self.problem(name, version, "the feed names it, but it is not in the log")

    def _versions(self, table: Table, uid: bytes, upto: int | None) -> set[int]:
        found = self.connection.execute(select(table.c.version).where(table.c.session_uid == uid)).scalars()
        return {version for version in found if isinstance(version, int) and (upto is None or version <= upto)}

    def session(self, uid: bytes, upto: int | None = None) -> str:
        """Check one session, or its events up to a version; give its id."""
        self.sessions += 1
        row = self.connection.execute(select(sessions).where(sessions.c.session_uid == uid)).mappings().one_or_none()
        session_id = text(row["session_id"]) if row else uid.hex()
        origin = octets(row["origin"]) if row else self.log.ledger_id
        if row is None:
            self.problem(session_id, None, "its row in sessions is missing")
        elif session_uid(origin, session_id) != uid:
            self.problem(session_id, None, "its id does not match its key")
        created_at = row["created_at"] if row else None
        chain = _Chain(foreign=origin != self.log.ledger_id)
        for event in self._rows(uid, upto):
            if event["version"] == 1 and created_at not in (None, event["recorded_at"]):
                self.problem(session_id, 1, "it was recorded at another time than its row in sessions says")
            self.event(session_id, uid, origin, event, chain)
            self.joins.note(uid, chain.version, chain.leaf, chain.open)
            self.events += 1
            if self.progress is not None and self.events % 100 == 0:
                self.progress(self.events, self.total)
        if self.progress is not None:
            self.progress(self.events, self.total)
        if upto is None:
            self._orphans(session_id, uid)
            self.head(session_id, uid, chain)
        return session_id

    def _rows(self, uid: bytes, upto: int | None) -> Iterator[Mapping[str, Any]]:
        query = (
            select(*events.c, payloads.c.salt, BODY.label("body"))
            .outerjoin(payloads, PAYLOAD_OF)
            .where(events.c.session_uid == uid)
            .order_by(events.c.version)
            .limit(PAGE)
        )
        if upto is not None:
            query = query.where(events.c.version <= upto)
        after = _LOWEST
        while page := self.connection.execute(query.where(events.c.version > after)).mappings().all():
            yield from map(dict, page)
            after = page[-1]["version"]

    def event(self, session_id: str, uid: bytes, origin: bytes, row: Mapping[str, Any], chain: _Chain) -> None:
        version = row["version"]
        if not isinstance(version, int):
            self.problem(session_id, None, f"a version of it is numbered {version!r}")
            return
        for missing in range(chain.version + 1, min(version, chain.version + 20)):
            self.problem(session_id, missing, "it is missing")
        chain.version = version
        try:
            payload = self.payload(session_id, row, chain)
            self.hashes(session_id, uid, origin, row, chain)
        except (TypeError, ValueError, OverflowError) as error:
            self.problem(session_id, version, f"a column has an impossible value: {error}")
            return
        finally:
            chain.leaf = octets(row["leaf"])
            chain.leaves.append(chain.leaf)
        if row["kind"] == KINDS["deleted"]:
            chain.tombstone, chain.alive = version, False
            chain.open.clear()
        elif not chain.alive:
            chain.alive, chain.life = True, version
        if payload is not None:
            self.fork(session_id, version, payload, chain)
            _follow_questions(payload, chain.open)

    def fork(self, session_id: str, version: int, payload: Payload, chain: _Chain) -> None:
        """Check that what a session was forked from is still there; what was open there, is open here."""
        for change in payload.changes:
            if not isinstance(change, e.SessionForked):
                continue
            if version != 1 or change is not payload.changes[0]:
                self.problem(session_id, version, "it says that the session was forked, and does not begin it")
                continue
            if change.session_id != session_id:
                self.problem(session_id, version, f"it forked session {change.session_id}")
            join, place = self.joins.found(change), change.place
            if join is None:
                self.problem(session_id, version, f"it was forked from {place}, which is not in the log")
            elif join.leaf.hex() != change.from_digest:
                self.problem(session_id, version, f"it was forked from {place}, which is another event now")
            chain.open, chain.rooted = dict.fromkeys(join.open if join else ()), join is not None

    def hashes(self, session_id: str, uid: bytes, origin: bytes, row: Mapping[str, Any], chain: _Chain) -> None:
        version = row["version"]
        if octets(row["prev_leaf"]) != chain.leaf:
            self.problem(session_id, version, "it does not follow from the version before it")
        if not 0 <= row["base_version"] < max(version, 1):
            self.problem(session_id, version, f"its base version {row['base_version']} cannot be")
        try:
            leaf = leaf_of(entry_of(row, origin, uid))
        except Exception as error:  # noqa: BLE001 - whatever an altered column makes of it, the record is not whole
            self.problem(session_id, version, f"its envelope was altered: {error}")
            return
        if leaf != octets(row["leaf"]):
            self.problem(session_id, version, "its envelope was altered: the digest does not match")

    def payload(self, session_id: str, row: Mapping[str, Any], chain: _Chain) -> Payload | None:
        version = row["version"]
        if row["body"] is None:
            self.problem(session_id, version, "its payload is missing")
            return None
        body = bytes(row["body"])
        paths = redacted_paths(body, bytes(row["salt"]))
        if paths and chain.foreign:
            self.redacted.append(Redaction(session_id=session_id, version=version, paths=paths))
        elif paths:
            self.problem(session_id, version, "its payload was redacted, which only an export to elsewhere may do")
        elif commit_payload(bytes(row["salt"]), body) != bytes(row["payload_commit"]):
            self.problem(session_id, version, "its payload was altered: the digest does not match")
            return None
        try:
            payload = decode_payload(body, row["schema_version"])
        except UnknownChange as error:
            self.problem(session_id, version, str(error))
            return None
        except (ValidationError, ValueError) as error:
            self.problem(session_id, version, f"its payload does not parse: {type(error).__name__}")
            return None
        self.copies(session_id, row, payload, chain)
        return payload

    def copies(self, session_id: str, row: Mapping[str, Any], payload: Payload, chain: _Chain) -> None:
        """Compare the columns that repeat what the payload says."""
        version = row["version"]
        if row["key"] != payload.key:
            self.problem(session_id, version, "its key was altered")
        occurred_at = None if payload.occurred_at is None else microseconds(payload.occurred_at)
        if row["occurred_at"] != occurred_at:
            self.problem(session_id, version, "its occurred_at was altered")
        base = row["base_version"]
        if 1 <= base <= len(chain.leaves) and payload.base != chain.leaves[base - 1].hex():
            self.problem(session_id, version, f"it names another base than version {base}")
        for change in payload.changes:
            if isinstance(change, e.SessionCreated) and change.session_id != session_id:
                self.problem(session_id, version, f"it created session {change.session_id}")

    def _orphans(self, session_id: str, uid: bytes) -> None:
        known = select(events.c.version).where(events.c.session_uid == uid)
        orphans = select(payloads.c.version).where(payloads.c.session_uid == uid, payloads.c.version.not_in(known))
        for version in self.connection.execute(orphans).scalars():
            self.problem(session_id, version if isinstance(version, int) else None, "a payload has no event")

    def head(self, session_id: str, uid: bytes, chain: _Chain) -> None:
        row = self.connection.execute(select(heads).where(heads.c.session_uid == uid)).mappings().one_or_none()
        if row is None:
            self.problem(session_id, None, "its head is missing")
            return
        if row["version"] != chain.version:
            what = f"the log ends at version {chain.version}, the head is version {row['version']}"
            self.problem(session_id, min(number(row["version"]), chain.version) + 1, what)
        elif octets(row["leaf"]) != chain.leaf:
            self.problem(session_id, chain.version, "the head has another digest than the last event")
        if (row["tombstone"], row["life"]) != (chain.tombstone, chain.life):
            self.problem(session_id, chain.version, "the head names another life than the events")
        try:
            same = set(json.loads(row["open_questions"])) == set(chain.open)
        except (ValueError, TypeError):
            same = False
        if chain.rooted and not same:
            self.problem(session_id, chain.version, "the head names other open questions than the events")

    def expectation(self, session_id: str, version: int, digest: str) -> None:
        leaf = select(events.c.leaf).where(
            events.c.session_uid == self.log.uid(self.connection, session_id), events.c.version == version
        )
        found = self.connection.execute(leaf).scalar_one_or_none()
        if found is None:
            self.problem(session_id, version, "it is missing: a receipt for it exists, so the log was cut off")
        elif octets(found).hex() != digest.lower():
            self.problem(session_id, version, "it is not the event that its receipt was given for")


def _follow_questions(payload: Payload, pending: dict[str, None]) -> None:
    for change in payload.changes:
        if isinstance(change, e.SessionCreated):
            pending.clear()
        elif isinstance(change, e.QuestionAsked):
            pending[change.question.id] = None
        elif isinstance(change, e.QuestionRecovered):
            pending[change.question_id] = None
        elif isinstance(change, Ending):
            pending.pop(change.question_id, None)
