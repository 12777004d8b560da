"""One database: its connections, its transactions, and its errors in the words of the ledger."""

from __future__ import annotations

import os
import re
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

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

__all__ = ["Database", "Wire"]

_log = get_logger(__name__)


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
        self._wires: weakref.WeakSet[Wire] = weakref.WeakSet()
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

    @contextmanager
    def scratch(self) -> Iterator[Connection]:
        """Give a connection like `read`, in which temporary tables can be made; nothing that is made in it stays.

        Raises:
            StorageError: if the database fails, or allows no such tables.
        """
        with self._reading(self._engine.scratching) as connection:
            yield connection

    @contextmanager
    def _reading(self, begin: Callable[[], AbstractContextManager[Connection]]) -> Iterator[Connection]:
        self._check_process()
        # A database in memory has one connection, so reading it waits for its turn.
        alone = self._writing if self._engine.in_memory else nullcontext()
        with alone, self._gate, self._translated():
            self._engine.check_place()
            with begin() as connection:
                yield connection

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

    @contextmanager
    def writing(self, *, rings: bool = True) -> Iterator[None]:
        """Hold what every writing transaction holds: the turn of this process, and the file as it was opened."""
        self._check_process()
        alone = self._writing if self._engine.one_writer else nullcontext()
        with alone, self._gate, self._translated():
            self._engine.check_place()
            if self._poisoned:
                self._recover()
            yield
        if rings:
            self.wakeups.ring()

    def wired(self, wire: Wire) -> Any:
        """Give a new connection that is `wire`'s alone."""
        self._wires.add(wire)
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
        for wire in list(self._wires):
            wire.close()

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
            for wire in list(self._wires):
                wire.abandon()
            self._engine.abandon()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, self._engine.driver_error) as error:
            # A connection that fails while it is being set up fails with the driver's own error.
            cause = error.orig if isinstance(error, DBAPIError) else error
            if self._engine.is_fatal(cause):
                self._poisoned = True
                _log.error("storage_failed", place=self.place, error=str(cause))
            raise self._engine.translate(cause) from error
        except SQLAlchemyError as error:
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


class Wire:
    """A connection that is kept, for transactions of the driver's own statements. Not safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Any = None
        #: Whether the last transaction failed at one of its statements, so that nothing of it is stored.
        self.rejected = False

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """Give the driver's connection in a writing transaction; it commits at the end, and rolls back on any error.

        Raises:
            StorageError: if the database fails. Whether it was stored is not known then, unless it was `rejected`.
        """
        self.rejected = False
        began = committing = False
        engine = self._database.engine
        with self._database.writing():
            if self._connection is None:
                self._connection = self._database.wired(self)
            connection = self._connection.dbapi_connection
            try:
                with engine.in_one_go(connection):
                    engine.begin(connection)
                    began = True
                    yield connection
                    committing = True
                    connection.commit()
                engine.check_commit(connection)
            except BaseException as error:
                self.rejected = began and engine.rejects(error, committing=committing)
                self._roll_back(connection)
                raise

    def confirm(self) -> None:
        """Make sure that what was found in the log will not be lost again.

        Raises:
            StorageError: if that is not certain; it is to be looked for again then.
        """
        if self._database.engine.confirms:
            with self.transaction() as connection:
                self._database.engine.confirm(connection)

    def _roll_back(self, connection: Any) -> None:
        try:
            connection.rollback()
        except Exception as error:  # noqa: BLE001 - what it was rolled back for is what is told
            _log.debug("connection_given_up", place=self._database.place, reason=str(error))
            self._give_up()

    def close(self) -> None:
        """Close the connection; the next transaction opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _give_up(self) -> None:
        """Let go of a connection that broke, without another word on it."""
        connection, self._connection = self._connection, None
        connection.invalidate()

    def abandon(self) -> None:
        """Forget the connection without closing it: it is another process's."""
        if self._connection is not None:
            _abandoned.append(self._connection)
            self._connection = None


#: Kept for as long as the process lives: collecting them would close what another process uses.
_abandoned: list[Any] = []


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
