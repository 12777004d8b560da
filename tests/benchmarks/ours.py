"""The ledger on the same turns. What is timed is what a user waits for, from the call to its return."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from time import perf_counter
from typing import Any

import ledger
from ledger import AsyncLedger, Ledger, Message, Session
from ledger.store.sqlite import driver
from tests.benchmarks.system import Place, System
from tests.benchmarks.turns import turn

__all__ = ["Ours"]

MODEL = "gpt-5"


class Ours(System):
    """A ledger of its own."""

    turn_is = "one `save` of the session that the four messages were added to: one event"
    together_is = "64 tasks over one `AsyncLedger`"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._book: Ledger
        self._sessions: dict[str, Session] = {}

    @property
    def version(self) -> str:
        """The name and version, and the driver's."""
        if self.place.engine == "sqlite":
            return f"sessionledger {version('sessionledger')}, {driver().__name__} {driver().sqlite_version}"
        return f"sessionledger {version('sessionledger')}, psycopg {version('psycopg')}"

    @property
    def _url(self) -> str:
        return self.place.url("" if self.place.engine == "sqlite" else "psycopg")

    async def open(self) -> None:
        """Open the ledger."""
        self._book = ledger.open(self._url, writer="agent")

    async def close(self) -> None:
        """Close it."""
        self._book.close()

    async def setting(self, query: str) -> str:
        """Ask the connection that saves."""
        with self._book._database.write() as connection:
            return str(connection.exec_driver_sql(query).scalar_one())

    def _session(self, session_id: str) -> Session:
        return self._sessions.setdefault(session_id, Session.new(session_id, MODEL))

    async def prepare(self, session: str, number: int) -> list[Message]:
        """Make the messages."""
        self._session(session)
        return messages_of(number)

    async def write(self, session: str, turn: list[Message]) -> None:
        """Add the messages, and save."""
        kept = self._sessions[session]
        kept.messages.extend(turn)
        self._book.save(kept)

    async def read(self, session: str) -> int:
        """Load the head."""
        return len(self._book.load(session).messages)

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[System]:
        """Give an async ledger over the same database."""
        async with ledger.open_async(self._url, writer="agent") as book:
            yield _Shared(self.place, book)

    async def load_at(self, session: str, at: int) -> float:
        """Load a version in a ledger that has just been opened, and give the seconds."""
        with ledger.open(self._url) as book:
            begin = perf_counter()
            book.load(session, at)
            return perf_counter() - begin

    async def take_snapshot(self, session: str) -> None:
        """Write a snapshot of the head."""
        self._book.snapshot(session)

    async def load_merged(self, session: str, count: int) -> list[float]:
        """Reconcile a cached session with storage, where nothing has changed."""
        repository = self._book.repository()
        await repository.load(session)
        times = []
        for _ in range(count):
            begin = perf_counter()
            await repository.load_merged(session)
            times.append(perf_counter() - begin)
        return times

    async def import_file(self, file: str) -> tuple[float, int]:
        """Import a transcript, and give the seconds, and the saves that came of it."""
        from ledger.importers.runner import import_sources

        before = sum(1 for _ in self._book.feed())
        begin = perf_counter()
        await asyncio.to_thread(import_sources, self._book, [file])
        seconds = perf_counter() - begin
        return seconds, sum(1 for _ in self._book.feed()) - before


class _Shared(Ours):
    """The same ledger as async callers see it."""

    def __init__(self, place: Place, book: AsyncLedger) -> None:
        super().__init__(place)
        self._shared = book

    async def write(self, session: str, turn: list[Message]) -> None:
        """Add the messages, and save."""
        kept = self._sessions[session]
        kept.messages.extend(turn)
        await self._shared.save(kept)


def messages_of(number: int) -> list[Message]:
    """Give the messages of a turn as a user makes them."""
    fields: list[dict[str, Any]] = turn(number)
    return [Message(**message) for message in fields]
