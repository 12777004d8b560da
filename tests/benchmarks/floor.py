"""The floor: the bare driver inserts the four messages as JSON rows, one transaction a turn, at full durability.

Nothing that keeps a conversation can do with less. It checks nothing, knows no versions and merges nothing.
"""

import json
from pathlib import Path
from time import perf_counter
from typing import Any

from ledger.store.sqlite import driver
from tests.benchmarks.turns import json_of, turn

__all__ = ["Floor"]


class Floor:
    """One file with one table of messages. What it times is the JSON and the driver's calls."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "floor.db"
        self._turns: dict[str, int] = {}
        self._connection = self._connect()
        self._connection.execute(
            "CREATE TABLE messages (session TEXT, place INTEGER, body TEXT, PRIMARY KEY (session, place))"
        )

    def _connect(self) -> Any:
        connection = driver().connect(str(self._path), isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    def grow(self, session: str, turns: int) -> None:
        """Bring a session to that many turns."""
        self.save(session, turns - self._turns.get(session, 0))

    def save(self, session: str, count: int) -> list[float]:
        """Save so many turns more, and give the seconds of each."""
        return [self._save(session) for _ in range(count)]

    def _save(self, session: str) -> float:
        number = self._turns.get(session, 0)
        self._turns[session] = number + 1
        messages = turn(number)
        connection = self._connection
        begin = perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        rows = [(session, 4 * number + place, body) for place, body in enumerate(json_of(messages))]
        connection.executemany("INSERT INTO messages VALUES (?, ?, ?)", rows)
        connection.execute("COMMIT")
        return perf_counter() - begin

    def load(self, session: str, count: int) -> list[float]:
        """Read a session's rows and parse them, on a connection that has read nothing yet."""
        return [self._load(session) for _ in range(count)]

    def _load(self, session: str) -> float:
        connection = self._connect()
        begin = perf_counter()
        rows = connection.execute("SELECT body FROM messages WHERE session = ? ORDER BY place", (session,)).fetchall()
        messages = [json.loads(body) for (body,) in rows]
        seconds = perf_counter() - begin
        assert len(messages) == 4 * self._turns[session]
        connection.close()
        return seconds

    def save_together(self, writers: int, turns: int) -> list[float]:
        """Save so many turns of so many sessions, one after the other, and give the seconds of all together."""
        return [sum(self._save(f"writer {number}") for _ in range(turns) for number in range(writers))]

    def bytes_of_json(self, turns: int) -> list[float]:
        """Give the bytes of a turn as JSON."""
        return [sum(len(body.encode()) for number in range(turns) for body in json_of(turn(number))) / turns]
