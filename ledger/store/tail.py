"""Follows the feed as it grows: where it has come to, what to do while storage is away, and how long to wait."""

from __future__ import annotations

from ledger.domain.records import FeedItem
from ledger.errors import StorageError
from ledger.store.database import Database
from ledger.store.feed_reader import PAGE, FeedReader
from ledger.store.outage import Outage

__all__ = ["Tail"]

#: Where nothing wakes it, it looks again after so long.
LOOK_AGAIN_S = 0.5


class Tail:
    """A place in the feed that moves on. For one reader at a time.

    What goes wrong at its first look is raised. From then on storage may go away and come back: that is logged once,
    and the reader goes on where it was.
    """

    def __init__(self, database: Database, reader: FeedReader, after: int | None, limit: int | None) -> None:
        self._database = database
        self._reader = reader
        self._left = limit
        self._outage = Outage("follow")
        self.position = reader.end() if after is None else after

    @property
    def over(self) -> bool:
        """Whether nothing more can come: all that was wanted was given, or the ledger was closed."""
        return self._database.closed or self._left == 0

    def page(self) -> list[FeedItem]:
        """Give what has come since the last page, and move on behind it; nothing if nothing has, or storage is away.

        Raises:
            DamagedRecord: if what comes next does not parse.
            UnknownChange: if a newer release wrote it.
            StorageError: at the first look, or where waiting does not help.
        """
        try:
            size = PAGE if self._left is None else min(PAGE, self._left)
            page = self._reader.page(self.position, size, patience_s=0)
        except StorageError as error:
            if not self._database.closed:
                self._outage.failed(error)
            return []
        self._outage.worked()
        if page:
            self.position = page[-1].position
            self._left = None if self._left is None else self._left - len(page)
        return page

    @property
    def pause_s(self) -> float:
        """How long to wait for a wake-up, at most, before looking again."""
        return max(LOOK_AGAIN_S, self._outage.pause_s)
