"""The session view: the fold of a session, from the nearest snapshot on, and the snapshots themselves.

A snapshot is disposable: deleting all of them loses nothing. It is written behind a load that had to replay much, never
on the path of a save; a stale, corrupt or unknown one is dropped and the load folds from the log.
"""

from __future__ import annotations

import zlib
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select

from ledger.domain.apply import FOLD_VERSION
from ledger.domain.view import View
from ledger.errors import SessionNotFound, StorageError, VersionNotFound
from ledger.store.database import Database
from ledger.store.log import Log
from ledger.store.tables import snapshots
from ledger.telemetry import get_logger
from projections.snapshot_body import decode_view, encode_view, estimate_size

__all__ = ["SessionViews", "too_close"]

_log = get_logger(__name__)

#: Replaying less than this is cheaper than any snapshot.
MIN_REPLAYED_BYTES = 64 * 1024
#: A snapshot pays when a load had to read so many times what the view holds. One that only grew is read from the log as
#: fast as from a snapshot, which would only be a second copy of it.
READ_TIMES = 2
#: Of two kept snapshots, the older has at most this part of the newer one's version, so that all together cost no more
#: than twice the newest, and a load in the middle of a history finds one near.
THINNING = 0.6


class _Read(NamedTuple):
    """What a load had to read: the bytes of the snapshot that it began from, as JSON, and those of the events."""

    snapshot: int
    replayed: int


class SessionViews:
    """Loads views, at the head or at any version."""

    name = "session_view"

    def __init__(self, database: Database, log: Log) -> None:
        self.database = database
        self.log = log

    def view(self, session_id: str, version: int | None = None) -> View:
        """Give the view at `version`, or at the head; what is read is of one moment.

        Raises:
            SessionNotFound: if no session of that id was ever saved.
            VersionNotFound: if it never reached that version.
        """
        with self.database.read() as connection:
            view, read, dropped = self._load(connection, session_id, version)
        if dropped:
            self._drop(session_id, dropped)
        if view.alive and read.replayed > MIN_REPLAYED_BYTES:
            self._keep(view, read)
        return view

    def snapshot(self, session_id: str) -> View:
        """Write a snapshot of the head now, whatever it costs, and give the view.

        Raises:
            SessionNotFound: if no session of that id was ever saved.
            StorageError: if it cannot be written.
        """
        with self.database.read() as connection:
            view, _, dropped = self._load(connection, session_id, None)
        if dropped:
            self._drop(session_id, dropped)
        self._write(view, *encode_view(view))
        return view

    def clear(self) -> None:
        """Delete every snapshot."""
        with self.database.write() as connection:
            connection.execute(delete(snapshots))

    def _load(self, connection: Connection, session_id: str, version: int | None) -> tuple[View, _Read, list[int]]:
        """Give the view, what was read for it, and the snapshots that turned out to be of no use."""
        head = self.log.head(connection, session_id)
        if head is None:
            raise SessionNotFound(session_id)
        wanted = head.version if version is None else version
        if not 1 <= wanted <= head.version:
            raise VersionNotFound(session_id, wanted, head.version)
        start, size, dropped = self._nearest(connection, session_id, wanted)
        if start is not None and start.version == wanted:
            return start, _Read(size, 0), dropped
        view, replayed = self.log.replayed(connection, session_id, wanted, start)
        return view, _Read(size, replayed), dropped

    def _nearest(self, connection: Connection, session_id: str, version: int) -> tuple[View | None, int, list[int]]:
        uid = self.log.uid(connection, session_id)
        query = (
            select(snapshots)
            .where(snapshots.c.session_uid == uid, snapshots.c.version <= version)
            .order_by(snapshots.c.version.desc())
        )
        dropped: list[int] = []
        below = version
        while row := connection.execute(query.where(snapshots.c.version <= below).limit(1)).mappings().one_or_none():
            view, problem = self._open(connection, session_id, row)
            if view is not None:
                return view, row["size"], dropped
            _log.warning("snapshot_dropped", session_id=session_id, version=row["version"], reason=problem)
            dropped.append(row["version"])
            below = row["version"] - 1
        return None, 0, dropped

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

    def _keep(self, view: View, read: _Read) -> None:
        if read.snapshot + read.replayed < READ_TIMES * estimate_size(view):
            return
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
            connection.execute(insert(snapshots).prefix_with("OR REPLACE", dialect="sqlite"), row)
            kept = connection.execute(
                select(snapshots.c.version).where(snapshots.c.session_uid == uid).order_by(snapshots.c.version.desc())
            ).scalars()
            thinned = too_close(list(kept))
            if thinned:
                connection.execute(
                    delete(snapshots).where(snapshots.c.session_uid == uid, snapshots.c.version.in_(thinned))
                )
        _log.debug("snapshot_written", session_id=view.session_id, version=view.version, size=size, stored=len(body))

    def _drop(self, session_id: str, versions: list[int]) -> None:
        try:
            with self.database.write() as connection:
                connection.execute(
                    delete(snapshots).where(
                        snapshots.c.session_uid == self.log.uid(connection, session_id),
                        snapshots.c.version.in_(versions),
                    )
                )
        except StorageError as error:
            # It is of no use and will be passed over again; the load itself has succeeded.
            _log.warning("snapshot_not_dropped", session_id=session_id, versions=versions, error=str(error))


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
