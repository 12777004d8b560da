"""One database: its connections, its transactions, and its errors in the words of the ledger."""

from __future__ import annotations

import os
import re
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy import Connection, Dialect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from ledger.errors import LedgerMissing, StorageError
from ledger.store import schema
from ledger.store.engine import StorageEngine
from ledger.store.process_forks import LONGEST_WAIT_S, Gate, watch
from ledger.store.sqlite import SqliteEngine
from ledger.store.wakeups import Wakeups, Watch
from ledger.telemetry import get_logger

if TYPE_CHECKING:
    from sqlalchemy import URL

    from ledger.store.appending import Scribe

__all__ = ["Database", "Keeper"]

_log = get_logger(__name__)

T = TypeVar("T")


class Keeper(Protocol):
    """Who keeps a connection between transactions."""

    def close(self) -> None:
        """Close it; the next transaction opens another."""

    def abandon(self) -> None:
        """Forget it without closing it: it is another process's."""


class Database:
    """A ledger's database, opened and of the current schema. Safe to share between threads.

    On SQLite writing transactions run one at a time in this process, in the order in which they ask, and reading ones
    beside them; on PostgreSQL all of them run side by side.
    A `fork()` waits for the transactions under way; afterwards parent and child both open connections of their own.
    """

    def __init__(self, url: str, *, create: bool = True, upgrade: bool = False) -> None:
        self.url = _parse(url)
        self._engine = _engine_of(self.url)
        self.place = self._engine.place
        #: Rung after every commit.
        self.wakeups = Wakeups(self._watch)
        self._writing = threading.RLock()
        self._gate = Gate()
        self._pid = os.getpid()
        self._poisoned = False
        self._closed = False
        self._keepers: weakref.WeakSet[Keeper] = weakref.WeakSet()
        watch(self)
        existed = self._engine.prepare(create=create)
        if not existed and not create:
            raise LedgerMissing(self.place)
        try:
            #: The migrations that this opening ran.
            self.steps: list[str] = []
            self.ledger_id = self._open(create=create, upgrade=upgrade)
        except BaseException:
            self._engine.dispose()
            raise

    def _open(self, *, create: bool, upgrade: bool) -> bytes:
        with self.read() as connection:
            found = schema.standing(connection)
        if found.empty and not create:
            raise LedgerMissing(self.place)
        if found.empty or upgrade:
            with self.write() as connection:
                self._engine.migrating(connection)
                self.steps = schema.migrate(connection, self.place)
                found = schema.standing(connection)
        schema.check_schema(found, self.place)
        return found.ledger_id

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection inside one reading transaction: all it reads is of one moment.

        Raises:
            StorageError: if the database fails.
        """
        with self._reading(self._engine.reading) as connection:
            yield connection

    def glance(self, read: Callable[[Connection], T]) -> T:
        """Give what `read` reads by one statement, in less time than `read` takes: on a server in one round trip.

        Args:
            read: given a connection; called again if the server had closed the one that was kept open.

        Raises:
            StorageError: if the database fails.
        """
        with self._reading(nullcontext):
            return self._engine.glance(read)

    @contextmanager
    def scratch(self) -> Iterator[Connection]:
        """Give a connection like `read`, in which temporary tables can be made; nothing that is made in it stays.

        Raises:
            StorageError: if the database fails, or allows no such tables.
        """
        with self._reading(self._engine.scratching) as connection:
            yield connection

    @contextmanager
    def _reading(self, begin: Callable[[], AbstractContextManager[T]]) -> Iterator[T]:
        self._check_process()
        # A database in memory has one connection, so reading it waits for its turn.
        alone = self._writing if self._engine.in_memory else nullcontext()
        with alone, self._gate, self._translated():
            self._engine.check_place()
            with begin() as begun:
                yield begun

    @contextmanager
    def write(self, *, rings: bool = True) -> Iterator[Connection]:
        """Give a connection inside a writing transaction; it commits at the end, and rolls back on any error.

        On SQLite it is the only one. On PostgreSQL each statement sees what others have committed before it.

        Args:
            rings: whether the commit wakes those who wait for something to be saved.

        Raises:
            StorageError: if the database fails. Whether a failed commit was stored is not known then.
        """
        with self.writing(rings=rings), self._engine.writing() as connection:
            yield connection

    def writing(self, *, rings: bool = True) -> AbstractContextManager[None]:
        """Hold what every writing transaction holds: the turn of this process, and the file as it was opened."""
        return _Writing(self, rings=rings)

    def begin_writing(self) -> None:
        """Wait for the turn, and make sure that the file is the one that was opened. `end_writing` has to follow.

        Raises:
            StorageError: if it is not; then the turn is over.
        """
        self._check_process()
        if self._engine.one_writer:
            self._writing.acquire()
        try:
            self._gate.enter()
        except BaseException:
            self._pass_on()
            raise
        try:
            self._engine.check_place()
            if self._poisoned:
                self._recover()
        except BaseException as error:
            self.end_writing(error)
            raise

    def end_writing(self, error: BaseException | None) -> None:
        """Let others have their turn, who must not go on with a file that just failed.

        Raises:
            StorageError: that an error of the database means.
        """
        try:
            if error is not None:
                self._raise_translated(error)
        finally:
            self._gate.leave()
            self._pass_on()

    def _pass_on(self) -> None:
        if self._engine.one_writer:
            self._writing.release()

    def wired(self, keeper: Keeper) -> Any:
        """Give a new connection that is its keeper's alone."""
        self._keepers.add(keeper)
        return self._engine.raw_connection()

    @property
    def engine(self) -> StorageEngine:
        """What differs by database."""
        return self._engine

    @property
    def patience_s(self) -> float:
        """How long a write is repeated while the server is away."""
        return self._engine.patience_s

    @property
    def lanes(self) -> int:
        """How many lanes pay: so many transactions commit at once."""
        return self._engine.lanes

    @property
    def scribe(self) -> Scribe:
        """What appends events, as the engine does it best."""
        return self._engine.scribe

    def _check_process(self) -> None:
        if self._closed:
            raise StorageError(f"the ledger at {self.place} is closed", "open it again")
        if self._pid != os.getpid():
            self._begin_as_child()  # of a fork that Python was not told of

    def before_fork(self) -> None:
        """Hold every transaction off, and leave no connection for the child to inherit."""
        if not self._gate.shut(LONGEST_WAIT_S):
            _log.warning("fork_inside_a_transaction", place=self.place)
        if not self._engine.in_memory:
            self._hang_up()
            self._engine.dispose()

    def _hang_up(self) -> None:
        for keeper in list(self._keepers):
            keeper.close()

    def after_fork(self, *, child: bool) -> None:
        """Go on, in the parent or as the child."""
        if child:
            self._begin_as_child()
        self._gate.open()

    def _begin_as_child(self) -> None:
        self._pid = os.getpid()
        self._writing = threading.RLock()
        self._gate = Gate()
        self.wakeups = Wakeups(self._watch)
        if not self._engine.in_memory:  # memory is the child's own, and so is the database in it
            for keeper in list(self._keepers):
                keeper.abandon()
            self._engine.abandon()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._raise_translated(error)
            raise

    def _raise_translated(self, error: BaseException) -> None:
        """Raise what an error of the database means, in the words of the ledger; of any other, return.

        Raises:
            StorageError: that was caused by it.
        """
        if isinstance(error, (DBAPIError, self._engine.driver_error)):
            # A connection that fails while it is being set up fails with the driver's own error.
            cause = error.orig if isinstance(error, DBAPIError) else error
            if self._engine.is_fatal(cause):
                self._poisoned = True
                _log.error("storage_failed", place=self.place, error=str(cause))
            raise self._engine.translate(cause) from error
        if isinstance(error, SQLAlchemyError):
            raise StorageError(f"the database at {self.place} failed: {error}") from error

    def _recover(self) -> None:
        """After an I/O error nothing that is cached of the file is trusted: open it anew before writing again."""
        self._hang_up()
        self._engine.dispose()
        with self._engine.reading() as connection:
            schema.check_schema(schema.standing(connection), self.place)
        self._poisoned = False
        _log.warning("storage_reopened", place=self.place)

    @property
    def channel(self) -> str:
        """The name under which others tell that they placed something in the feed."""
        return f"ledger_{self.ledger_id.hex()}"

    def _watch(self) -> Watch:
        with self._translated():
            return self._engine.watch(self.channel)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    @property
    def dialect(self) -> Dialect:
        """The SQL that the database speaks."""
        return self._engine.dialect

    def facts(self) -> dict[str, object]:
        """Give what `doctor` tells of the engine."""
        return self._engine.facts()

    def close(self) -> None:
        """Close every connection; on SQLite the last one leaves the one file whole. Closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        if self._pid == os.getpid():
            self.wakeups.close()
            with self._writing:
                self._hang_up()
                self._engine.dispose()


class _Writing:
    """A turn to write. As one object it costs a save half of what context managers in each other do."""

    __slots__ = ("_database", "_rings")

    def __init__(self, database: Database, *, rings: bool) -> None:
        self._database = database
        self._rings = rings

    def __enter__(self) -> None:
        self._database.begin_writing()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._database.end_writing(error)
        if error is None and self._rings:
            self._database.wakeups.ring()


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:
        masked = re.sub(r":[^:/@]*@", ":***@", str(url))
        raise StorageError(f"{masked!r} is not a database URL", _URLS) from error


def _engine_of(url: URL) -> StorageEngine:
    kind, _, driver = url.drivername.partition("+")
    if kind == "sqlite" and driver in ("", "pysqlite"):
        return SqliteEngine(url)
    if kind in ("postgresql", "postgres") and driver in ("", "psycopg"):
        from ledger.store.postgres import PostgresEngine  # noqa: PLC0415 - who keeps a ledger on SQLite does not pay

        return PostgresEngine(url)
    raise StorageError(f"a ledger is kept on SQLite or PostgreSQL (by psycopg 3), not on {url.drivername}", _URLS)


_URLS = "use one like sqlite:///ledger.db or postgresql://user@host/database"
