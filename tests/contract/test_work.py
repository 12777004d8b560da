"""Keeping a ledger warm: the projections stand where the feed ends before anybody asks, whoever does the work."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ledger import InvalidArgument, StorageError, WorkReport
from tests.contract.backends import on_durable
from tests.contract.faces import Book, OpenBook
from tests.contract.faults import failing_reads

LONG_S = 30


class Working:
    """Somebody who keeps a ledger warm, off to the side of the test."""

    def __init__(self, book: Book) -> None:
        self.until = threading.Event()
        self._told = threading.Condition()
        self._last = WorkReport()
        self.done = asyncio.ensure_future(self._work(book))

    async def _work(self, book: Book) -> WorkReport:
        if book.face is book.sync:
            return await asyncio.to_thread(book.sync.work, until=self.until, progress=self._tell)
        return await book.awaited.work(until=self.until, progress=self._tell)

    def _tell(self, report: WorkReport) -> None:
        with self._told:
            self._last = report
            self._told.notify_all()

    async def reached(self, position: int) -> None:
        """Wait until every projection has come so far."""

        def wait() -> bool:
            with self._told:
                return self._told.wait_for(lambda: self._last.position >= position, LONG_S)

        assert await asyncio.to_thread(wait), self._last

    async def end(self) -> WorkReport:
        self.until.set()
        return await self.done


def positions(book: Book) -> dict[str, int]:
    """Give where the projections stand, without bringing them up to date."""
    return {name: position for name, position in book.sync.facts().items() if name.endswith("_position")}


async def test_what_there_is_to_do_is_done_at_once(book: Book) -> None:
    """Without an event to wait for, it returns when all is done, and says what that was."""
    for number in range(3):
        await book.saved(f"{number}")
    await book.record_usage("0", {"input_tokens": 7})

    first, second = await book.work(), await book.work()

    assert {"catalog_position": 3, "questions_position": 3} == positions(book)
    assert (3, {"catalog": 3, "questions": 3}) == (first.position, first.projected)
    assert (3, 0, {"catalog": 0, "questions": 0}) == (second.position, second.sequenced, second.projected)
    assert [("0", 7)] == book.query("SELECT s.session_id, 7 FROM usage_totals u JOIN sessions s USING (session_uid)")


async def test_what_is_saved_meanwhile_is_taken_in(book: Book) -> None:
    """Until it is told to end."""
    working = Working(book)
    for number in range(1, 4):
        await book.saved(f"{number}")
        await working.reached(number)
    report = await working.end()

    assert (3, {"catalog": 3, "questions": 3}) == (report.position, report.projected)


@on_durable
async def test_each_event_is_taken_in_once_however_many_work(open_book: OpenBook) -> None:
    """What one of them took, no other did; when one ends, the others go on."""
    books = [await open_book() for _ in range(3)]
    workings = [Working(book) for book in books]
    for number in range(1, 21):
        await books[0].saved(f"{number}")
    for working in workings:
        await working.reached(20)
    reports = [await workings[0].end()]
    await books[0].saved("21")
    for working in workings[1:]:
        await working.reached(21)
    reports += [await working.end() for working in workings[1:]]

    for name in ("catalog", "questions"):
        assert 21 == sum(report.projected[name] for report in reports)
    assert 21 == len(await books[0].sessions())


@on_durable
async def test_storage_may_go_away_and_come_back(open_book: OpenBook, caplog: pytest.LogCaptureFixture) -> None:
    """It waits for it, says so once, and goes on; at first, storage that is away is an error."""
    book, other = await open_book(), await open_book()
    with failing_reads(book) as reads:
        with reads.away(), pytest.raises(StorageError):
            await book.work(until=threading.Event())
        working = Working(book)
        await other.saved("1")
        await working.reached(1)
        with reads.away() as failed:
            await other.saved("2")
            for _ in range(2):
                await asyncio.to_thread(failed.acquire)
        await working.reached(2)
        await working.end()

    told = [record.getMessage().split()[0] for record in caplog.records if record.levelname == "WARNING"]
    assert ["storage_awaited", "storage_back"] == told


async def test_it_ends_with_the_ledger(book: Book) -> None:
    """Whoever closes a ledger does not have to end what works on it first."""
    working = Working(book)
    await book.saved()
    await working.reached(1)
    await book.close()

    assert 1 == (await working.done).position


async def test_cancelling_it_ends_it(open_book: OpenBook, face: str) -> None:
    """After the page that it is at."""
    if face == "sync":
        pytest.skip("threads are not cancelled")
    book = await open_book()
    working = Working(book)
    await book.saved()
    await working.reached(1)
    working.done.cancel()

    with pytest.raises(asyncio.CancelledError):
        await working.done
    assert working.until.is_set()


async def test_what_cannot_be_waited_for_is_refused(book: Book) -> None:
    """At the call."""
    for wrong in ({"until": 5.0}, {"until": asyncio.Event()}, {"progress": "loud"}):
        with pytest.raises(InvalidArgument):
            await book.work(**wrong)
