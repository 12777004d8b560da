"""How much a store that overwrites would have lost at saves that are about to be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ledger.book import Ledger
    from ledger.domain.events import Event

__all__ = ["Weighing"]


@dataclass(slots=True)
class Weighing:
    """Counts what saves would have undone; `unweighed` says why that is no longer known."""

    book: Ledger
    unweighed: str | None = None

    def averted(self, events: Sequence[Event]) -> dict[int, int]:
        """Give how many facts each of some saves of one session would have undone, by version; nothing where none.

        It is only looked at where one of them can have, since that takes a look further back.
        """
        from ledger.errors import DamagedRecord, UnknownChange

        versions = [event.version for event in events if event.is_stale or _left_out(event)]
        if not versions or self.unweighed is not None:
            return {}
        try:
            return self.book.averted_between(events[0].session_id, min(versions), max(versions))
        except (DamagedRecord, UnknownChange) as error:
            # An older event is damaged: these can be told all the same, but for that.
            self.unweighed = str(error)
            return {}


def _left_out(event: Event) -> bool:
    return any(change.type in {"question_omitted", "question_lost"} for change in event.changes)
