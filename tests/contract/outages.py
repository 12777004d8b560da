"""Tiers of a repository that fail while a test wants them to, before the real ones behind them hear of the call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger import Event, Receipt, Session, SessionCache, SessionRepository, StorageError
from ledger.tier_protocols import HeadRow, Persistence, Storage
from ledger.tiers import LedgerStorage
from tests.contract.faces import Book

__all__ = ["Setting", "StorageOutage", "WriteOutage", "contents", "event_ids"]


class WriteOutage:
    """A persistence whose saves fail while `down`, once `after` is done. `tried` is set whenever one was attempted."""

    def __init__(self, behind: Persistence) -> None:
        self._behind = behind
        self.down = False
        self.error: Exception | None = None
        self.after: asyncio.Task[Any] | None = None
        self.tries = 0
        self.tried = asyncio.Event()

    async def merge_save(self, session: Session, **keywords: Any) -> Receipt:
        self.tries += 1
        self.tried.set()
        if self.down:
            if self.after is not None:
                await self.after
            raise self.error or StorageError("the disk is full", "make room")
        return await self._behind.merge_save(session, **keywords)


class StorageOutage:
    """A storage whose reads fail while `down`; `asked` names the calls, and `before` runs once before one of them."""

    def __init__(self, behind: Storage) -> None:
        self._behind = behind
        self.down = False
        self.asked: list[str] = []
        self.before: dict[str, Callable[[], Awaitable[Any]]] = {}

    async def _ask(self, name: str) -> None:
        self.asked.append(name)
        if name in self.before:
            await self.before.pop(name)()
        if self.down:
            raise StorageError("the disk is gone", "mount it")

    async def head(self, session_id: str) -> HeadRow | None:
        await self._ask("head")
        return await self._behind.head(session_id)

    async def load_session(self, session_id: str, at: int | str | datetime | None = None) -> Session | None:
        await self._ask("load_session")
        return await self._behind.load_session(session_id, at)

    async def events_after(self, session_id: str, version: int, digest: str) -> Sequence[Event] | None:
        await self._ask("events_after")
        return await self._behind.events_after(session_id, version, digest)

    async def delete_session(self, session_id: str, **keywords: Any) -> bool:
        await self._ask("delete_session")
        return await self._behind.delete_session(session_id, **keywords)

    async def append_token_usage_record(self, session_id: str, json_line: str) -> None:
        await self._ask("append_token_usage_record")
        await self._behind.append_token_usage_record(session_id, json_line)


@dataclass(slots=True)
class Setting:
    """A repository over a real ledger, whose tiers can fail."""

    book: Book
    repository: SessionRepository
    reads: StorageOutage
    writes: WriteOutage

    @classmethod
    def over(cls, book: Book, cache: SessionCache | None = None, **options: Any) -> Setting:
        """Put one together over a ledger through either face."""
        whole: SessionRepository = book.face.repository(cache)
        reads, writes = StorageOutage(whole.storage), WriteOutage(whole.persistence)
        return cls(book, SessionRepository(whole.cache, reads, writes, **options), reads, writes)

    @property
    def cache(self) -> SessionCache:
        return self.repository.cache

    def read_from(self, book: Book) -> None:
        """Let reads come from another ledger: a replica, or a backup that was restored."""
        storage = book.face.repository().storage
        assert isinstance(storage, LedgerStorage)
        self.reads._behind = storage

    async def kept(self, session: Session, content: str = "kept") -> Session:
        """Save and cache a message while storage refuses it."""
        self.writes.down = True
        session.messages.append(_message(content))
        assert await self.repository.save_and_cache(session) is None
        return session


def _message(content: str) -> Any:
    from ledger import Message

    return Message.user(content)


def contents(session: Session | None) -> list[str]:
    """Give what the messages say, in order."""
    assert session is not None
    return [message.content for message in session.messages]


async def event_ids(book: Book, session_id: str = "s1") -> list[str]:
    """Give the ids of a session's events, in order."""
    return [event.event_id for event in await book.history(session_id)]
