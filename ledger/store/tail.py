"""Follows the feed as it grows: where it has come to, what to do while storage is away, and how long to wait."""

from __future__ import annotations

from ledger.domain.records import FeedItem
from ledger.errors import DamagedRecord, LedgerMissing, SchemaOutOfDate, StorageError
from ledger.store.database import Database
from ledger.store.feed_reader import PAGE, FeedReader
from ledger.telemetry import get_logger

__all__ = ["Tail"]

_log = get_logger(__name__)

#: Where nothing wakes it, it looks again after so long.
LOOK_AGAIN_S = 0.5
#: While storage is away, the pauses grow up to this.
LONGEST_PAUSE_S = 5.0
#: These do not go away by waiting.
_LASTING = (DamagedRecord, LedgerMissing, SchemaOutOfDate)


class Tail:
    """A place in the feed that moves on. For one reader at a time.

    What goes wrong at its first look is raised. From then on storage may go away and come back: that is logged once,
    and the reader goes on where it was.
    """

    def __init__(self, database: Database, reader: FeedReader, after: int | None, limit: int | None) -> None:
        self._database = database
        self._reader = reader
        self._left = limit
        self._looked = False
        self._outages = 0
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
            page = self._reader.page(self.position, PAGE if self._left is None else min(PAGE, self._left))
        except _LASTING:
            raise
        except StorageError as error:
            if self._database.closed:
                return []
            if not self._looked:
                raise
            self._outages += 1
            if self._outages == 1:
                _log.warning("feed_interrupted", position=self.position, error=str(error))
            return []
        if self._outages:
            _log.warning("feed_resumed", position=self.position)
        self._looked, self._outages = True, 0
        if page:
            self.position = page[-1].position
            self._left = None if self._left is None else self._left - len(page)
        return page

    @property
    def pause_s(self) -> float:
        """How long to wait for a wake-up, at most, before looking again; not at all while there may be more."""
        return min(LOOK_AGAIN_S * (1 + self._outages), LONGEST_PAUSE_S)
