"""What a UI or a tool does without holding a session: update, append, answer."""

from __future__ import annotations

import pytest

from ledger import (
    InvalidSession,
    Message,
    QuestionNotPending,
    Session,
    SessionNotFound,
    VersionConflict,
)
from tests.contract.faces import Book, versions


async def test_update_changes_the_head(book: Book) -> None:
    """Load, change and save are one step; its keywords are those of a save."""
    session = await book.saved()
    session.add_message(Message.user("one"))
    await book.save(session)

    receipt = await book.update(
        "s1", lambda session: setattr(session, "title", "Deployment"), writer="ui", authority="user"
    )

    event = (await book.history("s1"))[2]
    assert (3, 2) == (receipt.version, receipt.base_version)
    assert ("ui", "user", ["title_changed"]) == (event.writer, event.authority, [c.type for c in event.changes])
    assert "Deployment" == (await book.load("s1")).title


async def test_update_begins_anew_when_another_came_between(book: Book) -> None:
    """`mutate` runs again, on what the other left, and the event's base is the head that it saw."""
    await book.saved(state={})
    seen: list[int] = []

    def count(session: Session) -> None:
        seen.append(session.version)
        if len(seen) < 3:
            other = book.sync.load("s1")
            other.state["n"] = other.state.get("n", 0) + 10
            book.sync.save(other)
        session.state["n"] = session.state.get("n", 0) + 1

    receipt = await book.update("s1", count)

    assert [1, 2, 3] == seen
    assert (4, 3) == (receipt.version, receipt.base_version)
    assert {"n": 21} == (await book.load("s1")).state


async def test_update_gives_up_in_the_end(book: Book) -> None:
    """Where every try is lost to another's save, the caller is told what stood in the way."""
    await book.saved()
    ran: list[int] = []

    def overtaken(session: Session) -> None:
        ran.append(session.version)
        book.sync.append("s1", Message.user("faster"))
        session.title = "never"

    with pytest.raises(VersionConflict):
        await book.update("s1", overtaken)

    assert 1 < len(ran) <= 100
    head = await book.load("s1")
    assert (None, len(ran)) == (head.title, len(head.messages))


async def test_what_mutate_raises_reaches_the_caller(book: Book) -> None:
    """And nothing was saved."""
    await book.saved()

    def fail(session: Session) -> None:
        session.title = "never"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await book.update("s1", fail)
    assert [1] == await versions(book)


async def test_an_async_mutate_is_awaited_where_it_can_be(book: Book, face: str) -> None:
    """The async face awaits it; the sync one refuses it in words, and saves nothing."""
    await book.saved()

    async def rename(session: Session) -> None:
        session.title = "awaited"

    if face == "async":
        await book.update("s1", rename)
        assert "awaited" == (await book.load("s1")).title
    else:
        with pytest.raises(TypeError, match="AsyncLedger"):
            await book.update("s1", rename)
        assert [1] == await versions(book)


async def test_append_adds_messages_behind_whatever_is_there(book: Book) -> None:
    """The caller need not know what was said before."""
    await book.saved()
    await book.append("s1", Message.user("one"))

    receipt = await book.append("s1", Message.user("two"), Message.assistant("three"), writer="tool")

    assert 3 == receipt.version
    assert ["one", "two", "three"] == [message.content for message in (await book.load("s1")).messages]
    assert "tool" == (await book.history("s1"))[2].writer


async def test_append_of_the_same_message_adds_it_once(book: Book) -> None:
    """Same id and content is one message; another content under that id is refused."""
    await book.saved()
    message = Message.user("one", id="m1")
    await book.append("s1", message)

    await book.append("s1", message, Message.user("two", id="m2"))

    assert ["m1", "m2"] == [message.id for message in (await book.load("s1")).messages]
    with pytest.raises(InvalidSession, match="twice"):
        await book.append("s1", Message.user("another", id="m1"))
    assert [1, 2, 3] == await versions(book)


async def test_answer_answers_a_pending_question(book: Book) -> None:
    """By its id, or by a call that has one pending; who answered is recorded, by default the writer."""
    session = await book.saved()
    session.ask("call_1", "Which?")
    session.ask("call_2", "And?")
    await book.save(session)

    receipt = await book.answer("s1", "call_1#0", "staging", by="ada", writer="ui", authority="user")
    await book.answer("s1", "call_2", ["a", 1], writer="ui")

    assert (3, 2) == (receipt.version, receipt.base_version)
    first, second = await book.questions("s1")
    assert ("staging", "ada", 3) == (first.answer, first.resolved_by, first.resolved_version)
    assert (["a", 1], "ui", 4) == (second.answer, second.resolved_by, second.resolved_version)


async def test_of_two_answers_the_first_stands_and_the_second_caller_is_told(book: Book) -> None:
    """A question is answered once."""
    session = await book.saved()
    session.ask("call_1", "Which?")
    await book.save(session)
    await book.answer("s1", "call_1#0", "staging")

    with pytest.raises(QuestionNotPending, match="answered") as caught:
        await book.answer("s1", "call_1#0", "prod")

    assert ("s1", "call_1#0", "answered") == (caught.value.session_id, caught.value.question, caught.value.status)
    assert "staging" == (await book.load("s1")).questions["call_1#0"].answer
    assert [1, 2, 3] == await versions(book)


async def test_a_question_that_was_never_asked_cannot_be_answered(book: Book) -> None:
    """Nor one of several that a call has open, unless it is named."""
    session = await book.saved()
    session.ask("call_1", "Which?")
    session.ask("call_1", "And?")
    await book.save(session)

    with pytest.raises(QuestionNotPending, match="no such question"):
        await book.answer("s1", "call_9", "x")
    with pytest.raises(QuestionNotPending, match="call_1#0, call_1#1"):
        await book.answer("s1", "call_1", "x")
    assert [1, 2] == await versions(book)


async def test_an_unknown_session_is_not_found(book: Book) -> None:
    """None of the three makes a session."""
    for call in (
        book.update("nobody", print),
        book.append("nobody", Message.user("x")),
        book.answer("nobody", "q", "x"),
        book.update("nobody", print, key="k"),
        book.append("nobody", Message.user("x"), key="k"),
    ):
        with pytest.raises(SessionNotFound):
            await call
    assert [] == await book.sessions()


async def test_they_take_the_keywords_of_a_save(book: Book) -> None:
    """What cannot be saved is refused as in a save, and their own rule about versions cannot be overridden twice."""
    await book.saved()
    with pytest.raises(InvalidSession):
        await book.append("s1", Message.user("x"), writer="")
    with pytest.raises(InvalidSession):
        await book.update("s1", lambda session: session.state.update(x=float("nan")))
    with pytest.raises(VersionConflict):
        await book.append("s1", Message.user("x"), expected_version=7)
    with pytest.raises(TypeError):
        await book.save(await book.load("s1"), nonsense=1)
    assert [1] == await versions(book)
