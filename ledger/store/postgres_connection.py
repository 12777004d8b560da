"""The driver's connection, with an end to every wait for the server.

No timeout of PostgreSQL covers the wait of a commit for its synchronous standby, and none helps where the server or the
network falls silent without ending the connection. So the client looks at its own clock. psycopg waits in steps of a
tenth of a second: whoever waits counts those in which nothing came, and needs no second thread for it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import psycopg
from psycopg import capabilities, generators
from psycopg.pq import TransactionStatus

from ledger.telemetry import get_logger

__all__ = ["BoundedConnection", "UnansweredError"]

_log = get_logger(__name__)

#: What takes the server too long it ends by itself; it is given so much longer to say so.
LITTLE_S = 1.0
#: Asked to cancel what it is at, it has so long to take that, and then so long to say what became of it.
CANCEL_S = 2.0
LAST_WORD_S = 1.0
#: The code of a warning that has no other.
WARNING = "01000"

T = TypeVar("T")
Waits = Generator[Any, Any, T]


class UnansweredError(psycopg.OperationalError):
    """The server did not answer in time; the connection is closed, and what was asked last may be done or not."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection on which the server is silent for so long and no longer."""

    #: Where the database is, as people are told of it.
    place = ""
    #: How long it may be while it executes a statement, while it commits, and in what is under way.
    answer_s = commit_s = longest_s = math.inf
    #: Whether that is a commit.
    committing = False

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        #: What the server warned of while it committed.
        self.doubts: list[str] = []
        #: What the last commit is answered with.
        self._commit: psycopg.Cursor[Any] | None = None
        self.add_notice_handler(partial(_heed, self.doubts))

    def bound(self, place: str, *, answer_s: float, commit_s: float) -> None:
        """Say how long the server may take by its own timeouts, or by what is wanted of it."""
        self.place = place
        self.answer_s, self.commit_s = answer_s + LITTLE_S, commit_s + LITTLE_S
        self.begun()

    def begun(self, *, endless: bool = False) -> None:
        """Note that a transaction begins.

        Args:
            endless: its statements may take as long as they like.
        """
        self.longest_s = math.inf if endless else self.answer_s
        self.committing = False

    def commit(self) -> None:
        """Commit; in pipeline mode that is only sent, and awaited where the mode is left.

        Its own way keeps the server's answer to itself, and in pipeline mode sends nothing where all answers are in: it
        takes that for the end of the transaction.
        """
        self._begin_commit()
        if self.pgconn.pipeline_status or self.pgconn.transaction_status != TransactionStatus.IDLE:
            self._commit = self.execute("COMMIT")

    def committed_at_once(self) -> None:
        """Note that the next statement begins a transaction and commits it."""
        self._begin_commit()
        self.longest_s = max(self.answer_s, self.commit_s)

    def _begin_commit(self) -> None:
        self.longest_s = self.commit_s
        self.committing = True
        self._commit = None
        self.doubts.clear()

    @property
    def committed(self) -> bool:
        """Whether the server says so of the last commit: one of a transaction that failed, it answers with ROLLBACK."""
        return self._commit is None or self._commit.statusmessage == "COMMIT"

    def flush(self) -> None:
        """Hand all that was sent to the system: in pipeline mode psycopg may wait for an answer with a rest in hand."""
        if self.pgconn.flush():
            self.wait(generators.send(self.pgconn))

    @contextmanager
    def in_one_go(self) -> Iterator[None]:
        """Give the pipeline mode. What fails in it is raised; that leaving it then fails too is no news of its own."""
        failed: BaseException | None = None
        try:
            with self.pipeline():
                try:
                    yield
                except BaseException as error:  # noqa: BLE001 - raised below: psycopg would log what it gives way to
                    failed = error
        except psycopg.Error:
            if failed is None:
                raise
        if failed is not None:
            raise failed

    def wait(self, gen: Waits[T], *args: Any, **keywords: Any) -> T:
        """Wait as psycopg does, until the server is silent for too long.

        Raises:
            UnansweredError: if it was.
        """
        try:
            return super().wait(_while_heard(gen, self.longest_s), *args, **keywords)
        except _SilenceError:
            pass
        raise self._given_up(gen)

    def _given_up(self, gen: Waits[Any]) -> UnansweredError:
        """Have the server cancel what it is at, so that it does not go on waiting there, and close the connection.

        Whatever it says to that, the wait has failed: a commit that is cancelled is done, and may be lost again.
        """
        try:
            if capabilities.has_cancel_safe():  # an older way to ask may take for ever itself
                self.cancel_safe(timeout=CANCEL_S)
                super().wait(_while_heard(gen, LAST_WORD_S))
        except (psycopg.Error, _SilenceError) as error:
            _log.debug("connection_given_up", place=self.place, reason=str(error))
        finally:
            self.pgconn.finish()
            with suppress(Exception):  # where the connection is closed it can only complain
                gen.close()
        if not self.committing:
            return UnansweredError(f"no answer for {self.longest_s:g} seconds")
        if not self.doubts:
            return UnansweredError(f"no answer to a commit for {self.longest_s:g} seconds")
        return UnansweredError(f"no answer of a standby to a commit for {self.longest_s:g} seconds: {self.doubts[0]}")


class _SilenceError(Exception):
    """Nothing came for too long."""


def _while_heard(gen: Waits[T], longest_s: float) -> Waits[T]:
    """Hand on what the driver waits for, and what has come, as long as something comes; `gen` may be gone on with.

    Raises:
        _SilenceError: if nothing came for so long.
    """
    ready: Any = None
    silent_since: float | None = None
    try:
        while True:
            ready = yield gen.send(ready)
            if ready:
                silent_since = None
            elif silent_since is None:
                silent_since = time.monotonic()
            elif time.monotonic() - silent_since > longest_s:
                raise _SilenceError
    except StopIteration as end:
        result: T = end.value
        return result


def _heed(doubts: list[str], said: psycopg.errors.Diagnostic) -> None:
    if said.sqlstate == WARNING:
        doubts.append(said.message_primary or "")
