"""Following the feed live: what is there, then what comes, each event once, until somebody closes the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ledger import FeedItem, InvalidArgument, Message, Session, StorageError
from ledger.store.sqlite import FileWatch
from tests.contract.backends import on_durable
from tests.contract.faces import Book, OpenBook
from tests.contract.faults import failing_reads
from tests.contract.test_closing import ledger_threads

LONG_S = 30


class Following:
    """Someone who follows the feed through either face, off to the side of the test."""

    def __init__(self, book: Book, **options: object) -> None:
        self._book = book
        self._options = options
        self._come: asyncio.Queue[FeedItem | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self.ending: asyncio.Future[None] = asyncio.ensure_future(self._follow())

    async def _follow(self) -> None:
        if self._book.face is self._book.sync:
            await asyncio.to_thread(self._follow_in_thread)
        else:
            async for item in self._book.awaited.follow(**self._options):  # type: ignore[arg-type]  # given by the test
                self._come.put_nowait(item)
        self._come.put_nowait(None)

    def _follow_in_thread(self) -> None:
        for item in self._book.sync.follow(**self._options):  # type: ignore[arg-type]  # given by the test
            self._loop.call_soon_threadsafe(self._come.put_nowait, item)

    async def next(self) -> FeedItem | None:
        """Give the next item when it comes; `None` at the end."""
        async with asyncio.timeout(LONG_S):
            return await self._come.get()

    async def places(self, count: int) -> list[tuple[int, str, int]]:
        """Give the places of so many items: position, session, version."""
        items = [await self.next() for _ in range(count)]
        return [(item.position, item.session_id, item.event.version) for item in items if item is not None]


def watchers() -> list[str]:
    """Give the threads that watch databases for those who follow."""
    return [name for name in ledger_threads() if "watch" in name]


async def somebody_follows() -> None:
    """Wait until somebody does."""
    while not watchers():  # noqa: ASYNC110 - nothing announces it
        await asyncio.sleep(0)


async def walked(items: AsyncIterator[FeedItem]) -> list[int]:
    """Give the positions that come, to the end."""
    return [item.position async for item in items]


async def test_what_is_there_comes_first_and_then_what_is_saved(book: Book) -> None:
    """Every event once, with each session's in their order, whoever waits and however long."""
    session = await book.saved()
    following = Following(book)
    seen = await following.places(1)
    for number in range(3):
        session.add_message(Message.user(f"{number}"))
        await book.save(session)
        await book.saved(f"other {number}")
    seen += await following.places(6)

    assert [
        (1, "s1", 1), (2, "s1", 2), (3, "other 0", 1), (4, "s1", 3), (5, "other 1", 1), (6, "s1", 4), (7, "other 2", 1)
    ] == seen  # fmt: skip

    await book.close()
    assert await following.next() is None


async def test_it_goes_on_from_a_position_and_ends_after_so_many(book: Book) -> None:
    """Whoever keeps the last position misses nothing and sees nothing twice; a limit ends it."""
    session = await book.saved()
    for _ in range(4):
        await book.save(session)

    assert [1, 2] == [item.position for item in await book.follow(limit=2)]
    assert [3, 4, 5] == await walked(book.each("follow", after=2, limit=3))
    assert [] == await book.follow(limit=0)


async def test_from_now_on_is_from_the_call_on(book: Book) -> None:
    """What was saved before it does not come, and what is saved right after it does."""
    await book.saved("before")
    if book.face is book.sync:
        items = book.sync.follow(after=None, limit=1)
        await book.saved("after")
        found = list(items)
    else:
        following = Following(book, after=None, limit=1)
        await somebody_follows()
        await book.saved("after")
        item = await following.next()
        assert item is not None
        found = [item]

    assert [(2, "after")] == [(item.position, item.session_id) for item in found]


@on_durable
async def test_what_another_ledger_saves_comes_too(open_book: OpenBook) -> None:
    """As it would from another process."""
    book, other = await open_book(), await open_book()
    following = Following(book)
    for number in range(3):
        await other.saved(f"{number}")
        assert [(number + 1, f"{number}", 1)] == await following.places(1)


@on_durable
async def test_it_works_where_no_wake_up_ever_comes(open_book: OpenBook) -> None:
    """A notification is only a hint: who follows looks again after a while."""
    book, other = await open_book(), await open_book()
    book.database.wakeups._watch = lambda: FileWatch(None)
    following = Following(book)
    await other.saved("s1")
    assert [(1, "s1", 1)] == await following.places(1)
    await other.saved("s2")
    assert [(2, "s2", 1)] == await following.places(1)


@on_durable
async def test_storage_may_go_away_and_come_back(open_book: OpenBook, caplog: pytest.LogCaptureFixture) -> None:
    """That is logged once, and nothing is missed; meanwhile it looks seldom."""
    book, other = await open_book(), await open_book()
    await other.saved("s1")
    with failing_reads(book) as reads:
        following = Following(book)
        assert [(1, "s1", 1)] == await following.places(1)
        with reads.away() as failed:
            await other.saved("s2")
            for _ in range(2):
                await asyncio.to_thread(failed.acquire)
        await other.saved("s3")
        assert [(2, "s2", 1), (3, "s3", 1)] == await following.places(2)
        await book.close()
        assert await following.next() is None

    told = [record.getMessage().split()[0] for record in caplog.records if record.levelname == "WARNING"]
    assert ["storage_awaited", "storage_back"] == told


async def test_storage_that_is_away_at_the_first_look_is_an_error(book: Book) -> None:
    """Who begins to follow has to hear that there is nothing to follow."""
    with failing_reads(book) as reads, reads.away(), pytest.raises(StorageError):
        await book.follow()
    await book.close()
    with pytest.raises(StorageError):
        await book.follow(after=None)


async def test_what_no_position_is_is_refused_at_the_call(book: Book) -> None:
    """And not when the first item is asked for."""
    for wrong in ({"after": "3"}, {"after": True}, {"limit": -1}, {"limit": 1.5}):
        with pytest.raises(InvalidArgument):
            await book.follow(**wrong)


async def test_nobody_watches_when_nobody_follows(book: Book) -> None:
    """The thread that watches the database for all who follow ends with the last of them."""
    await book.saved()
    before = watchers()
    first, second = book.each("follow"), book.each("follow")
    assert [1, 1] == [(await anext(items)).position for items in (first, second)]
    assert 1 == len(watchers()) - len(before)
    for items in (first, second):
        await items.aclose()  # type: ignore[attr-defined]  # a generator, which has one
    await book.close()

    assert before == watchers()


async def test_a_task_that_follows_can_be_cancelled(open_book: OpenBook, face: str) -> None:
    """At once, while it waits, and no thread of a reader is held by it."""
    if face == "sync":
        pytest.skip("threads are not cancelled")
    book = await open_book()
    tasks = [asyncio.ensure_future(walked(book.awaited.follow())) for _ in range(8)]
    await somebody_follows()
    await book.saved()  # would wait for ever if each of them held a reader
    assert 1 == (await book.load("s1")).version
    for task in tasks:
        task.cancel()

    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [asyncio.CancelledError] * 8 == [type(end) for end in ended]


async def test_who_follows_holds_nobody_up(open_book: OpenBook) -> None:
    """While it waits, and while its consumer is slow, it is in no transaction: others save."""
    book = await open_book()
    await book.saved()
    items = book.each("follow")
    assert 1 == (await anext(items)).position
    await book.saved("s2")
    assert await book.delete("s1")

    assert [2, 3] == [(await anext(items)).position for _ in range(2)]
    await items.aclose()  # type: ignore[attr-defined]  # a generator, which has one


async def test_a_session_that_was_deleted_has_its_events_in_it(book: Book) -> None:
    """A tombstone is an event as any other."""
    session = Session.new("s1", "gpt-5")
    await book.save(session)
    await book.delete("s1")

    assert ["saved", "deleted"] == [item.event.kind for item in await book.follow(limit=2)]
