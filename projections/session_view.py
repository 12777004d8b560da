"""The session view: the fold of a session, from the nearest snapshot on, and the snapshots themselves.

A snapshot is disposable: deleting all of them loses nothing. It is written behind a load that had to replay much, never
on the path of a save; a stale, corrupt or unknown one is dropped and the load folds from the log.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from ledger.domain.apply import FOLD_VERSION
from ledger.domain.view import View
from ledger.errors import SessionNotFound, StorageError, VersionNotFound
from ledger.store.database import Database
from ledger.store.log import Log
from ledger.store.replaying import Leg
from ledger.store.tables import snapshots
from ledger.store.upserts import inserting
from ledger.telemetry import get_logger
from projections.snapshot_body import decode_view, encode_view, estimate_size

__all__ = ["SessionViews", "too_close"]

_log = get_logger(__name__)

#: Replaying less than this is cheaper than any snapshot.
MIN_REPLAYED_BYTES = 64 * 1024
#: A snapshot pays when a load had to read so many times what the view holds. One that only grew is read from the log as
#: fast as from a snapshot, which would only be a second copy of it.
READ_TIMES = 2
#: So few saves are read sooner than a snapshot.
NEAR = 50
#: Of two kept snapshots, the older has at most this part of the newer one's version, so that all together cost no more
#: than twice the newest, and a load in the middle of a history finds one near.
THINNING = 0.6


@dataclass(slots=True)
class _Load:
    """What a load had to read, in the order of the fold: the snapshot that it began from, and then leg by leg."""

    legs: Sequence[Leg] = ()
    #: The bytes of that snapshot, as JSON.
    snapshot: int = 0
    #: The snapshots that turned out to be of no use: session and version.
    dropped: list[tuple[str, int]] = field(default_factory=list)
    #: An earlier view that the caller holds.
    known: View | None = None

    def known_of(self, session_id: str, version: int) -> View | None:
        """Give the view that the caller holds, if it is on the way to that version."""
        known = self.known
        return known if known is not None and known.session_id == session_id and known.version <= version else None

    @property
    def view(self) -> View:
        """What was asked for."""
        return self.legs[-1].view

    @property
    def replayed(self) -> int:
        """The bytes of the payloads."""
        return sum(leg.replayed for leg in self.legs)


class SessionViews:
    """Loads views, at the head or at any version."""

    name = "session_view"

    def __init__(self, database: Database, log: Log, *, read_only: bool = False) -> None:
        self.database = database
        self.log = log
        self._read_only = read_only

    def view(self, session_id: str, version: int | None = None, *, known: View | None = None) -> View:
        """Give the view at `version`, or at the head; what is read is of one moment.

        Args:
            session_id: whose.
            version: the head by default.
            known: an earlier view, of the session or of one that it came from, to go on from if that reads less.

        Raises:
            SessionNotFound: if no session of that id was ever saved.
            VersionNotFound: if it never reached that version.
        """
        with self.database.read() as connection:
            load = self._load(connection, session_id, version, known)
        if self._read_only:
            return load.view
        self._drop(load.dropped)
        if load.view.alive and load.replayed > MIN_REPLAYED_BYTES:
            self._keep(load)
        return load.view

    def seen_from(self, connection: Connection, session_id: str, version: int) -> View:
        """Give the view at `version` as the transaction of `connection` sees it; nothing is written."""
        return self._load(connection, session_id, version).view

    def snapshot(self, session_id: str) -> View:
        """Write a snapshot of the head now, whatever it costs, and give the view.

        Raises:
            SessionNotFound: if no session of that id was ever saved.
            StorageError: if it cannot be written.
        """
        with self.database.read() as connection:
            load = self._load(connection, session_id, None)
        self._drop(load.dropped)
        self._write(load.view, *encode_view(load.view))
        return load.view

    def clear(self) -> None:
        """Delete every snapshot."""
        with self.database.write() as connection:
            connection.execute(delete(snapshots))

    def _load(self, connection: Connection, session_id: str, version: int | None, known: View | None = None) -> _Load:
        head = self.log.head(connection, session_id)
        if head is None:
            raise SessionNotFound(session_id)
        wanted = head.version if version is None else version
        if not 1 <= wanted <= head.version:
            raise VersionNotFound(session_id, wanted, head.version)
        load = _Load(known=known)
        load.legs = self.log.replayed(
            connection, session_id, wanted, lambda name, upto: self._nearest(connection, name, upto, load)
        )
        return load

    def _nearest(self, connection: Connection, session_id: str, version: int, load: _Load) -> View | None:
        """Give the newest sound snapshot of a session up to a version, and note what was found on the way to it.

        Or the view that is known, unless a snapshot saves much of the way from there.
        """
        uid = self.log.uid(connection, session_id)
        below = version
        known = load.known_of(session_id, version)
        if known is not None and version - known.version <= NEAR:
            return known
        while row := connection.execute(_NEAREST, {"uid": uid, "below": below}).mappings().one_or_none():
            if known is not None and row["version"] <= known.version:
                return known
            view, problem = self._open(connection, session_id, row)
            if view is not None:
                load.snapshot = row["size"]
                return view
            _log.warning("snapshot_dropped", session_id=session_id, version=row["version"], reason=problem)
            load.dropped.append((session_id, row["version"]))
            below = row["version"] - 1
        return known

    def _open(self, connection: Connection, session_id: str, row: Any) -> tuple[View | None, str]:
        if row["fold_version"] != FOLD_VERSION:
            return None, "it was folded by another release"
        sound = all(isinstance(row[name], bytes) for name in ("body", "digest", "event_digest"))
        if not sound or sha256(row["body"]).digest() != row["digest"]:
            return None, "its digest does not match"
        event_digest = bytes(row["event_digest"]).hex()
        if self.log.digest(connection, session_id, row["version"]) != event_digest:
            return None, "it is of another past"
        try:
            view = decode_view(bytes(row["body"]))
        except (ValueError, zlib.error) as error:
            return None, f"it does not parse: {type(error).__name__}"
        if view.session_id != session_id or view.version != row["version"] or view.digest != event_digest:
            return None, "it holds another view"
        return view, ""

    def _keep(self, load: _Load) -> None:
        if load.snapshot + load.replayed < READ_TIMES * estimate_size(load.view):
            return
        view = _worth_most(load)
        try:
            self._write(view, *encode_view(view))
        except StorageError as error:
            # The load has succeeded; the next one will try again.
            _log.warning("snapshot_not_written", session_id=view.session_id, version=view.version, error=str(error))

    def _write(self, view: View, body: bytes, size: int) -> None:
        row: dict[str, Any] = {
            "version": view.version,
            "event_digest": bytes.fromhex(view.digest),
            "fold_version": FOLD_VERSION,
            "digest": sha256(body).digest(),
            "size": size,
            "body": body,
        }
        with self.database.write() as connection:
            uid = row["session_uid"] = self.log.uid(connection, view.session_id)
            written = inserting(snapshots, connection.dialect).values(row)
            key = [column.name for column in snapshots.primary_key]
            connection.execute(written.on_conflict_do_update(index_elements=key, set_=row))
            kept = connection.execute(
                select(snapshots.c.version).where(snapshots.c.session_uid == uid).order_by(snapshots.c.version.desc())
            ).scalars()
            thinned = too_close(list(kept))
            if thinned:
                connection.execute(
                    delete(snapshots).where(snapshots.c.session_uid == uid, snapshots.c.version.in_(thinned))
                )
        _log.debug("snapshot_written", session_id=view.session_id, version=view.version, size=size, stored=len(body))

    def _drop(self, dropped: Sequence[tuple[str, int]]) -> None:
        if not dropped:
            return
        try:
            with self.database.write() as connection:
                for session_id, version in dropped:
                    connection.execute(
                        delete(snapshots).where(
                            snapshots.c.session_uid == self.log.uid(connection, session_id),
                            snapshots.c.version == version,
                        )
                    )
        except StorageError as error:
            # They are of no use and will be passed over again; the load itself has succeeded.
            for session_id, version in dropped:
                _log.warning("snapshot_not_dropped", session_id=session_id, version=version, error=str(error))


_NEAREST = (
    select(snapshots)
    .where(snapshots.c.session_uid == bindparam("uid"), snapshots.c.version <= bindparam("below"))
    .order_by(snapshots.c.version.desc())
    .limit(1)
)


def _worth_most(load: _Load) -> View:
    """Give the view that a load should keep: where it is a fork's, mostly that of its parent where it was forked.

    That is the first on the way which spares the next load at least half of what the best one would: a snapshot of the
    fork would be a copy of its parent's state for the few bytes that the fork added, and serve no other fork.
    """
    cost = load.snapshot
    spared: list[int] = []
    for leg in load.legs:
        cost += leg.replayed
        spared.append(cost - estimate_size(leg.view))
    first = next(number for number, size in enumerate(spared) if 2 * size >= max(spared))
    return load.legs[first].view


def too_close(versions: list[int]) -> list[int]:
    """Give, of snapshots from the newest down, those that stand too close below a newer one that is kept."""
    thinned = []
    last = versions[0]
    for version in versions[1:]:
        if version > last * THINNING:
            thinned.append(version)
        else:
            last = version
    return thinned
