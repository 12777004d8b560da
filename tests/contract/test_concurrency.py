"""Many writers at once, in one ledger or in several on one database: nothing is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ledger import LedgerError, Message, Session, SessionExists, VersionConflict
from tests.contract.backends import on_durable, on_one_face
from tests.contract.faces import Book, OpenBook, versions

WRITERS = 6


def contents(session: Session) -> list[str]:
    """Give what the messages say, in order."""
    return [message.content for message in session.messages]


def at_once(work: Callable[[int], Any], writers: int = WRITERS) -> list[Any]:
    """Run the same work in threads that begin together; give what each returned or raised."""
    ready = threading.Barrier(writers)

    def begin(number: int) -> Any:
        ready.wait()
        try:
            return work(number)
        except LedgerError as error:
            return error

    with ThreadPoolExecutor(writers) as pool:
        return list(pool.map(begin, range(writers)))


@on_one_face
async def test_threads_share_a_ledger(book: Book) -> None:
    """Each save of one session by one of them is an event; versions run without a gap, and every message is there."""
    await book.saved()

    def work(number: int) -> None:
        session = book.sync.load("s1")
        for turn in range(5):
            session.add_message(Message.user(f"{number}.{turn}"))
            session.state[f"{number}"] = turn
            book.sync.save(session, writer=f"w{number}")

    assert [None] * WRITERS == at_once(work)

    head = await book.load("s1")
    assert list(range(1, 32)) == await versions(book)
    assert sorted(f"{n}.{t}" for n in range(WRITERS) for t in range(5)) == sorted(contents(head))
    assert {f"{number}": 4 for number in range(WRITERS)} == head.state
    for number in range(WRITERS):
        assert [f"{number}.{turn}" for turn in range(5)] == [c for c in contents(head) if c.startswith(f"{number}.")]
    assert (await book.verify()).ok


@on_durable
async def test_ledgers_share_a_database(open_book: OpenBook) -> None:
    """Two ledgers, as two processes would have them: a save of one is rebased on the other's, and both read all."""
    books = [await open_book(writer=f"w{number}") for number in range(2)]
    await books[0].saved()

    async def work(book: Book) -> None:
        session = await book.load("s1")
        for turn in range(8):
            session.add_message(Message.user(f"{turn}"))
            await book.save(session)
            await asyncio.sleep(0)

    await asyncio.gather(*map(work, books))

    assert list(range(1, 18)) == await versions(books[0])
    assert 16 == len((await books[1].load("s1")).messages)
    assert await books[0].load("s1") == await books[1].load("s1")
    assert list(range(1, 18)) == [item.position for item in await books[1].feed()]
    assert (await books[0].verify()).ok


@on_one_face
@on_durable
async def test_threads_on_ledgers_of_their_own(open_book: OpenBook) -> None:
    """Nothing is lost, and nobody hears of a locked database."""
    books = [await open_book(writer=f"w{number}") for number in range(3)]
    await books[0].saved()

    def work(number: int) -> None:
        for turn in range(6):
            books[number].sync.append("s1", Message.user(f"{number}.{turn}"))

    assert [None] * 3 == at_once(work, 3)
    assert sorted(f"{n}.{t}" for n in range(3) for t in range(6)) == sorted(contents(await books[0].load("s1")))
    assert (await books[0].verify()).ok


@on_one_face
async def test_of_many_creators_one_creates(book: Book) -> None:
    """The others are told that it exists; those who only save are rebased."""
    results = at_once(lambda number: book.sync.create(Session.new("s1", f"m{number}")))

    assert WRITERS - 1 == sum(isinstance(result, SessionExists) for result in results)
    assert [1] == await versions(book)

    def say(number: int) -> int:
        session = Session.new("s2", "gpt-5")
        session.add_message(Message.user(f"{number}"))
        return book.sync.save(session).version

    assert list(range(1, WRITERS + 1)) == sorted(at_once(say))
    assert sorted(map(str, range(WRITERS))) == sorted(contents(await book.load("s2")))


@on_one_face
async def test_of_many_who_expect_a_version_one_has_it(book: Book) -> None:
    """The others conflict, and have changed nothing."""
    await book.saved()
    copies = [await book.load("s1") for _ in range(WRITERS)]

    def rename(number: int) -> int:
        copies[number].title = f"{number}"
        return book.sync.save(copies[number], expected_version=1).version

    results = at_once(rename)

    assert 1 == results.count(2)
    assert WRITERS - 1 == sum(isinstance(result, VersionConflict) for result in results)
    assert [1, 2] == await versions(book)
    assert results.index(2) == int((await book.load("s1")).title)


@on_one_face
async def test_of_many_with_one_key_one_saves(book: Book) -> None:
    """All get the same receipt."""
    await book.saved()

    def work(number: int) -> Any:
        session = book.sync.load("s1")
        session.add_message(Message.user("the same"))
        if number % 2:
            return book.sync.save(session, key="k")
        return book.sync.save(session, key="k", expected_version=session.version)

    receipts = at_once(work)

    assert ["the same"] == contents(await book.load("s1"))
    assert 1 == len({receipt.event_id for receipt in receipts})


@on_one_face
async def test_counters_that_are_updated_at_once_count_all(book: Book) -> None:
    """`update` loses to others as often as it must, and then stands."""
    await book.saved(state={})

    def add(_: int) -> None:
        for _ in range(4):
            book.sync.update("s1", lambda session: session.state.update(n=session.state.get("n", 0) + 1))

    assert [None] * 4 == at_once(add, 4)
    assert {"n": 16} == (await book.load("s1")).state


@on_one_face
async def test_of_many_answers_one_stands(book: Book) -> None:
    """A question is answered once, whoever else tries at the same moment."""
    session = await book.saved()
    session.ask("call_1", "Which?")
    await book.save(session)

    results = at_once(lambda number: book.sync.answer("s1", "call_1", f"{number}"))

    answered = [number for number, result in enumerate(results) if not isinstance(result, LedgerError)]
    assert 1 == len(answered)
    assert f"{answered[0]}" == (await book.load("s1")).questions["call_1#0"].answer


@on_one_face
async def test_savers_and_a_deleter_meet(book: Book) -> None:
    """Each save is stored before the tombstone or refused after it; none is half there."""
    await book.saved()
    copies = [await book.load("s1") for _ in range(WRITERS)]

    def work(number: int) -> Any:
        if number == 0:
            return book.sync.delete("s1")
        copies[number].add_message(Message.user(f"{number}"))
        return book.sync.save(copies[number]).version

    results = at_once(work)

    stored = [result for result in results[1:] if not isinstance(result, LedgerError)]
    events = await book.history("s1")
    assert len(stored) + 2 == len(events)
    assert "deleted" == events[-1].kind
    assert len(stored) == len((await book.load("s1", at=-1)).messages)


@on_one_face
async def test_batches_that_share_sessions_do_not_wait_for_each_other_forever(book: Book) -> None:
    """In whatever order each names them, every batch is stored, whole."""
    for name in ("a", "b", "c"):
        await book.saved(name)

    def work(number: int) -> None:
        for _ in range(3):
            sessions = [book.sync.load(name) for name in ("abc", "cba", "bca")[number % 3]]
            for session in sessions:
                session.add_message(Message.user(f"{number}"))
            book.sync.save_all(sessions)

    assert [None] * WRITERS == at_once(work)
    for name in ("a", "b", "c"):
        assert 3 * WRITERS == len((await book.load(name)).messages)


@on_one_face
async def test_readers_read_whole_states_while_writers_write(book: Book) -> None:
    """A load sees a session as some save left it, never in between."""
    session = await book.saved(state={"a": 0, "b": 0})
    done = threading.Event()

    def work(number: int) -> Any:
        if number == 0:
            for turn in range(1, 30):
                session.state["a"] = session.state["b"] = turn
                book.sync.save(session)
            done.set()
            return None
        seen = 0
        while not done.is_set():
            state = book.sync.load("s1").state
            assert state["a"] == state["b"] >= seen
            seen = state["a"]
            assert len(book.sync.sessions()) == 1
        return None

    assert [None] * 3 == at_once(work, 3)
    assert {"a": 29, "b": 29} == (await book.load("s1")).state


@pytest.mark.parametrize("count", [1, 2, 5])
async def test_one_object_may_be_saved_from_anywhere(book: Book, count: int) -> None:
    """Whoever holds the object may save it: its saves follow each other."""
    session = await book.saved()
    for number in range(count):
        session.add_message(Message.user(f"{number}"))

    receipts = await asyncio.gather(*(book.save(session) for _ in range(count)))

    assert list(range(2, count + 2)) == [receipt.version for receipt in receipts]
    assert count == len((await book.load("s1")).messages)
    assert session.version == count + 1
