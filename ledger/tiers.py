"""A ledger as the storage and the persistence of a repository."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ledger.domain.events import Event
from ledger.domain.receipt import Receipt
from ledger.domain.session import Session
from ledger.errors import SessionDeleted, SessionNotFound
from ledger.store.log import Head

if TYPE_CHECKING:
    from ledger.asyncbook import AsyncLedger

__all__ = ["LedgerPersistence", "LedgerStorage"]


class LedgerStorage:
    """Reads from a ledger."""

    def __init__(self, book: AsyncLedger) -> None:
        self._book = book

    async def head(self, session_id: str) -> Head | None:
        """Give the head row."""
        return await self._book.head(session_id)

    async def load_session(self, session_id: str, at: int | str | datetime | None = None) -> Session | None:
        """Give the session, or `None` if it does not live. A revision that is a deletion is an error, as in `load`."""
        try:
            return await self._book.load(session_id, at)
        except SessionDeleted:
            if at is not None:
                raise
            return None
        except SessionNotFound:
            return None

    async def events_after(self, session_id: str, version: int, digest: str) -> Sequence[Event] | None:
        """Give the events behind a version of this ledger's past, or all of them."""
        if not version:
            try:
                return [event async for event in self._book.history(session_id)]
            except SessionNotFound:
                return []
        return await self._book.events_after(session_id, version, digest)

    async def delete_session(self, session_id: str, **keywords: Any) -> bool:
        """Append a tombstone."""
        return await self._book.delete(session_id, **keywords)

    async def append_token_usage_record(self, session_id: str, json_line: str) -> None:
        """Append to the token-usage log."""
        await self._book.record_usage(session_id, json_line)


class LedgerPersistence:
    """Saves to a ledger."""

    def __init__(self, book: AsyncLedger) -> None:
        self._book = book

    async def merge_save(self, session: Session, **keywords: Any) -> Receipt:
        """Save, rebased on what others saved meanwhile."""
        return await self._book.save(session, **keywords)
