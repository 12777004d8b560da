"""An imported session is a session like any other: every verb, every read, under the id that it came with."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable

import pytest

import ledger
from ledger import (
    IdempotencyConflict,
    Ledger,
    Message,
    Session,
    SessionDeleted,
    SessionExists,
    SessionNotFound,
    VersionConflict,
)
from tests.contract.backends import on_durable
from tests.contract.faces import Book, OpenBook
from tests.contract.faults import failing_statement
from tests.contract.travelling import record

Do = Callable[[Book], Awaitable[object]]


@pytest.fixture
async def foreign(book: Book, open_book: OpenBook) -> Book:
    """Give a ledger, opened anew where that is possible, that holds s1 of another one beside an s2 of its own."""
    source = await open_book(url="sqlite://", writer="elsewhere")
    await book.import_(await record(source))
    await book.saved("s2")
    return book


@pytest.fixture
async def cold(foreign: Book, open_book: OpenBook) -> Book:
    """Give another ledger on the same database, to which no id is known yet."""
    await foreign.close()
    return await open_book()


async def _save_with_a_fresh_copy(book: Book) -> object:
    session = Session.new("s1", "other-model")
    session.add_message(Message.user("hello", id="m1"))
    return await book.save(session)


async def _rename(book: Book) -> object:
    return await book.update("s1", lambda session: setattr(session, "title", "x"))


VERBS: dict[str, Do] = {
    "append": lambda book: book.append("s1", Message.user("hello", id="m1")),
    "answer": lambda book: book.answer("s1", "call_1#0", "x"),
    "update": _rename,
    "delete": lambda book: book.delete("s1"),
    "a fresh copy": _save_with_a_fresh_copy,
    "with a key": lambda book: book.append("s1", Message.user("hello", id="m1"), key="new"),
}


@on_durable
@pytest.mark.parametrize("doing", VERBS)
async def test_every_verb_goes_on_with_its_chain(cold: Book, doing: str) -> None:
    """The first thing that a ledger is asked to do with the id: version 6, on the chain of its origin."""
    await VERBS[doing](cold)

    assert [1, 2, 3, 4, 5, 6] == [event.version for event in await cold.history("s1")]
    assert [("s1", 6)] == cold.query(
        "SELECT session_id, max(version) FROM events JOIN sessions USING (session_uid)"
        " WHERE origin != (SELECT ledger_id FROM ledger_meta) GROUP BY session_id"
    )
    assert ["s1", "s2"] == cold.sync.ids()
    for session_id in (None, "s1"):
        assert () == (await cold.verify(session_id)).problems


async def _steps(book: Book) -> object:
    return [(step.event.version, step.before, step.after) for step in await book.replay("s1")]


READS: dict[str, Do] = {
    "load": lambda book: book.load("s1"),
    "load a version": lambda book: book.load("s1", 2),
    "load by a key": lambda book: book.load("s1", "key:turn-3"),
    "load by a question": lambda book: book.load("s1", "q:call_1#0"),
    "load_or_create": lambda book: book.load_or_create("s1", model="m"),
    "locate": lambda book: book.locate("s1", -1),
    "transitions": lambda book: book.transitions("s1", "call_1#0"),
    "replay": _steps,
    "head": lambda book: book.head("s1"),
    "keys": lambda book: book.keys("s1"),
    "history": lambda book: book.history("s1"),
    "history, reversed": lambda book: book.history("s1", reverse=True),
    "questions": lambda book: book.questions("s1"),
    "all questions": lambda book: book.questions(),
    "sessions": lambda book: book.sessions(prefix="s1"),
    "usage": lambda book: book.usage("s1"),
    "usage by session": lambda book: book.usage_by_session(),
    "diff": lambda book: book.diff("s1", 1, 2),
    "export": lambda book: book.export("s1"),
}


@on_durable
@pytest.mark.parametrize("reading", READS)
async def test_every_read_finds_it(cold: Book, open_book: OpenBook, reading: str) -> None:
    """Whatever is asked first of a ledger that has just been opened, it is what the warm one answers."""
    warm = await open_book()
    await warm.load("s1")
    expected, found = await READS[reading](warm), await READS[reading](cold)

    assert expected
    assert expected == found


@on_durable
async def test_what_the_repository_asks_first_finds_it(cold: Book) -> None:
    """The events behind a cached version, and the head."""
    (first, *rest) = await cold.history("s1")

    assert rest == await cold.events_after("s1", 1, first.digest)
    repository = cold.face.repository()
    session = await repository.load("s1")
    assert session is not None
    session.title = "merged"
    assert 6 == (await repository.save(session)).version
    assert "merged" == (await repository.load_merged("s1")).title  # type: ignore[union-attr]  # it is there
    await repository.append_token_usage_record("s1", '{"input_tokens": 1}')
    assert 3 == (await cold.usage("s1")).records


@on_durable
async def test_usage_is_recorded_of_it(cold: Book) -> None:
    """Behind the records that came with it, also as the first thing that is done."""
    await cold.record_usage("s1", {"input_tokens": 8})

    assert (3, 50) == ((usage := await cold.usage("s1")).records, usage.totals["input_tokens"])


@on_durable
async def test_a_snapshot_of_it_serves(cold: Book, open_book: OpenBook) -> None:
    """It is kept under the key of the session, and what is rebuilt holds the session too."""
    await cold.snapshot("s1")
    again = await open_book()

    assert 1 == cold.sync.facts()["snapshots"]
    assert await cold.load("s1") == await again.load("s1")
    before = await cold.sessions(), await cold.questions(), await cold.usage()
    await cold.rebuild()
    assert before == (await cold.sessions(), await cold.questions(), await cold.usage())


async def test_creating_its_id_is_refused(foreign: Book) -> None:
    """An id never means two sessions; after its deletion it lives again as the session that it was."""
    with pytest.raises(SessionExists):
        await foreign.create(Session.new("s1", "gpt-5"))
    await foreign.delete("s1")
    receipt = await foreign.create(Session.new("s1", "gpt-5"))

    assert (7, 6) == (receipt.version, receipt.base_version)
    assert (await foreign.verify()).ok
    assert 2 == foreign.query("SELECT count(*) FROM sessions")[0][0]


async def test_a_stale_save_onto_it_is_rebased(foreign: Book) -> None:
    """As on any session: two writers, one head."""
    one, two = await foreign.load("s1"), await foreign.load("s1")
    one.add_message(Message.user("one"))
    two.add_message(Message.user("two"))
    await foreign.save(one)
    receipt = await foreign.save(two)

    assert (7, 5) == (receipt.version, receipt.base_version)
    assert ["one", "two"] == [message.content for message in two.messages]
    with pytest.raises(VersionConflict):
        await foreign.save(one, expected_version=6)
    assert (await foreign.verify()).ok


async def test_keys_that_came_with_it_still_stand(foreign: Book) -> None:
    """A retry of what was saved elsewhere, with its key, is no new save."""
    with pytest.raises(IdempotencyConflict):
        await foreign.append("s1", Message.user("other"), key="turn-1")
    assert 5 == (await foreign.head("s1")).version


async def test_it_is_saved_together_with_others(foreign: Book) -> None:
    """In one transaction, each on its own chain."""
    both = [await foreign.load("s1"), await foreign.load("s2"), Session.new("s3", "gpt-5")]
    for session in both:
        session.title = "together"

    assert [6, 2, 1] == [receipt.version for receipt in await foreign.save_all(both)]
    assert (await foreign.verify()).ok


async def test_it_is_forked(foreign: Book) -> None:
    """The fork is a session of this ledger; its parent stays one of the other."""
    await foreign.fork("s1", "child", at=3)
    await foreign.append("child", Message.user("here"))

    assert (await foreign.load("s1", 3)).messages == (await foreign.load("child", 1)).messages
    assert (await foreign.verify("child")).ok
    with pytest.raises(SessionExists):
        await foreign.fork("s2", "s1")


async def test_an_id_that_nobody_has_is_not_found(foreign: Book) -> None:
    """Looking further costs one read, and finds nothing."""
    for session_id in ("nobody", "s", "s11", "", "\0", "\ud800"):
        with pytest.raises(SessionNotFound):
            await foreign.load(session_id)


async def test_it_can_be_deleted_and_its_copies_know(foreign: Book) -> None:
    """A copy from before gets `SessionDeleted`, as everywhere."""
    session = await foreign.load("s1")
    assert await foreign.delete("s1", reason="done here")
    session.title = "late"
    with pytest.raises(SessionDeleted):
        await foreign.save(session)
    assert [6] == [event.version for event in await foreign.history("s1", after=5)]


async def test_an_import_after_a_look_for_the_id_is_found(book: Book, open_book: OpenBook) -> None:
    """That an id was not there is not remembered."""
    source = await open_book(url="sqlite://")
    for look in (book.head, book.keys):
        assert not await look("s1")
    assert 0 == (await book.load_or_create("s1", model="m")).version
    waiting = Session.new("s1", "m")
    waiting.add_message(Message.user("I was first", id="first"))
    await book.import_(await record(source))

    assert 6 == (await book.save(waiting)).version
    assert "first" in {message.id for message in (await book.load("s1")).messages}


@on_durable
async def test_an_id_is_created_here_or_imported_and_never_both(book: Book, open_book: OpenBook) -> None:
    """Twenty ids, each created by one thread and imported by another at the same moment: exactly one wins."""
    source = await open_book(url="sqlite://", writer="elsewhere")
    ids = [f"s{number}" for number in range(20)]
    exports = {}
    for session_id in ids:
        await source.saved(session_id)
        exports[session_id] = await source.export(session_id)
    refused: list[str] = []
    barrier = threading.Barrier(2)

    def race(do: Callable[[Ledger, str], object]) -> None:
        with ledger.open(str(book.database.url)) as mine:
            for session_id in ids:
                barrier.wait()
                try:
                    do(mine, session_id)
                except SessionExists:
                    refused.append(session_id)

    threads = [
        threading.Thread(target=race, args=(lambda mine, name: mine.create(Session.new(name, "gpt-5")),)),
        threading.Thread(target=race, args=(lambda mine, name: mine.import_(exports[name]),)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(ids) == sorted(refused)
    assert [(20, 20)] == book.query("SELECT count(*), count(DISTINCT session_id) FROM sessions")
    assert (await book.verify()).ok
    for session_id in ids:
        assert 1 == len(await book.history(session_id))


async def test_a_session_of_this_ledger_costs_no_look_up(foreign: Book) -> None:
    """What is loaded and saved over and over asks nothing of where a session came from; a new id asks once."""
    session = await foreign.load("s2")
    with failing_statement(foreign, 0) as statements:  # none of them fails

        def looked_up() -> int:
            found = sum("FROM sessions" in statement for statement in statements)
            statements.clear()
            return found

        for number in range(3):
            session.title = f"{number}"
            await foreign.save(session)
            session = await foreign.load("s2")
        assert 0 == looked_up()
        fresh = Session.new("s3", "gpt-5")
        await foreign.save(fresh)
        assert 1 == looked_up()
        for title in ("known", "known for good"):
            fresh.title = title
            await foreign.save(fresh)
        assert 0 == looked_up()


async def test_verify_tells_of_an_id_that_means_two_sessions(foreign: Book) -> None:
    """Somebody gave a session of this ledger the name of the other one."""
    foreign.execute("UPDATE sessions SET session_id = 's1' WHERE session_id = 's2'")

    assert "its id stands for more than one session" in {p.what for p in (await foreign.verify()).problems}


async def test_verify_holds_a_session_against_its_origin(foreign: Book) -> None:
    """Another origin would give other hashes."""
    foreign.execute("UPDATE sessions SET origin = (SELECT ledger_id FROM ledger_meta)")

    assert not (await foreign.verify("s1")).ok
