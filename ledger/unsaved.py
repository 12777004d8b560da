"""Work whose save failed: kept in memory, pinned in the cache, and tried again until storage takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ledger.cache import SessionCache
from ledger.domain.copies import as_saved, own
from ledger.domain.events import Event
from ledger.domain.session import Session, session_of, tracking_of
from ledger.domain.together import caught_up, same_life, together
from ledger.domain.unsaved import Kept, contained_ids, has_edits, keep
from ledger.domain.view import View
from ledger.errors import InvalidSession, LedgerError, SessionDeleted, StorageError, UnsavedWork
from ledger.stored_views import folded
from ledger.telemetry import get_logger
from ledger.tier_protocols import Persistence, Storage

__all__ = ["Unsaved"]

_log = get_logger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
#: So many saves of one session are kept apart, an event each; beyond that, the newest takes the last one's place.
LONGEST_LINE = 32


class Unsaved:
    """The unsaved work of one repository. Runs in one event loop at a time.

    The kept saves of a session are repeated in their order, each as it was submitted, one at a time; what is shown of
    the session meanwhile holds them all.
    """

    def __init__(
        self,
        cache: SessionCache,
        storage: Storage,
        persistence: Persistence,
        limit: int,
        *,
        is_being_saved: Callable[[str], bool],
        first_pause: float = FIRST_PAUSE_S,
        longest_pause: float = LONGEST_PAUSE_S,
    ) -> None:
        self._cache = cache
        self._storage = storage
        self._persistence = persistence
        self._limit = limit
        self._is_being_saved = is_being_saved
        self._first_pause, self._longest_pause = first_pause, longest_pause
        self._pause = first_pause
        self._lines: dict[str, tuple[Kept, ...]] = {}
        self._landed: dict[str, frozenset[str]] = {}
        self._shown: dict[str, Session] = {}
        self._settling: dict[str, asyncio.Task[bool]] = {}
        self._timer: tuple[asyncio.AbstractEventLoop, asyncio.TimerHandle] | None = None
        self._round: asyncio.Task[None] | None = None
        self.kept_aside: list[Session] = []

    @property
    def ids(self) -> tuple[str, ...]:
        """The sessions that have unsaved work."""
        return tuple(self._lines)

    def event_ids(self, session_id: str) -> list[str]:
        """Give the ids of the events that a session's kept saves will be, oldest first."""
        return [kept.event_id for kept in self._lines.get(session_id, ())]

    def shown(self, session_id: str) -> Session | None:
        """Give the session with all that is kept of it, or `None` if nothing is. Never change it."""
        return self._shown.get(session_id)

    def show(self, session: Session) -> None:
        """Let loads give this session from now on: in place of what is shown, or of what the cache holds."""
        if session.id in self._lines:
            self._shown[session.id] = session
            self._cache.pin(session)
        else:
            self._cache.put(session)

    def keep(self, session: Session, taken: Session, keywords: Mapping[str, Any], error: StorageError) -> None:
        """Keep a save that has just failed, so that the caller's `session` and what is kept settle one event.

        Args:
            session: the caller's.
            taken: a copy of it from before the call.
            keywords: those of the save.
            error: why it failed.

        Raises:
            UnsavedWork: if too many sessions have unsaved work already; nothing is kept then.
            InvalidSession: if it cannot be stored.
        """
        line = self._lines.get(session.id, ())
        if not line and len(self._lines) >= self._limit:
            raise UnsavedWork(session.id, len(self._lines)) from error
        full = len(line) >= LONGEST_LINE
        ids = self.event_ids(session.id)
        kept = keep(session, taken, keywords, kept=ids, replacing=ids[-1] if full else None)
        if kept is not None:
            known = self._known(session.id, tracking_of(kept.session).base)
            self._lines[session.id] = (*(line[:-1] if kept.replaces else line), kept)
            self._show_all(session.id, known)
        self.later()

    def _known(self, session_id: str, *views: View | None) -> View | None:
        """Give the newest state of storage that memory knows."""
        held = self._shown.get(session_id) or self._cache.peek(session_id)
        found = [view for view in (*views, None if held is None else tracking_of(held).base) if view is not None]
        return max((view for view in found if view.alive), key=lambda view: view.version, default=None)

    def _show_all(self, session_id: str, head: View | None, events: Sequence[Event] = ()) -> None:
        """Show all that is kept of a session, on top of what storage holds."""
        landed = self._landed.get(session_id, frozenset())
        shown = together(self._lines[session_id], head, events, landed)
        if shown is None and head is not None:
            shown = session_of(head)
        if shown is not None:
            self.show(shown)

    async def settle(self, session_id: str) -> bool:
        """Repeat what is kept of a session, once. Give whether nothing is left; only a cancellation is raised."""
        if session_id not in self._lines:
            return True
        task = self._settling.get(session_id)
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            task = asyncio.create_task(self._settle(session_id))
            self._settling[session_id] = task
            task.add_done_callback(lambda done: self._forget(session_id, done))
        # Whoever waits for it may be cancelled; the others still wait.
        return await asyncio.shield(task)

    def _forget(self, session_id: str, task: asyncio.Task[bool]) -> None:
        if self._settling.get(session_id) is task:
            del self._settling[session_id]

    async def settle_all(self) -> tuple[str, ...]:
        """Repeat everything that is kept, once. Give the ids of the sessions of which something is left."""
        for session_id in self.ids:
            await self.settle(session_id)
        return self.ids

    async def _settle(self, session_id: str) -> bool:
        while line := self._lines.get(session_id):
            if self._is_being_saved(session_id):
                return False  # that save may bring it along, and must not be overtaken
            kept = line[0]
            try:
                await self._repeat(session_id, kept)
            except (StorageError, OSError) as error:
                _log.debug("retry_failed", session_id=session_id, version=kept.session.version, error=str(error))
                return False
            except LedgerError as error:
                self._set_aside(session_id, kept, error)
            except Exception as error:  # noqa: BLE001 - whatever a tier raises, the work must not be lost
                _log.error("retry_broke", session_id=session_id, version=kept.session.version, error=repr(error))
                return False
        return True

    async def _repeat(self, session_id: str, kept: Kept) -> None:
        session, line = own(kept.session), self._lines[session_id]
        attempt, base = tracking_of(session).attempt, tracking_of(session).base
        in_line = len(line) > 1 or (attempt is not None and attempt.prior is not None)
        if base is not None and base.version == session.version and in_line:
            # Saves before it and behind it were tried too: what the log holds of them is not to be saved again.
            events = await self._storage.events_after(session_id, base.version, base.digest) or ()
            head = await folded(self._storage, session_id, base, events)
            if self.release_found(session_id, head, events) and kept.event_id not in self.event_ids(session_id):
                return
            if same_life(base, head):
                session = caught_up(session, head, events)
        receipt = await self._persistence.merge_save(session, **kept.keywords)
        self.release(session_id, {kept.event_id}, as_saved(session, receipt))
        _log.info("unsaved_work_saved", session_id=session_id, version=session.version)

    def release_found(self, session_id: str, head: View, events: Sequence[Event]) -> bool:
        """Forget the kept saves that these events hold; whoever stored them. Give whether there are any."""
        found = {event.event_id for event in events}
        stored: set[str] = set()
        for kept in self._lines.get(session_id, ()):
            if kept.event_id in found:
                stored |= contained_ids(kept.session)
        return head.alive and self.release(session_id, stored, session_of(head))

    def release(self, session_id: str, event_ids: Collection[str], saved: Session) -> bool:
        """Forget kept saves that are stored now, and show the session as it is since, with what is left on top.

        Returns:
            Whether any of them was kept here.
        """
        line = self._lines.get(session_id, ())
        stored = frozenset(kept.event_id for kept in line if kept.event_id in event_ids)
        if not stored:
            return False
        base = tracking_of(saved).base
        known = self._known(session_id, base if base is not None and base.version == saved.version else None)
        self._landed[session_id] = self._landed.get(session_id, frozenset()) | stored
        self._take_out(session_id, stored)
        if session_id in self._lines:
            self._show_all(session_id, known)
        else:
            self.show(session_of(known) if known is not None and known.version > saved.version else saved)
        return True

    def _take_out(self, session_id: str, event_ids: Collection[str]) -> None:
        left = tuple(kept for kept in self._lines.get(session_id, ()) if kept.event_id not in event_ids)
        if left:
            self._lines[session_id] = left
            return
        self._lines.pop(session_id, None)
        self._landed.pop(session_id, None)
        self._shown.pop(session_id, None)
        self._cache.unpin(session_id)

    def adopt_base(self, session_id: str, base: View) -> None:
        """Give what came without its base, by JSON or pickle, the one that storage has of its version."""
        for kept in self._lines.get(session_id, ()):
            if tracking_of(kept.session).base is None and kept.session.version == base.version:
                tracking_of(kept.session).base = base

    def show_on(self, session_id: str, head: View | None, events: Sequence[Event] = ()) -> None:
        """Show what is kept on top of what storage holds, where that is newer than what memory knew."""
        shown = self._shown.get(session_id)
        if shown is not None and head is not None and head.alive and head.version > shown.version:
            self._show_all(session_id, head, events)

    def _set_aside(self, session_id: str, kept: Kept, reason: LedgerError) -> None:
        """Take a kept save that can never be stored out of the way, so that nothing waits for it."""
        self._put_aside(kept.session, str(reason))
        known = self._known(session_id)
        self._take_out(session_id, {kept.event_id})
        if session_id in self._lines:
            self._show_all(session_id, known)
            return
        self._cache.discard(session_id)
        if known is not None and not isinstance(reason, SessionDeleted):
            # What the work was made from is what memory knows of storage.
            self._cache.put(session_of(known))

    def set_all_aside(self, session_id: str, reason: str, memory: Session | None = None) -> None:
        """Give up what is kept of a session, but do not lose it; if nothing is, what `memory` holds beyond its base."""
        line = self._lines.get(session_id, ())
        for kept in line:
            self._put_aside(kept.session, reason)
        self._take_out(session_id, [kept.event_id for kept in line])
        if memory is not None and not line and _is_edited(memory):
            self._put_aside(memory, reason)

    def _put_aside(self, session: Session, reason: str) -> None:
        self.kept_aside.append(session)
        _log.warning(
            "unsaved_work_kept_aside",
            session_id=session.id,
            version=session.version,
            messages=len(session.messages),
            questions=[question.id for question in session.pending_questions],
            reason=reason,
        )

    def later(self) -> None:
        """Repeat in the background what is kept; with each round in vain it is longer until the next."""
        self._begin_in(self._pause)

    def soon(self) -> None:
        """Repeat in the background what is kept, since storage is there again."""
        self._cancel_timer()
        self._pause = self._first_pause
        self._begin_in(0)

    def _begin_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        waits = self._timer is not None and self._timer[0] is loop
        runs = self._round is not None and not self._round.done() and self._round.get_loop() is loop
        if self._lines and not waits and not runs:
            # A timer, and no task that sleeps: it goes with its loop, and nobody has to await it.
            self._timer = loop, loop.call_later(seconds, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._round = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        left = await self.settle_all()
        self._round = None
        self._pause = min(2 * self._pause, self._longest_pause) if left else self._first_pause
        self.later()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer[1].cancel()
            self._timer = None

    async def stop(self) -> None:
        """End what runs in the background; a save that is under way is awaited, since it may be stored already."""
        self._cancel_timer()
        loop = asyncio.get_running_loop()
        running = [task for task in (self._round, *self._settling.values()) if task is not None]
        await asyncio.gather(*(task for task in running if task.get_loop() is loop), return_exceptions=True)
        self._cancel_timer()


def _is_edited(session: Session) -> bool:
    try:
        return has_edits(session)
    except InvalidSession:
        return True  # what cannot be stored is in no storage
