"""Memory or storage: what `load_merged` reads, decides by `reconcile`, and does to the cache."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from ledger.cache import SessionCache
from ledger.domain.copies import own
from ledger.domain.events import Event
from ledger.domain.parts import QuestionStatus
from ledger.domain.reconcile import Choice, Copy, Decision, reconcile
from ledger.domain.session import Session, session_of, tracking_of
from ledger.domain.together import caught_up, same_life
from ledger.domain.view import View
from ledger.errors import InvalidSession, StorageError
from ledger.stored_views import folded
from ledger.telemetry import get_logger
from ledger.tier_protocols import HeadRow, Storage
from ledger.unsaved import Unsaved

__all__ = ["Reconciling"]

_log = get_logger(__name__)

#: So often the head is read again because memory changed meanwhile; then the decision is good enough as it is.
TRIES = 5


class Reconciling:
    """Gives the better of two copies, and keeps the cache from getting worse."""

    def __init__(
        self,
        cache: SessionCache,
        storage: Storage,
        unsaved: Unsaved,
        from_storage: Callable[[str], Awaitable[Session | None]],
    ) -> None:
        self._cache = cache
        self._storage = storage
        self._unsaved = unsaved
        self._from_storage = from_storage

    async def load(self, session_id: str) -> Session | None:
        """Give the session by the design's table of memory and storage (5.5)."""
        memory, head, failed = await self._both(session_id)
        decision = reconcile(
            None if memory is None else _copy_of(memory),
            head,
            resolved_in_memory=_resolved(memory),
            storage_failed=failed,
        )
        if memory is None:
            return await self._from_storage(session_id) if decision.choice is Choice.STORAGE else None
        if decision.behind and memory.version and not failed:
            _log.warning(
                "storage_behind", session_id=session_id, version=memory.version, storage=head.version if head else None
            )
        if decision.choice is Choice.MEMORY or head is None:
            return own(memory)
        return await self._carry_out(memory, head, decision)

    async def _both(self, session_id: str) -> tuple[Session | None, Copy | None, bool]:
        """Give what memory holds and what storage says, of one moment if possible; and whether storage failed."""
        memory, head = self._memory(session_id), None
        for _ in range(TRIES):
            try:
                head = await self._storage.head(session_id)
            except (StorageError, OSError) as error:
                _log.warning("storage_failed", session_id=session_id, error=str(error))
                return self._memory(session_id), None, True
            before, memory = memory, self._memory(session_id)
            if memory is before:
                break
        return memory, None if head is None else _row(head), False

    def _memory(self, session_id: str) -> Session | None:
        return self._unsaved.shown(session_id) or self._cache.peek(session_id)

    async def _carry_out(self, memory: Session, head: Copy, decision: Decision) -> Session | None:
        if decision.choice is Choice.CATCH_UP:
            return await self._catch_up(memory, head)
        if decision.choice is Choice.RECOVER:
            return await self._recover(memory, decision.recovered)
        if decision.diverged:
            return await self._diverged(memory)
        self._forget(memory, "its session was deleted")
        _log.debug("session_reconciled", session_id=memory.id, memory=memory.version, storage=head.version)
        return None

    async def _diverged(self, memory: Session) -> Session | None:
        _log.warning("memory_diverged", session_id=memory.id, version=memory.version)
        self._forget(memory, "its base is of another past than storage")
        return await self._from_storage(memory.id)

    def _forget(self, memory: Session, reason: str) -> None:
        self._unsaved.set_all_aside(memory.id, reason, memory)
        self._cache.discard(memory.id)

    async def _recover(self, memory: Session, lost: Sequence[str]) -> Session | None:
        stored = await self._storage.load_session(memory.id)
        found = {} if stored is None else stored.questions
        # Storage may have gone on since it was asked for its head.
        back = [question_id for question_id in lost if question_id in found and found[question_id].is_pending]
        if not back:
            return own(memory)
        session = own(memory)
        session.questions.clear()
        for question_id, question in found.items():
            if question_id in memory.questions:
                session.questions[question_id] = memory.questions[question_id]
            elif question_id in back:
                session.questions[question_id] = question
        session.questions |= memory.questions
        _log.warning("question_recovered", session_id=memory.id, version=memory.version, questions=back)
        self._unsaved.show(session)
        return session

    async def _catch_up(self, memory: Session, head: Copy) -> Session | None:
        base = await self._base_of(memory)
        if base is None or not head.digest or (base.version and not base.digest):
            # What was read from elsewhere than a log cannot be told from what was edited since: the newer copy stands.
            return own(memory) if self._unsaved.shown(memory.id) else await self._reload(memory)
        events = await self._storage.events_after(memory.id, base.version, base.digest)
        if events is None:
            return await self._diverged(memory)
        current = await folded(self._storage, memory.id, base, events)
        if not base.version:
            events = [event for event in events if event.version >= current.life_version]
        if not current.alive or (base.version and not same_life(base, current)):
            self._forget(memory, "its session was deleted")
            if not current.alive:
                return None
            self._cache.put(session_of(current))
        else:
            self._on(memory, base, current, events)
        _log.debug("session_reconciled", session_id=memory.id, memory=memory.version, storage=current.version)
        return own(self._memory(memory.id) or session_of(current))

    def _on(self, memory: Session, base: View, current: View, events: Sequence[Event]) -> None:
        """Bring memory to the head, unsaved work included, and note what of that the log turns out to hold."""
        if self._unsaved.shown(memory.id) is not None:
            self._unsaved.adopt_base(memory.id, base)
            self._unsaved.release_found(memory.id, current, events)
            self._unsaved.show_on(memory.id, current, events)
            return
        based = own(memory)
        tracking_of(based).base = base
        try:
            self._cache.put(caught_up(based, current, events))
        except InvalidSession as error:
            self._forget(memory, str(error))
            self._cache.put(session_of(current))

    async def _base_of(self, memory: Session) -> View | None:
        """Give what memory was made from. What came by JSON or pickle says only its version; storage has the rest."""
        base = tracking_of(memory).base
        if base is None:
            try:
                stored = await self._storage.load_session(memory.id, memory.version)
            except LookupError:
                return None
            base = None if stored is None else tracking_of(stored).base
        return base if base is not None and base.version == memory.version else None

    async def _reload(self, memory: Session) -> Session | None:
        session = await self._storage.load_session(memory.id)
        if session is None or session.version < memory.version:
            return own(memory)
        self._cache.put(session)
        _log.debug("session_reconciled", session_id=memory.id, memory=memory.version, storage=session.version)
        return self._cache.get(memory.id) or own(session)


def _row(head: HeadRow) -> Copy:
    return Copy(head.version, head.digest, tuple(head.open_questions), head.deleted)


def _copy_of(session: Session) -> Copy:
    base = tracking_of(session).base
    digest = base.digest if base is not None and base.version == session.version else ""
    return Copy(session.version, digest, tuple(question.id for question in session.pending_questions))


def _resolved(session: Session | None) -> frozenset[str]:
    """Give the questions that memory has resolved: a lost one is not."""
    questions = [] if session is None else session.questions.values()
    open_or_lost = (QuestionStatus.PENDING, QuestionStatus.LOST)
    return frozenset(question.id for question in questions if question.status not in open_or_lost)
