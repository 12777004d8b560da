"""The clarification guard: a pending question leaves the open set only with a reason that the log records."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from ledger import Message, QuestionOmittedError, Session
from tests.contract.faces import Book, versions


async def ask(book: Book) -> Session:
    """Save a session that waits for an answer."""
    session = Session.new("s1", "gpt-5")
    session.ask("call_1", "Which environment?")
    await book.save(session)
    return session


async def test_a_question_that_vanished_stays_pending(book: Book, caplog: pytest.LogCaptureFixture) -> None:
    """By default the omission is recorded and warned of, and the question is put back into the caller's session."""
    session = await ask(book)
    session.questions.clear()
    session.add_message(Message.assistant("I go on"))

    with caplog.at_level(logging.WARNING):
        receipt = await book.save(session, writer="scheduler")

    assert ("call_1#0",) == receipt.omissions
    assert ["call_1#0"] == [question.id for question in session.pending_questions]
    assert session == await book.load("s1")
    assert {"question_omitted", "message_appended"} == {c.type for c in (await book.history("s1"))[1].changes}
    (record,) = caplog.records
    for said in ("question_omitted", "s1", "2", "scheduler", "call_1#0"):
        assert said in record.getMessage()


async def test_an_omission_can_be_refused(book: Book) -> None:
    """With `on_omission="raise"` nothing is written, and the session is as it was."""
    session = await ask(book)
    session.questions.clear()
    session.title = "mine"

    with pytest.raises(QuestionOmittedError, match="call_1#0") as caught:
        await book.save(session, on_omission="raise")

    assert ("s1", ("call_1#0",)) == (caught.value.session_id, caught.value.question_ids)
    assert [1] == await versions(book)
    assert ({}, "mine", 1) == (session.questions, session.title, session.version)


async def test_an_importer_may_lose_a_question(book: Book) -> None:
    """With `on_omission="lose"` the log says that the other store lost it, and later that it was recovered."""
    session = await ask(book)
    session.questions.clear()

    receipt = await book.save(session, on_omission="lose")

    assert () == receipt.omissions
    assert ["question_lost"] == [change.type for change in (await book.history("s1"))[1].changes]
    assert "lost" == session.questions["call_1#0"].status
    assert [] == session.pending_questions

    session.recover("call_1#0")
    await book.save(session)

    assert ["question_recovered"] == [change.type for change in (await book.history("s1"))[2].changes]
    assert "pending" == (await book.load("s1")).questions["call_1#0"].status


@pytest.mark.parametrize("on_omission", ["keep", "raise", "lose"])
async def test_what_was_resolved_meanwhile_is_not_missed(book: Book, on_omission: str) -> None:
    """The guard runs after the rebase, on questions still pending at the head."""
    stale = await ask(book)
    other = await book.load("s1")
    other.answer("call_1", "staging")
    await book.save(other)
    stale.questions.clear()

    receipt = await book.save(stale, on_omission=on_omission)

    assert () == receipt.omissions
    assert "answered" == stale.questions["call_1#0"].status
    assert () == (await book.history("s1"))[2].changes


@pytest.mark.parametrize("on_omission", ["keep", "raise", "lose"])
async def test_what_the_writer_never_had_it_cannot_omit(book: Book, on_omission: str) -> None:
    """A copy from before the question does not know of it, so its save says nothing about it."""
    session = await book.saved()
    stale = await book.load("s1")
    session.ask("call_1", "Which?")
    await book.save(session)
    stale.add_message(Message.user("hello"))

    receipt = await book.save(stale, on_omission=on_omission)

    assert () == receipt.omissions
    assert ["call_1#0"] == [question.id for question in stale.pending_questions]


ENDS: dict[str, Callable[[Session], object]] = {
    "answered": lambda session: session.answer("call_1", "staging", by="ada"),
    "withdrawn": lambda session: session.withdraw("call_1", "not needed", by="ada"),
    "superseded": lambda session: session.ask("call_2", "Which region?", supersedes="call_1"),
    "expired": lambda session: session.expire("call_1", by="ada"),
}


@pytest.mark.parametrize("status", ENDS)
async def test_every_explicit_end_satisfies_the_guard(book: Book, status: str) -> None:
    """An answer, a withdrawal, a supersession and an expiry are reasons."""
    session = await ask(book)
    ENDS[status](session)

    receipt = await book.save(session, on_omission="raise")

    assert () == receipt.omissions
    head = await book.load("s1")
    assert status == head.questions["call_1#0"].status
    assert session == head


async def test_a_resolved_question_that_was_dropped_is_put_back_without_a_word(book: Book) -> None:
    """Dropping what is answered is no omission, and no change either."""
    session = await ask(book)
    session.answer("call_1", "staging")
    await book.save(session)
    session.questions.clear()

    receipt = await book.save(session, on_omission="raise")

    assert () == receipt.omissions == (await book.history("s1"))[2].changes
    assert "staging" == session.questions["call_1#0"].answer


async def test_a_tool_message_does_not_answer_a_question(book: Book) -> None:
    """A result that merely names the call leaves the question pending; only the verb answers."""
    session = await ask(book)
    session.add_message(Message.tool("ok", "call_1", success=True))

    await book.save(session)

    assert ["call_1#0"] == [question.id for question in (await book.load("s1")).pending_questions]


async def test_several_omissions_are_all_named(book: Book) -> None:
    """One save can omit several, each of which is kept by name; the rest of the save stands."""
    session = await ask(book)
    session.ask("call_1", "Which region?")
    session.ask("call_2", "When?")
    await book.save(session)
    del session.questions["call_1#0"], session.questions["call_2#0"]

    receipt = await book.save(session)

    assert {"call_1#0", "call_2#0"} == set(receipt.omissions)
    assert ["call_1#0", "call_1#1", "call_2#0"] == list((await book.load("s1")).questions)
    assert {"call_1#0", "call_1#1", "call_2#0"} == {question.id for question in session.pending_questions}
