"""A session is created once in each life; a deletion is a tombstone in its log, and versions run on behind it."""

from __future__ import annotations

import pickle

import pytest

from ledger import Message, Session, SessionDeleted, SessionExists, SessionNotFound
from tests.contract.faces import Book, versions


async def test_create_refuses_a_session_that_lives(book: Book) -> None:
    """Nothing changes, and the error names the version that is there."""
    await book.saved(title="kept")
    again = Session.new("s1", "gpt-4")
    again.add_message(Message.user("mine"))

    with pytest.raises(SessionExists, match="s1 exists already, at version 1") as caught:
        await book.create(again)

    assert ("s1", 1) == (caught.value.session_id, caught.value.version)
    assert [1] == await versions(book)
    assert (0, ["mine"]) == (again.version, [message.content for message in again.messages])


async def test_create_refuses_a_copy_of_a_session_that_lives(book: Book) -> None:
    """A loaded session is no new one, whichever version it is of."""
    session = await book.saved()
    for copy in (session, await book.load("s1"), pickle.loads(pickle.dumps(session))):  # noqa: S301
        with pytest.raises(SessionExists):
            await book.create(copy)
    assert [1] == await versions(book)


async def test_a_deletion_is_an_event(book: Book) -> None:
    """It says who, why, and which questions were withdrawn with the session, by name; nothing is removed."""
    session = await book.saved(title="t")
    session.add_message(Message.user("one"))
    session.ask("call_1", "Which?")
    session.answer(session.ask("call_2", "And?"), "yes")
    await book.save(session)

    assert await book.delete("s1", reason="asked to", writer="ui", authority="user")

    tombstone = (await book.history("s1"))[2]
    assert ("deleted", 3, 2) == (tombstone.kind, tombstone.version, tombstone.base_version)
    assert ("ui", "user") == (tombstone.writer, tombstone.authority)
    assert [("question_withdrawn", "call_1#0"), ("session_deleted", None)] == [
        (change.type, getattr(change, "question_id", None)) for change in tombstone.changes
    ]
    assert "asked to" == tombstone.changes[1].reason
    assert {"call_1#0": ("withdrawn", "asked to", "ui"), "call_2#0": ("answered", None, "support-bot")} == {
        record.id: (str(record.status), record.reason, record.resolved_by) for record in await book.questions("s1")
    }


async def test_after_a_deletion_only_the_past_is_found(book: Book) -> None:
    """Loads, the catalog, and whatever needs the head find nothing; every version before still loads."""
    session = await book.saved()
    session.add_message(Message.user("one"))
    await book.save(session)
    await book.delete("s1")

    with pytest.raises(SessionDeleted, match="deleted at version 3") as caught:
        await book.load("s1")
    assert isinstance(caught.value, SessionNotFound)
    assert ("s1", 3) == (caught.value.session_id, caught.value.version)
    for at in (3, "3"):
        with pytest.raises(SessionDeleted):
            await book.load("s1", at=at)
    for call in (book.append("s1", Message.user("x")), book.answer("s1", "q", 1), book.update("s1", print)):
        with pytest.raises(SessionDeleted):
            await call
    assert [] == await book.sessions()
    assert [1, 2, 3] == await versions(book)
    assert session == await book.load("s1", at=2) == await book.load("s1", at=-1)


async def test_deleting_what_does_not_live_says_so(book: Book) -> None:
    """An unknown id, and one that was deleted before: `False`, and nothing is written."""
    assert not await book.delete("s1")
    await book.saved()
    assert await book.delete("s1")
    assert not await book.delete("s1")
    assert [1, 2] == await versions(book)


@pytest.mark.parametrize("alive_again", [False, True])
async def test_every_copy_from_before_a_deletion_is_refused(book: Book, *, alive_again: bool) -> None:
    """Also after the session lives again: what an old copy holds belongs to another life."""
    session = await book.saved()
    first = await book.load("s1")
    session.title = "x"
    await book.save(session)
    copies = [first, session, pickle.loads(pickle.dumps(session)), await book.load("s1", at=1)]  # noqa: S301
    await book.delete("s1")
    if alive_again:
        await book.create(Session.new("s1", "gpt-5"))
    before = await versions(book)

    for copy in copies:
        copy.add_message(message := Message.user("late"))
        held = copy.version
        with pytest.raises(SessionDeleted) as caught:
            await book.save(copy)
        assert 3 == caught.value.version
        assert (held, message) == (copy.version, copy.messages[-1])
    assert before == await versions(book)


async def test_a_fresh_session_does_not_raise_the_dead(book: Book) -> None:
    """`save` alone never begins a new life; `create` does, and so does `load_or_create` with a save."""
    await book.saved()
    await book.delete("s1")

    with pytest.raises(SessionDeleted):
        await book.save(Session.new("s1", "gpt-5"))
    assert [1, 2] == await versions(book)


async def test_create_begins_a_new_life(book: Book) -> None:
    """It stands on the tombstone: versions run on, its base is the tombstone's, and nothing of before is in it."""
    old = await book.saved(title="old")
    old.add_message(Message.user("old"))
    old.ask("call_1", "Which?")
    old.state["x"] = 1
    await book.save(old)
    await book.delete("s1")
    fresh = Session.new("s1", "gpt-4", title="new")
    fresh.add_message(Message.user("new"))

    receipt = await book.create(fresh)

    assert (4, 3) == (receipt.version, receipt.base_version) == (fresh.version, 3)
    head = await book.load("s1")
    assert (head, 4) == (fresh, fresh.version)
    assert ("new", "gpt-4", ["new"]) == (head.title, head.model, [message.content for message in head.messages])
    assert ({}, {}, fresh.created_at) == (head.questions, head.state, head.created_at)
    assert old == await book.load("s1", at=2)
    assert 5 == (await book.save(fresh)).version
    assert (await book.verify()).ok


async def test_load_or_create_begins_a_new_life_when_it_is_saved(book: Book) -> None:
    """The fresh session carries the tombstone's version, so that two who do it at once meet there."""
    await book.saved(title="old")
    await book.delete("s1")
    fresh, other = [await book.load_or_create("s1", model="gpt-4") for _ in range(2)]
    assert (2, None, []) == (fresh.version, fresh.title, fresh.messages)
    assert [1, 2] == await versions(book)
    fresh.add_message(Message.user("one"))
    other.add_message(Message.user("two"))

    receipt, second = await book.save(fresh), await book.save(other)

    assert (3, 2) == (receipt.version, receipt.base_version)
    assert (4, 2) == (second.version, second.base_version)
    assert ["one", "two"] == [message.content for message in (await book.load("s1")).messages]
    assert 1 == sum(c.type == "session_created" for e in await book.history("s1", after=2) for c in e.changes)


async def test_load_or_create_gives_the_head_or_a_fresh_session(book: Book) -> None:
    """What lives is loaded, whatever model is named; what was never saved is made, and not saved yet."""
    session = await book.saved(title="t")

    assert session == await book.load_or_create("s1", model="gpt-4")
    fresh = await book.load_or_create("s2", model="gpt-4")
    assert ("s2", "gpt-4", 0) == (fresh.id, fresh.model, fresh.version)
    assert ["s1"] == [summary.id for summary in await book.sessions()]
    assert 1 == (await book.save(fresh)).version


async def test_a_very_stale_writer_sees_the_current_life_only(book: Book) -> None:
    """A session made by `new` over one that lives again meets nothing of the lives before."""
    old = await book.saved()
    old.ask("call_1", "Which?")
    old.messages.append(Message.user("old", id="m1"))
    await book.save(old)
    await book.delete("s1")
    await book.create(Session.new("s1", "gpt-5"))
    fresh = Session.new("s1", "gpt-5")
    fresh.messages.append(Message.user("new", id="m1"))
    fresh.ask("call_1", "Another?")

    receipt = await book.save(fresh)

    head = await book.load("s1")
    assert (5, 0, ()) == (receipt.version, receipt.base_version, receipt.overruled)
    assert (["new"], ["Another?"]) == (
        [message.content for message in head.messages],
        [question.text for question in head.pending_questions],
    )


async def test_a_session_may_live_many_times(book: Book) -> None:
    """Lives follow each other in one log, each loadable at its versions."""
    for life in range(4):
        await book.create(Session.new("s1", "gpt-5", title=f"life {life}"))
        assert await book.delete("s1")

    assert list(range(1, 9)) == await versions(book)
    assert [f"life {life}" for life in range(4)] == [
        (await book.load("s1", at=2 * life + 1)).title for life in range(4)
    ]
    for life in range(4):
        with pytest.raises(SessionDeleted):
            await book.load("s1", at=2 * life + 2)
    assert (await book.verify()).ok
