"""The life of every clarification: who asked it and when, what became of it, and who left it out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger import Omission, Option, QuestionRecord, QuestionStatus, Session, SessionNotFound
from tests.contract.faces import Book

NOON = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)


def minute(number: int) -> datetime:
    """Give a time in this story."""
    return NOON + timedelta(minutes=number)


async def test_a_record_tells_the_whole_life(book: Book) -> None:
    """Asked by one, left out by another, answered by a third: versions, bases, effective times and names."""
    agent = Session.new("s1", "gpt-5")
    await book.save(agent, occurred_at=minute(0))
    agent.ask(
        "call_1", "Which environment?", options=["staging", {"label": "prod", "description": "live"}],
        header="Env", kind="choice", multiple=True,
    )  # fmt: skip
    await book.save(agent, occurred_at=minute(1), writer="agent")
    scheduler = await book.load("s1")
    await book.save(agent, occurred_at=minute(2), writer="agent")
    del scheduler.questions["call_1#0"]
    await book.save(scheduler, occurred_at=minute(3), writer="scheduler")
    person = await book.load("s1", at=2)
    person.answer("call_1", ["staging"], by="ada")
    await book.save(person, occurred_at=minute(4), writer="ui", authority="user")

    (record,) = await book.questions("s1")

    assert (
        QuestionRecord(
            session_id="s1",
            id="call_1#0",
            tool_call_id="call_1",
            kind="choice",
            header="Env",
            text="Which environment?",
            options=[Option(label="staging"), Option(label="prod", description="live")],
            multiple=True,
            status=QuestionStatus.ANSWERED,
            asked_version=2,
            asked_at=minute(1),
            asked_by="agent",
            resolved_version=5,
            resolved_base_version=2,
            resolved_at=minute(4),
            resolved_by="ada",
            resolved_writer="ui",
            reason=None,
            answer=["staging"],
            omissions=(Omission(version=4, writer="scheduler", base_version=2),),
        )
        == record
    )


async def test_every_end_is_told(book: Book) -> None:
    """Answered, withdrawn, superseded, expired, lost: with reason and name where there are any."""
    session = Session.new("s1", "gpt-5")
    for number in range(6):
        session.ask(f"call_{number}", f"{number}?")
    await book.save(session)
    session.answer("call_0", None)
    session.withdraw("call_1", "not needed", by="ada")
    session.ask("call_6", "Better?", supersedes="call_2")
    session.expire("call_3")
    del session.questions["call_4#0"]
    await book.save(session, on_omission="lose", writer="importer")

    told = [(str(r.status), r.resolved_by, r.reason, r.resolved_version) for r in await book.questions("s1")]

    assert [
        ("answered", "importer", None, 2),
        ("withdrawn", "ada", "not needed", 2),
        ("superseded", "importer", None, 2),
        ("expired", "importer", None, 2),
        ("lost", "importer", None, 2),
        ("pending", None, None, None),
        ("pending", None, None, None),
    ] == told
    statuses: dict[Any, int] = {}
    for status in ("answered", "withdrawn", "superseded", "expired", "lost", "pending", None):
        statuses[status] = len(await book.questions("s1", status=status))
    expected = {"answered": 1, "withdrawn": 1, "superseded": 1, "expired": 1, "lost": 1, "pending": 2, None: 7}
    assert expected == statuses


async def test_a_recovered_question_is_pending_as_if_it_had_never_been_lost(book: Book) -> None:
    """Its record waits for an end again."""
    session = Session.new("s1", "gpt-5")
    session.ask("call_1", "Which?")
    await book.save(session)
    session.questions.clear()
    await book.save(session, on_omission="lose")
    session.recover("call_1#0")
    await book.save(session)

    (record,) = await book.questions("s1")

    assert ("pending", None, None, None) == (
        record.status, record.resolved_version, record.resolved_at, record.resolved_by,
    )  # fmt: skip


async def test_an_id_that_is_asked_in_two_lives_is_two_records(book: Book) -> None:
    """What ended with the first life is not reopened by the second."""
    first = await book.saved()
    first.ask("call_1", "First?")
    await book.save(first)
    await book.delete("s1", reason="done")
    second = Session.new("s1", "gpt-5")
    second.ask("call_1", "Second?")
    await book.create(second)
    await book.answer("s1", "call_1#0", "yes")

    records = await book.questions("s1")

    assert [("First?", "withdrawn", 2, 3), ("Second?", "answered", 4, 5)] == [
        (record.text, record.status, record.asked_version, record.resolved_version) for record in records
    ]


async def test_questions_of_all_sessions_come_in_the_order_of_asking(book: Book) -> None:
    """Over sessions by their effective time."""
    for name, asked_at in (("s1", 5), ("s2", 1), ("s3", 3)):
        session = Session.new(name, "gpt-5")
        session.ask("call_1", f"{name}?")
        await book.save(session, occurred_at=minute(asked_at))

    assert ["s2?", "s3?", "s1?"] == [record.text for record in await book.questions()]
    assert ["s3?"] == [record.text for record in await book.questions("s3")]
    assert minute(3) == (await book.questions("s3"))[0].asked_at


async def test_a_deleted_session_keeps_its_records(book: Book) -> None:
    """The record of what happened does not end with the session."""
    session = await book.saved()
    session.ask("call_1", "Which?")
    await book.save(session)
    await book.delete("s1")

    assert ["withdrawn"] == [record.status for record in await book.questions("s1")]


async def test_an_unknown_session_is_not_found(book: Book) -> None:
    """A session without questions has none; one that was never saved is an error."""
    await book.saved()

    assert [] == await book.questions("s1")
    with pytest.raises(SessionNotFound):
        await book.questions("nobody")
