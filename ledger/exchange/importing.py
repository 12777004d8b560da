"""Sessions into a ledger, from the lines of an export: all of it is checked, then written a session at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection

from ledger.domain.records import Imported, ImportedSession
from ledger.errors import InvalidExport
from ledger.exchange.checking import CheckedExport, CheckedSession
from ledger.store.database import Database
from ledger.store.intake import Intake, UsageRecord
from ledger.store.log import Log
from ledger.telemetry import get_logger

__all__ = ["Import"]

_log = get_logger(__name__)

Progress = Callable[[int, int], None]
#: So many events are written between two words of progress.
EVERY = 100


class Import:
    """Takes the sessions of an export into a ledger.

    Args:
        database: where to.
        log: of that database.
        progress: called with the events written so far, and their number.
    """

    def __init__(self, database: Database, log: Log, *, progress: Progress | None = None) -> None:
        self._database = database
        self._log = log
        self._intake = Intake(log)
        self._progress = progress
        self._done = 0
        self._total = 0

    def run(self, lines: Iterable[str | bytes] | bytes) -> Imported:
        """Check everything, then write each session in one transaction, what it was forked from first.

        Raises:
            InvalidExport: if it is no export, or not as it was written; nothing was written.
            SessionDiverged: if one of its ids stands for another session here; nothing was written.
            IdempotencyConflict: if the key of a usage record stands for another one here; nothing was written.
            UnknownChange: if a newer release wrote it; nothing was written.
            StorageError: if the database fails; the sessions that were written are whole, and importing again goes on.
        """
        with CheckedExport(lines) as export:
            with self._database.read() as connection:
                held = [self._held(connection, session) for session in export.sessions]
            self._total = sum(session.versions - here for session, here in zip(export.sessions, held, strict=True))
            return Imported(sessions=tuple([self._take(export, session) for session in export.sessions]))

    def _held(self, connection: Connection, session: CheckedSession) -> int:
        """Give up to which version a session is here already, if it may be taken in."""
        held = min(self._intake.held(connection, session), session.versions)
        self._intake.new_usage(connection, session, session.usage)
        lost = [version for version in session.redacted if version > held]
        if session.key.origin == self._log.ledger_id and lost:
            raise InvalidExport(
                "it was made in this ledger, and cannot come back to it without what was redacted",
                line=1,
                session_id=session.session_id,
                version=lost[0],
                hint="import it into another ledger, or export it whole",
            )
        return held

    def _take(self, export: CheckedExport, session: CheckedSession) -> ImportedSession:
        new_usage: Sequence[UsageRecord] = ()
        with self._database.write() as connection:
            self._intake.hold(connection, session)
            held = self._held(connection, session)
            if held < session.versions:
                self._intake.add(connection, session, held, self._rows(export, session, held))
            new_usage = self._intake.new_usage(connection, session, session.usage)
            self._intake.add_usage(connection, session, new_usage)
        saves = session.versions - held
        if saves:
            _log.info(
                "session_imported",
                session_id=session.session_id,
                version=session.versions,
                saves=saves,
                origin=session.key.origin.hex(),
            )
        return ImportedSession(
            session_id=session.session_id,
            origin=session.key.origin.hex(),
            version=session.versions,
            saves=saves,
            skipped=held,
            usage_records=len(new_usage),
            redacted=tuple(version for version in session.redacted if version > held),
        )

    def _rows(
        self, export: CheckedExport, session: CheckedSession, held: int
    ) -> Iterator[tuple[dict[str, Any], bytes, str]]:
        for event in export.stored(session, after=held):
            yield dict(event.columns), event.salt, event.body
            self._done += 1
            if self._progress is not None and (self._done % EVERY == 0 or self._done == self._total):
                self._progress(self._done, max(self._total, self._done))
