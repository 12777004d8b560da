"""A question tells of the stale saves that had not seen it, or its end: overwriting would have lost it there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger import Message, OverruledSave, QuestionRecord, Session, StaleSave
from tests.contract.faces import Book, OpenBook


@pytest.fixture
async def agent(book: Book) -> Session:
    """Give the agent's copy of a session that waits for nothing."""
    return await book.saved()


async def _asked(book: Book, agent: Session, *, text: str = "Which environment?") -> QuestionRecord:
    agent.ask("call_1", text)
    await book.save(agent)
    return await _told(book)


async def _told(book: Book) -> QuestionRecord:
    record: QuestionRecord = (await book.questions("s1"))[-1]
    return record


async def _say(book: Book, session: Session, writer: str = "scheduler") -> StaleSave:
    """Save something else in a copy, and give what a question would note of that."""
    base = session.version
    session.add_message(Message.system("Reminder"))
    receipt = await book.save(session, writer=writer)
    return StaleSave(version=receipt.version, writer=writer, base_version=base)


async def test_a_stale_save_that_had_not_seen_the_question_is_noted(book: Book, agent: Session) -> None:
    """With its version, writer and base; a store that overwrites would have dropped the question there."""
    stale = await book.load("s1")
    await _asked(book, agent)
    noted = await _say(book, stale)
    record = await _told(book)

    assert (3, 1) == (noted.version, noted.base_version)
    assert ((noted,), ()) == (record.averted, record.omissions)
    assert "pending" == record.status


async def test_a_stale_save_that_had_not_seen_the_answer_is_noted(book: Book, agent: Session) -> None:
    """It held the question as pending: stored as it was, it would have undone the answer."""
    await _asked(book, agent)
    stale = await book.load("s1")
    await book.answer("s1", "call_1#0", "staging", writer="ui")
    noted = await _say(book, stale)

    assert (noted,) == (await _told(book)).averted


async def test_saves_that_had_seen_it_are_not_noted(book: Book, agent: Session) -> None:
    """Neither one on the head, nor a stale one that only missed something else, nor one of before it was asked."""
    early = await book.load("s1")
    await _say(book, await book.load("s1"))
    await _say(book, early)
    agent = await book.load("s1")
    await _asked(book, agent)
    knowing = await book.load("s1")
    await _say(book, agent)
    await _say(book, knowing)
    await book.answer("s1", "call_1#0", "staging")

    assert () == (await _told(book)).averted


async def test_each_question_has_its_own(book: Book, agent: Session) -> None:
    """One save can have missed one question and the answer of another, and have seen a third."""
    agent.ask("seen", "Seen?")
    agent.ask("answered", "Answered?")
    await book.save(agent)
    stale = await book.load("s1")
    agent.answer("answered", "yes")
    agent.ask("missed", "Missed?")
    await book.save(agent)
    noted = await _say(book, stale)

    assert {"Seen?": (), "Answered?": (noted,), "Missed?": (noted,)} == {
        record.text: record.averted for record in await book.questions("s1")
    }


async def test_a_save_that_ends_the_question_itself_is_not_noted(book: Book, agent: Session) -> None:
    """An answer to a question that was lost meanwhile stands, so storing that copy would have undone nothing."""
    await _asked(book, agent)
    person = await book.load("s1")
    careless = await book.load("s1")
    careless.questions.clear()
    await book.save(careless, on_omission="lose")
    person.answer("call_1", "staging")
    await book.save(person, writer="ui")
    record = await _told(book)

    assert ("answered", ()) == (record.status, record.averted)


async def test_who_had_not_seen_that_it_was_found_again_is_noted(book: Book, agent: Session) -> None:
    """Its copy still held it as lost."""
    await _asked(book, agent)
    agent.questions.clear()
    await book.save(agent, on_omission="lose")
    stale = await book.load("s1")
    agent.recover("call_1#0")
    await book.save(agent)
    noted = await _say(book, stale)

    assert (noted,) == (await _told(book)).averted


async def test_who_had_it_as_it_stands_again_is_not_noted(book: Book, agent: Session) -> None:
    """Lost and found again since, it is pending in the stale copy too: storing that would have changed nothing."""
    await _asked(book, agent)
    stale = await book.load("s1")
    agent.questions.clear()
    await book.save(agent, on_omission="lose")
    agent.recover("call_1#0")
    await book.save(agent)
    await _say(book, stale)

    assert () == (await _told(book)).averted


async def test_another_answer_that_came_too_late_is_kept_with_what_it_said(book: Book, agent: Session) -> None:
    """The first answer stands; the question says who said what instead, and from which base."""
    await _asked(book, agent)
    late = await book.load("s1")
    await book.answer("s1", "call_1#0", "staging", writer="ui")
    late.answer("call_1", "prod", by="Bob")
    receipt = await book.save(late, writer="app")
    record = await _told(book)
    (overruled,) = record.overruled

    assert "staging" == record.answer
    assert (receipt.version, "app", 2) == (overruled.version, overruled.writer, overruled.base_version)
    assert {"status": "answered", "answer": "prod", "by": "Bob"} == overruled.value
    assert (StaleSave(version=receipt.version, writer="app", base_version=2),) == record.averted


async def test_another_question_under_its_id_is_kept_with_what_it_asked(book: Book, agent: Session) -> None:
    """An id that the writer chose itself does not move: the first question stands, and remembers the other."""
    other = await book.load("s1")
    await _asked(book, agent)
    other.ask("call_1", "Which region?", index=0)
    receipt = await book.save(other, writer="app")
    record = await _told(book)

    assert "Which environment?" == record.text
    assert [(receipt.version, "Which region?")] == [(save.version, save.value["text"]) for save in record.overruled]
    assert isinstance(record.overruled[0], OverruledSave)


async def test_a_session_made_anew_has_to_do_with_the_current_life_alone(book: Book, agent: Session) -> None:
    """Base 0 is before everything; but what ended with an earlier life was not at stake any more."""
    await _asked(book, agent, text="First?")
    await book.delete("s1")
    second = Session.new("s1", "gpt-5")
    second.ask("call_1", "Second?")
    await book.create(second)
    fresh = Session.new("s1", "gpt-5")
    noted = await _say(book, fresh)
    # Its own end comes after that save, and a later look finds the same.
    await book.delete("s1")
    await book.rebuild("questions")

    assert 0 == noted.base_version
    assert {"First?": (), "Second?": (noted,)} == {record.text: record.averted for record in await book.questions("s1")}


async def test_a_fork_notes_what_its_own_writers_missed(book: Book, agent: Session) -> None:
    """What was open where it was forked goes on there by itself, and its parent's stale saves are the parent's."""
    early = await book.load("s1")
    await _asked(book, agent)
    await book.fork("s1", "s2")
    stale = await book.load("s2")
    await book.answer("s2", "call_1#0", "staging")
    stale.add_message(Message.system("Reminder"))
    receipt = await book.save(stale, writer="scheduler")
    of_parent = await _say(book, early)
    (record,) = await book.questions("s2")

    assert (StaleSave(version=receipt.version, writer="scheduler", base_version=1),) == record.averted
    assert (of_parent,) == (await _told(book)).averted
    assert ["averted"] == [each.kind for each in (await book.transitions("s2", "call_1#0"))[-1:]]


async def test_a_copy_that_asked_the_same_loses_nothing(book: Book, agent: Session) -> None:
    """Two who ask one question agree on it: storing the second copy would have dropped nothing."""
    other = await book.load("s1")
    await _asked(book, agent)
    other.ask("call_1", "Which environment?")
    await book.save(other, writer="app")
    (record,) = await book.questions("s1")

    assert ((), ()) == (record.averted, record.overruled)


async def test_a_rebuild_finds_the_same(book: Book, agent: Session) -> None:
    """What is noted as the events come is what the whole log says."""
    stale, late = await book.load("s1"), await book.load("s1")
    await _asked(book, agent)
    await _say(book, stale)
    await book.questions()
    await book.answer("s1", "call_1#0", "staging", writer="ui")
    await book.questions()
    await _say(book, late, "app")
    before = await book.questions()
    await book.rebuild("questions")

    assert [2] == [len(record.averted) for record in before]
    assert before == await book.questions()


async def test_the_filters_choose(open_book: OpenBook) -> None:
    """By who asked or ended it, by words wherever they stand, and by how long it was open; together, all must hold."""
    book = await open_book()
    noon = datetime(2026, 2, 10, 12, tzinfo=UTC)
    session = Session.new("s1", "gpt-5")
    session.ask("a", "Which environment?", header="Größe")
    session.ask("b", "Which region?")
    session.ask("c", "Go on?")
    await book.save(session, occurred_at=noon, writer="bot")
    session.answer("a", {"env": "STAGING"}, by="Ada")
    session.withdraw("b", "Not needed")
    await book.save(session, occurred_at=noon + timedelta(hours=2), writer="ui")

    async def found(**filters: Any) -> str:
        return "".join(record.tool_call_id for record in await book.questions(**filters))

    assert "abc" == await found(writer="bot")
    assert ("a", "ab", "") == (await found(writer="Ada"), await found(writer="ui"), await found(writer="u"))
    assert ("ab", "a", "a") == (await found(text="WHICH"), await found(text="staging"), await found(text="GRÖSSE"))
    assert ("b", "") == (await found(text="not needed"), await found(text="null"))
    assert "abc" == await found(open_for=timedelta(hours=2))
    assert "c" == await found(open_for=timedelta(hours=2, microseconds=1))
    assert "b" == await found(session_id="s1", status="withdrawn", writer="ui", text="region")


async def test_a_question_tells_how_long_it_was_open(book: Book, agent: Session) -> None:
    """Until it ended, or until now; and never less than nothing."""
    asked = await _asked(book, agent)
    later = asked.asked_at + timedelta(hours=1)
    await book.answer("s1", "call_1#0", "x", occurred_at=asked.asked_at + timedelta(minutes=5))

    assert timedelta(hours=1) == asked.open_for(later)
    assert timedelta() == asked.open_for(asked.asked_at - timedelta(seconds=1))
    assert timedelta(minutes=5) == (await _told(book)).open_for(later)
