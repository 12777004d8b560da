"""A fork starts from the state of another session, by one event, and goes its own way from there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ledger import (
    InvalidRevision,
    InvalidSession,
    Message,
    Session,
    SessionDeleted,
    SessionExists,
    SessionNotFound,
    StorageError,
    VersionNotFound,
)
from tests.contract.asking import asked, content
from tests.contract.backends import on_durable
from tests.contract.faces import Book, OpenBook, versions
from tests.contract.faults import unanswered_commit


async def test_a_fork_holds_what_the_session_holds(book: Book) -> None:
    """From the head, and from every version, whatever names it; it says where it comes from."""
    parent = await asked(book)
    digests = [event.digest for event in await book.history("s1")]

    head = await book.fork("s1", "head")
    assert content(parent) == content(head)

    for number, at in enumerate((None, 1, "2", -1, "q:call_1#0")):
        child = await book.fork("s1", f"child-{number}", at=at)
        then = await book.load("s1", at)

        assert (f"child-{number}", 1) == (child.id, child.version)
        assert content(then) == content(child)
        assert {"session_id": "s1", "version": then.version, "digest": digests[then.version - 1]} == child.forked_from
        assert child == await book.load(child.id)


async def test_a_fork_is_one_event(book: Book) -> None:
    """It names what it starts from, and who forked; the log of the parent is as it was."""
    await asked(book)
    before = await book.history("s1")

    child = await book.fork("s1", "child", at=2, writer="ui", authority="user")

    (event,) = await book.history("child")
    assert (1, 0, "ui", "user", "saved") == (
        event.version, event.base_version, event.writer, event.authority, event.kind,
    )  # fmt: skip
    assert {
        "type": "session_forked",
        "session_id": "child",
        "from_session_id": "s1",
        "from_version": 2,
        "from_digest": before[1].digest,
    } == event.changes[0].model_dump(exclude={"created_at"})
    assert 1 == len(event.changes)
    assert (child.created_at, child.updated_at) == (event.changes[0].created_at, event.recorded_at)
    assert before == await book.history("s1")
    assert ["s1"] * 4 + ["child"] == [item.session_id for item in await book.feed()]


async def test_who_forks_is_the_ledgers_writer_unless_told(book: Book) -> None:
    """As for every save."""
    await book.saved()
    await book.fork("s1", "child")

    assert ("support-bot", "runtime") == ((await book.history("child"))[0].writer, "runtime")


async def test_what_is_saved_in_one_never_shows_in_the_other(book: Book) -> None:
    """Both go on from the same state, each for itself."""
    parent = await asked(book)
    child = await book.fork("s1", "child", at=3)
    child.add_message(Message.user("Only here"))
    child.metadata["tags"].append("b")
    child.state["step"]["at"] = 4
    await book.save(child)
    parent.messages.clear()
    await book.save(parent)

    assert parent == await book.load("s1")
    assert child == await book.load("child")
    assert (["m1"], ["a", "b"], None) == (
        [message.id for message in child.messages[:-1]], child.metadata["tags"], child.title,
    )  # fmt: skip
    assert ([], ["a"]) == (parent.messages, parent.metadata["tags"])
    assert [1, 2] == await versions(book, "child")


async def test_a_question_that_was_open_is_open_again(book: Book) -> None:
    """In a fork from before the answer it is answered on its own, whatever was answered elsewhere."""
    await asked(book)

    child = await book.fork("s1", "child", at="q:call_1#0")
    assert "Which environment?" == child.pending_question.text
    assert ("call_1#0",) == (await book.head("child")).open_questions

    await book.answer("child", "call_1#0", "prod")

    assert "prod" == (await book.load("child")).questions["call_1#0"].answer
    assert "staging" == (await book.load("s1")).questions["call_1#0"].answer
    assert () == (await book.head("child")).open_questions


async def test_the_copy_that_fork_gives_is_saved_as_any_other(book: Book) -> None:
    """Its base is the fork, so its first save is not stale."""
    await asked(book)
    child = await book.fork("s1", "child")
    child.title = "Again"
    receipt = await book.save(child, expected_version=1)

    assert (2, 1) == (receipt.version, receipt.base_version)
    assert ["title_changed"] == [change.type for change in (await book.history("child"))[1].changes]


async def test_an_id_that_lives_is_refused(book: Book) -> None:
    """Another session, a fork, and the session itself: nothing is written."""
    await asked(book)
    await book.fork("s1", "child")

    for taken, version in (("s1", 4), ("child", 1)):
        with pytest.raises(SessionExists, match=f"{taken} exists already, at version {version}") as caught:
            await book.fork("s1", taken, at=1)
        assert (taken, version, False) == (caught.value.session_id, caught.value.version, caught.value.deleted)
    assert 5 == len(await book.feed())


async def test_the_id_of_a_deleted_session_is_refused(book: Book) -> None:
    """Its log is there still, and a fork begins a log of its own."""
    await book.saved()
    await book.saved("gone")
    await book.delete("gone")

    with pytest.raises(SessionExists, match="gone was deleted at version 2, and its log stays") as caught:
        await book.fork("s1", "gone")

    assert caught.value.deleted
    assert [1, 2] == await versions(book, "gone")


async def test_a_deleted_session_is_forked_where_it_lived(book: Book) -> None:
    """A version from before the deletion still loads, so it can be gone on from; the deletion cannot."""
    await asked(book)
    await book.delete("s1")

    for at in (None, 5, "5"):
        with pytest.raises(SessionDeleted, match="deleted at version 5"):
            await book.fork("s1", "child", at=at)

    assert await book.head("child") is None
    child = await book.fork("s1", "child", at=4)
    assert ("Deployment", 4) == (child.title, child.forked_from["version"])


async def test_what_cannot_be_found_cannot_be_forked(book: Book) -> None:
    """The errors are those of `load`, and nothing is written."""
    await book.saved()

    with pytest.raises(SessionNotFound):
        await book.fork("nobody", "child")
    for at in (0, 2, "q:call_1#0", "key:k"):
        with pytest.raises(VersionNotFound):
            await book.fork("s1", "child", at=at)
    with pytest.raises(InvalidRevision):
        await book.fork("s1", "child", at="soon")
    assert 1 == len(await book.feed())


@pytest.mark.parametrize("new_id", ["", "a\0b", "\ud800", 7, None])
async def test_an_id_that_no_session_can_have_is_refused(book: Book, new_id: Any) -> None:
    """As a save refuses it, naming the place."""
    await book.saved()

    with pytest.raises(InvalidSession) as caught:
        await book.fork("s1", new_id)

    assert ("/id", new_id) == (caught.value.path, caught.value.session_id)
    assert 1 == len(await book.feed())


async def test_a_writer_that_cannot_be_stored_is_refused(book: Book) -> None:
    """As a save refuses it."""
    await book.saved()

    for keywords in ({"writer": ""}, {"writer": 7}, {"authority": "root"}):
        with pytest.raises(InvalidSession):
            await book.fork("s1", "child", **keywords)
    assert 1 == len(await book.feed())


async def test_deleting_the_parent_does_not_touch_the_fork(book: Book) -> None:
    """Its events stay, and so does everything that was forked from them."""
    await asked(book)
    child = await book.fork("s1", "child", at=2)
    await book.delete("s1")

    assert child == await book.load("child")
    assert "s1@2" == str(await book.locate("child", "q:call_1#0"))
    assert (await book.verify()).ok
    await book.create(Session.new("s1", "gpt-6"))
    assert child == await book.load("child")
    assert [("child", 1, 1), ("s1", 0, 0)] == sorted(
        (line.id, line.messages, line.pending_questions) for line in await book.sessions()
    )


async def test_a_deleted_fork_is_deleted_as_any_other(book: Book) -> None:
    """Its open questions are withdrawn in it alone; created anew, it is an ordinary session."""
    await asked(book)
    child = await book.fork("s1", "child", at=2)
    await book.delete("child", reason="wrong turn")

    with pytest.raises(SessionDeleted):
        await book.load("child")
    assert ["withdrawn"] == [str(record.status) for record in await book.questions("child")]
    with pytest.raises(SessionDeleted):
        await book.save(child)

    again = Session.new("child", "gpt-6")
    await book.create(again)

    assert (3, None, []) == (again.version, again.forked_from, again.messages)
    assert again == await book.load("child")
    assert content(child) == content(await book.load("child", 1))
    stale = Session.new("child", "gpt-6")
    stale.add_message(Message.user("late"))
    await book.save(stale)
    assert ["late"] == [message.content for message in (await book.load("child")).messages]
    assert (await book.verify()).ok


async def test_of_many_who_fork_onto_one_id_one_does(book: Book) -> None:
    """The others are told that it exists; there is one event, and it is the winner's."""
    await asked(book)

    def fork(number: int) -> int | None:
        try:
            book.sync.fork("s1", "child", at=number % 4 + 1, writer=f"writer-{number}")
        except SessionExists:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        won = [number for number in pool.map(fork, range(16)) if number is not None]

    (event,) = await book.history("child")
    assert [event.writer] == [f"writer-{number}" for number in won]


async def test_a_fork_whose_reply_was_lost_is_there(book: Book) -> None:
    """Nobody can know at the time; trying again says so, and nothing is there twice."""
    await asked(book)
    with unanswered_commit(book), pytest.raises(StorageError):
        await book.fork("s1", "child", at=2)

    with pytest.raises(SessionExists):
        await book.fork("s1", "child", at=2)
    assert [1] == await versions(book, "child")
    assert (await book.load("child")).pending_question is not None


@on_durable
async def test_a_fork_is_there_for_everyone(book: Book, open_book: OpenBook) -> None:
    """Durable like a save: another ledger on the same database loads it."""
    await asked(book)
    child = await book.fork("s1", "child", at=2)
    other = await open_book()

    assert child == await other.load("child")
    assert (await other.verify()).ok
