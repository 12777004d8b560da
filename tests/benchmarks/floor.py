"""The floor: the bare driver inserts the four messages as JSON rows, one transaction a turn, at full durability.

Nothing that keeps a conversation can do with less. It checks nothing, knows no versions and merges nothing.
"""

import json
from abc import abstractmethod
from collections import Counter
from typing import Any

import psycopg

from ledger.store.sqlite import driver
from tests.benchmarks.system import Place, System
from tests.benchmarks.turns import json_of, turn

__all__ = ["PostgresFloor", "SqliteFloor"]

_TABLE = "CREATE TABLE IF NOT EXISTS messages (session TEXT, place INTEGER, body TEXT, PRIMARY KEY (session, place))"


class _Floor(System):
    """One table of messages. What is timed is the JSON and the driver's calls."""

    turn_is = "one transaction that inserts four rows of JSON"
    together_is = "one writer on one connection, after the other: the floor has no concurrency of its own"
    select: str

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._connection: Any
        self._places: Counter[str] = Counter()

    async def open(self) -> None:
        """Connect, and make the table."""
        self._connection = self.connect()
        self._connection.execute(_TABLE)
        self._connection.commit()

    async def close(self) -> None:
        """Disconnect."""
        self._connection.close()

    @abstractmethod
    def connect(self) -> Any:
        """Give a connection."""

    @abstractmethod
    def insert(self, rows: list[tuple[str, int, str]]) -> None:
        """Insert the rows in one transaction."""

    async def setting(self, query: str) -> str:
        """Ask the one connection."""
        (value,) = self._connection.execute(query).fetchone()
        self._connection.rollback()
        return str(value)

    async def prepare(self, session: str, number: int) -> list[dict[str, Any]]:
        """Make the messages."""
        del session
        return turn(number)

    async def write(self, session: str, turn: list[dict[str, Any]]) -> None:
        """Insert them."""
        place = self._places[session]
        self._places[session] = place + len(turn)
        self.insert([(session, place + number, body) for number, body in enumerate(json_of(turn))])

    async def read(self, session: str) -> int:
        """Read a session's rows and parse them."""
        rows = self._connection.execute(self.select, (session,)).fetchall()
        return len([json.loads(body) for (body,) in rows])


class SqliteFloor(_Floor):
    """The driver that the ledger uses, with its settings."""

    select = "SELECT body FROM messages WHERE session = ? ORDER BY place"

    @property
    def version(self) -> str:
        """The driver's name and version."""
        return f"{driver().__name__} {driver().sqlite_version}"

    def connect(self) -> Any:
        """Open the file as the ledger does."""
        connection = driver().connect(str(self.place.file()), isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    def insert(self, rows: list[tuple[str, int, str]]) -> None:
        """Insert the rows in one transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO messages VALUES (?, ?, ?)", rows)
        self._connection.execute("COMMIT")


class PostgresFloor(_Floor):
    """The driver as it comes: it sends BEGIN itself."""

    select = "SELECT body FROM messages WHERE session = %s ORDER BY place"

    @property
    def version(self) -> str:
        """The driver's name and version."""
        return f"psycopg {psycopg.__version__}"

    def connect(self) -> Any:
        """Connect to the server."""
        return psycopg.connect(self.place.conninfo)

    def insert(self, rows: list[tuple[str, int, str]]) -> None:
        """Insert the rows in one transaction."""
        with self._connection.cursor() as cursor:
            cursor.executemany("INSERT INTO messages VALUES (%s, %s, %s)", rows)
        self._connection.commit()
