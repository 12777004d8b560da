"""Faults in real connections: a commit whose reply is lost, one that fails, one that waits, a statement that fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from tests.contract.faces import Book

__all__ = ["Hold", "failing_reads", "failing_statement", "held_commits", "refused_commit", "unanswered_commit"]

#: What a driver says of a connection that broke: nothing that poisons the engine.
BROKEN = "interrupted"


def _error(statement: str, text: str) -> OperationalError:
    return OperationalError(statement, {}, Exception(text))


@contextmanager
def _listening(book: Book, name: str, listener: Callable[..., None]) -> Iterator[None]:
    event.listen(book.engine, name, listener)
    try:
        yield
    finally:
        event.remove(book.engine, name, listener)


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("ledger_immediate"))


@contextmanager
def unanswered_commit(book: Book, text: str = BROKEN, *, certain: bool = True) -> Iterator[None]:
    """Let the next writing transaction be stored, and its caller hear of an error; `certain`: there has to be one."""
    pending = [True]

    def commit(connection: Connection) -> None:
        if _writes(connection) and pending:
            pending.clear()
            dbapi_connection: Any = connection.connection.dbapi_connection
            dbapi_connection.commit()
            raise _error("COMMIT", text)

    with _listening(book, "commit", commit):
        yield
    assert not (certain and pending), "nothing was committed"


@contextmanager
def refused_commit(book: Book, text: str = BROKEN, *, certain: bool = True) -> Iterator[None]:
    """Let the next writing transaction fail before anything of it is stored; `certain`: there has to be one."""
    pending = [True]

    def commit(connection: Connection) -> None:
        if _writes(connection) and pending:
            pending.clear()
            raise _error("COMMIT", text)

    with _listening(book, "commit", commit):
        yield
    assert not (certain and pending), "nothing was committed"


@contextmanager
def failing_statement(book: Book, number: int, text: str = BROKEN) -> Iterator[list[str]]:
    """Let the `number`-th statement fail before it is executed; give the list of all that were begun."""
    begun: list[str] = []

    def execute(*args: Any) -> None:
        begun.append(args[2])
        if len(begun) == number:
            raise _error(args[2], text)

    with _listening(book, "before_cursor_execute", execute):
        yield begun


class Hold:
    """Writing transactions wait before they are committed, until they are released."""

    def __init__(self) -> None:
        self._reached = threading.Semaphore(0)
        self._released = threading.Event()

    def commit(self, connection: Connection) -> None:
        """Wait here."""
        if _writes(connection):
            self._reached.release()
            self._released.wait()

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
    event.listen(book.engine, "commit", hold.commit)  # for good: a listener cannot be removed while it is waited in
    try:
        yield hold
    finally:
        hold.release()


@contextmanager
def failing_reads(book: Book, text: str = BROKEN) -> Iterator[threading.Semaphore]:
    """Let every reading transaction fail as it begins; the semaphore counts them."""
    failed = threading.Semaphore(0)

    def begin(connection: Connection) -> None:
        if not _writes(connection):
            failed.release()
            raise _error("BEGIN", text)

    with _listening(book, "begin", begin):
        yield failed
