"""How a session ends, and how one begins as a fork: events that are no saves, each appended in its own transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from ledger.domain import events as e
from ledger.domain.events import Authority, Change
from ledger.domain.payload import encode_payload
from ledger.domain.receipt import Receipt
from ledger.domain.view import View
from ledger.errors import SessionExists
from ledger.randomness import random_id
from ledger.store.appending import Append, Stored, append_on
from ledger.store.database import Database
from ledger.store.log import Log
from ledger.store.planner import Planner
from ledger.telemetry import get_logger

__all__ = ["Lifecycle"]

_log = get_logger(__name__)


class Lifecycle:
    """Deletes and forks sessions of one ledger. Safe to share between threads."""

    def __init__(self, database: Database, log: Log, stored: Stored | None = None) -> None:
        self._database = database
        self._log = log
        self._stored = stored or (lambda _session_id, _version: None)
        self._planner = Planner(log)

    def delete(
        self,
        session_id: str,
        *,
        reason: str,
        writer: str,
        authority: Authority,
        key: str | None,
        key_digest: str | None,
    ) -> bool:
        """Append a tombstone, which withdraws every pending question by name. `False` if nothing lives there."""
        with self._database.write() as connection:
            self._log.hold(connection, session_id)
            if key is not None and self._planner.keyed(connection, session_id, key, key_digest) is not None:
                return True
            head = self._log.head(connection, session_id)
            if head is None or head.deleted:
                return False
            view = self._log.view(connection, session_id, head.version)
            changes: list[Change] = [
                e.QuestionWithdrawn(question_id=question_id, reason=reason or "the session was deleted", by=writer)
                for question_id in view.pending
            ]
            changes.append(e.SessionWasDeleted(reason=reason))
            tombstone = append_on(
                view,
                self._log.keyring,
                session_id=session_id,
                base_version=view.version,
                event_id=random_id(),
                writer=writer,
                authority=authority,
                changes=changes,
                payload=encode_payload(changes, key=key, key_digest=key_digest, base=view.digest),
                kind="deleted",
                key=key,
            )
            appended = self._append(connection, tombstone)
            assert appended  # noqa: S101 - the head is held
        version = tombstone.after.version
        self._stored(session_id, version)
        _log.info("session_deleted", session_id=session_id, version=version, writer=writer, reason=reason)
        return True

    def fork(self, view: View, new_id: str, *, writer: str, authority: Authority) -> View:
        """Begin a session with the state of `view`, by one event that names it. Give the view of the new session.

        Raises:
            SessionExists: if the id was ever saved under.
        """
        forked = e.SessionForked(
            session_id=new_id,
            from_session_id=view.session_id,
            from_version=view.version,
            from_digest=view.digest,
            created_at=datetime.now(UTC),
        )
        begun = append_on(
            # What it holds is the other session's; its log is its own, and begins here.
            replace(view, version=0, digest=""),
            self._log.keyring,
            session_id=new_id,
            base_version=0,
            event_id=random_id(),
            writer=writer,
            authority=authority,
            changes=[forked],
            payload=encode_payload([forked]),
        )
        with self._database.write() as connection:
            head = self._log.head(connection, new_id)
            if head or not self._append(connection, begun):
                head = head or self._log.head(connection, new_id)
                raise SessionExists(new_id, head.version if head else 1, deleted=head is not None and head.deleted)
        self._stored(new_id, 1)
        _log.info(
            "session_forked",
            session_id=new_id,
            version=1,
            writer=writer,
            from_session_id=view.session_id,
            from_version=view.version,
        )
        return begun.after

    def receipt_of(self, session_id: str, key: str, key_digest: str) -> Receipt | None:
        """Give the receipt of the save that was made with this key, if there is one.

        Raises:
            IdempotencyConflict: if the key stands for other content.
        """
        with self._database.read() as connection:
            event = self._planner.keyed(connection, session_id, key, key_digest)
            return None if event is None else Receipt.of(event)

    def _append(self, connection: Connection, append: Append) -> bool:
        return self._database.scribe.write(connection.connection.dbapi_connection, [append])[0]
