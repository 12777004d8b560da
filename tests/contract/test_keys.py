"""An idempotency key makes a retry from anywhere safe: the same key and content is one save."""

from __future__ import annotations

import pickle

import pytest

from ledger import IdempotencyConflict, InvalidSession, Message, Receipt, Session, VersionConflict
from tests.contract.backends import on_durable
from tests.contract.faces import Book, OpenBook, versions


def turn(session_id: str = "s1", content: str = "Deploy it") -> Session:
    """Make the session that a process makes anew when it is started again."""
    session = Session.new(session_id, "gpt-5")
    session.add_message(Message.user(content))
    session.ask("call_1", "Which environment?")
    return session


@on_durable
async def test_a_retry_from_another_process_is_the_same_save(open_book: OpenBook) -> None:
    """The first receipt comes back, the log holds one event, and the retry's session is at the head."""
    one, two = await open_book(), await open_book(writer="started again")
    first = turn()
    receipt = await one.save(first, key="turn-1")

    again = turn()
    assert again.messages[0].id != first.messages[0].id
    retried = await two.save(again, key="turn-1")

    assert receipt == retried
    assert [1] == await versions(two)
    assert first == again
    assert first.messages[0].id == again.messages[0].id


async def test_a_retry_is_brought_to_the_head_that_others_made(book: Book) -> None:
    """The retry's receipt is the first one's; its session holds what was saved since."""
    receipt = await book.save(turn(), key="turn-1")
    await book.append("s1", Message.assistant("On it"))
    again = turn()

    assert receipt == await book.save(again, key="turn-1")
    assert (2, await book.load("s1")) == (again.version, again)
    again.title = "more"
    assert 3 == (await book.save(again)).version


async def test_other_content_under_the_key_is_a_conflict(book: Book) -> None:
    """Nothing is written, the session is as it was, and the error says which version the key stands for."""
    await book.save(turn(), key="turn-1")
    other = turn(content="Delete it")
    before = other.model_copy()

    with pytest.raises(IdempotencyConflict, match=r"turn-1.*version 1") as caught:
        await book.save(other, key="turn-1")

    assert ("s1", "turn-1", 1) == (caught.value.session_id, caught.value.key, caught.value.version)
    assert [1] == await versions(book)
    assert (before, 0) == (other, other.version)


async def test_a_stale_retry_of_the_same_edit_is_the_same_save(book: Book) -> None:
    """The content is what was submitted, whatever it was rebased on, and whatever base the retry has."""
    session = await book.saved()
    copies = [pickle.dumps(session) for _ in range(2)]
    await book.append("s1", Message.user("in between"))
    first, again = (pickle.loads(copy) for copy in copies)  # noqa: S301 - made two lines above
    first.title = again.title = "same"
    receipt = await book.save(first, key="rename")

    assert receipt == await book.save(again, key="rename")
    newest = await book.load("s1", at=2)
    newest.title = "same"
    assert receipt == await book.save(newest, key="rename")
    assert [1, 2, 3] == await versions(book)


async def test_a_key_is_the_sessions_own(book: Book) -> None:
    """The same key in two sessions is two keys."""
    await book.save(turn("s1"), key="turn-1")
    await book.save(turn("s2", "something else"), key="turn-1")

    assert ({"turn-1": 1}, {"turn-1": 1}, {}) == tuple([await book.keys(name) for name in ("s1", "s2", "s3")])


async def test_the_key_is_in_the_event_and_names_its_version(book: Book) -> None:
    """Keys are part of the record, and of the ways to name a revision."""
    session = turn()
    await book.save(session, key="turn-1")
    session.title = "x"
    await book.save(session)
    await book.save(session, key="turn-3")

    assert ["turn-1", None, "turn-3"] == [event.key for event in await book.history("s1")]
    assert {"turn-1": 1, "turn-3": 3} == await book.keys("s1")
    assert 3 == (await book.load("s1", at="key:turn-3")).version


async def test_the_unchanged_object_saved_again_with_its_key_is_a_retry(book: Book) -> None:
    """Whoever repeats a call because the answer was late does not know that it went through."""
    session = turn()
    receipt = await book.save(session, key="turn-1")

    assert receipt == await book.save(session, key="turn-1")
    assert [1] == await versions(book)
    assert 1 == session.version


async def test_the_changed_object_saved_with_its_old_key_is_a_conflict(book: Book) -> None:
    """What was added since is other content; it is neither lost nor taken for the first save."""
    session = turn()
    await book.save(session, key="turn-1")
    session.add_message(Message.user("more"))

    with pytest.raises(IdempotencyConflict):
        await book.save(session, key="turn-1")
    assert 2 == (await book.save(session, key="turn-2")).version


async def test_the_key_is_looked_up_before_expected_version(book: Book) -> None:
    """A retry of a save that demanded a version finds its own event there, and no conflict."""
    first, again = turn(), turn()
    receipt = await book.save(first, key="turn-1", expected_version=0)

    assert receipt == await book.save(again, key="turn-1", expected_version=0)
    with pytest.raises(VersionConflict):
        await book.save(turn(), key="turn-2", expected_version=0)


async def test_the_key_is_looked_up_before_the_deletion(book: Book) -> None:
    """A retry of what was saved before the session died gets its receipt; what it saves next is refused."""
    first, again = turn(), turn()
    receipt = await book.save(first, key="turn-1")
    await book.delete("s1")

    assert receipt == await book.save(again, key="turn-1")
    assert receipt == await book.create(turn(), key="turn-1")
    assert [1, 2] == await versions(book)
    assert (1, ["Deploy it"]) == (again.version, [message.content for message in again.messages])
    again.title = "x"
    with pytest.raises(LookupError):
        await book.save(again)


async def test_the_key_is_looked_up_before_the_guard(book: Book) -> None:
    """A retry of a save that omitted a question gets its receipt, however it asks about omissions."""
    session = turn()
    await book.save(session)
    retry = await book.load("s1")
    session.questions.clear()
    retry.questions.clear()
    receipt = await book.save(session, key="k")

    assert receipt == await book.save(retry, key="k", on_omission="raise")
    assert ("call_1#0",) == receipt.omissions


async def test_create_with_a_key_may_be_repeated(book: Book) -> None:
    """The retry of a creation is no second creation."""
    receipt = await book.create(turn(), key="new")

    assert receipt == await book.create(turn(), key="new")
    assert [1] == await versions(book)


async def test_a_key_stands_for_one_verb(book: Book) -> None:
    """An append under the key of a save is other content, even if the message is the same."""
    session = await book.saved()
    message = Message.user("hello")
    session.messages.append(message)
    await book.save(session, key="k")

    with pytest.raises(IdempotencyConflict):
        await book.append("s1", message, key="k")
    with pytest.raises(IdempotencyConflict):
        await book.delete("s1", key="k")
    assert [1, 2] == await versions(book)


async def test_append_is_compared_by_its_arguments(book: Book) -> None:
    """A repeated append adds its messages once, also with fresh ids and after others saved; others are a conflict."""
    await book.saved()
    receipt = await book.append("s1", Message.user("hello"), key="k")
    await book.append("s1", Message.assistant("hi"))

    assert receipt == await book.append("s1", Message.user("hello"), key="k")
    assert ["hello", "hi"] == [message.content for message in (await book.load("s1")).messages]
    with pytest.raises(IdempotencyConflict):
        await book.append("s1", Message.user("hello"), Message.user("there"), key="k")


async def test_answer_is_compared_by_its_arguments(book: Book) -> None:
    """A repeated answer is no second answer; another one under the same key is a conflict."""
    await book.save(turn())
    receipt = await book.answer("s1", "call_1#0", "staging", key="k")

    assert receipt == await book.answer("s1", "call_1#0", "staging", key="k")
    with pytest.raises(IdempotencyConflict):
        await book.answer("s1", "call_1#0", "prod", key="k")
    assert [1, 2] == await versions(book)


async def test_update_with_a_known_key_does_not_mutate(book: Book) -> None:
    """The key is looked up before anything is loaded or changed."""
    await book.saved()
    ran: list[int] = []

    def rename(session: Session) -> None:
        ran.append(session.version)
        session.title = "renamed"

    receipt = await book.update("s1", rename, key="k")

    assert receipt == await book.update("s1", rename, key="k")
    assert [1] == ran


async def test_delete_with_a_key_may_be_repeated(book: Book) -> None:
    """Repeated, it gives what the first call gave, and does not kill the life that began since."""
    await book.save(turn())
    assert await book.delete("s1", key="bye")
    await book.create(turn())

    assert await book.delete("s1", key="bye")
    assert 3 == (await book.load("s1")).version
    with pytest.raises(IdempotencyConflict):
        await book.delete("s1", key="bye", reason="another")


async def test_save_all_takes_a_key_for_each(book: Book) -> None:
    """A repeated batch is one batch; a batch that is half new is completed."""
    receipts = await book.save_all([turn("s1"), turn("s2")], key="batch")

    again = await book.save_all([turn("s1"), turn("s2"), turn("s3")], key="batch")

    assert receipts == again[:2]
    assert [1, 1, 1] == [receipt.version for receipt in again]
    assert [[1], [1], [1]] == [await versions(book, name) for name in ("s1", "s2", "s3")]


@pytest.mark.parametrize("key", ["", "a\0b", "\ud800"])
async def test_a_key_that_cannot_be_stored_is_refused(book: Book, key: str) -> None:
    """Before anything is written, and naming what is wrong."""
    with pytest.raises(InvalidSession, match="/key"):
        await book.save(turn(), key=key)
    assert [] == await book.sessions()


async def test_receipts_are_values(book: Book) -> None:
    """A receipt can be kept anywhere and read back."""
    receipt = await book.save(turn(), key="k")

    assert receipt == Receipt.model_validate_json(receipt.model_dump_json()) == pickle.loads(pickle.dumps(receipt))  # noqa: S301
