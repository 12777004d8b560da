"""The record across the join: what a fork was forked from is checked with it, and damage there is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import delete, update

from ledger import DamagedRecord, LedgerError, Message, Session, Verification
from ledger.domain.chain import NO_LEAF, Entry, commit_payload, leaf_of
from ledger.store.tables import events, heads, payloads, sessions
from tests.contract.backends import in_memory, on_one_face
from tests.contract.faces import Book
from tests.contract.tampering import RECORD, altered, drop_triggers, rows_of, spoiled


async def lineage(book: Book) -> None:
    """Save `parent` (three versions), `child` (forked at 2, then one more), `a-grandchild` of it; drop the guards.

    By their names a fork comes before what it was forked from.
    """
    session = Session.new("parent", "gpt-5")
    for number in range(3):
        session.add_message(Message.user(f"{number}"))
        session.ask(f"call_{number}", "Which?")
        await book.save(session)
    child = await book.fork("parent", "child", at=2)
    child.answer("call_0", "this")
    await book.save(child)
    await book.fork("child", "a-grandchild")
    await book.feed()  # where it is queued, it gets its positions now
    drop_triggers(book)


def told(verification: Verification) -> list[tuple[str | None, int | None, str]]:
    """Give session, version and what is wrong of every problem."""
    return [(problem.session_id, problem.version, problem.what) for problem in verification.problems]


def written_anew(book: Book, session_id: str, version: int, body: str) -> None:
    """Let the last version of a session be another event, with hashes that fit it: what only a digest can tell."""
    uid = book.uid(session_id)
    where = events.c.session_uid == uid, events.c.version == version
    with book.database.write() as connection:
        row = dict(connection.execute(events.select().where(*where)).mappings().one())
        salt = bytes(32)
        names = Entry._fields
        entry = {name: row[name] for name in names if name in row} | {
            "ledger_id": book.database.ledger_id,
            "recorded_at_us": row["recorded_at"],
            "payload_commit": commit_payload(salt, body.encode()),
            "prev_leaf": bytes(row["prev_leaf"] or NO_LEAF),
        }
        leaf = leaf_of(Entry(**entry))
        connection.execute(update(events).where(*where).values(payload_commit=entry["payload_commit"], leaf=leaf))
        connection.execute(
            update(payloads)
            .where(payloads.c.session_uid == uid, payloads.c.version == version)
            .values(salt=salt, body=body)
        )
        connection.execute(update(heads).where(heads.c.session_uid == uid).values(leaf=leaf))


async def test_a_whole_record_with_forks_is_clean(book: Book) -> None:
    """Everything was looked at once; of one fork, also what the sessions had that it came from, up to there."""
    await lineage(book)

    found = await book.verify()
    assert (True, 3, 6, ()) == (found.ok, found.sessions, found.events, found.problems)
    seen: list[tuple[int, int]] = []
    one = await book.verify("a-grandchild", progress=lambda done, total: seen.append((done, total)))
    assert (True, 3, 5) == (one.ok, one.sessions, one.events)
    assert (5, 5) == seen[-1]
    assert (1, 3) == ((parent := await book.verify("parent")).sessions, parent.events)


@pytest.mark.parametrize("column", ["body", "salt"])
async def test_a_tampered_parent_is_found_from_its_forks(book: Book, column: str) -> None:
    """The damage is named where it is, for whoever verifies all, the parent, or a fork that it is a part of."""
    await lineage(book)
    problem = ("parent", 1, "its payload was altered: the digest does not match")

    with altered(book, payloads, {"session_uid": book.uid("parent"), "version": 1}, column):
        for session_id in (None, "parent", "child", "a-grandchild"):
            assert problem in told(await book.verify(session_id))
    with altered(book, payloads, {"session_uid": book.uid("parent"), "version": 3}, column):
        assert {"parent"} == {name for name, _, _ in told(await book.verify())}
        assert (await book.verify("child")).ok


async def test_a_parent_whose_past_was_written_anew_is_found(book: Book) -> None:
    """Its own hashes fit, but its fork was made from another event: load and verify both say so."""
    await lineage(book)
    child = await book.load("child")
    child.add_message(Message.user("more"))
    await book.save(child)
    body = json.dumps({"changes": [{"type": "title_changed", "title": "Another past"}]})
    await book.delete("a-grandchild")
    await book.fork("child", "late")
    written_anew(book, "child", 3, body)

    problem = ("late", 1, "it was forked from child@3, which is another event now")
    assert problem in told(await book.verify())
    assert problem in told(await book.verify("late"))
    with pytest.raises(DamagedRecord, match=r"version 1 of session late .*forked from child@3.*ledger verify late"):
        await book.load("late")
    assert "Another past" == (await book.load("child")).title


async def test_a_parent_that_is_gone_is_found(book: Book) -> None:
    """A record cannot be removed without its forks telling."""
    await lineage(book)
    uid = book.uid("parent")
    with book.database.write() as connection:
        for table in (payloads, events, heads, sessions):
            connection.execute(delete(table).where(table.c.session_uid == uid))

    problem = ("child", 1, "it was forked from parent@2, which is not in the log")
    assert problem in told(await book.verify())
    assert [problem] == told(await book.verify("child"))
    for session_id in ("child", "a-grandchild"):
        with pytest.raises(DamagedRecord, match="version 1 of session child is damaged: it was forked from parent@2"):
            await book.load(session_id)


async def test_a_parent_that_was_cut_off_before_the_join_is_found(book: Book) -> None:
    """A tail that was cut off consistently is invisible in a session, and not in what was forked from it."""
    await lineage(book)
    uid = book.uid("parent")
    with book.database.write() as connection:
        for table in (payloads, events):
            connection.execute(delete(table).where(table.c.session_uid == uid, table.c.version >= 2))
        leaf = connection.execute(events.select().where(events.c.session_uid == uid)).mappings().one()["leaf"]
        connection.execute(
            update(heads).where(heads.c.session_uid == uid).values(version=1, leaf=leaf, open_questions='["call_0#0"]')
        )

    assert ("child", 1, "it was forked from parent@2, which is not in the log") in told(await book.verify())
    with pytest.raises(DamagedRecord, match="forked from parent@2, which is not in the log"):
        await book.load("child")


async def test_forks_that_go_round_in_a_circle_are_an_error(book: Book) -> None:
    """What was forged so is damaged; nothing loops."""
    await lineage(book)
    leaf, uid = (await book.history("a-grandchild"))[0].digest, book.uid("child")
    body = json.loads(book.query(f"SELECT body FROM payloads WHERE session_uid = {book.literal(uid)}")[0][0])
    body["changes"][0] |= {"from_session_id": "a-grandchild", "from_version": 1, "from_digest": leaf}
    with book.database.write() as connection:
        connection.execute(
            update(payloads).where(payloads.c.session_uid == uid, payloads.c.version == 1).values(body=json.dumps(body))
        )

    for call in (
        book.load("child"),
        book.load("a-grandchild"),
        book.locate("child", "q:nobody"),
        book.save(Session.new("child", "gpt-5")),
    ):
        with pytest.raises(DamagedRecord, match="which was forked from it"):
            await call
    for session_id in (None, "child", "a-grandchild"):
        assert ("child", 1, "its payload was altered: the digest does not match") in told(await book.verify(session_id))


@on_one_face
@in_memory
@pytest.mark.parametrize("table", RECORD, ids=str)
async def test_every_altered_value_is_found(book: Book, table: Any) -> None:
    """One value of one row of any table of the record: the session is named, forks or not, and no load breaks."""
    await lineage(book)
    names = {book.uid(name): name for name in ("parent", "child", "a-grandchild")}
    for key in rows_of(book, table):
        for column in [column.name for column in table.columns]:
            for change in (altered, spoiled):
                with change(book, table, key, column):
                    found = await book.verify()
                    assert not found.ok, f"{column} of {key} can be altered"
                    if change is altered and "session_uid" in key and column != "session_id":
                        assert names[bytes(key["session_uid"])] in {name for name, _, _ in told(found)}, (column, key)
                    for name in names.values():
                        try:
                            await book.load(name)
                            await book.locate(name, "q:nobody")
                        except LedgerError:
                            pass
    assert (await book.verify()).ok
