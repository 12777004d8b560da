"""For people with SQL: a view of who did what and when, and a log that refuses to be changed."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from sqlalchemy import inspect

from ledger import Message, Session, StorageError
from tests.contract.faces import Book

COLUMNS = ["session_id", "version", "recorded_at", "writer", "authority", "base_version", "changes"]


def columns_of(book: Book, name: str) -> list[str]:
    """Give the columns of a table or a view, in order."""
    with book.database.read() as connection:
        return [column["name"] for column in inspect(connection).get_columns(name)]


async def test_the_audit_view_shows_every_event(book: Book) -> None:
    """Who saved what, from which base, as what, and when; deletions and stale saves among them."""
    session = await book.saved(title="t")
    stale = await book.load("s1")
    session.add_message(Message.user("hello"))
    await book.save(session, writer="agent")
    stale.title = "x"
    await book.save(stale, writer="ui", authority="user")
    await book.delete("s1", reason="done")
    await book.saved("s2")

    rows = book.query(f"SELECT {', '.join(COLUMNS)} FROM audit_events ORDER BY session_id, version")

    events = [*await book.history("s1"), *await book.history("s2")]
    assert [(e.session_id, e.version, e.writer, e.authority, e.base_version) for e in events] == [
        (row[0], row[1], row[3], row[4], row[5]) for row in rows
    ]
    assert [event.recorded_at for event in events] == [datetime.fromisoformat(row[2]) for row in rows]
    assert [[change.type for change in event.changes] for event in events] == [
        [change["type"] for change in json.loads(row[6])] for row in rows
    ]
    assert COLUMNS == columns_of(book, "audit_events")


async def test_any_text_can_be_in_a_message(book: Book) -> None:
    """NUL, quotes, line ends, what looks like an escape, and what needs four bytes break neither view nor load."""
    session = Session.new("s1", "gpt-5")
    texts = ["\0", "a\0b", "\\u0000", "\"'`;--", "\r\n\u2028", "\U0001f600 ü \u202e", "\ufeff", "", "{}", "%s :x ?"]
    session.messages += [Message.user(text) for text in texts]
    session.state.update({text: text for text in texts})
    session.ask("call_1", "\0?", options=["\0"])
    await book.save(session, writer="ü\U0001f600'")
    await book.delete("s1", reason="\0")

    ((changes, writer),) = book.query("SELECT changes, writer FROM audit_events WHERE version = 1")
    said = [change["message"].get("content", "") for change in json.loads(changes) if "message" in change]
    assert texts == said
    assert "ü\U0001f600'" == writer
    assert 2 == len(book.query("SELECT * FROM audit_events"))
    loaded = await book.load("s1", at=1)
    assert (texts, session.state) == ([message.content for message in loaded.messages], loaded.state)
    assert ["\0?"] == [record.text for record in await book.questions()]
    assert (await book.verify()).ok


async def test_any_text_is_found_again_in_the_read_models(book: Book) -> None:
    """As it was, and in the order of its characters: a title, a model, a parent, a reason, and who resolved what."""
    texts = ["\0", "\0\0", "\0\1", "\1", "\1\0", "\1\2", "\2", "\t", "a\0", "ä", "\ufeff", "\U0010ffff"]
    for number, text in enumerate(texts):
        session = Session.new(f"s{number}", text, title=text, parent_session_id=text)
        session.withdraw(session.ask(text.replace("\0", "?"), text), text, by=text)
        await book.save(session)

    found = {summary.id: (summary.title, summary.model) for summary in await book.sessions()}
    assert {f"s{number}": (text, text) for number, text in enumerate(texts)} == found
    for number, text in enumerate(texts):
        assert [f"s{number}"] == [summary.id for summary in await book.sessions(parent=text)]
        (record,) = await book.questions(f"s{number}")
        assert (text, text, text) == (record.text, record.reason, record.resolved_by)
        assert f"s{number}" in {record.session_id for record in await book.questions(writer=text)}
    assert [] == await book.sessions(prefix="\0")
    assert [] == await book.questions(text="nobody said this")


GUARDED = {
    "events": "writer = 'forged'",
    "payloads": "body = 'forged'",
    "usage_records": "body = '{}'",
}


@pytest.mark.parametrize("table", GUARDED)
async def test_the_log_refuses_to_be_changed(book: Book, table: str) -> None:
    """UPDATE and DELETE are refused by the database itself, and so is putting a row in the place of another."""
    session = Session.new("s1", "gpt-5")
    await book.save(session, key="k1")
    await book.save(session, key="k2")
    await book.record_usage("s1", {"tokens": 1}, key="k1")
    await book.record_usage("s1", {"tokens": 2}, key="k2")
    before = book.query(f"SELECT * FROM {table}")
    assert 2 == len(before)

    statements = [
        f"UPDATE {table} SET {GUARDED[table]}",
        f"UPDATE {table} SET {GUARDED[table]} WHERE session_uid IS NOT NULL",
        f"DELETE FROM {table}",
    ]
    number = "number" if table == "usage_records" else "version"
    if book.on_server:
        conflict = f"ON CONFLICT (session_uid, {number})"
        statements += [
            f"TRUNCATE {table}",
            f"TRUNCATE {table} CASCADE",
            f"INSERT INTO {table} SELECT * FROM {table} {conflict} DO UPDATE SET {GUARDED[table]}",
            f"WITH gone AS (DELETE FROM {table} RETURNING *) SELECT * FROM gone",
        ]
    else:
        statements += [
            f"REPLACE INTO {table} SELECT * FROM {table}",
            f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
            f"UPDATE OR REPLACE {table} SET session_uid = session_uid",
        ]
    if table != "payloads" and not book.on_server:
        others = ", ".join("99" if name == number else name for name in columns_of(book, table))
        statements.append(f"REPLACE INTO {table} SELECT {others} FROM {table} WHERE key = 'k1'")
    for statement in statements:
        with pytest.raises(StorageError, match="append-only"):
            book.execute(statement)
        assert before == book.query(f"SELECT * FROM {table}"), statement
    assert (await book.verify()).ok


async def test_payloads_are_counted_in_bytes(book: Book) -> None:
    """A census weighs what is stored, in whatever language people write."""
    session = await book.saved()
    before = book.sync.census()["payload_bytes"]
    session.title = "ä€😀"
    await book.save(session)
    longer = book.sync.census()["payload_bytes"]
    session.title = "xxx"
    await book.save(session)

    assert len("ä€😀".encode()) - len("xxx") == (longer - before) - (book.sync.census()["payload_bytes"] - longer)
