"""The same facade for async code: the event loop is never blocked, and no rule is written twice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ledger.asyncsaving import AsyncSaving
from ledger.book import Ledger
from ledger.domain.averted import Averted
from ledger.domain.blame import Blame
from ledger.domain.events import Event
from ledger.domain.records import (
    FeedItem,
    Imported,
    QuestionRecord,
    SessionSummary,
    UsageTotals,
    Verification,
    WorkReport,
)
from ledger.domain.revisions import At, Place
from ledger.domain.session import Session
from ledger.domain.session_diff import SessionDiff
from ledger.domain.steps import Step
from ledger.domain.transitions import Transition
from ledger.ports import Progress
from ledger.store.log import Head

if TYPE_CHECKING:
    from ledger.cache import SessionCache
    from ledger.repository import SessionRepository

__all__ = ["AsyncLedger", "Opening"]

T = TypeVar("T")
PAGE = 100


class AsyncLedger(AsyncSaving):
    """A `Ledger` whose methods are awaited, with async iterators. See there for what each of them guarantees.

    A save takes what is in the session at the call, before anything is awaited. Edits made while it is under way are
    rebased on the merged head afterwards and are unsaved, not lost. Two saves of one session run in the order of their
    calls. A cancelled save is stored whole or not at all; the next save of that session finds out which.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return repr(self._book).replace("Ledger", "AsyncLedger", 1)

    @property
    def book(self) -> Ledger:
        """The ledger beneath: what is called on it is not awaited, and blocks whoever calls."""
        return self._book

    async def close(self) -> None:
        """Let every queued save finish, then close as `Ledger.close` does."""
        await asyncio.to_thread(self._book.close)

    async def load(self, session_id: str, at: At | None = None) -> Session:
        """Give the session at its head or at a revision, as `Ledger.load` does."""
        return await self._threads.read(self._book.load, session_id, at)

    async def places(self, session_id: str, start: At | None = None, stop: At | None = None) -> list[Place]:
        """Give every version from one revision to another, as `Ledger.places` does."""
        return await self._threads.read(self._book.places, session_id, start, stop)

    async def locate(self, session_id: str, at: At | None = None) -> Place:
        """Give the session and the version that a revision names, as `Ledger.locate` does."""
        return await self._threads.read(self._book.locate, session_id, at)

    async def diff(
        self, session_id: str, a: At | None, b: At | None = None, *, other: str | None = None
    ) -> SessionDiff:
        """Tell what differs between two states of a session, or of two, as `Ledger.diff` does."""
        return await self._threads.read(self._book.diff, session_id, a, b, other=other)

    async def load_or_create(self, session_id: str, *, model: str) -> Session:
        """Give the session at its head, or a fresh one, as `Ledger.load_or_create` does."""
        return await self._threads.read(self._book.load_or_create, session_id, model=model)

    async def head(self, session_id: str) -> Head | None:
        """Give the head row by one indexed read."""
        return await self._threads.read(self._book.head, session_id)

    async def events_after(self, session_id: str, version: int, digest: str) -> list[Event] | None:
        """Give the events behind a version, or `None` if the log does not hold it with that digest."""
        return await self._threads.read(self._book.events_after, session_id, version, digest)

    async def keys(self, session_id: str) -> dict[str, int]:
        """Give every idempotency key of a session with the version it stands for."""
        return await self._threads.read(self._book.keys, session_id)

    async def history(
        self,
        session_id: str,
        *,
        after: int = 0,
        upto: int | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> AsyncIterator[Event]:
        """Give the events of a session, as `Ledger.history` does."""
        events = await self._threads.read(
            self._book.history, session_id, after=after, upto=upto, limit=limit, reverse=reverse
        )
        async for event in self._pages(events):
            yield event

    async def replay(self, session_id: str, start: At | None = None, stop: At | None = None) -> AsyncIterator[Step]:
        """Step through the saves of a session, as `Ledger.replay` does."""
        steps = await self._threads.read(self._book.replay, session_id, start, stop)
        async for step in self._pages(steps):
            yield step

    async def feed(self, *, after: int = 0, limit: int | None = None) -> AsyncIterator[FeedItem]:
        """Give the events of all sessions in their one order, as `Ledger.feed` does."""
        async for item in self._pages(self._book.feed(after=after, limit=limit)):
            yield item

    async def follow(self, *, after: int | None = 0, limit: int | None = None) -> AsyncIterator[FeedItem]:
        """Give the events of all sessions, and go on with what is saved from then on, as `Ledger.follow` does.

        No thread is held while it waits. It ends with the task that walks it, or with the ledger.
        """
        loop, woken = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # a loop that has ended has nobody left to wake
                loop.call_soon_threadsafe(woken.set)

        tail = await self._threads.read(self._book.tail, after, limit)
        with self._book.woken(wake):
            while not tail.over:
                woken.clear()
                page = await self._threads.read(tail.page)
                for item in page:
                    yield item
                if not page and not tail.over:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(tail.pause_s):
                            await woken.wait()

    async def _pages(self, items: Iterator[T]) -> AsyncIterator[T]:
        def taken() -> list[T]:
            return list(islice(items, PAGE))

        while page := await self._threads.read(taken):
            for item in page:
                yield item

    async def sessions(self, **filters: Any) -> list[SessionSummary]:
        """Give the catalog, as `Ledger.sessions` does and with its filters."""
        return await self._threads.read(partial(self._book.sessions, **filters))

    async def questions(
        self,
        session_id: str | None = None,
        *,
        status: str | None = None,
        writer: str | None = None,
        text: str | None = None,
        open_for: timedelta | None = None,
    ) -> list[QuestionRecord]:
        """Give the life of every clarification, as `Ledger.questions` does."""
        return await self._threads.read(
            self._book.questions, session_id, status=status, writer=writer, text=text, open_for=open_for
        )

    async def transitions(self, session_id: str, question_id: str) -> list[Transition]:
        """Give everything that ever happened to one question, as `Ledger.transitions` does."""
        return await self._threads.read(self._book.transitions, session_id, question_id)

    async def averted(
        self, session_id: str | None = None, *, progress: Callable[[int, int], None] | None = None
    ) -> AsyncIterator[Averted]:
        """Give the saves at which an overwriting store would have lost something, as `Ledger.averted` does."""
        saves = await self._threads.read(self._book.averted, session_id, progress=progress)
        async for save in self._pages(saves):
            yield save

    async def averted_between(self, session_id: str, first: int, last: int) -> dict[int, int]:
        """Count what an overwriting store would have lost in a window, as `Ledger.averted_between` does."""
        return await self._threads.read(self._book.averted_between, session_id, first, last)

    async def blame(
        self, session_id: str, at: At | None = None, *, progress: Callable[[int, int], None] | None = None
    ) -> list[Blame]:
        """Give the save that last wrote each fact, as `Ledger.blame` does."""
        return await self._threads.read(self._book.blame, session_id, at, progress=progress)

    async def usage(self, session_id: str | None = None) -> UsageTotals:
        """Give the totals of the token-usage log."""
        return await self._threads.read(self._book.usage, session_id)

    async def usage_by_session(self) -> list[UsageTotals]:
        """Give the totals of every session that has usage records."""
        return await self._threads.read(self._book.usage_by_session)

    async def verify(self, session_id: str | None = None, **keywords: Any) -> Verification:
        """Recompute every hash, as `Ledger.verify` does and with its keywords."""
        return await self._threads.read(partial(self._book.verify, session_id, **keywords))

    async def export(self, session_ids: str | Iterable[str] | None = None, **keywords: Any) -> AsyncIterator[str]:
        """Give sessions as the lines of a file that another ledger imports, as `Ledger.export` does."""
        lines = await self._threads.read(partial(self._book.export, session_ids, **keywords))
        async for line in self._pages(lines):
            yield line

    async def import_(self, lines: Iterable[str | bytes] | bytes, **keywords: Any) -> Imported:
        """Take the sessions of an export in, as `Ledger.import_` does."""
        # Not in the lane: most of it is checking, and no save need wait for that.
        return await self._threads.read(partial(self._book.import_, lines, **keywords))

    async def rebuild(self, projection: str | None = None, progress: Progress | None = None) -> None:
        """Build one projection, or each, from the log again."""
        # Not in the lane: most of it is reading the log, and no save need wait for that.
        await self._threads.read(self._book.rebuild, projection, progress)

    async def work(
        self, *, until: threading.Event | None = None, progress: Callable[[WorkReport], object] | None = None
    ) -> WorkReport:
        """Keep the feed and the projections up to date, as `Ledger.work` does, on a thread of its own.

        Cancelling it sets `until`, and ends it after the page that it is at.
        """
        working = asyncio.ensure_future(asyncio.to_thread(self._book.work, until=until, progress=progress))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            if until is not None:
                until.set()
            await asyncio.wait([working])
            raise

    def repository(self, cache: SessionCache | None = None) -> SessionRepository:
        """Give the coordinator over this ledger."""
        return self._book.repository(cache)


class Opening:
    """A ledger that is about to be opened, off the event loop: enter it with ``async with``, or ``await`` it."""

    def __init__(self, opened: Callable[[], Ledger]) -> None:
        self._opened = opened
        self._face: AsyncLedger | None = None

    def __await__(self) -> Generator[Any, None, AsyncLedger]:
        return self._open().__await__()

    async def _open(self) -> AsyncLedger:
        return AsyncLedger(await asyncio.to_thread(self._opened))

    async def __aenter__(self) -> AsyncLedger:
        self._face = await self._open()
        return self._face

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._face is not None:
            await self._face.close()
