"""Saves that wait go into one transaction: each is stored as it would be alone, and a bad one fails alone."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from ledger import InvalidSession, Message, Receipt, Session, StorageError
from ledger.store import lane, lanes
from tests.contract.faces import Book, open_face, versions
from tests.contract.faults import Hold, held_commits, meeting_commits

WAITING = 12


@pytest.fixture
async def book(url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Book]:
    """Give a ledger through the async face alone, with one lane: its saves wait while another is committed."""
    monkeypatch.setattr("ledger.store.postgres.PostgresEngine.lanes", 1)
    opened = await open_face("async", url, writer="support-bot", max_event_bytes=100_000)
    yield opened
    await opened.close()


class Blocked:
    """A ledger whose lane is busy with the commit of one save, until it is released."""

    def __init__(self, book: Book, hold: Hold) -> None:
        self._book = book
        self._hold = hold
        self._first = asyncio.ensure_future(book.awaited.save(Session.new("first", "gpt-5")))

    async def begin(self) -> None:
        await asyncio.to_thread(self._hold.wait)

    async def release(self) -> None:
        self._hold.release()
        await self._first


async def blocked(book: Book, hold: Hold) -> Blocked:
    """Keep the lane busy."""
    first = Blocked(book, hold)
    await first.begin()
    return first


def new_sessions(count: int = WAITING) -> list[Session]:
    """Make sessions with a message each."""
    sessions = [Session.new(f"s{number}", "gpt-5") for number in range(count)]
    for session in sessions:
        session.add_message(Message.user(session.id))
    return sessions


def saves_of(book: Book, sessions: list[Session]) -> list[asyncio.Task[Receipt]]:
    """Call the saves of all of them, in order."""
    return [asyncio.ensure_future(book.awaited.save(session)) for session in sessions]


async def test_saves_that_wait_are_committed_together(book: Book) -> None:
    """While one commits the others gather; one transaction stores them all, be they new sessions or old ones."""
    sessions = new_sessions()
    for turn in (1, 2):
        with held_commits(book) as hold:
            busy = await blocked(book, hold)
            saves = saves_of(book, sessions)
            await asyncio.sleep(0)
            await busy.release()
            receipts = await asyncio.gather(*saves)

        assert [(session.id, turn) for session in sessions] == [(r.session_id, r.version) for r in receipts]
        assert 2 == hold.commits
        for session in sessions:
            assert session == await book.load(session.id)
            session.title = "renamed"
    assert (await book.verify()).ok
    assert list(range(1, 2 * WAITING + 3)) == [item.position for item in await book.feed()]


async def test_saves_that_begin_at_one_moment_are_committed_together(book: Book) -> None:
    """An idle lane starts when the event loop has run all that is ready, and not with the first of many."""
    sessions = new_sessions()
    for _ in range(2):
        commits: list[object] = []

        def count(commit: Callable[[], object], commits: list[object] = commits) -> None:
            commits.append(commit())

        with meeting_commits(book, count):
            await asyncio.gather(*saves_of(book, sessions))

        assert 1 == len(commits)
        for session in sessions:
            session.title = "renamed"
    assert (await book.verify()).ok


async def test_a_batch_of_any_size_is_stored_as_one_by_one(book: Book) -> None:
    """However its rows are divided among statements, also if a head has moved: nothing is lost or out of line."""
    sessions = new_sessions(150)
    await asyncio.gather(*saves_of(book, sessions))
    for _ in range(2):
        await book.append("s77", Message.user("other's"))
        for session in sessions:
            session.add_message(Message.user("again"))
        receipts = await asyncio.gather(*saves_of(book, sessions))
        assert ["s77"] == [receipt.session_id for receipt in receipts if receipt.base_version < receipt.version - 1]

    assert {session.id: session.version for session in sessions} == {
        summary.id: summary.version for summary in await book.sessions(limit=200)
    }
    assert (await book.verify()).ok
    assert list(range(1, 3 * 150 + 3)) == [item.position for item in await book.feed()]


async def test_a_save_that_only_waits_for_the_loop_keeps_nobody_who_holds_the_loop_waiting(url: str) -> None:
    """A save of several sessions starts the lanes that its event loop cannot come to, and follows on their saves."""
    book = await open_face("async", url, writer="support-bot")
    sessions = new_sessions()
    begun = [book.awaited.save(session) for session in sessions]
    for session in sessions:
        session.title = "renamed"
    receipts = book.sync.save_all(sessions)
    await asyncio.gather(*begun)
    assert [2] * WAITING == [receipt.version for receipt in receipts] == [session.version for session in sessions]
    await book.close()


async def test_a_loop_that_is_busy_holds_up_its_own_saves_alone(book: Book) -> None:
    """Another event loop need not wait until it comes to start the lane that both have queued saves in."""
    mine, other = new_sessions(2)

    async def save_in_a_loop_of_its_own() -> int:
        return (await book.awaited.save(other)).version

    begun = book.awaited.save(mine)
    with ThreadPoolExecutor(1) as pool:
        # This blocks the loop that the first save was called in.
        assert 1 == pool.submit(asyncio.run, save_in_a_loop_of_its_own()).result(timeout=30)
    assert 1 == (await begun).version


async def test_a_save_that_is_refused_fails_alone(book: Book) -> None:
    """What is wrong with one, its caller is told; the others are stored."""
    sessions = new_sessions()
    sessions[3].add_message(Message.user("x" * 200_000))
    old = await book.saved("old")
    await book.append("old", Message.user("other's"))
    with held_commits(book) as hold:
        busy = await blocked(book, hold)
        saves = saves_of(book, sessions)
        stale = asyncio.ensure_future(book.awaited.save(old))
        await asyncio.sleep(0)
        await busy.release()
        results = await asyncio.gather(*saves, return_exceptions=True)

    assert isinstance(results.pop(3), InvalidSession)
    assert [1] * (WAITING - 1) == [receipt.version for receipt in results if isinstance(receipt, Receipt)]
    assert (3, 1) == ((await stale).version, (await stale).base_version)
    assert [] == [event for event in await book.feed() if event.session_id == "s3"]


async def test_a_save_that_the_database_refuses_fails_alone(book: Book) -> None:
    """Then nothing of the batch is stored, and its members are stored one by one; the session of the bad one stays."""
    if not book.engine.dialect.name.startswith("sqlite"):
        pytest.skip("the guard that refuses is SQLite's")
    book.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON events WHEN NEW.writer = 'nobody'"
        " BEGIN SELECT RAISE(ABORT, 'nobody may save'); END"
    )
    sessions = new_sessions()
    with held_commits(book) as hold:
        busy = await blocked(book, hold)
        saves = [
            asyncio.ensure_future(book.awaited.save(session, writer="nobody" if session.id == "s5" else "somebody"))
            for session in sessions
        ]
        await asyncio.sleep(0)
        await busy.release()
        results = await asyncio.gather(*saves, return_exceptions=True)

    refused = results.pop(5)
    assert isinstance(refused, StorageError)
    assert "nobody may save" in str(refused)
    assert all(isinstance(result, Receipt) for result in results)
    assert (0, ["s5"]) == (sessions[5].version, [message.content for message in sessions[5].messages])
    assert 1 == (await book.save(sessions[5])).version
    assert (await book.verify()).ok


async def test_saves_of_one_session_follow_each_other_while_others_go_along(book: Book) -> None:
    """In a batch a session is saved once; its other saves come in the order of their calls."""
    session = await book.saved("hot")
    copies = [await book.load("hot") for _ in range(4)]
    for number, copy in enumerate(copies):
        copy.add_message(Message.user(f"{number}"))
    others = new_sessions(3)
    with held_commits(book) as hold:
        busy = await blocked(book, hold)
        saves = saves_of(book, [copies[0], others[0], copies[1], copies[2], others[1], copies[3], others[2]])
        await asyncio.sleep(0)
        await busy.release()
        receipts = await asyncio.gather(*saves)

    assert [2, 1, 3, 4, 1, 5, 1] == [receipt.version for receipt in receipts]
    assert ["0", "1", "2", "3"] == [message.content for message in (await book.load("hot")).messages]
    assert list(range(1, 6)) == await versions(book, "hot")
    assert 1 == session.version


async def test_threads_and_tasks_share_the_commits(book: Book) -> None:
    """Whoever saves while the lane is busy waits in the same line, and is stored by the same transaction."""
    sessions = new_sessions()
    called = threading.Semaphore(0)

    def save(session: Session) -> int:
        called.release()
        return book.sync.save(session).version

    with held_commits(book) as hold, ThreadPoolExecutor(WAITING) as pool:
        busy = await blocked(book, hold)
        of_threads = [pool.submit(save, session) for session in sessions[::2]]
        saves = saves_of(book, sessions[1::2])
        for _ in of_threads:
            await asyncio.to_thread(called.acquire)
        await busy.release()
        receipts = await asyncio.gather(*saves)
        stored = [await asyncio.wrap_future(future) for future in of_threads]

    assert {1} == {receipt.version for receipt in receipts} | set(stored)
    # A thread may have called while the line was emptied already.
    assert hold.commits < WAITING
    assert (await book.verify()).ok


async def test_the_line_is_bounded(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those for whom there is no room wait for some, in order; all are stored in the order of their calls."""
    monkeypatch.setattr(lane, "MAX_WAITING", 4)
    sessions = new_sessions()
    with held_commits(book) as hold:
        busy = await blocked(book, hold)
        saves = saves_of(book, sessions)
        await asyncio.sleep(0)
        assert 4 == len(book.sync.lanes.of("s0")._queue)
        await busy.release()
        await asyncio.gather(*saves)

    assert sorted(session.id for session in sessions) == sorted(i.session_id for i in await book.feed(after=1))
    assert [1] * WAITING == [session.version for session in sessions]


async def test_who_waits_for_room_for_long_is_told(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of that save is stored, and the session is as it was; the next save stores it."""
    monkeypatch.setattr(lane, "MAX_WAITING", 1)
    monkeypatch.setattr(lanes, "LONGEST_WAIT_S", 0.01)
    sessions = new_sessions(2)
    with held_commits(book) as hold:
        busy = await blocked(book, hold)
        first, second = saves_of(book, sessions)
        with pytest.raises(StorageError, match="1 saves wait for the database already"):
            await second
        assert (0, 1) == (sessions[1].version, len(sessions[1].messages))
        await busy.release()
        await first

    assert ["first", "s0"] == [item.session_id for item in await book.feed()]
    assert 1 == (await book.save(sessions[1])).version


async def test_who_is_cancelled_while_waiting_for_room_has_not_saved(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The save never began."""
    monkeypatch.setattr(lane, "MAX_WAITING", 1)
    sessions = new_sessions(2)
    with held_commits(book) as hold:
        busy = await blocked(book, hold)
        first, second = saves_of(book, sessions)
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        await busy.release()
        await first

    assert ["first", "s0"] == [item.session_id for item in await book.feed()]
    assert 1 == (await book.save(sessions[1])).version
    assert ["s1"] == [message.content for message in (await book.load("s1")).messages]


async def test_a_cancelled_save_says_what_became_of_it(book: Book, caplog: pytest.LogCaptureFixture) -> None:
    """One that was being committed is stored, and one that waited is not: the log tells which."""
    stored, withdrawn = new_sessions(2)
    with caplog.at_level(logging.INFO), held_commits(book) as hold:
        first = asyncio.ensure_future(book.awaited.save(stored))
        await asyncio.to_thread(hold.wait)
        second = asyncio.ensure_future(book.awaited.save(withdrawn))
        await asyncio.sleep(0)
        for save in (first, second):
            save.cancel()
            with pytest.raises(asyncio.CancelledError):
                await save
        hold.release()
        await book.save(stored)

    told = {record.getMessage().split()[0]: record.getMessage() for record in caplog.records}
    assert "session_id='s0'" in told["cancelled_save_stored"]
    assert "session_id='s1'" in told["cancelled_save_not_stored"]
    assert "s1" not in {item.session_id for item in await book.feed()}


async def test_closing_stores_what_waits(book: Book) -> None:
    """Also what waits for room; who comes later is told that it is closed."""
    sessions = new_sessions()
    with held_commits(book) as hold:
        busy = await blocked(book, hold)
        saves = saves_of(book, sessions)
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(book.close())
        await busy.release()
        await closing

    assert [1] * WAITING == [(await save).version for save in saves]
    with pytest.raises(StorageError, match="is closed"):
        await book.save(Session.new("late", "gpt-5"))
