"""Whoever alters the record behind the ledger's back is found out: session, version, and what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from ledger import Message, Receipt, Session, SessionNotFound, Verification
from ledger.store.tables import events, heads, payloads, sessions
from tests.contract.backends import in_memory, on_one_face
from tests.contract.faces import Book
from tests.contract.tampering import RECORD, alter, altered, drop_triggers, rows_of, spoiled


async def record(book: Book) -> dict[str, Receipt]:
    """Save two sessions of three versions each, one of which lives a second life; take the guards away."""
    first = Session.new("s1", "gpt-5")
    first.add_message(Message.user("hello"))
    await book.save(first, key="turn-1", occurred_at=datetime(2026, 1, 1, tzinfo=UTC))
    first.ask("call_1", "Which?")
    await book.save(first)
    first.title = "x"
    receipts = {"s1": await book.save(first, key="turn-3")}
    await book.saved("s2")
    await book.delete("s2", reason="done")
    receipts["s2"] = await book.create(Session.new("s2", "gpt-5"))
    await book.feed()  # where it is queued, it gets its positions now
    drop_triggers(book)
    return receipts


def told(verification: Verification) -> list[tuple[str | None, int | None, str]]:
    """Give session, version and what is wrong of every problem."""
    return [(problem.session_id, problem.version, problem.what) for problem in verification.problems]


async def test_a_whole_record_is_clean(book: Book) -> None:
    """Nothing is found, and everything was looked at."""
    receipts = await record(book)
    seen: list[tuple[int, int]] = []

    everything = await book.verify(progress=lambda done, total: seen.append((done, total)))

    assert (True, 2, 6, ()) == (everything.ok, everything.sessions, everything.events, everything.problems)
    assert (6, 6) == seen[-1]
    assert (True, 1, 3) == ((one := await book.verify("s1")).ok, one.sessions, one.events)
    assert (await book.verify(expect={name: (r.version, r.digest) for name, r in receipts.items()})).ok
    with pytest.raises(SessionNotFound):
        await book.verify("nobody")


async def test_an_empty_ledger_is_clean(book: Book) -> None:
    """There is nothing to find."""
    assert (True, 0, 0) == ((found := await book.verify()).ok, found.sessions, found.events)


async def test_one_altered_byte_of_a_payload_is_found(book: Book) -> None:
    """Session, version and what is wrong are named; the other session is whole."""
    await record(book)
    uid = book.uid("s1")
    with altered(book, payloads, {"session_uid": uid, "version": 2}, "body"):
        found = await book.verify()
        assert ("s1", 2, "its payload was altered: the digest does not match") in told(found)
        assert {"s1"} == {session_id for session_id, _, _ in told(found)}
        assert "session s1, version 2: its payload was altered" in str(found.problems[0])
        assert not (await book.verify("s1")).ok
        assert (await book.verify("s2")).ok
    assert (await book.verify()).ok


@on_one_face
@in_memory
@pytest.mark.parametrize("table", RECORD, ids=str)
async def test_every_altered_value_is_found(book: Book, table: Any) -> None:
    """One value of one row of any table of the record: the session is named, and where the row has one, the version."""
    await record(book)
    names = {book.uid(name): name for name in ("s1", "s2")}
    for key in rows_of(book, table):
        where = [table.c[name] == value for name, value in key.items()]
        with book.database.read() as connection:
            row = connection.execute(select(table).where(*where)).mappings().one()
        session_id = names[bytes(row["session_uid"])]
        for column in table.c:
            with altered(book, table, key, column.name):
                found = told(await book.verify())
            assert found, f"{column} of {row}"
            # A session that was given another id has none to be named by.
            if column is not sessions.c.session_id:
                assert session_id in {name for name, _, _ in found}, f"{column} of {row}: {found}"
            if table in (events, payloads):
                assert (session_id, row["version"]) in {(name, version) for name, version, _ in found}
    assert (await book.verify()).ok


@on_one_face
@in_memory
@pytest.mark.parametrize("table", RECORD, ids=str)
async def test_every_value_of_another_type_is_found(book: Book, table: Any) -> None:
    """A database that does not insist on its types can hold anything; that is named, and nothing else happens."""
    await record(book)
    for key in rows_of(book, table):
        for column in table.c:
            with spoiled(book, table, key, column.name):
                assert not (await book.verify()).ok, f"{column} of {key}"
    assert (await book.verify()).ok


@on_one_face
@in_memory
@pytest.mark.parametrize("version", [1, 2, 3])
async def test_every_byte_of_a_payload_counts(book: Book, version: int) -> None:
    """Whichever character of the stored text is another, it is found."""
    await record(book)
    uid = book.uid("s1")
    key = (payloads.c.session_uid == uid) & (payloads.c.version == version)
    with book.database.read() as connection:
        body = connection.execute(select(payloads.c.body).where(key)).scalar_one()
    for place in range(0, len(body), 5):
        other = body[:place] + alter(body[place]) + body[place + 1 :]
        with book.database.write() as connection:
            connection.execute(payloads.update().where(key).values(body=other))
        assert ("s1", version) in {(name, number) for name, number, _ in told(await book.verify("s1"))}


S1 = "session_uid = (SELECT session_uid FROM sessions WHERE session_id = 's1')"
S2 = "(SELECT session_uid FROM sessions WHERE session_id = 's2')"
REMOVALS = {
    "the first event": ([f"DELETE FROM events WHERE {S1} AND version = 1"], ("s1", 1, "it is missing")),
    "an event": ([f"DELETE FROM events WHERE {S1} AND version = 2"], ("s1", 2, "it is missing")),
    "the last event": (
        [f"DELETE FROM events WHERE {S1} AND version = 3"],
        ("s1", 3, "the log ends at version 2, the head is version 3"),
    ),
    "a payload": ([f"DELETE FROM payloads WHERE {S1} AND version = 2"], ("s1", 2, "its payload is missing")),
    "an event whose payload is left": (
        [f"DELETE FROM events WHERE {S1} AND version = 2"],
        ("s1", 2, "a payload has no event"),
    ),
    "an event and its payload": (
        [f"DELETE FROM {table} WHERE {S1} AND version = 2" for table in ("events", "payloads")],
        ("s1", 2, "it is missing"),
    ),
    "the head": ([f"DELETE FROM heads WHERE {S1}"], ("s1", None, "its head is missing")),
    "a place in the feed": ([f"DELETE FROM feed WHERE {S1} AND version = 2"], (None, None, "position 2 is missing")),
    "the end of the feed": (["DELETE FROM feed WHERE position = 6"], ("s2", 3, "it is missing from the feed")),
    "swapped payloads": (
        [f"UPDATE payloads SET version = -version WHERE {S1} AND version IN (2, 3)",
         f"UPDATE payloads SET version = 5 + version WHERE {S1} AND version < 0"],
        ("s1", 2, "its payload was altered: the digest does not match"),
    ),
    "swapped versions": (
        [f"UPDATE {table} SET version = -version WHERE {S1} AND version IN (2, 3)" for table in ("events", "payloads")]
        + [f"UPDATE {table} SET version = 5 + version WHERE {S1} AND version < 0" for table in ("events", "payloads")],
        ("s1", 2, "it does not follow from the version before it"),
    ),
    "swapped places in the feed": (
        ["UPDATE feed SET position = -position WHERE position IN (2, 3)",
         "UPDATE feed SET position = 5 + position WHERE position < 0"],
        ("s1", 3, "it is out of order in the feed, at position 2"),
    ),
    "an event of another session": (
        [f"UPDATE events SET session_uid = {S2}, version = 4 WHERE {S1} AND version = 3"],
        ("s2", 4, "its payload is missing"),
    ),
    "the whole session but its feed": (
        [f"DELETE FROM {table} WHERE {S1}" for table in ("heads", "events", "payloads")]
        + ["DELETE FROM sessions WHERE session_id = 's1'"],
        (None, 1, "the feed names it, but it is not in the log"),
    ),
}  # fmt: skip


@on_one_face
@pytest.mark.parametrize(("statements", "expected"), REMOVALS.values(), ids=REMOVALS)
async def test_what_was_removed_or_swapped_is_found(
    book: Book, statements: list[str], expected: tuple[str | None, int | None, str]
) -> None:
    """A gap, an orphan and a wrong order are named where they are."""
    await record(book)

    book.execute(*statements)

    assert expected in told(await book.verify())


async def cut_off(book: Book) -> None:
    """Cut the last version of s2 off so that all that is left fits together."""
    uid = book.uid("s2")
    with book.database.write() as connection:
        for table in (events, payloads):
            connection.execute(table.delete().where(table.c.session_uid == uid, table.c.version == 3))
        leaf = connection.execute(select(events.c.leaf).where(events.c.session_uid == uid, events.c.version == 2))
        values = {"version": 2, "leaf": leaf.scalar_one(), "life": 1, "open_questions": "[]"}
        connection.execute(heads.update().where(heads.c.session_uid == uid).values(values))
        connection.exec_driver_sql("DELETE FROM feed WHERE position = 6")
        if book.on_server:
            connection.exec_driver_sql(
                "UPDATE feed_state SET (position, digest) = (SELECT position, digest FROM feed WHERE position = 5)"
            )


async def test_a_tail_that_was_cut_off_is_found_by_its_receipt(book: Book) -> None:
    """From inside it cannot be seen; whoever kept a receipt sees it."""
    receipts = await record(book)
    expect = {name: (receipt.version, receipt.digest) for name, receipt in receipts.items()}
    await cut_off(book)

    assert (await book.verify()).ok
    found = told(await book.verify(expect=expect))
    assert [("s2", 3)] == [(name, version) for name, version, _ in found]
    assert "cut off" in found[0][2]
    assert found == told(await book.verify("s2", expect=expect))
    assert (await book.verify("s1", expect=expect)).ok


async def test_another_event_in_the_place_of_the_receipts_is_found(book: Book) -> None:
    """A log that was cut off and written on is whole, but not the one that the receipt was given for."""
    receipts = await record(book)
    await cut_off(book)
    await book.create(Session.new("s2", "gpt-5"))

    assert (await book.verify()).ok
    assert [("s2", 3, "it is not the event that its receipt was given for")] == told(
        await book.verify(expect={"s2": (3, receipts["s2"].digest)})
    )
    assert [("nobody", 1)] == [p[:2] for p in told(await book.verify(expect={"nobody": (1, "00")}))]


async def test_verify_finds_what_loads_may_not_notice(book: Book) -> None:
    """A forged payload that parses still loads; that is what `verify` is for."""
    await record(book)
    uid = book.uid("s1")
    with book.database.read() as connection:
        key = (payloads.c.session_uid == uid) & (payloads.c.version == 1)
        body = connection.execute(select(payloads.c.body).where(key)).scalar_one()
    with book.database.write() as connection:
        connection.execute(payloads.update().where(key).values(body=body.replace("hello", "forged")))

    assert "forged" == (await book.load("s1")).messages[0].content
    assert [("s1", 1)] == [problem[:2] for problem in told(await book.verify())]
