"""What is PostgreSQL's alone: the driver, its connections and transactions, and its errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

from ledger.errors import StorageError
from ledger.store import postgres_errors
from ledger.store.appending import Scribe
from ledger.store.postgres_scribe import PREPARING, PostgresScribe
from ledger.store.postgres_url import place_of, session_of, timeout_of
from ledger.store.wakeups import Watch
from ledger.telemetry import get_logger

__all__ = ["OLDEST", "PostgresEngine"]

_log = get_logger(__name__)

T = TypeVar("T")

#: The oldest major version that the ledger is kept on.
OLDEST = 14
#: How many connections stay open, and how many more may be opened while all of them are in use; others wait.
KEPT_CONNECTIONS = 5
MORE_CONNECTIONS = 10
#: How long a look at the notifications lasts.
GLANCE_S = 0.25

_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_SCRATCH = "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE"
_WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED"
#: A statement by itself is a transaction.
_NOTHING = ""


class PostgresEngine:
    """One PostgreSQL database behind an SQLAlchemy engine, spoken to by psycopg 3."""

    in_memory = False
    one_writer = False
    confirms = True
    lanes = 4
    scribe: Scribe = PostgresScribe()

    def __init__(self, url: URL) -> None:
        self._timeout_s = self.patience_s = timeout_of(url)
        self.url = url.set(drivername="postgresql+psycopg").difference_update_query(["timeout"])
        self.place = place_of(self.url)
        self._driver, self._connection_class = _driver()
        self._version = "?"
        self._disposed = 0
        self._engine = self._create()

    def _create(self) -> Engine:
        engine = create_engine(
            self.url,
            # Else SQLAlchemy asks each new database for types that a ledger has no use for.
            use_native_hstore=False,
            connect_args=session_of(self.url.query, self._timeout_s),
            pool_size=KEPT_CONNECTIONS,
            max_overflow=MORE_CONNECTIONS,
            pool_timeout=self._timeout_s,
            pool_use_lifo=True,
            pool_reset_on_return=None,  # _reset does it, and SQLAlchemy would print what is no news
        )
        event.listen(engine, "do_connect", self._connect)
        event.listen(engine, "connect", self._configure)
        event.listen(engine, "begin", _begin)
        event.listen(engine, "reset", self._reset)
        return engine

    def _connect(self, dialect: object, record: object, args: Any, options: Any) -> Any:
        del dialect, record
        return self._connection_class.connect(*args, **options)

    def _configure(self, connection: Any, record: object) -> None:
        del record
        info = connection.info
        if info.server_version < OLDEST * 10_000:
            raise StorageError(
                f"{self.place} is PostgreSQL {info.server_version // 10_000}; the ledger needs {OLDEST} or later",
                "upgrade the server",
            )
        encoding = info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise StorageError(
                f"the database at {self.place} stores text as {encoding}, which cannot hold every text",
                "create one with ENCODING 'UTF8'",
            )
        self._version = info.parameter_status("server_version") or "?"
        connection.autocommit = True  # transactions begin where _begin says, not where the driver guesses
        connection.bound(self.place, answer_s=self._longest_statement_s(connection), commit_s=self._timeout_s)

    def _reset(self, connection: Any, record: object, state: object) -> None:
        """Roll back before a connection goes back to the pool; one that broke is found out when it is next used."""
        del record, state
        try:
            connection.rollback()
        except self.driver_error as error:
            _log.debug("connection_given_up", place=self.place, reason=str(error))
            connection.close()

    def _longest_statement_s(self, connection: Any) -> float:
        """Give how long the server lets a statement take: what we have asked it for, or what the URL has."""
        if "statement_timeout" not in str(self.url.query.get("options", "")):
            return 2 * self._timeout_s
        row = connection.execute("SELECT setting FROM pg_settings WHERE name = 'statement_timeout'").fetchone()
        return int(row[0]) / 1000 or math.inf

    def prepare(self, *, create: bool) -> bool:
        """There is nothing to make ready: the server has the database, or says that it has not."""
        del create
        return True

    def check_place(self) -> None:
        """It is the server's to look after."""

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection in a transaction that only reads: all of it is of one moment."""
        with self._begun(_READ) as connection:
            yield connection

    def glance(self, read: Callable[[Connection], T]) -> T:
        """Give what is read by one statement; once more if the server had closed the connection that was kept open."""
        try:
            with self._begun(_NOTHING) as connection:
                return read(connection)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        with self._begun(_NOTHING) as connection:
            return read(connection)

    @contextmanager
    def scratching(self) -> Iterator[Connection]:
        """Give one like `reading`, in which temporary tables can be made; it is rolled back, and they with it."""
        with self._begun(_SCRATCH) as connection:
            driver: Any = connection.connection.driver_connection
            # A statement that was prepared before would go on reading the tables that the temporary ones hide.
            threshold, driver.prepare_threshold = driver.prepare_threshold, None
            try:
                yield connection
                connection.rollback()
            finally:
                driver.prepare_threshold = threshold

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection in a transaction that writes; others write at the same time."""
        with self._begun(_WRITE) as connection:
            yield connection

    @contextmanager
    def _begun(self, how: str) -> Iterator[Connection]:
        disposed = self._disposed
        with self._begin_anew(how) as connection:
            transaction = connection.get_transaction()
            assert transaction is not None  # noqa: S101 - it was begun
            driver: Any = connection.connection.driver_connection
            try:
                with transaction:
                    yield connection
                if how == _WRITE:
                    self.check_commit(driver)
            finally:
                if disposed != self._disposed and not connection.invalidated:
                    connection.detach()  # the pool that it would go back to is closed

    def _begin_anew(self, how: str) -> Connection:
        """Begin a transaction, on a new connection if the server has closed the one that was kept open.

        That is found out by the BEGIN, which has to be sent anyway, and before anything that could be done twice.
        """
        try:
            return self._begin_on(how)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return self._begin_on(how)

    def _begin_on(self, how: str) -> Connection:
        connection = self._engine.connect().execution_options(**{_BEGIN: how})
        try:
            connection.begin()
        except BaseException:
            connection.close()
            raise
        connection.info[_USED] = True
        return connection

    def raw_connection(self) -> PoolProxiedConnection:
        """Give a connection for its owner alone, for as long as it wants: it is no part of the pool."""
        while True:
            connection = self._engine.raw_connection()
            driver: Any = connection.dbapi_connection
            kept = connection.info.get(_USED, False)
            try:
                driver.execute(PREPARING)
            except self.driver_error:
                connection.invalidate()
                if not kept:
                    raise  # that it was closed while it was idle is no news, and that a new one fails is
            else:
                connection.detach()
                return connection

    def begin(self, driver_connection: Any) -> None:
        """Begin a writing transaction on the driver's connection."""
        driver_connection.begun()
        driver_connection.execute(_WRITE)

    def in_one_go(self, driver_connection: Any) -> AbstractContextManager[Any]:
        """Give the driver's pipeline mode, in which a commit is awaited at its end."""
        mode: AbstractContextManager[Any] = driver_connection.in_one_go()
        return mode

    def begin_and_commit(self, driver_connection: Any) -> None:
        """Make ready for one statement that is a transaction by itself."""
        driver_connection.committed_at_once()

    def check_commit(self, driver_connection: Any) -> None:
        """Refuse to take a commit for done which the server gave with a warning: its standby may not have it."""
        if not driver_connection.committed:
            raise StorageError(f"{self.place} rolled back what it was to commit", "try again", passing=True)
        if driver_connection.doubts:
            said = driver_connection.doubts[0]
            raise StorageError(
                f"{self.place} committed with a warning ({said})", "try again: what was saved is found", passing=True
            )

    def confirm(self, driver_connection: Any) -> None:
        """Write something behind all that was committed: its commit waits for a synchronous standby as theirs did."""
        driver_connection.execute("SELECT pg_logical_emit_message(true, 'sessionledger', '')")

    def rejects(self, error: BaseException, *, committing: bool) -> bool:
        """Tell by the code that the server gave whether it refused a statement."""
        del committing  # the commit may have been sent with the statement that failed, and is then not done
        return postgres_errors.is_refusal(error)

    def migrating(self, connection: Connection) -> None:
        """Wait for whoever changes the schema already, as long as it takes them; let nobody begin before the end."""
        driver: Any = connection.connection.driver_connection
        driver.begun(endless=True)
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql(
            "SELECT pg_advisory_xact_lock(hashtext('sessionledger'), hashtext(current_schema()))"
        )

    @property
    def dialect(self) -> Dialect:
        """The SQL that it speaks, and the driver in use."""
        return self._engine.dialect

    @property
    def driver_error(self) -> type[Exception]:
        """The root of what the driver raises."""
        error: type[Exception] = self._driver.Error
        return error

    def is_fatal(self, error: BaseException | None) -> bool:
        """Nothing of the database is held here but connections, and the pool replaces those that broke."""
        del error
        return False

    def translate(self, error: BaseException | None) -> StorageError:
        """Say in one sentence what went wrong, and what to do."""
        return postgres_errors.translate(error, self.place, self._timeout_s, self.url.username)

    def facts(self) -> dict[str, object]:
        """Give the driver, the server, and whether it is set up to lose nothing."""
        with self.reading() as connection:
            rows = connection.exec_driver_sql(
                "SELECT name, setting FROM pg_settings"
                " WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'synchronous_standby_names')"
            )
            settings = {row.name: row.setting for row in rows}
            standby, size = connection.exec_driver_sql(
                "SELECT pg_is_in_recovery(), pg_database_size(current_database())"
            ).one()
        return {
            "driver": f"psycopg {self._driver.__version__}",
            "postgresql": self._version,
            "standby": standby,
            "database_bytes": size,
            **settings,
        }

    def watch(self, channel: str) -> Watch:
        """Give what notices that something entered the feed."""
        try:
            return Listener(self.raw_connection(), channel, self.translate)
        except (DBAPIError, self.driver_error) as error:
            raise self.translate(error.orig if isinstance(error, DBAPIError) else error) from error

    def abandon(self) -> None:
        """Forget every connection without closing it, and start with fresh ones."""
        _abandoned.append(self._engine)
        self._engine = self._create()

    def dispose(self) -> None:
        """Close every connection, those in use as soon as they are not."""
        self._disposed += 1
        self._engine.dispose()


class Listener:
    """Hears what the sequencer says when something entered the feed, on a connection of its own."""

    def __init__(
        self, connection: PoolProxiedConnection, channel: str, translate: Callable[[BaseException | None], StorageError]
    ) -> None:
        self._connection = connection
        driver: Any = connection.dbapi_connection
        self._driver = driver
        self._translate = translate
        try:
            self._driver.execute(f'LISTEN "{channel}"')
        except Exception:
            self.close()
            raise

    def noticed(self) -> bool:
        """Wait for a moment; tell whether something entered the feed in it."""
        try:
            return any(True for _ in self._driver.notifies(timeout=GLANCE_S, stop_after=1))
        except self._driver.OperationalError as error:
            raise self._translate(error) from error

    def close(self) -> None:
        """Close the connection."""
        if self._driver.closed:
            self._connection.invalidate()  # the server did: rolling back on it would be logged as a failure
        else:
            self._connection.close()


#: Marks connections of the pool that have served, and may have been closed since.
_USED = "ledger_used"

#: The execution option that says how a transaction begins.
_BEGIN = "ledger_begin"

#: Kept for as long as the process lives: collecting them would close what another process uses.
_abandoned: list[Engine] = []


def _begin(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.begun()
    how = connection.get_execution_options().get(_BEGIN, _READ)
    if how:
        connection.exec_driver_sql(how)


def _driver() -> tuple[Any, Any]:
    """Give the driver, and the class of our connections by it."""
    try:
        import psycopg  # noqa: PLC0415 - an extra: who keeps ledgers on SQLite has not got it

        from ledger.store.postgres_connection import BoundedConnection  # noqa: PLC0415 - it needs the driver
    except ImportError as error:
        raise StorageError(
            f"the driver for PostgreSQL is missing ({error})", "run `pip install 'sessionledger[postgres]'`"
        ) from error
    return psycopg, BoundedConnection
