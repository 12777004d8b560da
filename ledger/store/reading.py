"""Reads a stretch of a history a page at a time; no transaction is held between pages, since what is there stays."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.domain.events import Event
from ledger.errors import DamagedRecord
from ledger.store.database import Database
from ledger.store.log import Log

__all__ = ["events_between"]

#: How many events a page holds.
PAGE = 500


def events_between(database: Database, log: Log, session_id: str, after: int, upto: int) -> Iterator[Event]:
    """Give the events of a session with `after < version <= upto`, in order.

    Raises:
        DamagedRecord: if one is missing, or does not parse.
        UnknownChange: if a newer release wrote one.
    """
    while after < upto:
        with database.read() as connection:
            page = list(log.walk(connection, session_id, after=after, upto=min(after + PAGE, upto)))
        if not page:
            raise DamagedRecord(session_id, after + 1, "it is missing")
        yield from page
        after = page[-1].version
