"""Tiers of a test's own: sessions in a dictionary, and doors before real tiers that can be shut."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ledger import Receipt, Session, StorageError
from ledger.domain.events import Event
from ledger.domain.reconcile import Copy
from ledger.tier_protocols import HeadRow, Persistence, Storage

__all__ = ["DictTiers", "PersistenceDoor", "StorageDoor", "at_version"]


def at_version(session: Session, version: int) -> Session:
    """Give a copy that says it is at a version, as one that came from elsewhere."""
    return session.model_copy(update={"version": version})


class DictTiers:
    """The least that a storage and a persistence have to do: no log, no digests, the last save wins."""

    def __init__(self, *sessions: Session) -> None:
        self.sessions = {session.id: session.model_copy() for session in sessions}
        self.deleted: dict[str, int] = {}
        self.usage: list[tuple[str, str]] = []
        self.saved_with: list[dict[str, Any]] = []

    async def head(self, session_id: str) -> HeadRow | None:
        if session_id in self.deleted:
            return Copy(self.deleted[session_id], "", deleted=True)
        session = self.sessions.get(session_id)
        if session is None:
            return None
        return Copy(session.version, "", tuple(question.id for question in session.pending_questions))

    async def load_session(self, session_id: str, at: int | str | datetime | None = None) -> Session | None:
        del at
        session = self.sessions.get(session_id)
        return None if session is None else session.model_copy()

    async def events_after(self, session_id: str, version: int, digest: str) -> Sequence[Event] | None:
        del session_id, version, digest
        return None

    async def delete_session(self, session_id: str, **keywords: Any) -> bool:
        del keywords
        session = self.sessions.pop(session_id, None)
        if session is not None:
            self.deleted[session_id] = session.version + 1
        return session is not None

    async def append_token_usage_record(self, session_id: str, json_line: str) -> None:
        self.usage.append((session_id, json_line))

    async def merge_save(self, session: Session, **keywords: Any) -> Receipt:
        self.saved_with.append(keywords)
        stored = self.sessions.get(session.id)
        base_version = session.version
        version = (stored.version if stored else self.deleted.pop(session.id, 0)) + 1
        session.__dict__["version"] = version
        self.sessions[session.id] = session.model_copy()
        return Receipt(
            session_id=session.id, version=version, base_version=base_version, event_id=uuid.uuid4().hex, digest=""
        )


class StorageDoor:
    """A storage behind a door; `asked` names the calls that came through, or failed."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.error: Exception | None = None
        self.asked: list[str] = []

    def shut(self, error: Exception | None = None) -> None:
        """Let every call fail."""
        self.error = error or StorageError("the disk is gone")

    def open(self) -> None:
        """Let every call through."""
        self.error = None

    def _pass(self, name: str) -> None:
        self.asked.append(name)
        if self.error is not None:
            raise self.error

    async def head(self, session_id: str) -> HeadRow | None:
        self._pass("head")
        return await self._storage.head(session_id)

    async def load_session(self, session_id: str, at: int | str | datetime | None = None) -> Session | None:
        self._pass("load_session")
        return await self._storage.load_session(session_id, at)

    async def events_after(self, session_id: str, version: int, digest: str) -> Sequence[Event] | None:
        self._pass("events_after")
        return await self._storage.events_after(session_id, version, digest)

    async def delete_session(self, session_id: str, **keywords: Any) -> bool:
        self._pass("delete_session")
        return await self._storage.delete_session(session_id, **keywords)

    async def append_token_usage_record(self, session_id: str, json_line: str) -> None:
        self._pass("append_token_usage_record")
        await self._storage.append_token_usage_record(session_id, json_line)


class PersistenceDoor:
    """A persistence behind a door: shut, a save fails before it reaches the one behind."""

    def __init__(self, persistence: Persistence) -> None:
        self._persistence = persistence
        self.error: Exception | None = None

    def shut(self, error: Exception | None = None) -> None:
        """Let every save fail."""
        self.error = error or StorageError("the disk is full")

    def open(self) -> None:
        """Let every save through."""
        self.error = None

    async def merge_save(self, session: Session, **keywords: Any) -> Receipt:
        if self.error is not None:
            raise self.error
        return await self._persistence.merge_save(session, **keywords)
