"""Faults in real connections: a commit whose reply is lost, one that fails, one that waits, a statement that fails.

Every connection that a test's ledger opens is the one that it would open, of a class that lets a test come between.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Dialect, Engine, event

from ledger.store.postgres_connection import BoundedConnection
from ledger.store.sqlite import driver
from tests.contract.faces import Book

__all__ = [
    "Hold",
    "Reads",
    "failing_reads",
    "failing_statement",
    "held_commits",
    "meeting_commits",
    "refused_commit",
    "unanswered_commit",
]

#: What a driver says of a connection that broke: nothing that poisons the engine.
BROKEN = "interrupted"
#: With these begins what makes a transaction a writing one.
WRITING = ("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE", "WITH")

#: What comes between, of each engine's connections: at a statement, and at a commit.
_at_statement: dict[Dialect, Callable[[str], None]] = {}
_at_commit: dict[Dialect, Callable[[Callable[[], Any]], None]] = {}


class _Meeting:
    """What a connection of either driver does in between."""

    dialect: Dialect
    writes = False

    def meet(self, statement: str) -> None:
        if statement.lstrip().startswith(WRITING):
            self.writes = True
        if at_statement := _at_statement.get(self.dialect):
            at_statement(statement)

    def commit(self) -> None:
        self.meet_commit(super().commit)  # type: ignore[misc]  # of the driver's class beside this one

    def meet_commit(self, commit: Callable[[], Any]) -> Any:
        answers: list[Any] = []
        wrote, self.writes = self.writes, False
        at_commit = _at_commit.get(self.dialect)
        if not wrote or at_commit is None:
            return commit()

        def committed() -> Any:
            answers.append(commit())
            return answers[0]

        at_commit(committed)
        return answers[0]

    def rollback(self) -> None:
        self.writes = False
        super().rollback()  # type: ignore[misc]  # as above


class _MeetingCursor:
    connection: Any

    def execute(self, statement: Any, *values: Any, **options: Any) -> Any:
        self.connection.meet(statement)
        return super().execute(statement, *values, **options)  # type: ignore[misc]  # as above

    def executemany(self, statement: Any, *values: Any, **options: Any) -> Any:
        self.connection.meet(statement)
        return super().executemany(statement, *values, **options)  # type: ignore[misc]  # as above


class _Cursor(_MeetingCursor, driver().Cursor):  # type: ignore[misc]  # of the driver in use, which has no types
    pass


class _Connection(_Meeting, driver().Connection):  # type: ignore[misc]  # as above
    def cursor(self, *_: Any) -> _Cursor:
        return _Cursor(self)


class _ServerCursor(_MeetingCursor, psycopg.Cursor[Any]):  # type: ignore[misc]  # it takes whatever it passes on
    def execute(self, statement: Any, *values: Any, **options: Any) -> Any:  # type: ignore[override]  # likewise
        run = partial(super().execute, statement, *values, **options)
        return self.connection.meet_commit(run) if self._is_save(statement) else run()

    def _is_save(self, statement: str) -> bool:
        """Tell whether a statement is a save that is a transaction by itself."""
        server: Any = self.connection.pgconn
        by_itself = not server.pipeline_status and server.transaction_status == TransactionStatus.IDLE
        self.connection.writes |= statement.startswith(WRITING)
        return by_itself and statement.startswith("WITH given")


class _ServerConnection(_Meeting, BoundedConnection):
    pass


@event.listens_for(Engine, "do_connect")
def _connect(dialect: Dialect, _record: object, arguments: Any, options: Any) -> Any:
    connection: Any
    if dialect.is_async:
        return None  # it is no ledger's: a framework's own store, which tests compare with
    if dialect.name == "postgresql":
        connection = _ServerConnection.connect(*arguments, cursor_factory=_ServerCursor, **options)
    else:
        connection = driver().connect(*arguments, factory=_Connection, **options)
    connection.dialect = dialect
    return connection


def _error(book: Book, text: str) -> Exception:
    error: Exception = book.database._engine.driver_error(book, text)
    return error


@contextmanager
def _between(book: Book, where: dict[Dialect, Any], what: Any) -> Iterator[None]:
    where[book.engine.dialect] = what
    try:
        yield
    finally:
        del where[book.engine.dialect]


@contextmanager
def unanswered_commit(book: Book, text: str = BROKEN, *, certain: bool = True) -> Iterator[None]:
    """Let the next writing transaction be stored, and its caller hear of an error; `certain`: there has to be one."""
    pending = [True]

    def at_commit(commit: Callable[[], Any]) -> None:
        answer = commit()
        # A save that is one statement commits without a word where its head has moved.
        if pending and getattr(answer, "rowcount", -1) != 0:
            pending.clear()
            raise _error(book, text)

    with _between(book, _at_commit, at_commit):
        yield
    assert not (certain and pending), "nothing was committed"


@contextmanager
def refused_commit(book: Book, text: str = BROKEN, *, certain: bool = True) -> Iterator[None]:
    """Let the next writing transaction fail before anything of it is stored; `certain`: there has to be one."""
    pending = [True]

    def at_commit(commit: Callable[[], Any]) -> None:
        if pending:
            pending.clear()
            raise _error(book, text)
        commit()

    with _between(book, _at_commit, at_commit):
        yield
    assert not (certain and pending), "nothing was committed"


@contextmanager
def failing_statement(book: Book, number: int, text: str = BROKEN) -> Iterator[list[str]]:
    """Let the `number`-th statement fail before it is executed; give the list of all that were begun."""
    begun: list[str] = []

    def at_statement(statement: str) -> None:
        begun.append(statement)
        if len(begun) == number:
            raise _error(book, text)

    with _between(book, _at_statement, at_statement):
        yield begun


@contextmanager
def meeting_commits(book: Book, meet: Callable[[Callable[[], Any]], None]) -> Iterator[None]:
    """Let `meet` come between at every commit of a writing transaction; it is given what commits."""
    with _between(book, _at_commit, meet):
        yield


class Hold:
    """Writing transactions wait before they are committed, until they are released."""

    def __init__(self) -> None:
        self._reached = threading.Semaphore(0)
        self._released = threading.Event()
        #: How many came here, so far.
        self.commits = 0

    def commit(self, commit: Callable[[], Any]) -> None:
        """Wait here."""
        self.commits += 1
        self._reached.release()
        self._released.wait()
        commit()

    def wait(self) -> None:
        """Wait until a transaction is about to be committed."""
        self._reached.acquire()

    def release(self) -> None:
        """Let all of them go on, and those that come later."""
        self._released.set()


@contextmanager
def held_commits(book: Book) -> Iterator[Hold]:
    """Hold the commits of a ledger that is used from another thread than this."""
    hold = Hold()
    with _between(book, _at_commit, hold.commit):
        try:
            yield hold
        finally:
            hold.release()


class Reads:
    """Reading transactions, which fail as they begin for as long as storage is away.

    It is there before any thread reads, and stays until none does: what they meet changes by a flag alone.
    """

    def __init__(self, book: Book, text: str) -> None:
        self._book = book
        self._text = text
        self._away: threading.Semaphore | None = None

    def meet(self, statement: str) -> None:
        """Fail here, if it is a read that begins now."""
        away = self._away
        if away is not None and (statement == "BEGIN" or "READ ONLY" in statement):
            away.release()
            raise _error(self._book, self._text)

    @contextmanager
    def away(self) -> Iterator[threading.Semaphore]:
        """Let storage be away for as long as this lasts; the semaphore counts the reads that failed meanwhile."""
        failed = self._away = threading.Semaphore(0)
        try:
            yield failed
        finally:
            self._away = None


@contextmanager
def failing_reads(book: Book, text: str = BROKEN) -> Iterator[Reads]:
    """Give what lets the reads of a ledger fail."""
    reads = Reads(book, text)
    with _between(book, _at_statement, reads.meet):
        yield reads
