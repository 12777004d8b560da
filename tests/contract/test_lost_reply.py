"""A save whose reply was lost is found again by its event id, and never made twice."""

from __future__ import annotations

import copy
import logging

import pytest

from ledger import Message, Session, SessionDeleted, StorageError
from tests.contract.backends import on_files
from tests.contract.faces import Book, OpenBook, versions
from tests.contract.faults import refused_commit, unanswered_commit


async def unsure(book: Book) -> Session:
    """Save a session twice; the second save is stored, but its caller hears of an error."""
    session = Session.new("s1", "gpt-5")
    session.add_message(Message.user("one"))
    await book.save(session)
    session.add_message(Message.user("two"))
    session.ask("call_1", "Which?")
    with unanswered_commit(book), pytest.raises(StorageError):
        await book.save(session)
    return session


def contents(session: Session) -> list[str]:
    """Give what the messages say, in order."""
    return [message.content for message in session.messages]


async def test_saved_again_it_is_one_event(book: Book) -> None:
    """The next save of the object finds its event, gives its receipt, and brings the session to the head."""
    session = await unsure(book)
    assert (1, ["one", "two"]) == (session.version, contents(session))
    stored = (await book.history("s1"))[1]

    receipt = await book.save(session)

    assert (stored.version, stored.event_id, stored.digest) == (receipt.version, receipt.event_id, receipt.digest)
    assert [1, 2] == await versions(book)
    assert (2, await book.load("s1")) == (session.version, session)
    assert 3 == (await book.save(session)).version


async def test_a_first_save_whose_reply_was_lost_is_one_event(book: Book) -> None:
    """Also where nothing of the session was known before."""
    session = Session.new("s1", "gpt-5", title="x")
    session.add_message(Message.user("one"))
    with unanswered_commit(book), pytest.raises(StorageError):
        await book.save(session)

    receipt = await book.save(session)

    assert (1, [1], 1) == (receipt.version, await versions(book), session.version)


async def test_a_save_that_was_not_stored_is_made_by_the_next_one(book: Book) -> None:
    """The same error without the event: the session is as it was, and the next save stores all of it."""
    session = await book.saved()
    session.add_message(Message.user("two"))
    before = session.model_copy()
    with refused_commit(book), pytest.raises(StorageError):
        await book.save(session)
    assert [1] == await versions(book)
    assert (before, 1) == (session, session.version)
    session.add_message(Message.user("three"))

    receipt = await book.save(session)

    assert (2, 1) == (receipt.version, receipt.base_version)
    assert ["two", "three"] == contents(await book.load("s1"))


async def test_an_edit_made_since_that_does_not_stand_is_recorded(book: Book) -> None:
    """Where nothing of what was edited after the lost reply stands, an event says so all the same."""
    session = await book.saved()
    session.add_message(Message.user("mine", id="m2"))
    await book.save(session)
    other = await book.load("s1")
    other.messages[-1] = other.messages[-1].model_copy(update={"content": "theirs"})
    await book.save(other, writer="ui")
    session.state["step"] = 1
    with unanswered_commit(book), pytest.raises(StorageError):
        await book.save(session)
    session.messages.pop()

    receipt = await book.save(session)

    assert (5, 4, [("/messages/m2", "writer")]) == (
        receipt.version,
        receipt.base_version,
        [(overruled.path, overruled.side) for overruled in receipt.overruled],
    )
    assert "theirs" == (await book.load("s1")).messages[-1].content == session.messages[-1].content


async def test_edits_made_since_go_out_under_a_new_id(book: Book) -> None:
    """What was stored becomes the base; what was added afterwards is an event of its own."""
    session = await unsure(book)
    session.add_message(Message.user("three"))
    session.answer("call_1", "staging")

    receipt = await book.save(session)

    first, second, third = await book.history("s1")
    assert (3, 2) == (receipt.version, receipt.base_version) == (third.version, third.base_version)
    assert ["message_appended", "question_asked"] == [change.type for change in second.changes]
    assert ["message_appended", "question_answered"] == [change.type for change in third.changes]
    assert 3 == len({event.event_id for event in (first, second, third)})
    assert await book.load("s1") == session


async def test_it_is_found_behind_what_others_saved_since(book: Book) -> None:
    """The event is looked for among all that follow the base, before anything is rebased."""
    session = await unsure(book)
    other = await book.load("s1")
    other.add_message(Message.user("other"))
    await book.save(other, writer="other")

    receipt = await book.save(session)

    assert 2 == receipt.version
    assert [1, 2, 3] == await versions(book)
    assert ["one", "two", "other"] == contents(session)
    assert (3, await book.load("s1")) == (session.version, session)


async def test_edits_since_are_rebased_on_what_others_saved_since(book: Book) -> None:
    """The stored event is the base of the edits, not the version that the session still names."""
    session = await unsure(book)
    other = await book.load("s1")
    other.add_message(Message.user("other"))
    await book.save(other, writer="other")
    session.add_message(Message.user("three"))

    receipt = await book.save(session)

    assert (4, 2) == (receipt.version, receipt.base_version)
    assert ["one", "two", "other", "three"] == contents(await book.load("s1")) == contents(session)


async def test_it_is_found_where_a_version_was_expected(book: Book) -> None:
    """The retry of a save that demanded a version is no conflict with itself."""
    session = await book.saved()
    session.title = "x"
    with unanswered_commit(book), pytest.raises(StorageError):
        await book.save(session, expected_version=1)

    receipt = await book.save(session, expected_version=1)

    assert (2, [1, 2]) == (receipt.version, await versions(book))


async def test_it_is_found_where_it_was_to_create(book: Book) -> None:
    """The retry of a creation finds the session that it created."""
    session = Session.new("s1", "gpt-5")
    with unanswered_commit(book), pytest.raises(StorageError):
        await book.create(session)

    assert 1 == (await book.create(session)).version
    assert [1] == await versions(book)


async def test_it_is_found_with_its_key(book: Book) -> None:
    """Key or event id, the save is the same."""
    session = await book.saved()
    session.title = "x"
    with unanswered_commit(book), pytest.raises(StorageError):
        await book.save(session, key="k")

    assert 2 == (await book.save(session, key="k")).version
    assert 2 == (await book.save(session, key="k")).version
    assert [1, 2] == await versions(book)


async def test_it_is_found_after_a_deletion(book: Book) -> None:
    """What was stored before the session died was stored; what comes afterwards is refused."""
    session = await unsure(book)
    await book.delete("s1")

    assert 2 == (await book.save(session)).version
    session.title = "late"
    with pytest.raises(SessionDeleted):
        await book.save(session)
    assert [1, 2, 3] == await versions(book)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, Session.model_copy])
async def test_a_copy_knows_of_it(book: Book, copied: object) -> None:
    """A copy that is saved in the place of the original settles the same event."""
    session = await unsure(book)
    assert callable(copied)
    twin = copied(session)

    assert 2 == (await book.save(twin)).version
    assert 2 == (await book.save(session)).version
    assert [1, 2] == await versions(book)


async def test_many_lost_replies_are_one_event(book: Book) -> None:
    """However often the reply is lost, the save is made once."""
    session = await book.saved()
    session.title = "x"
    with unanswered_commit(book), pytest.raises(StorageError):
        await book.save(session)
    for _ in range(3):
        session.title += "y"
        with unanswered_commit(book), pytest.raises(StorageError):
            await book.save(session)

    receipt = await book.save(session)

    assert 5 == receipt.version
    titles = [change.title for event in await book.history("s1", after=1) for change in event.changes]
    assert ["x", "xy", "xyy", "xyyy"] == titles
    assert await book.load("s1") == session


async def test_a_batch_whose_reply_was_lost_is_stored_once(book: Book) -> None:
    """Each session of the batch finds its own event."""
    sessions = [Session.new(name, "gpt-5") for name in ("s1", "s2")]
    with unanswered_commit(book), pytest.raises(StorageError):
        await book.save_all(sessions)
    sessions[1].title = "edited since"

    receipts = await book.save_all(sessions)

    assert [1, 2] == [receipt.version for receipt in receipts]
    assert ([1], [1, 2]) == (await versions(book, "s1"), await versions(book, "s2"))


@on_files
async def test_after_an_io_error_the_database_is_opened_anew(
    open_book: OpenBook, caplog: pytest.LogCaptureFixture
) -> None:
    """What the connections held of the file is not trusted any more; then saving goes on, with nothing made twice."""
    book = await open_book()
    session = await book.saved()
    session.title = "x"
    with unanswered_commit(book, "disk I/O error"), pytest.raises(StorageError, match="disk"):
        await book.save(session)

    with caplog.at_level(logging.WARNING):
        receipt = await book.save(session)
        third = await book.save(session)

    assert (2, 3) == (receipt.version, third.version)
    assert 1 == sum("storage_reopened" in record.getMessage() for record in caplog.records)
    assert (await book.verify()).ok
