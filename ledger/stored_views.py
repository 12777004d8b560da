"""Folding what a storage holds, for whoever has only its protocol."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.domain.apply import fold
from ledger.domain.events import Event
from ledger.domain.origins import origin_of
from ledger.domain.session import tracking_of
from ledger.domain.submission import captured
from ledger.domain.view import View
from ledger.errors import StorageError
from ledger.tier_protocols import Storage

__all__ = ["folded"]


async def folded(storage: Storage, session_id: str, base: View, events: Sequence[Event]) -> View:
    """Give the view after `events`, which follow `base`, or begin the session where `base` is of no version.

    A fork begins with the state of another session, which its events do not hold: that is asked of storage.

    Raises:
        StorageError: if storage fails, or has not got it.
    """
    if base.version:
        return fold(base, events)
    if not events or origin_of(events[0].version, events[0].changes) is None:
        return fold(View(session_id), events)
    first = await storage.load_session(session_id, 1)
    if first is None:
        raise StorageError(f"storage has the events of the fork {session_id}, and not its version 1")
    return fold(tracking_of(first).base or captured(first), events[1:])
