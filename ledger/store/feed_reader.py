"""Reads the feed: a page at a time, and no transaction is held between pages, since a position once given stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import func, select

from ledger.domain.records import FeedItem
from ledger.errors import LedgerError
from ledger.store.database import Database
from ledger.store.log import event_of, fed
from ledger.store.sequencer import PATIENCE_S, Sequencer
from ledger.store.tables import feed

__all__ = ["FeedReader"]

#: How many events a page holds.
PAGE = 200


class FeedReader:
    """The feed of one ledger. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sequencer = Sequencer(database)

    def sequence(self, go_on: Callable[[], bool]) -> int:
        """Give a position to what was saved and has none yet, page by page, as long as `go_on` says so.

        Returns:
            How many it gave; see `Sequencer.drain`.
        """
        return self._sequencer.drain(go_on)

    def end(self) -> int:
        """Give the last position; 0 where nothing was saved yet."""
        self._sequencer.catch_up()
        with self._database.read() as connection:
            return int(connection.execute(select(func.coalesce(func.max(feed.c.position), 0))).scalar_one())

    def items(self, after: int, limit: int | None) -> Iterator[FeedItem]:
        """Give what is behind a position, up to the end as it is when that is reached, or at most so much."""
        while limit is None or limit > 0:
            page = self.page(after, PAGE if limit is None else min(PAGE, limit))
            yield from page
            if not page:
                return
            after = page[-1].position
            limit = None if limit is None else limit - len(page)

    def page(self, after: int, size: int = PAGE, *, patience_s: float = PATIENCE_S) -> list[FeedItem]:
        """Give what is right behind a position, at most so much; nothing at the end.

        Args:
            after: the position.
            size: at most so much.
            patience_s: so long a sequencer that is at work is waited for.

        Raises:
            DamagedRecord: if the first of it does not parse; what is before such a one is given first.
            UnknownChange: if a newer release wrote it.
        """
        # Before it is read: what had been committed when the queue was seen empty is in the feed.
        self._sequencer.catch_up(pages=1, patience_s=patience_s)
        with self._database.read() as connection:
            rows = fed(connection, after=after, limit=size)
        items: list[FeedItem] = []
        for row in rows:
            try:
                event = event_of(row["session_id"], row)
            except LedgerError:
                if items:
                    break
                raise
            items.append(FeedItem.model_construct(position=row["position"], session_id=row["session_id"], event=event))
        return items
