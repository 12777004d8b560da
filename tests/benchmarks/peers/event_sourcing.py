"""Python `eventsourcing`: an aggregate a conversation, an event a turn."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from tests.benchmarks.system import Place, System
from tests.benchmarks.turns import turn

__all__ = ["EventSourcing"]


class Conversation(Aggregate):
    """The messages of a conversation, as the library's own synopsis would keep them."""

    @event("Started")
    def __init__(self, name: str) -> None:
        self.name = name
        self.messages: list[dict[str, Any]] = []

    @staticmethod
    def create_id(name: str) -> UUID:
        """Give the id of a conversation, by its name."""
        return uuid5(NAMESPACE_URL, name)

    @event("TurnTaken")
    def take_turn(self, messages: list[dict[str, Any]]) -> None:
        """Add a turn."""
        self.messages.extend(messages)


class EventSourcing(System):
    """The aggregate is held between saves, as the ledger's session is: loading it anew would replay it each time."""

    turn_is = "one event of a held aggregate, and one `save`"
    together_is = "64 threads over one application (it has no async) with its default pool"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._application: Application[UUID]
        self._kept: dict[str, Conversation] = {}

    @property
    def version(self) -> str:
        """The name and version, and the driver's."""
        import sqlite3

        driver = f"sqlite3 {sqlite3.sqlite_version}"
        if self.place.engine == "postgresql":
            driver = f"psycopg {version('psycopg')}"
        return f"eventsourcing {version('eventsourcing')}, {driver}"

    async def open(self) -> None:
        """Make the application, which makes its tables."""
        if self.place.engine == "sqlite":
            env = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(self.place.file())}
        else:
            env = {
                "PERSISTENCE_MODULE": "eventsourcing.postgres",
                "POSTGRES_DBNAME": self.place.database,
                "POSTGRES_HOST": self.place.host,
                "POSTGRES_USER": "postgres",
                "POSTGRES_PASSWORD": "not asked for",
            }
        self._application = Application(env)

    async def close(self) -> None:
        """Close it."""
        self._application.close()

    async def setting(self, query: str) -> str:
        """Ask a connection of its pool."""
        datastore: Any = self._application.factory.datastore  # type: ignore[attr-defined, unused-ignore]
        with datastore.transaction(commit=False) as cursor:
            cursor.execute(query)
            row = cursor.fetchone()
        return str(next(iter(row.values())) if isinstance(row, dict) else row[0])

    async def prepare(self, session: str, number: int) -> list[dict[str, Any]]:
        """Make the messages, and the aggregate before its first one."""
        if session not in self._kept:
            self._kept[session] = Conversation(session)
            self._application.save(self._kept[session])
        return turn(number)

    async def write(self, session: str, turn: list[dict[str, Any]]) -> None:
        """Take the turn, and save."""
        self._write(session, turn)

    def _write(self, session: str, turn: list[dict[str, Any]]) -> None:
        kept = self._kept[session]
        kept.take_turn(messages=turn)
        self._application.save(kept)

    async def read(self, session: str) -> int:
        """Get the aggregate from the repository, which replays its events."""
        found: Conversation = self._application.repository.get(Conversation.create_id(session))
        return len(found.messages)

    async def all_at_once(self, prepared: dict[str, list[Any]]) -> list[BaseException | None]:
        """Run a thread a session."""

        def run(session: str, turns: list[Any]) -> None:
            for each in turns:
                self._write(session, each)

        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(len(prepared)) as threads:
            running = [loop.run_in_executor(threads, run, *each) for each in prepared.items()]
            return await asyncio.gather(*running, return_exceptions=True)
