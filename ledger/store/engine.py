"""What a database has to be able to do, whichever it is; one file each says how."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Dialect
from sqlalchemy.pool import PoolProxiedConnection

from ledger.errors import StorageError
from ledger.store.appending import Scribe
from ledger.store.wakeups import Watch

__all__ = ["StorageEngine"]

T = TypeVar("T")


class StorageEngine(Protocol):
    """The connections to one database. Safe to share between threads."""

    #: Where the database is, as people are told of it: without a password.
    place: str
    #: Whether it ends with the process; then it has one connection.
    in_memory: bool
    #: Whether writing transactions have to wait for each other.
    one_writer: bool
    #: Whether an event that can be read may still be lost, as long as nothing was confirmed behind it.
    confirms: bool
    #: How many lanes pay: so many transactions commit at once.
    lanes: int
    #: How long a write is repeated while the server is away, in seconds.
    patience_s: float
    #: What appends events, as the engine does it best.
    scribe: Scribe

    @property
    def dialect(self) -> Dialect:
        """The SQL that it speaks, and the driver in use."""

    @property
    def driver_error(self) -> type[Exception]:
        """The root of what the driver raises."""

    def prepare(self, *, create: bool) -> bool:
        """Make ready what has to be there before the first connection; tell whether it was there."""

    def check_place(self) -> None:
        """Refuse to go on if the database is not the one that was opened.

        Raises:
            StorageError: if it was removed or replaced.
        """

    def reading(self) -> AbstractContextManager[Connection]:
        """Give a connection in a transaction that only reads: all of it is of one moment."""

    def glance(self, read: Callable[[Connection], T]) -> T:
        """Give what is read by one statement, which needs no transaction around it; it may be read twice."""

    def scratching(self) -> AbstractContextManager[Connection]:
        """Give one like `reading`, in which temporary tables can be made. They go with it."""

    def writing(self) -> AbstractContextManager[Connection]:
        """Give a connection in a transaction that writes; it commits at the end, and rolls back on any error."""

    def raw_connection(self) -> PoolProxiedConnection:
        """Give a connection for its owner alone, for as long as it wants: it is no part of the pool."""

    def begin(self, driver_connection: Any) -> None:
        """Begin a writing transaction on the driver's connection."""

    def in_one_go(self, driver_connection: Any) -> AbstractContextManager[Any]:
        """Let statements be sent without waiting for the answers of those before, where that saves anything."""

    def begin_and_commit(self, driver_connection: Any) -> None:
        """Make ready for one statement that is a transaction by itself."""

    def check_commit(self, driver_connection: Any) -> None:
        """Refuse to take for done what was committed in a doubtful way.

        Raises:
            StorageError: with what was said of it.
        """

    def confirm(self, driver_connection: Any) -> None:
        """Make sure, by the end of the transaction under way, that all that was committed before is there to stay."""

    def rejects(self, error: BaseException, *, committing: bool) -> bool:
        """Tell whether a transaction failed by what was to be written in it: then it is certain that it is not stored.

        Args:
            error: it failed with.
            committing: whether its commit had been asked for.
        """

    def migrating(self, connection: Connection) -> None:
        """Wait until nobody else changes the schema, and let nobody begin to until the transaction ends."""

    def is_fatal(self, error: BaseException | None) -> bool:
        """Tell whether what the connections hold of the database can no longer be trusted."""

    def translate(self, error: BaseException | None) -> StorageError:
        """Say in one sentence what went wrong, and what to do."""

    def facts(self) -> dict[str, object]:
        """Give what `doctor` tells of the driver and the database."""

    def watch(self, channel: str) -> Watch:
        """Give what notices that others saved, or placed something in the feed, which they tell on a channel.

        Raises:
            StorageError: if the database is away.
        """

    def abandon(self) -> None:
        """Forget every connection without closing it, and start with fresh ones."""

    def dispose(self) -> None:
        """Close every connection."""
