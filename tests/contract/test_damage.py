"""A record that was damaged is named by whoever reads it; nothing else suffers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event

from ledger import DamagedRecord, LedgerError, Message, Session
from ledger.store.tables import events, heads, payloads
from tests.contract.backends import in_memory, on_one_face, on_sqlite
from tests.contract.faces import Book
from tests.contract.tampering import RECORD, altered, drop_triggers, rows_of, spoiled


async def record(book: Book) -> Session:
    """Save a session of three versions, and one of one; take the guards away."""
    session = Session.new("s1", "gpt-5")
    for number in range(3):
        session.add_message(Message.user(f"{number}"))
        session.ask(f"call_{number}", "Which?")
        await book.save(session, key=f"turn-{number}")
    await book.saved("s2")
    drop_triggers(book)
    return session


NO_TEXT = "body = x'fffe'"


@pytest.mark.parametrize(
    "damage", ["body = 'junk'", "body = '{}'", "body = ''", """body = '{"changes": 5}'""", NO_TEXT]
)
async def test_a_payload_that_does_not_parse_is_named(book: Book, damage: str) -> None:
    """Loads that need it say which version is damaged and what to run; what does not need it still loads."""
    session = await record(book)
    if book.on_server and damage == NO_TEXT:
        pytest.skip("a server keeps nothing but text in a column of texts")
    uid = book.literal(book.uid("s1"))
    book.execute(f"UPDATE payloads SET {damage} WHERE version = 3 AND session_uid = {uid}")

    for call in (book.load("s1"), book.load("s1", at=3), book.history("s1", after=1), book.append("s1")):
        with pytest.raises(DamagedRecord, match=r"version 3 of session s1 .*ledger verify s1") as caught:
            await call
        assert ("s1", 3) == (caught.value.session_id, caught.value.version)
    assert 2 == len((await book.load("s1", at=2)).messages)
    assert 1 == (await book.load("s2")).version
    # A save from the head needs nothing of the past, and must not be lost for it.
    session.add_message(Message.user("more"))
    assert 4 == (await book.save(session)).version


async def test_a_missing_version_is_named(book: Book) -> None:
    """A gap is never passed over: what the missing save did would be missing from the state."""
    await record(book)
    uid = book.literal(book.uid("s1"))
    for table in ("events", "payloads"):
        book.execute(f"DELETE FROM {table} WHERE version = 2 AND session_uid = {uid}")

    for at in (None, 2, 3):
        with pytest.raises(DamagedRecord, match="version 2 of session s1 is damaged: it is missing"):
            await book.load("s1", at)
    assert 1 == (await book.load("s1", 1)).version


@on_one_face
async def test_damage_in_the_middle_of_a_long_history_spoils_no_later_read(book: Book) -> None:
    """A reader that gives up has asked for what comes next already: the answer to that is nobody else's."""
    session = Session.new("s1", "gpt-5")
    for number in range(100):
        session.add_message(Message.user(f"{number}"))
        await book.save(session)
    await book.saved("s2")
    drop_triggers(book)
    uid = book.literal(book.uid("s1"))
    book.execute(f"UPDATE payloads SET body = 'junk' WHERE version = 50 AND session_uid = {uid}")
    for table in ("events", "payloads"):
        book.execute(f"DELETE FROM {table} WHERE version = 70 AND session_uid = {uid}")

    for _ in range(3):
        with pytest.raises(DamagedRecord, match="version 50 of session s1"):
            await book.load("s1")
        assert [f"{number}" for number in range(49)] == [m.content for m in (await book.load("s1", at=49)).messages]
        assert 1 == (await book.load("s2")).version
    book.execute(
        "UPDATE payloads SET body = (SELECT other.body FROM payloads AS other"
        f" WHERE other.version = 49 AND other.session_uid = {uid}) WHERE version = 50 AND session_uid = {uid}"
    )
    with pytest.raises(DamagedRecord, match="version 70 of session s1 is damaged: it is missing"):
        await book.load("s1")


@on_one_face
@in_memory
@pytest.mark.parametrize(
    ("change", "table"),
    [(altered, table) for table in RECORD] + [(spoiled, table) for table in (heads, events, payloads)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
async def test_whatever_value_is_wrong_a_reader_gets_an_answer_or_an_error_of_ours(
    book: Book, change: Any, table: Any
) -> None:
    """Whichever value is another, or of another type: what the driver or the parser says of it reaches nobody."""
    await record(book)
    calls: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
        **{
            f"load at {at}": partial(book.load, "s1", at)
            for at in (None, 2, "2030-01-01T00:00Z", "q:call_1#0", "key:x")
        },
        **{name: partial(getattr(book, name), "s1") for name in ("history", "questions", "usage", "keys")},
        **{name: getattr(book, name) for name in ("feed", "sessions", "questions", "rebuild")},
        "load_or_create": partial(book.load_or_create, "s1", model="gpt-5"),
    }
    if table is heads:
        calls["append"] = partial(book.append, "s2", Message.user("x", id="x"))
    raised: list[str] = []
    for key in rows_of(book, table):
        for column in table.c:
            with change(book, table, key, column.name):
                for name, call in calls.items():
                    try:
                        await call()
                    except LedgerError:
                        continue
                    except Exception as error:  # noqa: BLE001 - the point of the test
                        raised.append(f"{name}, {column} of {key}: {error!r}")
    assert [] == raised


@on_one_face
@on_sqlite
@pytest.mark.parametrize("table", [events, payloads], ids=str)
async def test_an_error_that_someone_keeps_spoils_no_other_read(book: Book, table: Any) -> None:
    """A cursor that an error left half read would start anew whoever reads the same after it: none is left."""
    await record(book)
    key = {"session_uid": book.uid("s1"), "version": 2}
    statements: list[tuple[str, Any]] = []
    event.listen(book.engine, "before_cursor_execute", lambda *args: statements.append((args[2], args[3])))
    kept: list[Exception] = []
    with spoiled(book, table, key, "leaf" if table is events else "body"):
        for call in (book.load("s1"), book.history("s1"), book.feed()):
            statements.clear()
            try:
                await call
            except LedgerError as error:
                kept.append(error)
            sql, parameters = next(each for each in reversed(statements) if each[0].startswith("SELECT"))
            with book.database.read() as connection:
                cursor: Any = connection.connection.cursor()
                every = cursor.execute(sql, parameters).fetchall()
                again = [cursor.execute(sql, parameters).fetchone()]
                kept.clear()
                again += cursor.fetchall()
                cursor.close()
            assert every == again
