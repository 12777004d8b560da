"""A repository over a real ledger, with a door before each tier, and what its tests ask of sessions and logs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ledger
from ledger import (
    Message,
    Session,
    SessionCache,
    SessionRepository,
)
from tests.unit.repository.tiers import PersistenceDoor, StorageDoor

URL = "sqlite:///{}"


class Setting:
    """A ledger in a file, a repository over it with a door before each tier, and others who save past it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.book = ledger.open(URL.format(path), writer="agent")
        tiers = self.book.repository()
        self.storage = StorageDoor(tiers.storage)
        self.persistence = PersistenceDoor(tiers.persistence)
        self.cache = SessionCache()
        self.repository = SessionRepository(self.cache, self.storage, self.persistence)

    def shut(self) -> None:
        """Let storage fail, in whatever it is asked."""
        self.storage.shut()
        self.persistence.shut()

    def open(self) -> None:
        """Let it work again."""
        self.storage.open()
        self.persistence.open()

    async def merged(self) -> Session:
        """Give what `load_merged` gives, which must be something."""
        session = await self.repository.load_merged("s1")
        assert session is not None
        return session

    def cached(self) -> Session:
        """Give what the cache holds, which must be something."""
        session = self.cache.get("s1")
        assert session is not None
        return session

    async def saved(self, *said: str) -> Session:
        """Save a session that says these words, and give it."""
        session = await self.repository.load_or_create("s1", "gpt-5")
        say(session, *said)
        await self.repository.save(session)
        return session

    async def unsaved(self, *said: str) -> Session:
        """Say these words in the session while nothing can be saved, and give it."""
        session = await self.repository.load_or_create("s1", "gpt-5")
        say(session, *said)
        self.persistence.shut()
        assert await self.repository.save_and_cache(session) is None
        return session

    def versions(self) -> list[int]:
        """Give the versions in the log."""
        return [found.version for found in self.book.history("s1")]


def say(session: Session, *said: str) -> None:
    """Add messages, which the words identify."""
    for words in said:
        session.add_message(Message.user(words, id=f"id of {words}"))


def words(session: Session) -> list[str]:
    """Give what the messages say, in order."""
    return [message.content for message in session.messages]


def events(logs: Any, *but: str) -> list[str]:
    """Give the names of what was logged, but for these."""
    return [log["event"] for log in logs if log["event"] not in {"session_saved", *but}]
