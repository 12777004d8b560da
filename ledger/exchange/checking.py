"""Checks an export from its first line to its last, before anything of it is written, and keeps it at hand."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import IO, Any, Self

from ledger.domain.apply import BareEvent, fold
from ledger.domain.chain import KINDS, session_uid
from ledger.domain.events import Change, SessionForked
from ledger.domain.origins import origin_of
from ledger.domain.payload import Payload
from ledger.domain.redaction import KEY_DIGEST
from ledger.domain.submitted import checked_id
from ledger.domain.view import View
from ledger.errors import InvalidSession, LedgerError, UnknownChange
from ledger.exchange.envelopes import (
    StoredEvent,
    of_count,
    of_hex,
    of_text,
    of_texts,
    of_time,
    only_fields,
    or_none,
    read_fields,
    stored_event,
)
from ledger.exchange.lines import LineReader
from ledger.exchange.links import Links
from ledger.store.intake import HeadRow, UsageRecord
from ledger.store.moments import moment
from ledger.store.session_keys import SessionKey
from ledger.store.usage import checked_record

__all__ = ["CheckedExport", "CheckedSession"]

#: An export up to this size is held in memory, a larger one in a temporary file that nobody else can read.
IN_MEMORY = 32 * 2**20


@dataclass(slots=True)
class CheckedSession:
    """A session of an export, of which everything fits together."""

    session_id: str
    key: SessionKey
    created_at: int
    versions: int
    links: Links
    #: What the line of the session says.
    told: Mapping[str, Any]
    #: Where its events begin in what is held.
    begins: int
    head: HeadRow = field(default_factory=lambda: HeadRow(0, 0, "[]"))
    forked: SessionForked | None = None
    usage: list[UsageRecord] = field(default_factory=list)
    #: The versions whose payload lost something.
    redacted: list[int] = field(default_factory=list)

    def leaf(self, version: int) -> bytes:
        """Give the leaf of a version."""
        return self.links.leaf(version)


class CheckedExport:
    """The sessions of an export that was checked as a whole. A context manager: what it holds goes with it.

    Args:
        lines: of the export; they are read once.

    Raises:
        InvalidExport: naming line, session and version, and what is wrong.
        UnknownChange: if it holds a change of a newer release.
    """

    def __init__(self, lines: Iterable[str | bytes] | bytes) -> None:
        # The checks walk through it once, and writing does again, so that it need not fit into memory.
        self._held: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - it is closed with this object
        self._reader = LineReader(lines)
        self._by_id: dict[str, CheckedSession] = {}
        try:
            self._check()
        except BaseException:
            self._held.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    @property
    def sessions(self) -> Collection[CheckedSession]:
        """Every session, in the order of the export."""
        return self._by_id.values()

    def stored(self, session: CheckedSession, after: int = 0, upto: int | None = None) -> Iterator[StoredEvent]:
        """Give the events of a session behind a version, up to another or all."""
        self._held.seek(session.begins)
        for version in range(1, (session.versions if upto is None else upto) + 1):
            line = self._held.readline()
            if version > after:
                document = json.loads(line)
                del document["digest"]
                yield stored_event(document)

    def _check(self) -> None:
        reader = self._reader
        header = reader.first()
        with _refusing(reader):
            only_fields(header, "the header", ("format", "version", "redacted"))
            of_texts(header["redacted"])
        reader.settle()
        document = reader.next()
        while "session" in document:
            session = self._session(document)
            self._events(session)
            document = self._usage(session)
            self._by_id[session.session_id] = session
            reader.session_id = reader.version = None
        self._end(document)
        reader.end()

    def _session(self, document: Mapping[str, Any]) -> CheckedSession:
        with _refusing(self._reader):
            only_fields(document, "the line of a session", ("session",))
            told = read_fields(document["session"], "the line of a session", _SESSION)
            session_id = checked_id(told["session_id"], "")
            self._reader.session_id = session_id
            key = SessionKey(told["session_uid"], told["ledger_id"])
            if session_uid(key.origin, session_id) != key.uid:
                raise ValueError("its id does not match its key")
            if session_id in self._by_id:
                raise ValueError("it is in the export twice")
            if not told["versions"]:
                raise ValueError("it has no versions")
        self._reader.settle()
        links = Links(session_id, key.origin, key.uid)
        return CheckedSession(session_id, key, told["created_at"], told["versions"], links, told, self._held.tell())

    def _events(self, session: CheckedSession) -> None:
        reader = self._reader
        events = (self._event(session) for _ in range(session.versions))
        first = next(events)
        session.forked = origin_of(first.version, first.changes)
        with _refusing(reader):
            start = self._state_before(session)
        with _refusing(reader, "its changes do not fit the state before it: "):
            view = fold(start, chain([first], events))
        if session.leaf(session.versions) != session.told["digest"]:
            raise reader.refuse("it is not the last event that the line of its session names")
        pending = json.dumps(view.pending) if view.alive else "[]"
        session.head = HeadRow(session.links.tombstone, view.life_version, pending)

    def _event(self, session: CheckedSession) -> BareEvent:
        reader = self._reader
        reader.version = session.links.version + 1
        document = reader.next()
        with _refusing(reader):
            if "event" not in document:
                raise ValueError(f"it is missing: the session has {session.versions} versions")
            event = stored_event(document)
            session.links.hashes(event)
            folded = _folded(event, self._payload(session, event).changes)
            if event.version == 1 and event.columns["recorded_at"] != session.created_at:
                raise ValueError("it was recorded at another time than the line of its session says")
            if not {*event.redacted} <= {*session.told["redacted"], KEY_DIGEST}:
                raise ValueError("more of it was redacted than the line of its session says")
        reader.settle()
        if event.redacted:
            session.redacted.append(event.version)
        self._held.write(reader.raw + b"\n")
        return folded

    def _payload(self, session: CheckedSession, event: StoredEvent) -> Payload:
        try:
            return session.links.payload(event)
        except UnknownChange:
            # Of a newer release, if it is as it was written: no hash covers what is left of a redacted payload.
            self._reader.settle()
            raise

    def _state_before(self, session: CheckedSession) -> View:
        """Give the state that the first event of a session found: of a fork, what it came from stands further up."""
        way: list[tuple[CheckedSession, int]] = []
        forked = session.forked
        while forked is not None:
            session = self._parent(forked)
            way.append((session, forked.from_version))
            forked = session.forked
        end = self._held.tell()
        view = View(session.session_id)
        for passed, upto in reversed(way):
            events = self.stored(passed, upto=upto)
            view = fold(view, (_folded(event, passed.links.read(event).changes) for event in events))
        self._held.seek(end)
        return view

    def _parent(self, forked: SessionForked) -> CheckedSession:
        session = self._by_id.get(forked.from_session_id)
        known = session is not None and 1 <= forked.from_version <= session.versions
        if session is not None and known and session.leaf(forked.from_version).hex() == forked.from_digest:
            return session
        raise ValueError(f"it was forked from {forked.place}, which is not before it")

    def _usage(self, session: CheckedSession) -> dict[str, Any]:
        """Read the usage records of a session, and give the line behind them."""
        reader = self._reader
        reader.version = None
        keys: set[str] = set()
        while "usage" in (document := reader.next()):
            with _refusing(reader):
                only_fields(document, "a usage record's line", ("usage",))
                told = read_fields(document["usage"], "a usage record", _USAGE)
                if told["number"] != len(session.usage) + 1:
                    raise ValueError(f"usage record {len(session.usage) + 1} is missing, this is {told['number']}")
                checked_record(session.session_id, told["record"], told["key"])
                if told["key"] in keys:
                    raise ValueError("the key of a usage record stands for an earlier one")
            reader.settle()
            keys |= {told["key"]} - {None}
            session.usage.append(UsageRecord(told["recorded_at"], told["key"], told["record"]))
        if len(session.usage) != session.told["usage_records"]:
            more = "event" in document
            raise reader.refuse(
                f"it has more versions than the {session.versions} that were announced"
                if more
                else f"usage record {len(session.usage) + 1} of {session.told['usage_records']} is missing"
            )
        return document

    def _end(self, document: Mapping[str, Any]) -> None:
        found = {
            "sessions": len(self.sessions),
            "events": sum(session.versions for session in self.sessions),
            "usage_records": sum(len(session.usage) for session in self.sessions),
        }
        with _refusing(self._reader):
            only_fields(document, "the last line", ("end",))
            told = read_fields(document["end"], "the last line", _END)
            for name, count in found.items():
                if told[name] != count:
                    raise ValueError(f"the export was of {told[name]} {name.replace('_', ' ')}, and {count} are here")
        self._reader.settle()


def _folded(event: StoredEvent, changes: tuple[Change, ...]) -> BareEvent:
    columns = event.columns
    return BareEvent(
        event.version,
        "deleted" if columns["kind"] == KINDS["deleted"] else "saved",
        moment(columns["recorded_at"]),
        None if columns["occurred_at"] is None else moment(columns["occurred_at"]),
        changes,
        columns["leaf"].hex(),
    )


@contextmanager
def _refusing(reader: LineReader, what: str = "") -> Iterator[None]:
    """Say of what is wrong with a line in which it is."""
    try:
        yield
    except InvalidSession as error:
        raise reader.refuse(what + error.problem) from error
    except LedgerError:
        raise
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        said = str(error) if isinstance(error, ValueError) else repr(error)
        raise reader.refuse(what + said) from error


def _counts(value: Any) -> dict[str, int]:
    if not isinstance(value, dict):
        raise ValueError("an object is wanted")  # noqa: TRY004 - of the file's data, not of the caller's
    return {of_text(path): of_count(count) for path, count in value.items()}


Readers = Mapping[str, Callable[[Any], Any]]

_SESSION: Readers = {
    "session_id": of_text,
    "session_uid": of_hex(16),
    "ledger_id": of_hex(16),
    "created_at": of_time,
    "versions": of_count,
    "digest": of_hex(32),
    "usage_records": of_count,
    "redacted": of_texts,
}
_USAGE: Readers = {"number": of_count, "recorded_at": of_time, "key": or_none(of_text), "record": of_text}
_END: Readers = {"sessions": of_count, "events": of_count, "usage_records": of_count, "redacted": _counts}
