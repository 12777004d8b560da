"""Work whose save failed: kept in memory, pinned in the cache, and tried again until storage takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.cache import SessionCache
from ledger.domain.apply import apply_changes
from ledger.domain.diff import diff
from ledger.domain.events import Event
from ledger.domain.merge import rebase
from ledger.domain.session import Session, session_of, tracking_of
from ledger.domain.submission import unsettled
from ledger.domain.view import View
from ledger.errors import LedgerError, StorageError, UnsavedWork
from ledger.telemetry import get_logger
from ledger.tier_protocols import Persistence

__all__ = ["Unsaved"]

_log = get_logger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


@dataclass(slots=True)
class _Work:
    session: Session
    keywords: dict[str, Any]
    event_id: str | None


class Unsaved:
    """The unsaved work of one repository. Runs in one event loop."""

    def __init__(self, cache: SessionCache, persistence: Persistence, limit: int) -> None:
        self._cache = cache
        self._persistence = persistence
        self._limit = limit
        self._work: dict[str, list[_Work]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._task: asyncio.Task[None] | None = None
        self.kept_aside: list[Session] = []

    @property
    def ids(self) -> tuple[str, ...]:
        """The sessions that have unsaved work."""
        return tuple(self._work)

    def holds(self, session_id: str) -> bool:
        """Whether the session has unsaved work."""
        return session_id in self._work

    def event_id(self, session: Session) -> str | None:
        """Give the event id that the session's next save carries because an earlier one did not settle."""
        return unsettled(session)

    def keep(self, session: Session, keywords: dict[str, Any], error: StorageError) -> None:
        """Keep a copy of what could not be saved.

        Raises:
            UnsavedWork: if too many sessions have unsaved work already.
        """
        if session.id not in self._work and len(self._work) >= self._limit:
            raise UnsavedWork(session.id, len(self._work)) from error
        work = _Work(session.model_copy(), keywords, unsettled(session))
        # A later copy of the same save holds all that the earlier one did.
        others = [
            other
            for other in self._work.get(session.id, [])
            if work.event_id is None or other.event_id != work.event_id
        ]
        self._work[session.id] = [*others, work]
        self._cache.pin(session)
        self._start()

    def settled(self, session_id: str, event_id: str | None) -> None:
        """Note that someone saved the work with this event id."""
        if event_id is None or session_id not in self._work:
            return
        left = [work for work in self._work[session_id] if work.event_id != event_id]
        self._put(session_id, left)

    def set_aside(self, session_id: str, reason: str) -> None:
        """Give up saving the work of a session, but do not lose it."""
        for work in self._work.get(session_id, []):
            self.kept_aside.append(work.session)
            _log.warning(
                "unsaved_work_kept_aside",
                session_id=session_id,
                version=work.session.version,
                messages=len(work.session.messages),
                questions=[question.id for question in work.session.pending_questions],
                reason=reason,
            )
        self._put(session_id, [])

    def _put(self, session_id: str, left: list[_Work]) -> None:
        if left:
            self._work[session_id] = left
            return
        self._work.pop(session_id, None)
        self._locks.pop(session_id, None)
        self._cache.unpin(session_id)

    async def retry(self, session_id: str) -> None:
        """Try to save what is kept of one session, in the order in which it failed."""
        async with self._locks.setdefault(session_id, asyncio.Lock()):
            for work in list(self._work.get(session_id, [])):
                await self._retry_one(session_id, work)

    async def _retry_one(self, session_id: str, work: _Work) -> None:
        session = work.session.model_copy()
        try:
            await self._persistence.merge_save(session, **work.keywords)
        except StorageError as error:
            _log.debug("retry_failed", session_id=session_id, version=session.version, error=str(error))
            return
        except LedgerError as error:
            if work in self._work.get(session_id, []):
                self.set_aside(session_id, str(error))
                self._cache.discard(session_id)
            return
        left = [other for other in self._work.get(session_id, []) if other is not work]
        self._put(session_id, left)
        _log.info("unsaved_work_saved", session_id=session_id, version=session.version)
        if not left:
            self._cache.put(session)

    def carried_over(self, memory: Session, head: View, events: Sequence[Event]) -> Session:
        """Give the unsaved work on top of a head that it could not be saved on."""
        base = tracking_of(memory).base
        assert base is not None  # noqa: S101 - the caller read the events behind it
        event_id = unsettled(memory)
        if event_id is not None and any(event.event_id == event_id for event in events):
            return memory  # it was stored after all; the next save finds that out
        changes = diff(base, memory)
        merged = rebase(base, apply_changes(base, changes), head, changes, events, authority="user")
        session = session_of(apply_changes(head, merged.changes))
        tracking = tracking_of(session)
        tracking.base, tracking.attempt = head, tracking_of(memory).attempt
        return session

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._retry_until_saved(), name="ledger-unsaved")

    async def _retry_until_saved(self) -> None:
        pause = FIRST_PAUSE_S
        while self._work:
            await asyncio.sleep(pause)
            for session_id in self.ids:
                try:
                    await self.retry(session_id)
                except Exception as error:  # noqa: BLE001 - whatever one of them meets, the others are still to be saved
                    _log.error("retry_broke", session_id=session_id, error=repr(error))
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def stop(self) -> None:
        """Stop trying in the background."""
        task, self._task = self._task, None
        if task is None or task.get_loop() is not asyncio.get_running_loop():
            return
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            _log.debug("retries_stopped", sessions=len(self._work))
