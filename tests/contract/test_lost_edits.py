"""Edits that were made around a save whose reply was lost, or while it was under way, are never lost themselves."""

from __future__ import annotations

import pytest

from ledger import InvalidSession, Message, Session, StorageError
from tests.contract.faces import Book, versions
from tests.contract.faults import failing_statement, unanswered_commit


def contents(session: Session) -> list[str]:
    """Give what the messages say, in order."""
    return [message.content for message in session.messages]


async def test_a_retry_that_never_reached_the_log_does_not_stand_for_what_it_carried(book: Book) -> None:
    """Until the log was asked, the id stands for what was first tried; what a failed retry added is still unsaved."""
    session = await book.saved()
    session.add_message(Message.user("two"))
    with unanswered_commit(book), pytest.raises(StorageError):
        await book.save(session)
    for content in ("three", "four"):
        session.add_message(Message.user(content))
        with failing_statement(book, 1), pytest.raises(StorageError):
            await book.save(session)

    await book.save(session)

    assert ["two", "three", "four"] == contents(session)[-3:]
    assert session == await book.load("s1")
    assert [1, 2, 3] == await versions(book)


async def test_an_answer_finds_the_question_that_moved_in_a_save_whose_reply_was_lost(book: Book) -> None:
    """Another's question stands under the id that the caller knows; the answer is not for that one."""
    mine = await book.saved()
    theirs = await book.load("s1")
    theirs.ask("call", "Theirs?")
    await book.save(theirs)
    mine.ask("call", "Mine?")
    with unanswered_commit(book), pytest.raises(StorageError):
        await book.save(mine)
    mine.answer("call#0", "for mine")

    await book.save(mine)

    questions = (await book.load("s1")).questions
    assert {"Theirs?": None, "Mine?": "for mine"} == {q.text: q.answer for q in questions.values() if "?" in q.text}
    assert mine == await book.load("s1")


async def test_an_edit_that_cannot_be_saved_does_not_undo_the_save_before_it(book: Book) -> None:
    """Nothing is made twice and nothing of others is removed, once the edit is mended."""
    session = await book.saved()
    session.state["log"] = ["a"]
    await book.save(session)
    stale = await book.load("s1")
    session.add_message(Message.user("theirs"))
    await book.save(session)
    stale.state["log"].append("b")
    stale.add_message(Message.user("mine"))
    with unanswered_commit(book), pytest.raises(StorageError):
        await book.save(stale)
    stale.state["bad"] = float("nan")
    with pytest.raises(InvalidSession, match="/state/bad"):
        await book.save(stale)

    stale.state["bad"] = "mended"
    await book.save(stale)

    assert (["a", "b"], "mended") == (stale.state["log"], stale.state["bad"])
    assert ["theirs", "mine"] == contents(stale)[-2:]
    assert stale == await book.load("s1")
