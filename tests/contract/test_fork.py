"""A fork starts from the state of another session, by one event, and goes its own way from there."""

from __future__ import annotations

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
    VersionConflict,
    VersionNotFound,
)
from tests.contract.backends import on_durable
from tests.contract.faces import Book, OpenBook, versions


async def asked(book: Book, session_id: str = "s1") -> Session:
    """Save four versions: a message, a question, its answer, a title."""
    session = Session.new(session_id, "gpt-5", metadata={"tags": ["a"]})
    session.add_message(Message.user("Deploy it", id="m1"))
    await book.save(session)
    session.ask("call_1", "Which environment?", options=["staging", "prod"])
    await book.save(session, writer="planner")
    session.answer("call_1", "staging")
    session.state["step"] = {"at": 3}
    await book.save(session)
    session.title = "Deployment"
    await book.save(session, writer="ui", authority="user")
    return session


def content(session: Session) -> dict[str, Any]:
    """Give what a session holds, but for what says which one it is and of when."""
    own = {"id", "version", "forked_from", "created_at", "updated_at"}
    return {name: value for name, value in session.model_dump().items() if name not in own}


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


async def test_a_stale_save_of_a_fork_is_rebased(book: Book) -> None:
    """On the fork's own head, and on nothing of the parent's."""
    parent = await asked(book)
    await book.fork("s1", "child", at=3)
    one, other = await book.load("child"), await book.load("child")
    one.add_message(Message.user("one", id="one"))
    await book.save(one)
    parent.add_message(Message.user("elsewhere", id="elsewhere"))
    await book.save(parent)
    other.add_message(Message.user("other", id="other"))
    receipt = await book.save(other)

    assert (3, 1) == (receipt.version, receipt.base_version)
    assert ["m1", "one", "other"] == [message.id for message in other.messages]
    assert other == await book.load("child")


async def test_a_fresh_session_saved_over_a_fork_is_a_very_stale_writer(book: Book) -> None:
    """It finds what the fork took over as it finds what was saved in it: nothing of it is lost or doubled."""
    parent = await asked(book)
    child = await book.fork("s1", "child", at=4)
    fresh = Session.new("child", "gpt-6", title="Mine")
    fresh.messages.append(parent.messages[0])
    fresh.add_message(Message.user("late", id="late"))
    fresh.metadata["new"] = True
    receipt = await book.save(fresh)

    assert (2, 0) == (receipt.version, receipt.base_version)
    assert ["m1", "late"] == [message.id for message in fresh.messages]
    assert (child.title, child.model, ["a"], True) == (
        fresh.title, fresh.model, fresh.metadata["tags"], fresh.metadata["new"],
    )  # fmt: skip
    assert child.forked_from == fresh.forked_from
    assert fresh == await book.load("child")


async def test_who_wrote_before_the_fork_counts_in_it(book: Book) -> None:
    """A title that a user gave in the parent stands in the fork too, against a runtime that never saw it."""
    await asked(book)
    await book.fork("s1", "child")
    await book.fork("child", "grandchild")
    for session_id in ("child", "grandchild"):
        fresh = Session.new(session_id, "gpt-6")
        fresh.title = "Job 7"
        receipt = await book.save(fresh)

        assert "Deployment" == fresh.title
        assert [("writer", "/title", "Job 7")] == [
            (change.side, change.path, change.value) for change in receipt.overruled
        ]


async def test_another_life_of_the_parent_does_not_count_in_a_fork(book: Book) -> None:
    """Of the parent, a fork took over the life that it was forked from."""
    await asked(book)
    await book.delete("s1")
    await book.create(Session.new("s1", "gpt-6"))
    await book.fork("s1", "child")
    fresh = Session.new("child", "gpt-6")
    fresh.title = "Job 7"
    receipt = await book.save(fresh)

    assert ("Job 7", ()) == (fresh.title, receipt.overruled)
    assert 1 == (await book.head("child")).life
    assert (await book.verify()).ok


async def test_the_guard_holds_for_a_question_from_before_the_fork(book: Book) -> None:
    """A save of the fork that no longer holds it says nothing of it: it stays pending, and the omission is recorded."""
    await asked(book)
    child = await book.fork("s1", "child", at=2)
    child.questions.clear()
    receipt = await book.save(child)

    assert ("call_1#0",) == receipt.omissions
    assert child.questions["call_1#0"].is_pending
    (record,) = await book.questions("child")
    assert ("pending", [2]) == (str(record.status), [omission.version for omission in record.omissions])
    (other,) = await book.questions("s1")
    assert () == other.omissions


async def test_a_fork_without_its_base_takes_it_from_the_log(book: Book) -> None:
    """What went through JSON is saved from the version that it says."""
    await asked(book)
    child = await book.fork("s1", "child")
    child = Session.model_validate_json(child.model_dump_json())
    child.add_message(Message.user("from JSON", id="m2"))
    await book.save(child)

    assert ["m1", "m2"] == [message.id for message in (await book.load("child")).messages]


async def test_a_key_of_the_parent_is_free_in_the_fork(book: Book) -> None:
    """Keys are a session's own: a save with the same key is another save."""
    session = await book.saved()
    session.title = "one"
    await book.save(session, key="turn-1")
    child = await book.fork("s1", "child")
    child.title = "two"
    receipt = await book.save(child, key="turn-1")

    assert (2, {"turn-1": 2}) == (receipt.version, await book.keys("child"))


async def test_a_copy_of_the_parent_is_no_base_of_the_fork(book: Book) -> None:
    """A session that says another id is another session, which the log of the fork has not seen."""
    parent = await asked(book)
    await book.fork("s1", "child")
    copy = parent.model_copy(update={"id": "child"})
    copy.add_message(Message.user("late", id="late"))
    receipt = await book.save(copy)

    assert (2, 0) == (receipt.version, receipt.base_version)
    assert ["m1", "late"] == [message.id for message in copy.messages]
    with pytest.raises(VersionConflict):
        await book.save(copy, expected_version=1)


@on_durable
async def test_a_fork_is_there_for_everyone(book: Book, open_book: OpenBook) -> None:
    """Durable like a save: another ledger on the same database loads it."""
    await asked(book)
    child = await book.fork("s1", "child", at=2)
    other = await open_book()

    assert child == await other.load("child")
    assert (await other.verify()).ok
