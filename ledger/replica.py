"""Loads from a replica, which may lag: never an older state than one that this ledger has saved or given before."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ledger.domain.revisions import At
from ledger.domain.view import View
from ledger.errors import DamagedRecord, StorageError
from ledger.ports import ReadSide
from ledger.store.database import Database
from ledger.store.locating import locate
from ledger.store.log import Head, Log
from ledger.telemetry import get_logger

__all__ = ["Replica"]

_log = get_logger(__name__)

#: Of so many sessions it is remembered how far they were seen; then of none, and a load may be older once.
REMEMBERED = 50_000

T = TypeVar("T")


class Replica:
    """A copy of the database that follows it. Safe to share between threads.

    Whatever it cannot give, it gives as `None`, and the database itself is asked: a session or a revision that has not
    arrived, a state behind one that was seen, a copy that is away.
    """

    def __init__(self, database: Database, log: Log, reads: ReadSide) -> None:
        self._database = database
        self._log = log
        self._reads = reads
        self._seen: dict[str, int] = {}
        self._away = False

    def saw(self, session_id: str, version: int) -> None:
        """Note that a version was saved, or given to somebody: from now on nothing older is."""
        if version > self._seen.get(session_id, 0):
            if len(self._seen) >= REMEMBERED:
                self._seen.clear()
            self._seen[session_id] = version

    def view(self, session_id: str, at: At | None = None) -> View | None:
        """Give the view at the head, or at a revision, if the copy has it."""
        return self._asked(lambda: self._view(session_id, at))

    def head(self, session_id: str) -> Head | None:
        """Give the head row, if the copy has one that is not older than what was seen."""
        return self._asked(lambda: self._head(session_id))

    def _view(self, session_id: str, at: At | None) -> View | None:
        head = self._head(session_id)
        if head is None:
            return None
        if at is None:
            return self._reads.view(session_id, head.version)
        with self._database.read() as connection:
            place = locate(self._log, connection, session_id, at)
        return self._reads.view(*place)

    def _head(self, session_id: str) -> Head | None:
        head = self._database.glance(lambda connection: self._log.head(connection, session_id))
        seen = self._seen.get(session_id, 0)
        if head is None or head.version < seen:
            _log.debug("replica_behind", session_id=session_id, version=head.version if head else 0, seen=seen)
            return None
        self.saw(session_id, head.version)
        return head

    def _asked(self, ask: Callable[[], T | None]) -> T | None:
        try:
            found = ask()
        except LookupError:
            return None  # what is not there may not have arrived
        except DamagedRecord:
            raise
        except StorageError as error:
            if not self._away:
                _log.warning("replica_away", place=self._database.place, error=str(error))
            self._away = True
            return None
        if self._away:
            self._away = False
            _log.warning("replica_back", place=self._database.place)
        return found

    def close(self) -> None:
        """Close its connections."""
        self._database.close()
