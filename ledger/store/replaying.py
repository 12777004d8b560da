"""The fold over the log, across the joins of forks. Runs in the transaction that it is given.

The first event of a fork names the version of another session that it began as, so its state is folded from there on.
The way up to the session that began it all, and the way down again, are loops: forks of forks may be a thousand deep.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError
from sqlalchemy import Connection, bindparam, select, type_coerce
from sqlalchemy.types import NullType

from ledger.domain.apply import BareEvent, fold
from ledger.domain.chain import KIND_NAMES
from ledger.domain.events import SessionForked
from ledger.domain.origins import origin_of
from ledger.domain.payload import Payload, decode_changes, decode_payload
from ledger.domain.view import View
from ledger.errors import DamagedRecord, UnknownChange
from ledger.store.columns import BODY, PAYLOAD_OF
from ledger.store.moments import moment
from ledger.store.spans import spans
from ledger.store.tables import events, payloads

__all__ = ["Leg", "Nearest", "decode", "going_round", "replay"]

Decoded = TypeVar("Decoded")

#: Gives a view of a session at a version or before it that need not be folded, if there is one.
Nearest = Callable[[str, int], View | None]


class Leg(NamedTuple):
    """A part of the way to a view that lies in one session: its end, and the bytes of the payloads folded on it."""

    view: View
    replayed: int


def replay(
    connection: Connection, uid: Callable[[str], bytes], session_id: str, version: int, nearest: Nearest | None = None
) -> list[Leg]:
    """Fold the log up to a version, and give what was folded: of a fork, a leg in each session that it came from.

    The last leg ends with the view that was asked for; each one before it ends where the next session was forked.

    Args:
        connection: in a reading transaction.
        uid: gives the key of a session.
        session_id: whose view.
        version: up to which.
        nearest: where to begin in a session; at its first event without.

    Raises:
        DamagedRecord: if an event is missing or does not parse, or a fork does not fit what it was forked from.
        UnknownChange: if a newer release wrote an event.
    """
    readings: list[_Reading] = []
    seen: set[str] = set()
    while True:
        seen.add(session_id)
        start = nearest(session_id, version) if nearest else None
        reading = _Reading(connection, session_id, uid(session_id), start.version if start else 0, version)
        readings.append(reading)
        origin = None if start else reading.origin()
        if origin is None:
            break
        _check_join(connection, session_id, origin, uid(origin.from_session_id), seen)
        session_id, version = origin.place
    view = start or View(session_id)
    legs = []
    for reading in reversed(readings):
        with closing(reading.events()) as found:
            view = fold(view, found)
        if view.version != reading.upto:
            raise DamagedRecord(reading.session_id, view.version + 1, "it is missing")
        legs.append(Leg(view, reading.size))
    return legs


def going_round(session_id: str, origin: SessionForked) -> DamagedRecord:
    """Give the error that a session was forked from one that was forked from it."""
    return DamagedRecord(session_id, 1, f"it was forked from {origin.place}, which was forked from it")


def _check_join(connection: Connection, session_id: str, origin: SessionForked, uid: bytes, seen: set[str]) -> None:
    place = origin.place
    if origin.from_session_id in seen:
        raise going_round(session_id, origin)
    leaf = connection.execute(_LEAF, {"uid": uid, "version": origin.from_version}).scalar_one_or_none()
    if leaf is None:
        raise DamagedRecord(session_id, 1, f"it was forked from {place}, which is not in the log")
    if not isinstance(leaf, bytes) or leaf.hex() != origin.from_digest:
        raise DamagedRecord(session_id, 1, f"it was forked from {place}, which is another event now")


class _Reading:
    """Reads the events of one session for the fold, once, and weighs them."""

    def __init__(self, connection: Connection, session_id: str, uid: bytes, after: int, upto: int) -> None:
        self.session_id = session_id
        self.upto = upto
        self.size = 0
        self._connection = connection
        self._uid = uid
        self._after = after
        self._first: BareEvent | None = None

    def origin(self) -> SessionForked | None:
        """Give what the session was forked from, if its first event says so; that event is read for it alone."""
        found = list(self._read(min(self._after + 1, self.upto)))
        if not found:
            return None
        (self._first,) = found
        return origin_of(self._first.version, self._first.changes)

    def events(self) -> Generator[BareEvent]:
        """Give the events, once. Close it, if it is not read to the end, before the transaction ends."""
        if self._first is not None:
            yield self._first
        yield from self._read(self.upto)

    def _read(self, upto: int) -> Iterator[BareEvent]:
        with closing(spans(self._connection, _FOLDED, self._uid, self._after, upto)) as pages:
            for row in chain.from_iterable(pages):
                self._after += 1
                if row[0] != self._after:
                    raise DamagedRecord(self.session_id, self._after, "it is missing")
                yield self._folded(row)

    def _folded(self, row: Sequence[Any]) -> BareEvent:
        version, kind, recorded_at, occurred_at, leaf, body, schema_version = row
        changes = _decoded(self.session_id, version, body, schema_version, decode_changes)
        self.size += len(body)
        if kind not in KIND_NAMES:
            raise UnknownChange(f"event of kind {kind}", self.session_id, version)
        try:
            return BareEvent(
                version,
                KIND_NAMES[kind],
                moment(recorded_at),
                None if occurred_at is None else moment(occurred_at),
                changes,
                bytes(leaf).hex(),
            )
        except (TypeError, ValueError, OverflowError) as error:
            raise DamagedRecord(self.session_id, version, "a column has an impossible value") from error


def decode(session_id: str, version: int, body: Any, schema_version: int) -> Payload:
    """Read the payload of an event, and explain what is wrong with one that cannot be read.

    Raises:
        DamagedRecord: if it is missing, or does not parse.
        UnknownChange: if a newer release wrote it.
    """
    return _decoded(session_id, version, body, schema_version, decode_payload)


def _decoded(
    session_id: str, version: int, body: Any, schema_version: int, read: Callable[[bytes | str, int], Decoded]
) -> Decoded:
    if body is None:
        raise DamagedRecord(session_id, version, "its payload is missing")
    try:
        return read(body if type(body) is str else bytes(body), schema_version)
    except UnknownChange as error:
        raise UnknownChange(error.change, session_id, version) from error
    except (ValidationError, TypeError, ValueError) as error:
        raise DamagedRecord(session_id, version, "its payload does not parse") from error


_FOLDED = (
    select(
        events.c.version,
        events.c.kind,
        events.c.recorded_at,
        events.c.occurred_at,
        events.c.leaf,
        # As bytes, so that a record that is no UTF-8 any more is our error to explain and not the driver's; from a
        # server, which keeps nothing else, as the text that its driver gives.
        type_coerce(BODY, NullType),
        events.c.schema_version,
    )
    .outerjoin(payloads, PAYLOAD_OF)
    .where(
        events.c.session_uid == bindparam("uid"),
        events.c.version > bindparam("after"),
        events.c.version <= bindparam("upto"),
    )
    .order_by(events.c.version)
)
_LEAF = select(events.c.leaf).where(events.c.session_uid == bindparam("uid"), events.c.version == bindparam("version"))
