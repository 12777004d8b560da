"""ADK's session service over a ledger. Import it from `ledger.adapters.adk`, which looks first whether ADK is there."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events import Event
from google.adk.platform import uuid as platform_uuid
from google.adk.sessions import BaseSessionService, Session
from google.adk.sessions.base_session_service import GetSessionConfig, ListSessionsResponse

from ledger.adapters import adk_ids
from ledger.adapters.adk_events import Json, event_of, events_of, usage_of
from ledger.adapters.adk_ids import Named
from ledger.adapters.adk_sessions import id_of_last, last_used, newest, record
from ledger.adapters.adk_state import Delta, delta_of, event_json, merged
from ledger.adapters.opened import Opened, UsesLedger
from ledger.adapters.turns import Turns
from ledger.cache import SessionCache
from ledger.domain.copies import own
from ledger.domain.session import Session as LedgerSession
from ledger.domain.session import tracking_of
from ledger.errors import IdempotencyConflict, SessionDeleted, SessionNotFound, StorageError, VersionConflict
from ledger.telemetry import get_logger
from ledger.verbs import UPDATE_TRIES

if TYPE_CHECKING:
    from ledger.asyncbook import AsyncLedger
    from ledger.book import Ledger

__all__ = ["Closed", "LedgerSessionService"]

WRITER = "adk"
#: What an agent goes on with is kept at hand, so that an event costs what is in it.
SESSIONS_AT_HAND = 1_000
BYTES_AT_HAND = 64 * 1024 * 1024
#: To make so many events of a session takes long enough for others on the loop to notice.
LONG = 100

_log = get_logger(__name__)


class LedgerSessionService(UsesLedger, BaseSessionService):
    """ADK's sessions, in a ledger. Safe to share between tasks, event loops and threads.

    It does what ADK's `DatabaseSessionService` does, call by call, but nothing is ever overwritten or removed: each
    call is one save, and what was deleted can still be looked at. Whether others came before a writer is told by the
    session's version, and the events come back in the order of their saves, whatever a clock says.

        service = LedgerSessionService("sqlite:///ledger.db")
        session = await service.create_session(app_name="shop", user_id="ann", session_id="s1")

    Args:
        ledger_or_url: a ledger that is open, which stays so; or a URL, opened when it is first needed and closed by
            `close`. Services of one URL share the ledger.
        writer: who saves, in the log.
    """

    def __init__(self, ledger_or_url: Ledger | AsyncLedger | str, *, writer: str = WRITER) -> None:
        self._opened = Opened(ledger_or_url, writer=writer)
        self._writer = writer
        self._at_hand = SessionCache(max_sessions=SESSIONS_AT_HAND, max_bytes=BYTES_AT_HAND)
        self._turns = Turns()

    def close(self) -> Closed:  # type: ignore[override]  # as it stands, and as ADK's own services: to be awaited
        """Close what was opened here; a ledger that was handed over open stays open. It may be awaited, or not."""
        super().close()
        return Closed()

    async def create_session(
        self,
        *,
        app_name: str,
        user_id: str,
        state: dict[str, Any] | None = None,
        session_id: str | None = None,
    ) -> Session:
        """Begin a session, and set the state of app, user and session that it begins with, in one transaction.

        Args:
            app_name: whose agent.
            user_id: with whom.
            state: to begin with; what begins with ``app:`` or ``user:`` is shared, what with ``temp:`` is not kept.
            session_id: any text; one that is made here by default. An id that was deleted may be used again.

        Raises:
            AlreadyExistsError: if a session of that id lives.
            InvalidSession: if something of it cannot be stored; nothing was.
            StorageError: if the database fails.
        """
        book = await self._opened.awaited()
        named = Named(app_name, user_id, session_id or platform_uuid.new_uuid())
        delta = delta_of(state or {})
        conflict: Exception | None = None
        for _ in range(UPDATE_TRIES):
            head = await book.head(named.ledger_id)
            if head is not None and not head.deleted:
                raise AlreadyExistsError(f"Session with id {named.session_id} already exists.")
            session = await book.load_or_create(named.ledger_id, model="")
            session.state.update(delta.session)
            try:
                # The base may be of a session that somebody else created since: then it is not this version.
                await self._save(book, named, session, 0 if head is None else head.version, delta)
            except (VersionConflict, SessionDeleted) as error:
                conflict = error
            else:
                return await self._handed_out(book, named, session, [])
        raise conflict or _stale()

    async def get_session(
        self,
        *,
        app_name: str,
        user_id: str,
        session_id: str,
        config: GetSessionConfig | None = None,
    ) -> Session | None:
        """Give a session with its events and all of the state that it sees, or `None`. The caller owns what is given.

        Args:
            app_name: whose agent.
            user_id: with whom.
            session_id: which.
            config: which events to give; all by default. The newest of those that are not too old.

        Raises:
            StorageError: if the database fails.
        """
        book = await self._opened.awaited()
        named = Named(app_name, user_id, session_id)
        found = await self._head(book, named.ledger_id)
        if found is None:
            return None
        if len(found.messages) < LONG:
            return await self._handed_out(book, named, found, _events(found, config))
        return await self._handed_out(book, named, found, await asyncio.to_thread(_events, found, config))

    async def list_sessions(self, *, app_name: str, user_id: str | None = None) -> ListSessionsResponse:
        """Give the sessions of an app, or of one of its users, without events; the one that was used last comes last.

        Raises:
            StorageError: if the database fails.
        """
        book = await self._opened.awaited()
        found = await asyncio.to_thread(self._found, book.book, adk_ids.prefix(app_name, user_id))
        app = await self._shared_state(book, Named(app_name, "", "").app_state)
        users = {user: Named(app_name, user, "").user_state for user in {named.user_id for named, _ in found}}
        shared = {user: await self._shared_state(book, ledger_id) for user, ledger_id in users.items()}
        listed = [_session(named, each, app, shared[named.user_id], []) for named, each in found]
        listed.sort(key=lambda session: (session.last_update_time, session.user_id, session.id))
        return ListSessionsResponse(sessions=listed)

    def _found(self, book: Ledger, prefix: str) -> list[tuple[Named, LedgerSession]]:
        """Give the sessions whose ids begin so, not to be changed. On a thread: there may be many."""
        found = []
        for summary in book.sessions(prefix=prefix):
            named = adk_ids.named(summary.id)
            held = self._at_hand.peek(summary.id)
            if named is None:
                continue
            if held is None or held.version != summary.version:
                try:
                    held = book.load(summary.id)
                except SessionNotFound:
                    continue  # deleted since
                # A long list drives nothing out that agents go on with.
                if len(self._at_hand) < SESSIONS_AT_HAND:
                    self._at_hand.put(held)
            found.append((named, held))
        return found

    async def delete_session(self, *, app_name: str, user_id: str, session_id: str) -> None:
        """Delete a session; its questions are withdrawn, and its record stays. One that is not there is no error.

        Raises:
            StorageError: if the database fails.
        """
        book = await self._opened.awaited()
        ledger_id = Named(app_name, user_id, session_id).ledger_id
        await book.delete(ledger_id, writer=self._writer)
        self._at_hand.discard(ledger_id)

    async def get_user_state(self, *, app_name: str, user_id: str) -> dict[str, Any]:
        """Give what a user's sessions share, by keys without prefix; empty if there is nothing.

        Raises:
            StorageError: if the database fails.
        """
        book = await self._opened.awaited()
        return merged({}, {}, await self._shared_state(book, Named(app_name, user_id, "").user_state))

    async def append_event(self, session: Session, event: Event) -> Event:
        """Append an event, with all that it changes in the state of app, user and session, in one transaction.

        Durable when it returns. Safe to repeat after an error or a cancellation: an event that was stored is stored
        once. Of a session object that others came before, nothing is stored. A partial event is given back as it is.

        Args:
            session: as `create_session` or `get_session` gave it; it is brought to where the event leaves it.
            event: what happened. What is temporary in its state is seen by this session object, and not stored.

        Raises:
            StaleSessionError: if others saved to the session since it was loaded; load it again.
            SessionNotFoundError: if it was never created, or is deleted.
            AlreadyExistsError: if another event of the same id is in the session.
            InvalidSession: if something of it cannot be stored, by its place; nothing was.
            StorageError: if the database fails.
        """
        if event.partial:
            return event
        self._apply_temp_state(session, event)
        event = self._trim_temp_delta_state(event)
        named = Named(session.app_name, session.user_id, session.id)
        item = event_json(event, named.ledger_id)
        delta = delta_of(event.actions.state_delta)
        book = await self._opened.awaited()
        async with self._turns.awaited(named.ledger_id):
            saved = await self._append(book, named, session, item, delta)
            await self._count(book, named, item)
            if saved is None:
                return event
            session.last_update_time = event.timestamp
            session._storage_update_marker = _marker(saved)  # noqa: SLF001 - made for session services
            return self._commit_event_to_session(session, event)

    async def _count(self, book: AsyncLedger, named: Named, item: Json) -> None:
        """Add the tokens that an event cost to the usage log, once, however often the event is delivered."""
        usage = usage_of(item)
        if usage is None:
            return
        try:
            await book.record_usage(named.ledger_id, usage, key=f"adk:{item['id']}")
        except (StorageError, IdempotencyConflict) as error:
            # The event is stored, and with it what it cost: no reason to have the agent fail.
            _log.warning("usage_not_counted", session_id=named.ledger_id, event_id=item["id"], error=str(error))

    async def _append(
        self, book: AsyncLedger, named: Named, session: Session, item: Json, delta: Delta
    ) -> LedgerSession | None:
        """Save an event, and give the session then; `None` if the caller's object has nothing to be told of it."""
        conflict: Exception | None = None
        for _ in range(UPDATE_TRIES):
            base, is_stored = await self._base(book, named, session, item)
            if is_stored:
                return base if _is_next(session, base, item) else None
            record(base, item, delta)
            try:
                await self._save(book, named, base, base.version, delta)
            except (VersionConflict, SessionDeleted) as error:
                conflict = error
                if error.session_id == named.ledger_id:
                    self._at_hand.discard(named.ledger_id)
            else:
                return base
        raise conflict or _stale()

    async def _base(self, book: AsyncLedger, named: Named, session: Session, item: Json) -> tuple[LedgerSession, bool]:
        """Give the session that an event goes on from, a copy to be changed, and whether the event is in it already.

        Raises:
            StaleSessionError: if it is not the one that the caller has.
            SessionNotFoundError: if there is none.
        """
        marker = session._storage_update_marker  # noqa: SLF001 - made for session services
        base = self._at_hand.get(named.ledger_id) if marker is not None else None
        if base is None or _marker(base) != marker:
            found = await self._head(book, named.ledger_id)
            if found is None:
                raise SessionNotFoundError(f"Session {session.id} not found.")
            base = own(found)
        twin = _view(base).messages.find(item["id"])
        if twin is not None:
            if event_of(twin.id, base.messages) != item:
                raise AlreadyExistsError(f"Event {item['id']} already exists.")
            return base, True
        if marker is None:
            # Made by hand, or come as JSON: it is up to date if it ends as the session does.
            last = session.events[-1].id if session.events else None
            if last != id_of_last(base):
                raise _stale()
        elif _marker(base) != marker:
            raise _stale()
        return base, False

    async def _save(self, book: AsyncLedger, named: Named, session: LedgerSession, version: int, delta: Delta) -> None:
        """Save a session and the state that it shares, all or none, each only on the version that it was taken from."""
        expected = {session.id: version}
        together = [session]
        for shared_id, values in ((named.app_state, delta.app), (named.user_state, delta.user)):
            if values:
                found = await self._head(book, shared_id)
                shared = await book.load_or_create(shared_id, model="") if found is None else own(found)
                shared.state.update(values)
                expected[shared_id] = shared.version
                together.append(shared)
        await book.save_all(together, expected_version=expected, writer=self._writer)
        for each in together:
            self._at_hand.put(each)

    async def _head(self, book: AsyncLedger, ledger_id: str) -> LedgerSession | None:
        """Give a session at its head, not to be changed; `None` if it was never saved, or is deleted."""
        head = await book.head(ledger_id)
        if head is None or head.deleted:
            return None
        held = self._at_hand.peek(ledger_id)
        if held is not None and (held.version, _view(held).digest) == (head.version, head.digest):
            return held
        try:
            found = await book.load(ledger_id)
        except SessionNotFound:
            return None
        self._at_hand.put(found)
        return found

    async def _shared_state(self, book: AsyncLedger, ledger_id: str) -> Mapping[str, Any]:
        found = await self._head(book, ledger_id)
        return {} if found is None else found.state

    async def _handed_out(self, book: AsyncLedger, named: Named, found: LedgerSession, events: list[Event]) -> Session:
        app = await self._shared_state(book, named.app_state)
        user = await self._shared_state(book, named.user_state)
        return _session(named, found, app, user, events)


class Closed:
    """What closing gives: it is done, and whoever awaits it goes on."""

    def __await__(self) -> Generator[None, None, None]:
        return
        yield


def _session(
    named: Named, found: LedgerSession, app: Mapping[str, Any], user: Mapping[str, Any], events: list[Event]
) -> Session:
    """Give a session to ADK, as it is at the version that was found."""
    session = Session(
        app_name=named.app_name,
        user_id=named.user_id,
        id=named.session_id,
        state=merged(app, user, found.state),
        events=events,
        last_update_time=last_used(found),
    )
    session._storage_update_marker = _marker(found)  # noqa: SLF001 - made for session services
    return session


def _events(found: LedgerSession, config: GetSessionConfig | None) -> list[Event]:
    """Give the events that are asked for, in order."""
    items: Iterable[Json] = events_of(found.messages)
    if config is not None:
        items = newest(found.messages, config.num_recent_events, since=config.after_timestamp or None)
    return [Event.model_validate(item) for item in items]


def _is_next(session: Session, stored: LedgerSession, item: Json) -> bool:
    """Tell whether a session object lacks an event that was stored, and that alone: a reply to it was lost."""
    marker = session._storage_update_marker  # noqa: SLF001 - made for session services
    follows = marker is None or stored.version == int(marker.split()[0]) + 1
    return follows and all(event.id != item["id"] for event in session.events)


def _view(session: LedgerSession) -> Any:
    return tracking_of(session).base


def _marker(session: LedgerSession) -> str:
    """Give the version of a session and its digest, which no other past has."""
    return f"{session.version} {_view(session).digest}"


def _stale() -> StaleSessionError:
    return StaleSessionError(
        "Others have saved to this session since it was loaded; load it again before appending to it."
    )
