"""One session of a ledger, as an adapter reads and changes it from any event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ledger.adapters.opened import Opened
from ledger.domain.session import Session, session_of, tracking_of
from ledger.domain.view import View
from ledger.errors import SessionDeleted, VersionConflict

__all__ = ["StoredSession", "settled"]

T = TypeVar("T")

#: So often something is done anew before it is given up. Each try lost to a save that succeeded, so many processes may
#: be at one session at once.
TRIES = 1000


class StoredSession:
    """Reads the head at the cost of one indexed read while nobody else saves, and saves what was done to it."""

    def __init__(self, opened: Opened, session_id: str, *, writer: str) -> None:
        self._opened = opened
        self._session_id = session_id
        self._writer = writer
        #: The newest state that was seen here. It is replaced as a whole, so threads need no lock.
        self._held: View | None = None

    async def load(self) -> Session:
        """Give the session at its head, or a fresh one that is not saved yet; it is the caller's own."""
        book = await self._opened.awaited()
        head, held = await book.head(self._session_id), self._held
        if head is not None and held is not None and (head.version, head.digest) == (held.version, held.digest):
            return session_of(held)
        session = await book.load_or_create(self._session_id, model="")
        self._hold(session)
        return session

    async def change(self, change: Callable[[Session], bool], *, exactly: bool = False) -> None:
        """Do something to the session and save it, as one save.

        It is done, or not, when this returns, also if the caller is cancelled meanwhile: the next read sees it.

        Args:
            change: does it, and says whether there is anything to save. It may run again, on a fresh session.
            exactly: for what depends on what is there: nobody comes in between. Else what others saved meanwhile goes
                before, and nobody ever has to begin anew.

        Raises:
            VersionConflict: if others saved in between each of many tries.
            LedgerError: what `Ledger.save` raises.
        """
        await settled(self._change(change, exactly=exactly))

    async def _change(self, change: Callable[[Session], bool], *, exactly: bool) -> None:
        book = await self._opened.awaited()
        tries = 0
        while True:
            tries += 1
            session = await self.load()
            if not change(session):
                return
            try:
                await book.save(session, writer=self._writer, expected_version=session.version if exactly else None)
            except (VersionConflict, SessionDeleted):
                self._held = None
                if tries >= TRIES:
                    raise
            else:
                self._hold(session)
                return

    def _hold(self, session: Session) -> None:
        base = tracking_of(session).base
        self._held = base if base is not None and base.alive else None


async def settled(work: Awaitable[T]) -> T:
    """Wait until something is done even if the caller is cancelled, and only then let that be."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = cancelled or error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # whoever is cancelled is told nothing else
    raise cancelled
