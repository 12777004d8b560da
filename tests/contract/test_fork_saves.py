"""A fork is saved as any session is: rebased on its own head, and guarded, with all that it took over."""

from __future__ import annotations

import pytest

from ledger import Message, Session, VersionConflict
from tests.contract.asking import asked
from tests.contract.faces import Book


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
