"""Whatever statement fails, a write is whole or absent, and what the caller holds is as it was."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ledger import Message, Session, StorageError
from tests.contract.backends import on_one_face
from tests.contract.faces import Book
from tests.contract.faults import failing_statement


async def log_of(book: Book) -> list[tuple[Any, ...]]:
    """Give all that the log and its feed hold."""
    tables = ("sessions", "heads", "events", "payloads", "feed", "usage_records")
    return [row for table in tables for row in book.query(f"SELECT '{table}', * FROM {table} ORDER BY 2, 3")]


async def succeeds(work: Coroutine[Any, Any, Any]) -> bool:
    """Tell whether it went through; a fault is reported in the words of the ledger."""
    try:
        await work
    except StorageError as error:
        return "interrupted" not in str(error)
    return True


Write = Callable[[Book, list[Session]], Coroutine[Any, Any, Any]]

WRITES: dict[str, Write] = {
    "save": lambda book, sessions: book.save(sessions[0]),
    "save_all": lambda book, sessions: book.save_all(sessions),
    "create": lambda book, sessions: book.create(sessions[2]),
    "append": lambda book, _: book.append("s1", Message.user("appended", id="appended"), key="k"),
    "delete": lambda book, _: book.delete("s1", key="bye"),
    "fork": lambda book, _: book.fork("s1", "fork", at=1),
    "record_usage": lambda book, _: book.record_usage("s1", {"tokens": 1}, key="usage"),
}


async def prepare(book: Book) -> list[Session]:
    """Make a stale session with edits, one at its head with edits, and a new one."""
    stale, other = await book.saved("s1"), await book.saved("s2")
    newer = await book.load("s1")
    newer.title = "theirs"
    await book.save(newer)
    for session in (stale, other):
        session.add_message(Message.user("mine", id=f"mine-{session.id}"))
        session.state["x"] = {"y": 1}
    return [stale, other, Session.new("s3", "gpt-5")]


@on_one_face
@pytest.mark.parametrize("verb", WRITES)
async def test_a_write_that_fails_at_any_statement_leaves_no_trace(book: Book, verb: str) -> None:
    """For every statement that a write executes: it fails, nothing was written, and the same call then succeeds."""
    sessions = await prepare(book)
    before, log = [session.model_copy() for session in sessions], await log_of(book)
    number, stored = 0, False
    while not stored:
        number += 1
        with failing_statement(book, number):
            stored = await succeeds(WRITES[verb](book, sessions))
        if not stored:
            assert log == await log_of(book)
            assert [(was, was.version) for was in before] == [(session, session.version) for session in sessions]

    assert number > 4
    assert log != await log_of(book)
    assert (await book.verify()).ok


@on_one_face
async def test_a_projection_that_fails_at_any_statement_loses_nothing(book: Book) -> None:
    """Rows and position change together, so that a page is taken once, however often it was begun."""
    for session in await prepare(book):
        session.ask("call_1", "Which?")
        await book.save(session)
        await book.record_usage(session.id, {"tokens": 1})

    async def read() -> Any:
        return await book.sessions(), await book.questions(), await book.usage()

    number, caught_up = 0, False
    while not caught_up:
        number += 1
        with failing_statement(book, number):
            caught_up = await succeeds(book.rebuild())

    assert number > 10
    results = await read()
    await book.rebuild()
    assert results == await read()
    assert ["s1", "s2", "s3"] == sorted(summary.id for summary in results[0])
    assert [1, 1, 1] == [summary.pending_questions for summary in results[0]]
    assert {"tokens": 3} == results[2].totals
