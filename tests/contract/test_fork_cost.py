"""A fork costs its one event, however long the session is and however deep the forks are."""

from __future__ import annotations

import pytest

from ledger import Message, Session
from ledger.store.tables import catalog, events, feed, heads, payloads, questions, sessions, snapshots
from tests.contract.backends import in_memory, on_one_face
from tests.contract.faces import Book
from tests.contract.tampering import drop_triggers

TABLES = (sessions, heads, events, payloads, feed, snapshots, catalog, questions)


async def rewritten(book: Book, session_id: str, saves: int, size: int) -> Session:
    """Save a session so often, each time with all of its state written anew: its log holds far more than it does."""
    session = Session.new(session_id, "gpt-5")
    for number in range(saves):
        session.state["plan"] = f"{number} " + "x" * size
        await book.save(session)
    return session


def rows(book: Book, session_id: str | None = None) -> dict[str, int]:
    """Count the rows of each table, of all sessions or of one."""
    where = "" if session_id is None else f" WHERE session_uid = {book.literal(book.uid(session_id))}"
    return {table.name: book.query(f"SELECT count(*) FROM {table}{where}")[0][0] for table in TABLES}


def kept(book: Book) -> list[tuple[str, int]]:
    """Give the session and version of every snapshot."""
    query = "SELECT session_id, snapshots.version FROM snapshots JOIN sessions USING (session_uid) ORDER BY 1, 2"
    return [(name, version) for name, version in book.query(query)]


@on_one_face
async def test_a_fork_of_a_fork_of_a_long_session_is_one_small_event(book: Book) -> None:
    """A session of 5,000 messages: no row but the fork's own is written, and loads leave nothing behind."""
    session = Session.new("s1", "gpt-5")
    for number in range(100):
        session.messages.extend(Message.user(f"message {number}/{part}", id=f"{number}/{part}") for part in range(50))
        await book.save(session)
    await book.sessions()
    before = rows(book)

    await book.fork("s1", "child")
    grandchild = await book.fork("child", "grandchild")
    for session_id, at in (("child", None), ("grandchild", None), ("grandchild", 1), ("s1", 50)):
        await book.load(session_id, at)

    assert [101, 102] == [item.position for item in await book.feed(after=100)]
    assert 5000 == len(grandchild.messages)
    assert session.messages == grandchild.messages == (await book.load("grandchild")).messages
    grown = {name: count - before[name] for name, count in rows(book).items()}
    assert {"sessions": 2, "heads": 2, "events": 2, "payloads": 2, "feed": 2} == {
        name: count for name, count in grown.items() if count
    }
    for session_id in ("child", "grandchild"):
        ((size,),) = book.query(
            f"SELECT length(body) FROM payloads WHERE session_uid = {book.literal(book.uid(session_id))}"
        )
        assert size < 400
    assert (await book.verify()).ok
    assert 5000 == {line.id: line.messages for line in await book.sessions()}["grandchild"]


async def test_the_snapshot_that_a_load_of_a_fork_keeps_is_its_parents(book: Book) -> None:
    """Much of the parent was replayed, and next to nothing of the fork: it is kept where the fork began, and serves."""
    await rewritten(book, "s1", 40, 5000)
    await book.fork("s1", "child", at=30)
    assert [("s1", 30)] == kept(book)
    child = await book.load("child")
    child.title = "mine"
    await book.save(child)
    await book.fork("child", "grandchild")

    assert "mine" == (await book.load("grandchild")).title
    assert [("s1", 30)] == kept(book)
    drop_triggers(book)
    book.execute("UPDATE payloads SET body = 'spoiled' WHERE version = 7")
    assert child.state == (await book.load("grandchild")).state


async def test_a_fork_that_was_rewritten_much_keeps_its_own_snapshot(book: Book) -> None:
    """What was replayed was the fork's own."""
    await book.saved()
    child = await book.fork("s1", "child")
    for number in range(40):
        child.state["plan"] = f"{number} " + "x" * 5000
        await book.save(child)

    loaded = await book.load("child")

    assert [("child", 41)] == kept(book)
    assert loaded == child == await book.load("child")


async def test_where_both_were_rewritten_the_next_load_spares_most(book: Book) -> None:
    """The fork's snapshot spares the parent's events too; then there is nothing more to keep."""
    await rewritten(book, "s1", 40, 5000)
    child = await book.fork("s1", "child")
    book.execute("DELETE FROM snapshots")
    for number in range(40):
        child.state["plan"] = f"{number} " + "y" * 5000
        await book.save(child)

    for _ in range(3):
        assert child == await book.load("child")

    assert [("child", 41)] == kept(book)


async def test_a_snapshot_of_a_fork_can_be_asked_for(book: Book) -> None:
    """Whatever it costs: then a load of the fork reads nothing of its parent."""
    await rewritten(book, "s1", 3, 10)
    child = await book.fork("s1", "child")
    await book.snapshot("child")

    assert [("child", 1)] == kept(book)
    drop_triggers(book)
    book.execute("UPDATE payloads SET body = 'spoiled' WHERE version = 2")
    assert child == await book.load("child")


@pytest.mark.parametrize("spoiling", ["fold_version = 0", "digest = {nothing}", "event_digest = {nothing}"])
async def test_a_spoiled_snapshot_of_the_parent_is_dropped(book: Book, spoiling: str) -> None:
    """The load of a fork goes on from the log, and the row is gone."""
    await rewritten(book, "s1", 3, 10)
    await book.snapshot("s1")
    child = await book.fork("s1", "child")
    book.execute(f"UPDATE snapshots SET {spoiling.format(nothing=book.literal(bytes(32)))}")

    assert child == await book.load("child")
    assert [] == kept(book)


@on_one_face
@in_memory
async def test_forks_may_be_a_thousand_deep(book: Book) -> None:
    """Each loads, is found, is told and verified without a call for each of those that it came from."""
    session = await book.saved("fork-0")
    session.ask("a", "Which?")
    await book.save(session, key="asked")
    for number in range(1, 1001):
        await book.fork(f"fork-{number - 1}", f"fork-{number}")
        if not number % 4:
            await book.snapshot(f"fork-{number}")  # or each would be folded from the first one on, only to be forked
    await book.sessions()
    asked = await book.questions()
    book.execute("DELETE FROM snapshots")

    assert "a#0" == (await book.load("fork-1000")).pending_question.id
    last = await book.load("fork-1000")
    last.answer("a", "x")
    last.title = "deep"
    await book.save(last)
    fresh = Session.new("fork-1000", "gpt-5")
    fresh.add_message(Message.user("late"))
    await book.save(fresh)

    assert ("deep", 3) == (fresh.title, fresh.version)
    assert fresh == await book.load("fork-1000")
    assert "fork-0@2" == str(await book.locate("fork-1000", "key:asked"))
    assert {("fork-0", 2)} == {tuple(record.asked_in.model_dump().values()) for record in asked if record.asked_in}
    assert ["asked", "answered"] == [
        step.kind for step in await book.transitions("fork-1000", "a#0") if step.kind not in {"forked", "averted"}
    ]
    for session_id in (None, "fork-1000"):
        found = await book.verify(session_id)
        assert (True, 1001) == (found.ok, found.sessions)
