"""The OpenAI Agents SDK keeps its sessions in a ledger: `LedgerSession` takes the place of its `SQLiteSession`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import dropwhile
from typing import TYPE_CHECKING, Any, cast

from ledger.adapters.frameworks import require

require("openai-agents", "agents", extra="openai-agents", since="0.24", before="0.25")

from agents.items import TResponseInputItem
from agents.memory import SessionSettings
from agents.memory.session import SessionABC, _CompactionSnapshot
from agents.memory.session_settings import coerce_session_settings, resolve_session_limit

from ledger.adapters.openai_items import Item, accepted, as_stored, called_by, items_of, message_of, result_of
from ledger.adapters.openai_questions import (
    APPROVAL,
    Verdict,
    ask,
    asked_by,
    known_of,
    latest_of,
    questions_of,
    resolve,
)
from ledger.adapters.openai_runs import KeepsRuns, hold_run
from ledger.adapters.opened import Opened, UsesLedger
from ledger.adapters.stored import StoredSession
from ledger.domain.parts import Message, Question
from ledger.domain.session import Session
from ledger.errors import InvalidSession

if TYPE_CHECKING:
    from agents.run_context import RunContextWrapper

    from ledger.asyncbook import AsyncLedger
    from ledger.book import Ledger

__all__ = ["LedgerSession"]

_CLEARED = "the session was cleared"
_TAKEN_BACK = "its call was taken back"


class LedgerSession(KeepsRuns, UsesLedger, SessionABC):
    """A `Session` of the OpenAI Agents SDK whose items are messages of a ledger's session.

        session = LedgerSession("user-123", "sqlite:///ledger.db")
        result = await Runner.run(agent, "Deploy it", session=session)

    Every call that changes something is one save: atomic and durable before it returns, never a deletion. Calls of one
    session from any number of processes lose nothing, and each one's items stand in the order of its calls. Reads see
    everything that was saved before them. Works on any event loop and from threads, and blocks none.

    Calls that wait for an approval, and tools that exist to ask somebody (`ask_user` and the like), become questions of
    the session when the run is interrupted, and their results answer them. `record_interruptions` also keeps the run
    itself, so that another process can go on with it.
    """

    session_id: str
    session_settings: SessionSettings | None = None

    def __init__(
        self,
        session_id: str,
        ledger_or_url: Ledger | AsyncLedger | str,
        session_settings: SessionSettings | dict[str, Any] | None = None,
        *,
        writer: str = "openai-agents",
    ) -> None:
        """Make one; nothing is opened before it is needed.

        Args:
            session_id: any text.
            ledger_or_url: a ledger that is open, and stays so; or its URL, which `close` closes again.
            session_settings: `limit` is how many items `get_items` gives by default.
            writer: who saves.
        """
        self.session_id = session_id
        self.session_settings = (
            SessionSettings() if session_settings is None else coerce_session_settings(session_settings)
        )
        self._opened = Opened(ledger_or_url, writer=writer)
        self._stored = StoredSession(self._opened, session_id, writer=writer)
        self._read: list[Message] = []

    def __repr__(self) -> str:
        return f"<LedgerSession {self.session_id}>"

    async def get_items(
        self, limit: int | None = None, *, wrapper: RunContextWrapper[Any] | None = None
    ) -> list[TResponseInputItem]:
        """Give the latest items in their order, each as it went in.

        A run that reads the whole history is given one that a provider accepts: results stand behind their calls, and a
        call that lost its result, because a process was killed or waits, gets one that says so. That is said to the
        model only; the record stays as it is.

        Args:
            limit: so many at the most; by default the limit of the settings, else all.
            wrapper: the run that reads, which the framework passes.
        """
        most = resolve_session_limit(limit, self.session_settings)
        session = await self._stored.load()
        self._read = session.messages
        if wrapper is not None and most is None:
            items = await asyncio.to_thread(_accepted, session)
        elif most is None or most < 0:
            items = await asyncio.to_thread(_items, session.messages)
        else:
            items = await asyncio.to_thread(_items, session.messages[max(len(session.messages) - most, 0) :])
            items = items[max(len(items) - most, 0) :]
        return cast("list[TResponseInputItem]", items)

    async def add_items(
        self, items: list[TResponseInputItem], *, wrapper: RunContextWrapper[Any] | None = None
    ) -> None:
        """Append items, as one save; behind what others appended meanwhile. Without items nothing is saved.

        A call that waits asks a question, and a result answers it; that is part of the save.

        Args:
            items: JSON; keys that are no text become text, as in the framework's own stores.
            wrapper: the run that saves, which the framework passes: it knows what was approved.

        Raises:
            InvalidSession: if something in an item is no JSON; it names the place, and nothing was saved.
        """
        plain = self._as_stored(items)
        if not plain:
            await self._opened.awaited()  # what is closed says so
            return
        messages = [message_of(item) for item in plain]
        results = {result_of(item) for item in plain}

        def append(session: Session) -> bool:
            for message, item in zip(messages, plain, strict=True):
                waits = wrapper is not None and called_by(item) not in results
                _append(session, message, item, waits=waits, wrapper=wrapper)
            return True

        await self._stored.change(append)

    async def pop_item(self, *, wrapper: RunContextWrapper[Any] | None = None) -> TResponseInputItem | None:
        """Take the latest item off and give it; `None` if there is none. A version before still loads with it.

        Of calls at the same time, in whatever process, each gets another item. A question that its call asked is
        withdrawn.

        Args:
            wrapper: the run that takes it, which the framework passes.
        """
        del wrapper
        popped: list[Message] = []

        def pop(session: Session) -> bool:
            popped.clear()
            if not session.messages:
                return False
            for call in session.messages[-1].tool_calls:
                for question in questions_of(session, call.id):
                    if question.is_pending:
                        session.withdraw(question, _TAKEN_BACK)
            popped.append(session.messages.pop())
            return True

        await self._stored.change(pop, exactly=True)
        return cast("TResponseInputItem", items_of(popped[0])[-1]) if popped else None

    async def clear_session(self, *, wrapper: RunContextWrapper[Any] | None = None) -> None:
        """Remove all items, as one save, and withdraw what is pending. Every version before still loads with them.

        The session itself lives on, and goes on with what is added next. Of a session without items nothing is saved.

        Args:
            wrapper: the run that clears it, which the framework passes.
        """
        del wrapper

        def clear(session: Session) -> bool:
            forgotten = hold_run(session, None)
            withdrawn = session.clear_pending_question(_CLEARED)
            changed = bool(session.messages or withdrawn or forgotten)
            session.messages.clear()
            return changed

        await self._stored.change(clear, exactly=True)

    def _as_stored(self, items: Sequence[Any]) -> list[Item]:
        try:
            return [as_stored(item, f"/items/{number}") for number, item in enumerate(items)]
        except InvalidSession as error:
            error.session_id = self.session_id
            raise

    # What the framework compacts a history with; it looks for these two by name, and does it in several steps without.

    async def _atomic_replace_items(self, items: list[TResponseInputItem]) -> bool:
        """Put other items in the place of those that were read here last, as one save; what came since stays."""
        if type(self) is not LedgerSession:
            return False  # an heir may keep its items otherwise
        plain, read = self._as_stored(items), {message.id for message in self._read}

        def replace(session: Session) -> bool:
            since = [message for message in session.messages if message.id not in read]
            session.messages[:] = [*map(message_of, plain), *since]
            return True

        await self._stored.change(replace, exactly=True)
        return True

    async def _get_compaction_snapshot(
        self, limit: int, *, prune_prefix: Callable[[TResponseInputItem], bool] | None = None
    ) -> _CompactionSnapshot | None:
        """Give the latest items, and what puts others in their place, as one save, if they still are the latest."""
        if type(self) is not LedgerSession:
            return None
        session = await self._stored.load()
        latest = session.messages[max(len(session.messages) - limit, 0) :]
        items = cast("list[TResponseInputItem]", await asyncio.to_thread(_items, latest))

        async def replace_suffix(start: int, output: list[TResponseInputItem]) -> bool:
            expected, plain = latest[start:], self._as_stored(output)
            done = False

            def replace(session: Session) -> bool:
                nonlocal done
                kept = session.messages[: max(len(session.messages) - len(expected), 0)]
                done = bool(expected) and session.messages[len(kept) :] == expected
                if done:
                    if prune_prefix is not None:
                        kept = list(dropwhile(lambda message: prune_prefix(items_of(message)[0]), kept))  # type: ignore[arg-type]  # it takes any item
                    session.messages[:] = [*kept, *map(message_of, plain)]
                return done

            await self._stored.change(replace, exactly=True)
            return done

        return _CompactionSnapshot(items, len(latest) == len(session.messages), replace_suffix)


def _items(messages: list[Message]) -> list[Item]:
    return [item for message in messages for item in items_of(message)]


def _accepted(session: Session) -> list[Item]:
    return accepted(_items(session.messages), lambda call_id: known_of(questions_of(session, call_id)))


def _append(
    session: Session, message: Message, item: Item, *, waits: bool, wrapper: RunContextWrapper[Any] | None
) -> None:
    """Append the message of an item: what it asks is asked, and what it answers is answered."""
    call_id = called_by(item)
    # A run may hold a call back until it goes on; then it was asked about before it came.
    if call_id is not None and not (questions_of(session, call_id) and latest_of(session, call_id) is None):
        ask(session, asked_by(item, waits=waits))
    if result_of(item) is not None and resolve(session, item, lambda asked: _decided(wrapper, asked)):
        # A run that has gone on from here must not begin here again.
        hold_run(session, None)
    session.messages.append(message)


def _decided(wrapper: RunContextWrapper[Any] | None, question: Question) -> Verdict | None:
    if wrapper is None:
        return None
    name = (question.header if question.kind == APPROVAL else question.source) or ""
    approved = wrapper.is_tool_approved(name, question.tool_call_id)
    if approved is None:
        return None
    return Verdict(approved, None if approved else wrapper.get_rejection_message(name, question.tool_call_id))
