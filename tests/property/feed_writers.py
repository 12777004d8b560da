"""Writers that commit when they like: real connections, whose transactions stay open, are rolled back, or come late.

What they write was made by a ledger of the same id, so that it is whole wherever and whenever it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, insert, select, text, update
from sqlalchemy.pool import NullPool

import ledger
from ledger import Message, Session
from ledger.store.database import Database
from ledger.store.tables import events, feed_queue, heads, payloads, sessions
from tests.contract.faces import Book

__all__ = ["History", "Stock", "Writers"]

#: Tables whose rows an event brings with it, in an order in which they may be inserted.
OF_EVENT = (events, payloads)


@dataclass(slots=True)
class History:
    """A session as rows: what each of its saves writes, and how many of them are committed."""

    session_id: str
    uid: bytes
    session: dict[str, Any]
    saves: list[dict[str, dict[str, Any]]]
    committed: int = 0


class Stock:
    """Makes histories, of which nothing is in the tested ledger yet."""

    def __init__(self, folder: Path, ledger_id: bytes) -> None:
        url = f"sqlite:///{folder / 'stock.db'}"
        with ledger.open(url) as book, book._database.write() as connection:
            connection.execute(text("UPDATE ledger_meta SET ledger_id = :id"), {"id": ledger_id})
        self._book = Book(ledger.open(url, writer="stock"))
        self._made = 0

    def close(self) -> None:
        """Close the ledger that they are made by."""
        self._book.sync.close()

    def history(self, length: int) -> History:
        """Give a new session of so many saves."""
        self._made += 1
        session = Session.new(f"s{self._made}", "m")
        uid, saves = b"", []
        for number in range(1, length + 1):
            session.add_message(Message.user(f"{number}"))
            self._book.sync.save(session)
            uid = uid or self._book.uid(session.id)
            saves.append({table.name: self._row(table, uid, number) for table in (*OF_EVENT, heads)})
        return History(session.id, uid, self._row(sessions, uid), saves)

    def _row(self, table: Any, uid: bytes, version: int | None = None) -> dict[str, Any]:
        query = select(table).where(table.c.session_uid == uid)
        if version is not None:
            query = query.where(table.c.version == version)
        with self._book.database.read() as connection:
            return dict(connection.execute(query).mappings().one())


class Writers:
    """Connections with a transaction each that is under way, on one session each, as the heads see to."""

    def __init__(self, database: Database) -> None:
        self._engine = create_engine(database.url.set(drivername="postgresql+psycopg"), poolclass=NullPool)
        #: The session that is being written, by its connection, and how many saves of it.
        self.under_way: list[tuple[Connection, History, int]] = []

    def begin(self, history: History, count: int) -> None:
        """Write some of a session's next saves, and leave it at that for now."""
        connection = self._engine.connect()
        connection.begin()
        saves = history.saves[history.committed : history.committed + count]
        for save in saves:
            if save["heads"]["version"] == 1:
                connection.execute(insert(heads), save["heads"])
                connection.execute(insert(sessions), history.session)
            else:
                moved = connection.execute(
                    update(heads)
                    .where(heads.c.session_uid == history.uid, heads.c.version == save["heads"]["version"] - 1)
                    .values(save["heads"])
                )
                assert 1 == moved.rowcount
            for table in OF_EVENT:
                connection.execute(insert(table), save[table.name])
            queued = {name: save["events"][name] for name in ("session_uid", "version", "leaf")}
            connection.execute(insert(feed_queue), queued)
        self.under_way.append((connection, history, len(saves)))

    def end(self, place: int, *, commit: bool) -> None:
        """Let one of them commit, or roll back as if nothing had been."""
        connection, history, count = self.under_way.pop(place)
        if commit:
            connection.commit()
            history.committed += count
        else:
            connection.rollback()
        connection.close()

    def free(self, histories: list[History]) -> list[History]:
        """Give the sessions that nobody is writing, and of which something is left to write."""
        busy = {history.session_id for _, history, _ in self.under_way}
        return [each for each in histories if each.session_id not in busy and each.committed < len(each.saves)]

    def close(self) -> None:
        """Roll back what is under way, and close every connection."""
        while self.under_way:
            self.end(0, commit=False)
        self._engine.dispose()
