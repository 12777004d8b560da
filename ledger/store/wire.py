"""A lane's own connection, for transactions of the driver's own statements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ledger.store.database import Database
from ledger.telemetry import get_logger

__all__ = ["Wire"]

_log = get_logger(__name__)

T = TypeVar("T")


class Wire:
    """A connection that is kept from one transaction to the next. Not safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._engine = database.engine
        self._connection: Any = None
        #: Whether the last transaction failed at one of its statements, so that nothing of it is stored.
        self.rejected = False

    def transact(self, act: Callable[[Any], T], *, in_one_statement: bool = False) -> T:
        """Let `act` write by the driver's connection in one transaction; commit it, or roll it back on any error.

        Args:
            act: given the driver's connection.
            in_one_statement: whether that is all that it sends, so that it is a transaction by itself.

        Raises:
            StorageError: if the database fails. Whether it was stored is not known then, unless it was `rejected`.
        """
        self.rejected = False
        began = committing = False
        engine = self._engine
        with self._database.writing():
            if self._connection is None:
                self._connection = self._database.wired(self)
            connection = self._connection.dbapi_connection
            try:
                if in_one_statement:
                    engine.begin_and_commit(connection)
                    began = committing = True
                    result = act(connection)
                else:
                    with engine.in_one_go(connection):
                        engine.begin(connection)
                        began = True
                        result = act(connection)
                        committing = True
                        connection.commit()
                engine.check_commit(connection)
            except BaseException as error:
                self.rejected = began and engine.rejects(error, committing=committing)
                self._roll_back(connection)
                raise
        return result

    def confirm(self) -> None:
        """Make sure that what was found in the log will not be lost again.

        Raises:
            StorageError: if that is not certain; it is to be looked for again then.
        """
        if self._engine.confirms:
            self.transact(self._engine.confirm)

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
        if connection is not None:  # else whoever closed the ledger meanwhile was first
            connection.invalidate()

    def abandon(self) -> None:
        """Forget the connection without closing it: it is another process's."""
        if self._connection is not None:
            _abandoned.append(self._connection)
            self._connection = None


#: Kept for as long as the process lives: collecting them would close what another process uses.
_abandoned: list[Any] = []
