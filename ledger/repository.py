"""The coordinator over cache, storage and persistence: one way to load and save sessions, for every embedder."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from inspect import isawaitable
from types import TracebackType
from typing import Any, Self

from ledger.cache import SessionCache
from ledger.domain.apply import fold
from ledger.domain.receipt import Receipt
from ledger.domain.reconcile import Choice, Copy, Decision, reconcile
from ledger.domain.session import Session, session_of, tracking_of
from ledger.errors import SessionNotFound, StorageError, VersionConflict
from ledger.telemetry import get_logger
from ledger.tier_protocols import Persistence, Storage
from ledger.unsaved import Unsaved

__all__ = ["Persistence", "SessionRepository", "Storage"]

_log = get_logger(__name__)

At = int | str | datetime
UPDATE_TRIES = 50
MAX_UNSAVED = 100


class SessionRepository:
    """Loads from the cache, then from storage, and fills the cache; saves by merging, and refreshes the cache.

    Every session that it hands out is the caller's own. Get one from `Ledger.repository`, or put one together from any
    `Storage` and `Persistence`. Use it as an async context manager, or `close` it, so that unsaved work is not left.

    Args:
        cache: in memory; share it between the repositories of one process.
        storage: where sessions are read.
        persistence: where they are saved by merging.
        max_unsaved: how many sessions whose save failed are kept in memory at the most.
    """

    def __init__(
        self, cache: SessionCache, storage: Storage, persistence: Persistence, *, max_unsaved: int = MAX_UNSAVED
    ) -> None:
        self._cache = cache
        self._storage = storage
        self._persistence = persistence
        self._unsaved = Unsaved(cache, persistence, max_unsaved)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def cache(self) -> SessionCache:
        """The sessions in memory."""
        return self._cache

    @property
    def storage(self) -> Storage:
        """Where sessions are read."""
        return self._storage

    @property
    def persistence(self) -> Persistence:
        """Where sessions are saved."""
        return self._persistence

    @property
    def unsaved(self) -> tuple[str, ...]:
        """The ids of the sessions that hold work which no storage has yet."""
        return self._unsaved.ids

    @property
    def kept_aside(self) -> tuple[Session, ...]:
        """Unsaved work that has no place in storage any more: its session was deleted, or has another past."""
        return tuple(session.model_copy() for session in self._unsaved.kept_aside)

    async def load(self, session_id: str) -> Session | None:
        """Give a session from the cache, else from storage; `None` if it is in neither, or storage fails (logged)."""
        try:
            return await self.try_load(session_id)
        except Exception as error:  # noqa: BLE001 - whatever storage raises: that is what `try_load` is for
            _log.warning("load_failed", session_id=session_id, error=str(error))
            return None

    async def try_load(self, session_id: str, at: At | None = None) -> Session | None:
        """Give a session from the cache, else from storage, or `None`; what storage raises is raised.

        Args:
            session_id: whose.
            at: a revision; read from storage, past the cache.
        """
        if at is not None:
            try:
                return await self._storage.load_session(session_id, at)
            except SessionNotFound:
                return None
        cached = self._cache.get(session_id)
        return cached if cached is not None else await self._from_storage(session_id)

    async def load_or_create(self, session_id: str, model: str) -> Session:
        """Give a session, or a fresh one that is not saved yet; after a deletion, one that begins a new life.

        Raises:
            StorageError: if storage fails: a hiccup must not look like an empty conversation.
        """
        session = await self.try_load(session_id)
        if session is not None:
            return session
        fresh = Session.new(session_id, model)
        head = await self._storage.head(session_id)
        if head is not None and head.deleted:
            # Its base is the tombstone, which the log knows.
            tracking_of(fresh).base = None
            fresh.__dict__["version"] = head.version
        return fresh

    async def load_merged(self, session_id: str) -> Session | None:
        """Give the better of the copies in memory and in storage, at the cost of one indexed read if both are equal.

        Never goes back: a copy in memory is not replaced by an older one, neither in what is given nor in the cache. A
        question that is pending in storage and that memory lost is put back.
        """
        await self._settle_unsaved(session_id)
        memory = self._cache.get(session_id)
        head, failed = await self._head(session_id)
        if self._unsaved.holds(session_id):
            return await self._with_unsaved(session_id, memory, head)
        cached = _copy_of(memory)
        resolved = frozenset(q.id for q in memory.questions.values() if not q.is_pending) if memory else frozenset()
        decision = reconcile(cached, head, resolved_in_memory=resolved, storage_failed=failed)
        return await self._carry_out(session_id, decision, memory, head)

    async def save(self, session: Session, **keywords: Any) -> Receipt:
        """Save by merging and refresh the cache, with the keywords of `Ledger.save`. What storage raises is raised.

        Raises:
            LedgerError: what `Ledger.save` raises.
        """
        event_id = self._unsaved.event_id(session)
        receipt = await self._persistence.merge_save(session, **keywords)
        self._unsaved.settled(session.id, event_id)
        self._cache.put(session)
        return receipt

    async def save_and_cache(self, session: Session, **keywords: Any) -> Receipt | None:
        """Save if storage lets it; else log that, and keep the work in memory until it does.

        Work that is kept is not evicted, is tried again when the session is next used and from time to time, and
        settles as one event whoever saves it first. It does not survive the process.

        Returns:
            The receipt, or `None` if the work is kept in memory.

        Raises:
            UnsavedWork: if storage failed and too much unsaved work is kept already.
            LedgerError: whatever else refuses the save; only a `StorageError` is swallowed.
        """
        try:
            return await self.save(session, **keywords)
        except StorageError as error:
            _log.warning("save_failed", session_id=session.id, version=session.version, error=str(error))
            self._unsaved.keep(session, keywords, error)
            return None

    async def save_runtime_session(self, session: Session) -> None:
        """Save, as a runtime does between two steps."""
        await self.save(session)

    async def append_token_usage_record(self, session_id: str, json_line: str) -> None:
        """Append a line to the token-usage log."""
        await self._storage.append_token_usage_record(session_id, json_line)

    async def delete(self, session_id: str) -> bool:
        """Delete the session in storage and forget it in memory; `False` if nothing lived there."""
        deleted = await self._storage.delete_session(session_id)
        self._unsaved.set_aside(session_id, "its session was deleted")
        self._cache.discard(session_id)
        return deleted

    async def update(self, session_id: str, mutate: Callable[[Session], Any], **keywords: Any) -> Receipt:
        """Load the best copy, apply `mutate` and save it, again if someone came between; `mutate` may be async.

        Raises:
            SessionNotFound: if there is no such session.
            VersionConflict: if someone came between each of many tries.
        """
        for tries_left in reversed(range(UPDATE_TRIES)):
            session = await self.load_merged(session_id)
            if session is None:
                raise SessionNotFound(session_id)
            outcome = mutate(session)
            if isawaitable(outcome):
                await outcome
            try:
                return await self.save(session, **{**keywords, "expected_version": session.version})
            except VersionConflict:
                if not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")  # pragma: no cover

    async def flush(self) -> tuple[str, ...]:
        """Try to save all unsaved work, and give the ids of the sessions whose work is still unsaved."""
        for session_id in self._unsaved.ids:
            await self._settle_unsaved(session_id)
        return self._unsaved.ids

    async def close(self) -> None:
        """Flush, and log what could not be saved. The storage stays open: whoever opened it closes it."""
        await self._unsaved.stop()
        for session_id in await self.flush():
            _log.error("unsaved_work_left", session_id=session_id)

    async def _settle_unsaved(self, session_id: str) -> None:
        if self._unsaved.holds(session_id):
            await self._unsaved.retry(session_id)

    async def _head(self, session_id: str) -> tuple[Copy | None, bool]:
        try:
            head = await self._storage.head(session_id)
        except Exception as error:  # noqa: BLE001 - memory serves while storage is down, whatever it raises
            _log.warning("storage_failed", session_id=session_id, error=str(error))
            return None, True
        if head is None:
            return None, False
        return Copy(head.version, head.digest, tuple(head.open_questions), head.deleted), False

    async def _with_unsaved(self, session_id: str, memory: Session | None, head: Copy | None) -> Session | None:
        """Unsaved work comes first: on top of storage where that went on meanwhile, and can be read."""
        if memory is None or head is None or head.version <= memory.version:
            return memory
        if head.deleted:
            self._unsaved.set_aside(session_id, "its session was deleted")
            self._cache.discard(session_id)
            return None
        base = tracking_of(memory).base
        events = None
        if base is not None and base.version:
            events = await self._storage.events_after(session_id, base.version, base.digest)
            if events is None:
                self._unsaved.set_aside(session_id, "its base is in another past")
                self._cache.discard(session_id)
                return await self._from_storage(session_id)
        if base is None or events is None:
            return memory
        return self._unsaved.carried_over(memory, fold(base, events), events)

    async def _carry_out(
        self, session_id: str, decision: Decision, memory: Session | None, head: Copy | None
    ) -> Session | None:
        if decision.behind:
            _log.warning(
                "storage_behind",
                session_id=session_id,
                version=memory.version if memory else 0,
                storage=None if head is None else head.version,
            )
        if decision.discard:
            self._cache.discard(session_id)
        match decision.choice:
            case Choice.NOTHING:
                return None
            case Choice.MEMORY:
                return memory
            case Choice.RECOVER:
                return await self._recover(session_id, decision.recovered, memory)
            case Choice.CATCH_UP:
                return await self._catch_up(session_id, memory)
            case Choice.STORAGE:
                if decision.diverged:
                    _log.warning("memory_diverged", session_id=session_id, version=memory.version if memory else 0)
                return await self._from_storage(session_id)

    async def _recover(self, session_id: str, lost: tuple[str, ...], memory: Session | None) -> Session | None:
        stored = await self._storage.load_session(session_id)
        if stored is None or memory is None:
            return memory
        for question_id in lost:
            memory.questions[question_id] = stored.questions[question_id]
        _log.warning("question_recovered", session_id=session_id, version=memory.version, questions=list(lost))
        self._cache.put(memory)
        return memory

    async def _catch_up(self, session_id: str, memory: Session | None) -> Session | None:
        base = tracking_of(memory).base if memory is not None else None
        session: Session | None = None
        if memory is not None and base is not None and base.version == memory.version and base.digest:
            events = await self._storage.events_after(session_id, base.version, base.digest)
            if events is None:
                _log.warning("memory_diverged", session_id=session_id, version=memory.version)
                self._cache.discard(session_id)
            else:
                session = session_of(fold(base, events))
        if session is None:
            session = await self._from_storage(session_id)
        else:
            self._cache.put(session)
        if session is not None and memory is not None:
            _log.debug("session_reconciled", session_id=session_id, memory=memory.version, storage=session.version)
        return session

    async def _from_storage(self, session_id: str) -> Session | None:
        try:
            session = await self._storage.load_session(session_id)
        except SessionNotFound:
            return None
        if session is not None:
            self._cache.put(session)
        return session


def _copy_of(session: Session | None) -> Copy | None:
    if session is None:
        return None
    base = tracking_of(session).base
    digest = base.digest if base is not None and base.version == session.version else ""
    return Copy(session.version, digest, tuple(question.id for question in session.pending_questions))
