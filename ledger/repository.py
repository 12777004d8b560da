"""The coordinator over cache, storage and persistence: one way to load and save sessions, for every embedder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from ledger import verbs
from ledger.cache import SessionCache
from ledger.domain.copies import as_saved, own
from ledger.domain.receipt import Receipt
from ledger.domain.revisions import At
from ledger.domain.session import Session, tracking_of
from ledger.domain.unsaved import begin_anew, contained_ids, is_joined, resumed
from ledger.errors import SessionNotFound, StorageError
from ledger.reconciling import Reconciling
from ledger.telemetry import get_logger
from ledger.tier_protocols import Persistence, Storage
from ledger.unsaved import Unsaved

__all__ = ["Persistence", "SessionRepository", "Storage"]

_log = get_logger(__name__)

MAX_UNSAVED = 100


@dataclass(slots=True, eq=False)
class _Call:
    """A load or a save under way, and whether its session was deleted meanwhile."""

    saves: bool
    overtaken: bool = False


class SessionRepository:
    """Loads from the cache, then from storage, and fills the cache; saves by merging, and refreshes the cache.

    Every session that it hands out is the caller's own: changing it changes nobody else's. Saves of one session run in
    the order of their calls, and take what it holds at the call. Get a repository from `Ledger.repository`, or put one
    together from any `Storage` and `Persistence`. It serves one event loop at a time. Use it as an async context
    manager, or `close` it, so that unsaved work is not left.

    >>> import asyncio
    >>> import ledger
    >>> from ledger import Message
    >>> async def turn() -> None:
    ...     async with ledger.open_async("sqlite://", writer="agent") as book, book.repository() as repository:
    ...         session = await repository.load_or_create("s1", "gpt-5")
    ...         session.add_message(Message.user("Deploy it"))
    ...         await repository.save_and_cache(session)
    ...         await book.append("s1", Message.user("To staging"), writer="ui")
    ...         print(await repository.load("s1"), await repository.load_merged("s1"))
    >>> asyncio.run(turn())
    <Session s1 v1: 1 messages> <Session s1 v2: 2 messages>

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
        self._calls: dict[str, list[_Call]] = {}
        self._unsaved = Unsaved(cache, storage, persistence, max_unsaved, is_being_saved=self._is_being_saved)
        self._reconciling = Reconciling(cache, storage, self._unsaved, self._from_storage)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<SessionRepository {len(self._cache)} sessions in memory, {len(self.unsaved)} unsaved>"

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
        """Unsaved work that has no place in storage any more: its session was deleted, or has another past.

        Each is as it was when its save failed. The log event `unsaved_work_kept_aside` says why it is here.
        """
        return tuple(own(session) for session in self._unsaved.kept_aside)

    async def load(self, session_id: str) -> Session | None:
        """Give a session from the cache, else from storage; `None` if it is in neither, or storage fails (logged)."""
        try:
            return await self.try_load(session_id)
        except (StorageError, OSError) as error:
            _log.warning("load_failed", session_id=session_id, error=str(error))
            return None

    async def try_load(self, session_id: str, at: At | None = None) -> Session | None:
        """Give a session from the cache, else from storage, or `None`. What is in the cache is given at once.

        Args:
            session_id: whose.
            at: a revision, as `Ledger.load` takes it; read from storage, past the cache.

        Raises:
            StorageError: if storage fails, and the session is not in the cache.
            VersionNotFound: if there is no such revision.
            SessionDeleted: if that revision is a deletion.
        """
        if at is not None:
            session = await self._storage.load_session(session_id, at)
            return None if session is None else own(session)
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
            last = await self._storage.load_session(session_id, head.version - 1)
            begin_anew(fresh, head.version, head.digest, last.metadata_version if last else 0)
        return fresh

    async def load_merged(self, session_id: str) -> Session | None:
        """Give the better of the copies in memory and in storage, at the cost of one indexed read if both are equal.

        Never goes back: a copy in memory is not replaced by an older one, neither in what is given nor in the cache. A
        question that is pending in storage and that memory lost is put back. Unsaved work comes first: it is tried
        again, and if storage still refuses it, it is shown on top of what others saved meanwhile. If storage fails,
        memory serves (logged).

        Raises:
            StorageError: if storage fails after it has said that memory is not the better copy.
        """
        await self._unsaved.settle(session_id)
        self._unsaved.later()
        return await self._reconciling.load(session_id)

    async def save(self, session: Session, **keywords: Any) -> Receipt:
        """Save by merging and refresh the cache, with the keywords of `Ledger.save`.

        What is cached is what was saved: edits made meanwhile are the caller's, and unsaved.

        Raises:
            LedgerError: what `Ledger.save` raises; the session is as it was.
        """
        if is_joined(session):
            # What others kept is in it too, and is to be stored first: under their names, and once.
            await self._unsaved.settle(session.id)
        tracking = tracking_of(session)
        carried, attempt, base = contained_ids(session), tracking.attempt, tracking.base
        waiting = self._unsaved.event_ids(session.id)
        if waiting and not tracking.flights:
            tracking.attempt = resumed(session, waiting)
        try:
            with self._under_way(session.id, saves=True) as call:
                receipt = await self._persistence.merge_save(session, **keywords)
        except BaseException:
            if carried.intersection(waiting) and tracking.base is base:
                # An id that is kept to be repeated stands for what is kept, and for nothing that was tried since.
                tracking.attempt = attempt
            raise
        saved = as_saved(session, receipt)
        released = self._unsaved.release(session.id, carried, saved)
        if self._unsaved.shown(session.id) is not None:
            self._unsaved.show_on(session.id, tracking_of(saved).base)
            self._unsaved.soon()
        elif not released and not call.overtaken:
            self._cache.put(saved)
        return receipt

    async def save_and_cache(self, session: Session, **keywords: Any) -> Receipt | None:
        """Save if storage lets it; else log that, and keep the work in memory until it does.

        Work that is kept is not evicted, is what every load gives, is tried again when the session is next saved or
        merged and from time to time, and settles as one event whoever saves it first. It does not survive the process.

        Returns:
            The receipt, or `None` if the work is kept in memory.

        Raises:
            UnsavedWork: if storage failed and too much unsaved work is kept already; the session is as it was.
            LedgerError: whatever else refuses the save; only a `StorageError` is swallowed.
        """
        taken = own(session)
        try:
            return await self.save(session, **keywords)
        except StorageError as error:
            _log.warning(
                "save_failed",
                session_id=session.id,
                version=session.version,
                writer=keywords.get("writer"),
                error=str(error),
            )
            self._unsaved.keep(session, taken, keywords, error)
            return None

    async def save_runtime_session(self, session: Session) -> None:
        """Save, as a runtime does between two steps; what `save` raises is raised."""
        await self.save(session)

    async def append_token_usage_record(self, session_id: str, json_line: str) -> None:
        """Append a JSON object, as its line, to the token-usage log.

        Raises:
            SessionNotFound: if no session of that id was ever saved.
            InvalidSession: if the line is no JSON object.
            StorageError: if storage fails.
        """
        await self._unsaved.settle(session_id)
        await self._storage.append_token_usage_record(session_id, json_line)

    async def delete(self, session_id: str, **keywords: Any) -> bool:
        """Delete the session in storage and forget it in memory; `False` if nothing lived there.

        Unsaved work is saved first, so that its history is whole; what storage still refuses is kept aside.

        Args:
            session_id: whose.
            **keywords: those of `Ledger.delete`.

        Raises:
            StorageError: if storage fails; then memory is as it was.
        """
        await self._unsaved.settle(session_id)
        deleted = await self._storage.delete_session(session_id, **keywords)
        for call in self._calls.get(session_id, ()):
            call.overtaken = True
        self._unsaved.set_all_aside(session_id, "its session was deleted")
        self._cache.discard(session_id)
        return deleted

    async def update(self, session_id: str, mutate: Callable[[Session], Any], **keywords: Any) -> Receipt:
        """Load the head, apply `mutate` and save it as one step that nobody can come between, as `Ledger.update` does.

        `mutate` may be async, and may run more than once, each time on a fresh session. With a `key`, a call that was
        made before gives its receipt, though `mutate` runs once more for nothing.

        Raises:
            SessionNotFound: if there is no such session.
            VersionConflict: if others saved in between each of many tries.
        """
        await self._unsaved.settle(session_id)
        return await verbs.awaited(verbs.update(session_id, mutate, **keywords), self._take)

    async def _take(self, step: verbs.Step) -> Any:
        match step:
            case verbs.Load(session_id):
                session = await self._storage.load_session(session_id)
                if session is None:
                    raise SessionNotFound(session_id)
                return own(session)
            case verbs.Save(session, keywords):
                return await self.save(session, **keywords)
            case verbs.Await(awaitable):
                return await awaitable
            case verbs.LookUp():
                return None  # a persistence looks its keys up itself, at the save

    async def flush(self) -> tuple[str, ...]:
        """Try to save all unsaved work, and give the ids of the sessions whose work is still unsaved."""
        return await self._unsaved.settle_all()

    async def close(self) -> None:
        """Flush, and log what could not be saved. The storage stays open: whoever opened it closes it."""
        await self._unsaved.stop()
        for session_id in await self.flush():
            shown = self._unsaved.shown(session_id)
            _log.error("unsaved_work_left", session_id=session_id, version=shown.version if shown else 0)

    async def _from_storage(self, session_id: str) -> Session | None:
        with self._under_way(session_id, saves=False) as call:
            session = await self._storage.load_session(session_id)
        if session is None:
            return None
        if not call.overtaken:
            self._cache.put(session)
        # What was put meanwhile may be newer.
        return self._cache.get(session_id) or own(session)

    @contextmanager
    def _under_way(self, session_id: str, *, saves: bool) -> Iterator[_Call]:
        call = _Call(saves)
        self._calls.setdefault(session_id, []).append(call)
        try:
            yield call
        finally:
            calls = self._calls[session_id]
            calls.remove(call)
            if not calls:
                del self._calls[session_id]

    def _is_being_saved(self, session_id: str) -> bool:
        return any(call.saves for call in self._calls.get(session_id, ()))
