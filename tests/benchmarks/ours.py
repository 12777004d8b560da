"""The ledger on the same turns. What it times is what a user waits for, from the call to its return."""

import asyncio
from pathlib import Path
from time import perf_counter

import ledger
from ledger import Message, Session
from tests.benchmarks.turns import turn

__all__ = ["Ours"]

MODEL = "gpt-5"


class Ours:
    """A ledger in a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "ledger.db"
        self._book = ledger.open(f"sqlite:///{self._path}", writer="agent")
        self._sessions: dict[str, Session] = {}

    def _session(self, session_id: str) -> Session:
        return self._sessions.setdefault(session_id, Session.new(session_id, MODEL))

    def grow(self, session: str, turns: int) -> None:
        """Bring a session to that many turns."""
        self.save(session, turns - self._session(session).version)

    def save(self, session: str, count: int) -> list[float]:
        """Save so many turns more, and give the seconds of each."""
        return [self._save(self._session(session)) for _ in range(count)]

    def _save(self, session: Session) -> float:
        messages = messages_of(session.version)
        begin = perf_counter()
        session.messages.extend(messages)
        self._book.save(session)
        return perf_counter() - begin

    def load(self, session: str, count: int, version: int | None = None) -> list[float]:
        """Load a session in a ledger that has just been opened, with the snapshots that use has brought about."""
        return [self._load(session, version) for _ in range(count)]

    def load_from_snapshot(self, session: str, count: int) -> list[float]:
        """The same where there is a snapshot of the head."""
        self._book.snapshot(session)
        return self.load(session, count)

    def _load(self, session: str, version: int | None = None) -> float:
        with ledger.open(f"sqlite:///{self._path}") as book:
            begin = perf_counter()
            book.load(session, version)
            return perf_counter() - begin

    def load_merged(self, session: str, count: int) -> list[float]:
        """Reconcile a cached session with storage where nothing has changed."""
        return asyncio.run(self._load_merged(session, count))

    async def _load_merged(self, session: str, count: int) -> list[float]:
        repository = self._book.repository()
        await repository.load(session)
        times = []
        for _ in range(count):
            begin = perf_counter()
            await repository.load_merged(session)
            times.append(perf_counter() - begin)
        return times

    def save_together(self, writers: int, turns: int) -> list[float]:
        """Save so many turns of so many sessions, a task each, and give the seconds of all together."""
        return [asyncio.run(self._save_together(writers, turns))]

    async def _save_together(self, writers: int, turns: int) -> float:
        async with ledger.open_async(f"sqlite:///{self._path}", writer="agent") as book:
            sessions = [self._session(f"writer {number}") for number in range(writers)]
            messages = [[messages_of(session.version + number) for number in range(turns)] for session in sessions]

            async def write(session: Session, turns_of_it: list[list[Message]]) -> None:
                for messages in turns_of_it:
                    session.messages.extend(messages)
                    await book.save(session)

            begin = perf_counter()
            await asyncio.gather(*map(write, sessions, messages))
            return perf_counter() - begin

    def bytes_on_disk(self, turns: int) -> list[float]:
        """Give the bytes that a turn adds to a database of its own, where the session is loaded now and then, so that
        it holds the snapshots that use brings about.
        """
        path = self._folder / f"growth of {turns}.db"
        with ledger.open(f"sqlite:///{path}") as book:
            empty = path.stat().st_size
            session = Session.new("s", MODEL)
            for number in range(turns):
                session.messages.extend(messages_of(number))
                book.save(session)
                if number % 100 == 0:
                    session = book.load("s")
        return [(path.stat().st_size - empty) / turns]

    def import_file(self, file: str) -> list[float]:
        """Import a transcript into a ledger of its own, and give the seconds, and the saves."""
        from ledger.importers.runner import import_sources

        with ledger.open(f"sqlite:///{self._folder / 'import.db'}") as book:
            begin = perf_counter()
            import_sources(book, [file])
            seconds = perf_counter() - begin
            return [seconds, sum(1 for _ in book.feed())]


def messages_of(number: int) -> list[Message]:
    """Give the messages of a turn as a user makes them."""
    return [Message(**message) for message in turn(number)]
