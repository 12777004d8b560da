"""What is SQLite's alone: the driver, the pragmas, the file, and its errors."""

from __future__ import annotations

import math
import os
import sqlite3 as standard
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event
from sqlalchemy.pool import PoolProxiedConnection, StaticPool

from ledger.errors import LedgerMissing, StorageError
from ledger.store.appending import Scribe
from ledger.store.sqlite_scribe import SqliteScribe
from ledger.store.wakeups import Watch

__all__ = ["FIXED_IN", "SqliteEngine", "driver"]

T = TypeVar("T")

#: How long a transaction waits for another process's lock, unless the URL says otherwise (`?timeout=5`).
BUSY_TIMEOUT_S = 30.0
#: SQLite counts the milliseconds in 32 bits.
LONGEST_TIMEOUT_S = 2_000_000
#: Where SQLite does not wait for another's lock by itself.
RETRY_S = 0.005
#: What another process saves is noticed after so long at the latest.
GLANCE_S = 0.05
#: From 3.7.0 up to 3.51.2 two connections that checkpoint at once can corrupt a WAL database.
FIXED_IN = (3, 51, 3)


def driver() -> ModuleType:
    """Give the SQLite driver: pysqlite3, which brings a current SQLite, where it has a wheel, else the standard one."""
    try:
        import pysqlite3  # noqa: PLC0415 - which of the two it is is decided here
    except ImportError:
        return standard
    return pysqlite3  # type: ignore[no-any-return]  # it has no types


class SqliteEngine:
    """One SQLite file (or one database in memory) behind an SQLAlchemy engine."""

    one_writer = True
    confirms = False
    lanes = 1
    #: A file does not go away and come back; for another's lock, SQLite itself waits.
    patience_s = 0.0

    def __init__(self, url: URL) -> None:
        self._timeout_s = _timeout_of(url)
        self.url = url.difference_update_query(["timeout"])
        name = url.database or ":memory:"
        self.in_memory = name == ":memory:" or "mode=memory" in name or "mode=memory" in str(url.query)
        self.path = None if self.in_memory else Path(name)
        self.place = "memory" if self.in_memory else name
        if self.path is not None and not name.startswith("file:"):
            # Each connection opens the file anew, wherever the process went meanwhile.
            self.path = self.path.absolute()
            self.url = self.url.set(database=str(self.path))
        self._driver = driver()
        self._journal = "?"
        self._identity: tuple[int, int] | None = None
        self._engine = self._create()
        self.scribe: Scribe = SqliteScribe()

    def prepare(self, *, create: bool) -> bool:
        """Create the file, readable by its owner alone, if that is wanted; tell whether it was there."""
        if self.path is None:
            return True
        existed = self._find_or_create(self.path, create=create)
        if existed or create:
            self._identity = _identity_of(self.path)
        return existed

    def _find_or_create(self, path: Path, *, create: bool) -> bool:
        if path.is_dir():
            raise StorageError(f"{self.place} is a folder, not a ledger", "name a file in it")
        if path.exists():
            if not os.access(path, os.R_OK):
                raise StorageError(f"{self.place} cannot be read by this user", "check its permissions")
            # Who only reads must not make a database of an empty file, which opening it would.
            return create or path.stat().st_size > 0
        if not create:
            return False
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            return True  # another process was first
        except OSError as error:
            raise StorageError(f"{self.place} cannot be created: {error.strerror}", "check the folder") from error
        return False

    def _create(self) -> Engine:
        options: dict[str, Any] = {"connect_args": {"check_same_thread": False, "timeout": self._timeout_s}}
        if self.in_memory:
            options["poolclass"] = StaticPool
        engine = create_engine(self.url, module=self._driver, **options)
        event.listen(engine, "connect", self._configure)
        event.listen(engine, "begin", _begin)
        return engine

    def _configure(self, connection: Any, record: object) -> None:
        del record
        connection.isolation_level = None  # transactions begin where _begin says, not where the driver guesses
        connection.execute(f"PRAGMA busy_timeout={self._timeout_s * 1000:.0f}")
        if self.path is None or (os.access(self.path, os.W_OK) and _is_ours(connection)):
            self._journal = self._write_ahead(connection)
            if self.path is not None and self._journal != "wal":
                raise StorageError(
                    f"{self.place} refuses write-ahead logging (journal_mode is {self._journal})",
                    "keep the ledger on a local file system",
                )
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    def _write_ahead(self, connection: Any) -> str:
        """Give the journal that the file has now. Here SQLite waits for nobody, who may be creating the same ledger."""
        until = time.monotonic() + self._timeout_s
        while True:
            try:
                return str(connection.execute("PRAGMA journal_mode=WAL").fetchone()[0])
            except self._driver.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > until:
                    raise
            time.sleep(RETRY_S)

    def check_place(self) -> None:
        """Refuse to go on if the file is not the one that was opened: nobody would find what is written to that.

        Raises:
            StorageError: if it was removed or replaced.
        """
        if self.path is None:
            return
        try:
            found = _identity_of(self.path)
        except OSError as error:
            raise StorageError(
                f"{self.place} was removed while it was open ({error.strerror})", "put it back, or open it again"
            ) from error
        if found != self._identity:
            raise StorageError(
                f"{self.place} was replaced by another file while it was open", "close it and open it again"
            )

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection in a reading transaction."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def glance(self, read: Callable[[Connection], T]) -> T:
        """Give what is read by one statement."""
        with self.reading() as connection:
            return read(connection)

    @contextmanager
    def scratching(self) -> Iterator[Connection]:
        """Give one like `reading`, in which temporary tables can be made; it is rolled back, and they with it."""
        with self._engine.connect() as connection, connection.begin() as transaction:
            yield connection
            transaction.rollback()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection that holds the database's write lock from the start, so that it cannot fail half way."""
        with self._engine.connect() as connection:
            immediate = connection.execution_options(ledger_immediate=True)
            try:
                with immediate.begin():
                    yield immediate
            finally:
                connection.execution_options(ledger_immediate=False)

    def raw_connection(self) -> PoolProxiedConnection:
        """Give a connection for its owner alone, for as long as it wants: it is no part of the pool."""
        connection = self._engine.raw_connection()
        if not self.in_memory:  # where there is only the one
            connection.detach()
        return connection

    def in_one_go(self, driver_connection: Any) -> AbstractContextManager[Any]:
        """There is no way to a server to be saved."""
        del driver_connection
        return nullcontext()

    def begin_and_commit(self, driver_connection: Any) -> None:
        """A statement outside of a transaction commits by itself."""

    def check_commit(self, driver_connection: Any) -> None:
        """A commit of SQLite is done or fails."""

    def confirm(self, driver_connection: Any) -> None:
        """What can be read of a file is stored in it."""

    def rejects(self, error: BaseException, *, committing: bool) -> bool:
        """Tell whether a transaction failed by what was to be written in it: then it is not stored."""
        del error
        return not committing

    def begin(self, driver_connection: Any) -> None:
        """Begin a transaction that holds the write lock from the start."""
        driver_connection.execute("BEGIN IMMEDIATE")

    @property
    def dialect(self) -> Dialect:
        """SQLite's, with the parameters of the driver in use."""
        return self._engine.dialect

    @property
    def driver_error(self) -> type[Exception]:
        """The root of what the driver raises."""
        error: type[Exception] = self._driver.Error
        return error

    def is_fatal(self, error: BaseException | None) -> bool:
        """Tell whether what the connections hold of the file can no longer be trusted."""
        text = str(error)
        return "disk I/O error" in text or "malformed" in text

    def translate(self, error: BaseException | None) -> StorageError:
        """Say in one sentence what went wrong, and what to do."""
        text = str(error)
        for sign, problem, hint in _SENTENCES:
            if sign in text:
                return StorageError(problem.format(place=self.place, timeout=f"{self._timeout_s:g}"), hint)
        if self.path is not None and not self.path.exists():
            return LedgerMissing(self.place)
        return StorageError(f"the database at {self.place} failed: {text}")

    def watch(self, channel: str) -> Watch:
        """Give what notices the commits of other processes; there is no channel on which they could tell of them."""
        del channel
        return FileWatch(self.path)

    def facts(self) -> dict[str, object]:
        """Give the driver, its SQLite, and whether that has the known defect."""
        version = tuple(self._driver.sqlite_version_info)
        return {
            "driver": self._driver.__name__,
            "sqlite": self._driver.sqlite_version,
            "wal_defect": version < FIXED_IN,
            "journal_mode": self._journal,
            "python": sys.version.split()[0],
        }

    def migrating(self, connection: Connection) -> None:
        """A writing transaction is the only one from its start."""

    def abandon(self) -> None:
        """Forget every connection without closing it, and start with fresh ones."""
        _abandoned.append(self._engine)
        self._engine = self._create()

    def dispose(self) -> None:
        """Close every connection. The last one checkpoints, so that the one file is whole."""
        self._engine.dispose()


class FileWatch:
    """Notices commits by what the system tells of the file and of its log.

    It opens neither: closing them would let go of every lock that this process holds there.
    """

    def __init__(self, path: Path | None) -> None:
        self._files = () if path is None else (path, path.with_name(f"{path.name}-wal"))
        self._seen = self._look()

    def noticed(self) -> bool:
        """Wait for a moment; tell whether the file or its log changed since the last look."""
        time.sleep(GLANCE_S)
        before, self._seen = self._seen, self._look()
        return before != self._seen

    def _look(self) -> list[tuple[int, int] | None]:
        found: list[tuple[int, int] | None] = []
        for file in self._files:
            try:
                stat = file.stat()
            except OSError:
                found.append(None)  # a log comes and goes, and whoever reads will say it of the file
            else:
                found.append((stat.st_size, stat.st_mtime_ns))
        return found

    def close(self) -> None:
        """Hold nothing, so let go of nothing."""


def _identity_of(path: Path) -> tuple[int, int]:
    found = os.stat(path)  # noqa: PTH116 - before every transaction, at half the price of the method's
    return found.st_dev, found.st_ino


def _timeout_of(url: URL) -> float:
    given = url.query.get("timeout", BUSY_TIMEOUT_S)
    try:
        timeout_s = float(given)  # type: ignore[arg-type]  # a parameter that is given twice is refused here too
    except (TypeError, ValueError):
        timeout_s = math.nan
    if not 0 <= timeout_s <= LONGEST_TIMEOUT_S:
        raise StorageError(f"the timeout {given!r} is no number of seconds", "write it like ?timeout=30")
    return timeout_s


#: Kept for as long as the process lives: collecting them would close what another process uses.
_abandoned: list[Engine] = []


def _is_ours(connection: Any) -> bool:
    """Tell a ledger, or what may become one, from another program's database, whose journal is none of our business."""
    tables, ours = connection.execute("SELECT count(*), total(name = 'ledger_meta') FROM sqlite_master").fetchone()
    return bool(ours or not tables)


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("ledger_immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


_SENTENCES = (
    ("is locked", "{place} stayed locked by another process for {timeout} seconds", "try again"),
    ("readonly database", "{place} is read-only", "check the permissions of the file and of its folder"),
    ("disk is full", "the disk of {place} is full; nothing of this was written", "make room and try again"),
    ("unable to open", "{place} cannot be opened", "check that its folder exists and can be written"),
    ("not a database", "{place} is not a ledger (not even an SQLite database)", "check the path"),
    ("malformed", "{place} is damaged", "restore it from a backup, and run `ledger verify` on that"),
    ("append-only", "the log is append-only", "save a new version instead"),
    ("disk I/O error", "the disk of {place} fails", "check the disk; the ledger is opened anew before the next save"),
)
