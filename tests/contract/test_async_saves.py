"""Async saves: taken at the call, in the order of the calls; what is edited meanwhile survives; cancelled is whole or
absent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ledger import InvalidSession, Message, Session, StorageError, VersionConflict
from tests.contract.faces import Book, open_face, versions
from tests.contract.faults import Hold, held_commits, refused_commit


@pytest.fixture
async def book(url: str) -> AsyncIterator[Book]:
    """Give a ledger through the async face alone: the sync one has nothing under way."""
    opened = await open_face("async", url, writer="support-bot")
    yield opened
    await opened.close()


def contents(session: Session) -> list[str]:
    """Give what the messages say, in order."""
    return [message.content for message in session.messages]


async def under_way(hold: Hold) -> None:
    """Wait until a save is about to be committed, without blocking the loop."""
    await asyncio.to_thread(hold.wait)


async def test_a_save_takes_what_is_there_at_the_call(book: Book) -> None:
    """What is edited between the call and the first await is not in it, and not lost."""
    session = Session.new("s1", "gpt-5")
    session.add_message(Message.user("one"))
    session.state["list"] = [1]

    saving = book.awaited.save(session)
    session.add_message(Message.user("two"))
    session.state["list"].append(2)
    await saving

    assert ["one"] == contents(await book.load("s1"))
    assert {"list": [1]} == (await book.load("s1")).state
    assert (["one", "two"], {"list": [1, 2]}) == (contents(session), session.state)
    await book.save(session)
    assert await book.load("s1") == session
    assert [1, 2] == await versions(book)


async def test_edits_made_while_a_save_is_under_way_survive(book: Book) -> None:
    """They are rebased on the merged head and unsaved; the next save stores them."""
    session = await book.saved(state={"mine": {"n": 0}})
    other = await book.load("s1")
    other.add_message(Message.user("other's"))
    other.state["theirs"] = 1
    await book.save(other)
    session.add_message(Message.user("saved"))
    mine = session.state["mine"]

    with held_commits(book) as hold:
        saving = asyncio.create_task(book.awaited.save(session))
        await under_way(hold)
        session.add_message(Message.user("meanwhile"))
        mine["n"] = 1
        session.title = "meanwhile"
        session.ask("call_1", "Meanwhile?")
        hold.release()
        receipt = await saving

    assert (3, 3) == (receipt.version, session.version)
    assert ["other's", "saved"] == contents(await book.load("s1"))
    assert ["other's", "saved", "meanwhile"] == contents(session)
    assert {"mine": {"n": 1}, "theirs": 1} == session.state
    assert mine is session.state["mine"]
    assert ("meanwhile", ["call_1#0"]) == (session.title, list(session.questions))
    receipt = await book.save(session)
    assert (4, 3) == (receipt.version, receipt.base_version)
    assert await book.load("s1") == session


async def test_saves_of_one_object_run_in_the_order_of_their_calls(book: Book) -> None:
    """Each takes what was there at its call, and follows on the one before; however they are awaited."""
    session = await book.saved()
    with held_commits(book) as hold:
        saves = []
        for number in range(5):
            session.add_message(Message.user(f"{number}"))
            session.title = f"title {number}"
            saves.append(asyncio.ensure_future(book.awaited.save(session)))
        session.add_message(Message.user("unsaved"))
        await under_way(hold)
        hold.release()
        receipts = [await save for save in reversed(saves)]

    assert [6, 5, 4, 3, 2] == [receipt.version for receipt in receipts]
    for number in range(5):
        past = await book.load("s1", at=number + 2)
        assert (f"title {number}", [f"{n}" for n in range(number + 1)]) == (past.title, contents(past))
    assert [5, 4, 3, 2, 1] == [receipt.base_version for receipt in receipts]
    assert ["0", "1", "2", "3", "4", "unsaved"] == contents(session)
    assert 6 == session.version


async def test_many_tasks_save_sessions_of_their_own(book: Book) -> None:
    """And one together; nothing is lost, and every session's versions are its own."""
    shared = await book.saved("shared")

    async def work(number: int) -> None:
        session = Session.new(f"s{number}", "gpt-5")
        for turn in range(3):
            session.add_message(Message.user(f"{turn}"))
            await book.save(session)
            await book.append("shared", Message.user(f"{number}.{turn}"))

    await asyncio.gather(*(work(number) for number in range(8)))

    assert {3} == {summary.version for summary in await book.sessions(prefix="s") if summary.id != "shared"}
    said = contents(await book.load("shared"))
    assert sorted(f"{number}.{turn}" for number in range(8) for turn in range(3)) == sorted(said)
    assert list(range(1, 26)) == await versions(book, "shared")
    assert (await book.verify()).ok
    assert 1 == shared.version


async def test_the_loop_is_not_blocked_by_a_save(book: Book) -> None:
    """Other tasks run on while a save waits for its commit."""
    session = await book.saved()
    with held_commits(book) as hold:
        saving = asyncio.create_task(book.awaited.save(session))
        await under_way(hold)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not saving.done()
        hold.release()
        assert 2 == (await saving).version


async def test_a_save_that_was_cancelled_while_it_was_committed_is_whole(book: Book) -> None:
    """The session is as it was; the next save of it finds the event, and stores only what came after."""
    session = await book.saved()
    session.add_message(Message.user("one"))
    with held_commits(book) as hold:
        saving = asyncio.create_task(book.awaited.save(session))
        await under_way(hold)
        saving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saving
        assert (1, ["one"]) == (session.version, contents(session))
        session.add_message(Message.user("two"))
        hold.release()

    receipt = await book.save(session)

    assert (3, 2) == (receipt.version, receipt.base_version)
    assert [["message_appended"]] * 2 == [[c.type for c in e.changes] for e in await book.history("s1", after=1)]
    assert ["one", "two"] == contents(session) == contents(await book.load("s1"))
    assert 3 == session.version


async def test_saved_again_unchanged_a_cancelled_save_is_one_event(book: Book) -> None:
    """Whoever was cancelled and tries again has saved once."""
    session = await book.saved()
    session.add_message(Message.user("one"))
    with held_commits(book) as hold:
        saving = asyncio.create_task(book.awaited.save(session))
        await under_way(hold)
        saving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saving
        hold.release()

    receipt = await book.save(session)

    assert ["one"] == contents(await book.load("s1"))
    assert sum(len(event.changes) for event in await book.history("s1", after=1)) == 1
    assert receipt.version == session.version == (await book.load("s1")).version
    assert await book.load("s1") == session


async def test_a_save_that_was_cancelled_while_it_waited_is_absent(book: Book) -> None:
    """It never began; what it would have stored goes with the next save."""
    other, session = await book.saved("other"), await book.saved("s1")
    session.add_message(Message.user("one"))
    with held_commits(book) as hold:
        first = asyncio.create_task(book.awaited.save(other))
        await under_way(hold)
        waiting = asyncio.create_task(book.awaited.save(session))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        hold.release()
        await first
    assert [1] == await versions(book)
    assert (1, ["one"]) == (session.version, contents(session))

    receipt = await book.save(session)

    assert (2, 1) == (receipt.version, receipt.base_version)
    assert ["one"] == contents(await book.load("s1"))


async def test_a_task_that_was_cancelled_before_it_ran_loses_nothing(book: Book) -> None:
    """The save was called, so it is taken; whether it was stored, the next one finds out."""
    session = await book.saved()
    session.add_message(Message.user("one"))
    saving = asyncio.ensure_future(book.awaited.save(session))
    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving
    session.add_message(Message.user("two"))

    await book.save(session)

    assert ["one", "two"] == contents(await book.load("s1"))
    assert await book.load("s1") == session
    assert (await book.verify()).ok


async def test_a_cancelled_save_that_was_refused_changes_nothing(book: Book) -> None:
    """What was refused is absent, and the next save is a stale one like any."""
    session = await book.saved()
    await book.append("s1", Message.user("other's"))
    session.add_message(Message.user("mine"))
    blocker = await book.saved("blocker")
    with held_commits(book) as hold:
        first = asyncio.create_task(book.awaited.save(blocker))
        await under_way(hold)
        saving = asyncio.create_task(book.awaited.save(session, expected_version=1))
        await asyncio.sleep(0)
        saving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saving
        hold.release()
        await first

    receipt = await book.save(session)

    assert (3, 1) == (receipt.version, receipt.base_version)
    assert ["other's", "mine"] == contents(await book.load("s1")) == contents(session)


async def test_of_two_saves_the_first_may_fail(book: Book) -> None:
    """What the first would have stored goes with the second."""
    session = await book.saved()
    await book.append("s1", Message.user("other's"))
    session.add_message(Message.user("one"))
    first = asyncio.ensure_future(book.awaited.save(session, expected_version=1))
    session.add_message(Message.user("two"))
    second = asyncio.ensure_future(book.awaited.save(session))

    with pytest.raises(VersionConflict):
        await first
    receipt = await second

    assert (3, 1) == (receipt.version, receipt.base_version)
    assert ["other's", "one", "two"] == contents(session) == contents(await book.load("s1"))


async def test_two_titles_of_which_the_first_was_refused_are_one_change(book: Book) -> None:
    """The session counts as many authoritative changes as the log holds: the second title alone."""
    session = await book.saved()
    with refused_commit(book):
        session.title = "first"
        first = asyncio.ensure_future(book.awaited.save(session))
        session.title = "second"
        second = asyncio.ensure_future(book.awaited.save(session))
        with pytest.raises(StorageError):
            await first
        await second

    head = await book.load("s1")
    assert ("second", 1) == (head.title, head.metadata_version)
    assert 1 == session.metadata_version


async def test_of_two_saves_the_first_may_lose_its_reply(book: Book) -> None:
    """The second finds out whether the first was stored, and stores what was not."""
    session = await book.saved()
    session.add_message(Message.user("one"))
    with refused_commit(book):
        first = asyncio.ensure_future(book.awaited.save(session))
        session.add_message(Message.user("two"))
        second = asyncio.ensure_future(book.awaited.save(session))
        with pytest.raises(StorageError):
            await first
        receipt = await second

    assert 2 == receipt.version
    assert ["one", "two"] == contents(session) == contents(await book.load("s1"))
    assert [1, 2] == await versions(book)


async def test_an_edit_that_cannot_be_stored_does_not_hide_the_receipt(book: Book) -> None:
    """A save is stored as it was taken; what was broken meanwhile is refused by the next save, which names it."""
    session = await book.saved(state={"x": 1})
    other = await book.load("s1")
    other.add_message(Message.user("other's"))
    await book.save(other)
    session.add_message(Message.user("mine"))
    with held_commits(book) as hold:
        saving = asyncio.create_task(book.awaited.save(session))
        await under_way(hold)
        session.state["x"] = float("nan")
        hold.release()
        receipt = await saving

    assert 3 == receipt.version
    with pytest.raises(InvalidSession, match="/state/x"):
        await book.save(session)
    session.state["x"] = 2
    receipt = await book.save(session)
    assert 4 == receipt.version
    head = await book.load("s1")
    assert (["other's", "mine"], {"x": 2}) == (contents(head), head.state)
    assert head == session


async def test_what_cannot_be_stored_is_refused_when_it_is_awaited(book: Book) -> None:
    """As every other error is: a call by itself raises nothing."""
    good, bad = Session.new("good", "gpt-5"), Session.new("bad", "gpt-5")
    bad.state["x"] = float("nan")

    results = await asyncio.gather(book.awaited.save(bad), book.awaited.save(good), return_exceptions=True)

    assert isinstance(results[0], InvalidSession)
    assert (1, 0) == (good.version, bad.version)
    assert ["good"] == [summary.id for summary in await book.sessions()]


async def test_close_lets_every_save_finish(book: Book) -> None:
    """What was called before is stored; what is called afterwards is refused in words."""
    sessions = [Session.new(f"s{number}", "gpt-5") for number in range(5)]
    saves = [asyncio.ensure_future(book.awaited.save(session)) for session in sessions]

    await book.close()

    assert [1] * 5 == [(await save).version for save in saves]
    with pytest.raises(StorageError, match="closed"):
        await book.save(sessions[0])
    await book.close()
