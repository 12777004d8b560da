"""Both faces of a ledger behind one adapter, so that every rule is stated once and holds for either."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from sqlalchemy import Engine

import ledger
from ledger import AsyncLedger, Ledger
from ledger.domain.session import Session
from ledger.store.database import Database

__all__ = ["FACES", "Book", "OpenBook", "open_face", "versions"]

FACES = ("sync", "async")

OpenBook = Callable[..., Coroutine[Any, Any, "Book"]]


class Book:
    """A `Ledger` or an `AsyncLedger`: every method is awaited, and what it iterates over comes as a list."""

    def __init__(self, face: Ledger | AsyncLedger) -> None:
        self.face = face

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        method = getattr(self.face, name)

        async def call(*args: Any, **keywords: Any) -> Any:
            result = method(*args, **keywords)
            if inspect.isawaitable(result):
                return await result
            if hasattr(result, "__anext__"):
                return [item async for item in result]
            return list(result) if hasattr(result, "__next__") else result

        return call

    async def each(self, name: str, *args: Any, **keywords: Any) -> AsyncIterator[Any]:
        """Walk what a method iterates over, an item at a time."""
        items = getattr(self.face, name)(*args, **keywords)
        if hasattr(items, "__anext__"):
            async for item in items:
                yield item
        else:
            for item in items:
                yield item

    @property
    def sync(self) -> Ledger:
        """The ledger under either face."""
        return self.face._book if isinstance(self.face, AsyncLedger) else self.face

    @property
    def awaited(self) -> AsyncLedger:
        """The async face itself, for what happens between a call and its outcome."""
        assert isinstance(self.face, AsyncLedger)
        return self.face

    @property
    def database(self) -> Database:
        return self.sync._database

    @property
    def engine(self) -> Engine:
        """The engine with its real connections, for tests that break them."""
        engine: Engine = self.database._engine._engine  # type: ignore[attr-defined]  # either of them has one
        return engine

    @property
    def on_server(self) -> bool:
        """Whether the database is a server's."""
        return self.database.dialect.name == "postgresql"

    def literal(self, value: bytes) -> str:
        """Give bytes as the database's SQL writes them."""
        return f"'\\x{value.hex()}'" if self.on_server else f"x'{value.hex()}'"

    def uid(self, session_id: str) -> bytes:
        """Give the key of a session's rows."""
        with self.database.read() as connection:
            return self.sync._log.uid(connection, session_id)

    def execute(self, *statements: str) -> None:
        """Change the database behind the ledger's back, in one transaction."""
        with self.database.write() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Read from the database behind the ledger's back."""
        with self.database.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]

    async def saved(self, session_id: str = "s1", **fields: Any) -> Session:
        """Save a new session, made of these fields, and give it."""
        session = Session.new(session_id, fields.pop("model", "gpt-5"), **fields)
        await self.save(session)
        return session


async def open_face(face: str, url: str, **options: Any) -> Book:
    """Open a ledger through the sync or the async face."""
    if face == "async":
        return Book(await ledger.open_async(url, **options))
    return Book(ledger.open(url, **options))


async def versions(book: Book, session_id: str = "s1") -> list[int]:
    """Give the versions of a session's events, in order."""
    return [event.version for event in await book.history(session_id)]
