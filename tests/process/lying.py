"""A driver that lies: what it does with a statement or a commit is what a bug of ours would have it do.

It stands below everything that is ours, so a bug that is planted here does not depend on how the write path is written.
"""

import os
import re
import signal
from collections.abc import Callable, Sequence
from typing import Any

import ledger.store.sqlite as engine

__all__ = ["Lie", "lie"]

_COMMIT = re.compile(r"\s*COMMIT\b", re.IGNORECASE)
_BEGIN = re.compile(r"\s*BEGIN\b", re.IGNORECASE)
_ROLLBACK = re.compile(r"\s*ROLLBACK\b(?!\s+TO)", re.IGNORECASE)


class Lie:
    """An honest driver; subclasses lie. One serves all connections of a process."""

    def __init__(self) -> None:
        self.commits = 0

    def begin(self, connection: Any, statement: str) -> None:
        """See a transaction begin."""

    def statement(self, connection: Any, statement: str, values: Any) -> tuple[str, Any] | None:
        """Give what is executed instead; `None` for nothing at all."""
        del connection
        return statement, values

    def commit(self, connection: Any, commit: Callable[[], Any]) -> None:
        """Commit a transaction that writes."""
        del connection
        commit()

    def die(self) -> None:
        """Kill this very process."""
        os.kill(os.getpid(), signal.SIGKILL)


def lie(liar: Lie) -> None:
    """Have every ledger that is opened in this process from now on speak to the file through a liar."""
    honest = engine.driver()
    connection = _connection_class(honest, _cursor_class(honest, liar), liar)

    class LyingDriver:
        def __getattr__(self, name: str) -> Any:
            return getattr(honest, name)

        @staticmethod
        def connect(*args: Any, **keywords: Any) -> Any:
            return honest.connect(*args, factory=connection, **keywords)

    setattr(engine, "driver", LyingDriver)  # noqa: B010 - it gives a module, and this stands for one


def _cursor_class(honest: Any, liar: Lie) -> Any:
    class LyingCursor(honest.Cursor):  # type: ignore[misc]  # the driver has no types
        def execute(self, statement: str, values: Any = ()) -> Any:
            connection = self.connection
            if _BEGIN.match(statement):
                liar.begin(connection, statement)
                connection.writes = "IMMEDIATE" in statement.upper()
            elif _COMMIT.match(statement) and connection.writes:
                _commit(liar, connection, lambda: super(LyingCursor, self).execute(statement))
                return self
            elif _ROLLBACK.match(statement):
                connection.writes = False
            told = liar.statement(connection, statement, values)
            return self if told is None else super().execute(*told)

        def executemany(self, statement: str, rows: Sequence[Any]) -> Any:
            for row in rows:
                self.execute(statement, row)
            return self

    return LyingCursor


def _connection_class(honest: Any, lying: Any, liar: Lie) -> Any:
    class LyingConnection(honest.Connection):  # type: ignore[misc]  # as above
        writes = False

        def cursor(self, factory: Any = lying) -> Any:
            return super().cursor(factory)

        def execute(self, statement: str, values: Any = ()) -> Any:
            return self.cursor().execute(statement, values)

        def executemany(self, statement: str, rows: Sequence[Any]) -> Any:
            return self.cursor().executemany(statement, rows)

        def really(self, statement: str, values: Any = ()) -> Any:
            return super().cursor(honest.Cursor).execute(statement, values)

        def commit(self) -> None:
            if self.writes and self.in_transaction:
                _commit(liar, self, super().commit)
            else:
                super().commit()

        def rollback(self) -> None:
            self.writes = False
            super().rollback()

    return LyingConnection


def _commit(liar: Lie, connection: Any, commit: Callable[[], Any]) -> None:
    liar.commits += 1
    liar.commit(connection, commit)
    connection.writes = False
