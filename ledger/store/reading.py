"""Reads a stretch of a history a page at a time; no transaction is held between pages, since what is there stays."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from ledger.domain.events import Event
from ledger.errors import DamagedRecord
from ledger.store.database import Database
from ledger.store.log import Log

__all__ = ["events_between", "pages_between"]

#: How many events a page holds.
PAGE = 500


def events_between(database: Database, log: Log, session_id: str, after: int, upto: int) -> Iterator[Event]:
    """Give the events of a session with `after < version <= upto`, in order; see `pages_between`."""
    return chain.from_iterable(pages_between(database, log, session_id, after, upto))


def pages_between(
    database: Database, log: Log, session_id: str, after: int, upto: int, *, size: int = PAGE
) -> Iterator[list[Event]]:
    """Give the events of a session with `after < version <= upto`, in order, at most `size` at once.

    Raises:
        DamagedRecord: if one is missing, or does not parse.
        UnknownChange: if a newer release wrote one.
    """
    while after < upto:
        with database.read() as connection:
            page = list(log.walk(connection, session_id, after=after, upto=min(after + size, upto)))
        if not page:
            raise DamagedRecord(session_id, after + 1, "it is missing")
        yield page
        after = page[-1].version
