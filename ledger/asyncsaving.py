"""What writes, for async code: a save is taken and queued at the call, and what is awaited is only the outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from ledger import verbs
from ledger.book import Ledger
from ledger.domain.flights import Outcome, Submission
from ledger.domain.parts import Message
from ledger.domain.receipt import Receipt
from ledger.domain.session import Session
from ledger.domain.submission import abandon, settle
from ledger.errors import LedgerError
from ledger.store.unit import Task, Unit

__all__ = ["AsyncSaving"]

T = TypeVar("T")


class AsyncSaving:
    """The writing half of the async facade."""

    def __init__(self, book: Ledger) -> None:
        self._book = book
        self._threads = book.threads

    def save(self, session: Session, **keywords: Any) -> Coroutine[Any, Any, Receipt]:
        """Append what changed, as `Ledger.save` does and with its keywords; what is awaited is only the outcome."""
        return self._one(self._begin([session], lambda: [keywords]))

    def save_all(
        self, sessions: Sequence[Session], *, expected_version: int | Mapping[str, int] | None = None, **keywords: Any
    ) -> Coroutine[Any, Any, list[Receipt]]:
        """Save several sessions in one transaction, as `Ledger.save_all` does; they are taken at the call too."""
        return self._all(self._begin(sessions, lambda: self._book.each(sessions, expected_version, keywords)))

    def create(self, session: Session, **keywords: Any) -> Coroutine[Any, Any, Receipt]:
        """Save a session that must not exist yet, as `Ledger.create` does."""
        return self.save(session, must_create=True, **keywords)

    def _begin(self, sessions: Sequence[Session], keywords: Callable[[], Sequence[dict[str, Any]]]) -> _Begun:
        """Take what is in the sessions and queue it, now; an error waits until the save is awaited."""
        begun = _Begun(sessions, [])
        try:
            for session, words in zip(sessions, keywords(), strict=True):
                begun.submissions.append(self._book.submit(session, **words))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where the save is awaited
            begun.error = error
            begun.abandon(error)
            return begun
        begun.unit = Unit(begun.submissions)
        if begun.submissions:
            begun.ticket = self._book.lanes.put(begun.unit)
        return begun

    async def _one(self, begun: _Begun) -> Receipt:
        return (await self._all(begun))[0]

    async def _all(self, begun: _Begun) -> list[Receipt]:
        if begun.error is not None:
            raise begun.error
        try:
            outcomes = await self._stored(begun)
        except asyncio.CancelledError:
            # Unless it was withdrawn it is under way, for all we know: the next save of these sessions finds out.
            raise
        except BaseException as error:
            begun.abandon(error)
            raise
        for session, submission, outcome in zip(begun.sessions, begun.submissions, outcomes, strict=True):
            settle(session, submission, outcome)
        return [outcome.receipt for outcome in outcomes]

    async def _stored(self, begun: _Begun) -> list[Outcome]:
        unit, lanes = begun.unit, self._book.lanes
        if not begun.submissions:
            return []
        try:
            if begun.ticket is not None:
                await lanes.room(unit, begun.ticket)
            await unit.awaited()
        except asyncio.CancelledError as error:
            if lanes.leave(unit):
                begun.abandon(error)
            raise
        return unit.result()

    async def update(self, session_id: str, mutate: Callable[[Session], Any], **keywords: Any) -> Receipt:
        """Load, mutate and save as one step, as `Ledger.update` does; `mutate` may be async."""
        return await verbs.awaited(verbs.update(session_id, mutate, **keywords), self._take)

    async def append(self, session_id: str, *messages: Message, **keywords: Any) -> Receipt:
        """Append messages, as `Ledger.append` does."""
        return await verbs.awaited(verbs.append(session_id, messages, **keywords), self._take)

    async def answer(
        self, session_id: str, question_id: str, answer: Any, *, by: str | None = None, **keywords: Any
    ) -> Receipt:
        """Answer a question, as `Ledger.answer` does."""
        return await verbs.awaited(verbs.answer(session_id, question_id, answer, by=by, **keywords), self._take)

    async def _take(self, step: verbs.Step) -> Any:
        match step:
            case verbs.Load(session_id):
                return await self._threads.read(self._book.load_to_save, session_id)
            case verbs.Save(session, keywords):
                return await self.save(session, **keywords)
            case verbs.LookUp(session_id, key, key_digest):
                return await self._threads.read(self._book.receipt_of, session_id, key, key_digest)
            case verbs.Await(awaitable):
                return await awaitable

    async def delete(self, session_id: str, **keywords: Any) -> bool:
        """Append a tombstone, as `Ledger.delete` does and with its keywords."""
        return await self._write(self._book.delete, session_id, **keywords)

    async def fork(self, session_id: str, new_id: str, **keywords: Any) -> Session:
        """Begin a session with the state of another one, as `Ledger.fork` does and with its keywords."""
        return await self._write(self._book.fork, session_id, new_id, **keywords)

    async def record_usage(self, session_id: str, record: Mapping[str, Any] | str, *, key: str | None = None) -> None:
        """Append a record to the token-usage log, as `Ledger.record_usage` does."""
        await self._write(self._book.record_usage, session_id, record, key=key)

    async def snapshot(self, session_id: str) -> None:
        """Write a snapshot of the session's head now."""
        await self._write(self._book.snapshot, session_id)

    async def _write(self, work: Callable[..., T], session_id: str, *args: Any, **keywords: Any) -> T:
        task = self._book.lanes.task(session_id, partial(work, session_id, *args, **keywords))
        await task.awaited()
        return task.result()  # type: ignore[no-any-return]  # what the work gave


@dataclass(slots=True)
class _Begun:
    """Saves that were taken and queued, in one transaction."""

    sessions: Sequence[Session]
    submissions: list[Submission]
    unit: Unit = field(default_factory=lambda: Unit(()))
    #: What has to be waited for where there was no room.
    ticket: Task | None = None
    #: Why nothing could be taken.
    error: Exception | None = None

    def abandon(self, error: BaseException) -> None:
        withdrawn = isinstance(error, LedgerError | asyncio.CancelledError)
        for session, submission in zip(self.sessions, self.submissions, strict=False):
            abandon(session, submission, ambiguous=not withdrawn or submission.ambiguous)
