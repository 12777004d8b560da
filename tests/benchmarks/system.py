"""What every system under measurement does, and what of it is timed. It runs with the system's own Python.

This file imports nothing of the ledger, nor of anything else that is installed: the peers live in an environment of
their own.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Any

__all__ = ["LONGEST_TOGETHER_S", "Place", "System"]

#: A round has so many saves at least, however slow they are.
FEWEST = 3
#: A system whose writers are not done by then has fallen over.
LONGEST_TOGETHER_S = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a system keeps what it saves: a folder of its own, and on PostgreSQL a database of its own.

    `host` is the folder of the server's socket.
    """

    engine: str
    folder: Path
    host: str = ""
    database: str = ""

    def url(self, driver: str, name: str = "bench") -> str:
        """Give SQLAlchemy's URL of it."""
        if self.engine == "sqlite":
            return f"sqlite+{driver}:///{self.file(name)}" if driver else f"sqlite:///{self.file(name)}"
        return f"postgresql+{driver}://postgres@/{self.database}?host={self.host}"

    @property
    def conninfo(self) -> str:
        """What libpq takes."""
        return f"host={self.host} user=postgres dbname={self.database}"

    def file(self, name: str = "bench") -> Path:
        """Give a database file."""
        return self.folder / f"{name}.db"


class System(ABC):
    """One system at one place. What a turn is there, and which calls save it, a subclass says."""

    #: What saving a turn means in the words of the system.
    turn_is: str
    #: How many writers at once use it.
    together_is: str

    def __init__(self, place: Place) -> None:
        self.place = place
        self._turns: Counter[str] = Counter()

    @property
    @abstractmethod
    def version(self) -> str:
        """The name and version of what is measured, and of its driver."""

    @abstractmethod
    async def open(self) -> None:
        """Connect, and make the tables."""

    @abstractmethod
    async def close(self) -> None:
        """Disconnect."""

    @abstractmethod
    async def setting(self, query: str) -> str:
        """Ask one of the system's own connections for a setting."""

    @abstractmethod
    async def prepare(self, session: str, number: int) -> Any:
        """Make what a user of the system hands over to save that turn."""

    @abstractmethod
    async def write(self, session: str, turn: Any) -> None:
        """Save it. This is what is timed."""

    @abstractmethod
    async def read(self, session: str) -> int:
        """Load a session as a user would, and give the number of its messages."""

    async def describe(self) -> dict[str, str]:
        """Give what a reader has to know of the figures."""
        return {
            "version": self.version,
            "durability": await self._durability(),
            "turn": self.turn_is,
            "together": self.together_is,
        }

    async def _durability(self) -> str:
        """Read off a running connection what a commit waits for."""
        if self.place.engine == "sqlite":
            journal = await self.setting("PRAGMA journal_mode")
            levels = {"0": "OFF", "1": "NORMAL", "2": "FULL", "3": "EXTRA"}
            synchronous = await self.setting("PRAGMA synchronous")
            return f"journal_mode={journal}, synchronous={levels.get(synchronous, synchronous)}"
        names = ("synchronous_commit", "fsync")
        return ", ".join([f"{name}={await self.setting(f'SHOW {name}')}" for name in names])

    async def size(self) -> int:
        """Give the bytes of the database, without what has still to be moved out of a write-ahead log."""
        if self.place.engine == "sqlite":
            return int(await self.setting("PRAGMA page_count")) * int(await self.setting("PRAGMA page_size"))
        return int(await self.setting("SELECT pg_database_size(current_database())"))

    async def grow(self, session: str, turns: int) -> None:
        """Bring a session to that many turns."""
        await self.save(session, turns - self._turns[session])

    async def save(self, session: str, count: int, enough_s: float = inf) -> list[float]:
        """Save so many turns more, and give the seconds of each; three do where they took so many seconds."""
        times: list[float] = []
        while len(times) < count and (len(times) < FEWEST or sum(times) < enough_s):
            turn = await self.prepare(session, self._turns[session])
            begin = perf_counter()
            await self.write(session, turn)
            times.append(perf_counter() - begin)
            self._turns[session] += 1
        return times

    @asynccontextmanager
    async def anew(self) -> AsyncIterator["System"]:
        """Give the same system opened once more, with nothing cached."""
        other = type(self)(self.place)
        await other.open()
        try:
            yield other
        finally:
            await other.close()

    async def load(self, session: str) -> float:
        """Load a session from a system that has just been opened, and give the seconds."""
        async with self.anew() as other:
            begin = perf_counter()
            messages = await other.read(session)
            seconds = perf_counter() - begin
        assert messages >= 4 * self._turns[session], f"{messages} messages, of {self._turns[session]} turns"
        return seconds

    @asynccontextmanager
    async def shared(self) -> AsyncIterator["System"]:
        """Give what many writers at once share."""
        yield self

    async def save_together(self, writers: int, turns: int, label: str) -> dict[str, Any]:
        """Save so many turns of so many new sessions, each by a writer of its own.

        Give the seconds of all together, and what became of the writers that failed.
        """
        async with self.shared() as system:
            names = [f"{label} {number}" for number in range(writers)]
            prepared = {name: [await system.prepare(name, number) for number in range(turns)] for name in names}
            begin = perf_counter()
            ended = await system.all_at_once(prepared)
            seconds = perf_counter() - begin
        failures = Counter(_in_a_line(end) for end in ended if end is not None)
        return {"seconds": seconds, "failures": dict(failures)}

    async def all_at_once(self, prepared: dict[str, list[Any]]) -> list[BaseException | None]:
        """Run a writer a session, and give the error that ended each, if any."""

        async def run(session: str, turns: list[Any]) -> None:
            async with asyncio.timeout(LONGEST_TOGETHER_S):
                for turn in turns:
                    await self.write(session, turn)

        return await asyncio.gather(*(run(*each) for each in prepared.items()), return_exceptions=True)


def _in_a_line(error: BaseException) -> str:
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
