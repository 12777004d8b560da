"""A server answers COMMIT with ROLLBACK where the transaction failed before: that is no commit, whoever sent it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from ledger import StorageError
from tests.contract.faces import Book
from tests.contract.test_verify_queue import on_servers

pytestmark = [on_servers, pytest.mark.parametrize("face", ["sync"], indirect=True)]

FAILING = "SELECT 1 / 0"


async def test_a_lane_takes_no_rollback_for_a_commit(book: Book) -> None:
    """Though the error that failed the transaction was passed over."""

    def act(connection: Any) -> None:
        with suppress(psycopg.Error), connection.pipeline():
            connection.execute(FAILING)

    with pytest.raises(StorageError, match="rolled back what it was to commit"):
        book.sync.lanes._committers[0]._wire.transact(act)


async def test_no_other_write_takes_one_either(book: Book) -> None:
    """What goes through SQLAlchemy is looked at in the same way."""
    refused = pytest.raises(StorageError, match="rolled back what it was to commit")
    with refused, book.database.write() as connection, suppress(DBAPIError):
        connection.exec_driver_sql(FAILING)
