"""Snapshots make loads cheap, and nothing else: wrong ones are dropped, and deleting all of them loses nothing."""

from __future__ import annotations

import logging
import zlib
from hashlib import sha256
from itertools import pairwise

import pytest
from sqlalchemy import delete, select

from ledger import DamagedRecord, Message, Session, SessionDeleted, SessionNotFound
from ledger.store.tables import snapshots
from tests.contract.backends import in_memory, on_one_face, on_sqlite
from tests.contract.faces import Book
from tests.contract.tampering import altered, drop_triggers, spoiled

BIG = "x" * 40_000


async def grow(book: Book, saves: int, *, content: str = "x") -> Session:
    """Save a session so often, with a message each time."""
    session = Session.new("s1", "gpt-5")
    for number in range(saves):
        session.messages.append(Message.user(content, id=f"m{number}"))
        session.state["number"] = number
        await book.save(session)
    return session


def kept(book: Book) -> list[int]:
    """Give the versions that there are snapshots of."""
    return [version for (version,) in book.query("SELECT version FROM snapshots ORDER BY version")]


def spoil_payload(book: Book, version: int) -> None:
    """Make one version unreadable, so that a load that has to replay it fails."""
    drop_triggers(book)
    book.execute(f"UPDATE payloads SET body = 'spoiled' WHERE version = {version}")


async def test_a_load_replays_only_what_follows_the_snapshot(book: Book) -> None:
    """What lies before a snapshot is not read; what lies behind the wanted version neither."""
    session = await grow(book, 5)
    await book.snapshot("s1")
    for _ in range(3):
        session.add_message(Message.user("more"))
        await book.save(session)
    spoil_payload(book, 2)
    spoil_payload(book, 8)

    assert 7 == (await book.load("s1", at=7)).version
    assert 5 == len((await book.load("s1", at=5)).messages)
    for version in (4, 8):
        with pytest.raises(DamagedRecord):
            await book.load("s1", at=version)
    assert 1 == (await book.load("s1", at=1)).version


async def test_a_snapshot_is_what_the_fold_gives(book: Book) -> None:
    """Of every version: loaded from its snapshot and folded from the log, it is the same session."""
    session = Session.new("s1", "gpt-5", title="t", summary={"a": 1.0}, parent_session_id="p", root_session_id="r")
    session.metadata.update({"n": 1, "f": 1.0, "b": True, "none": None})
    session.state["deep"] = [{"x": [1, 2]}]
    edits = (
        lambda: session.messages.append(Message.tool("ok", "c", success=True, native={"format": "x", "data": 1.0})),
        lambda: session.ask("call_1", "Which?", options=[{"label": "a", "description": "b"}, "c"], multiple=True),
        lambda: session.answer("call_1", {"chosen": ["a"]}, by="ada"),
        lambda: session.state["deep"].append(1.0),
        lambda: setattr(session, "pinned", True),
    )  # fmt: skip
    for edit in edits:
        edit()
        await book.save(session)
        await book.snapshot("s1")
        version = session.version
        assert version in kept(book)
        from_snapshot = await book.load("s1", at=version)
        book.execute("DELETE FROM snapshots")
        folded = await book.load("s1", at=version)
        assert folded == from_snapshot == session
        assert folded.model_dump_json() == from_snapshot.model_dump_json()
        assert folded.metadata_version == from_snapshot.metadata_version


async def test_snapshots_are_written_behind_costly_loads_and_never_by_a_save(book: Book) -> None:
    """By the bytes that a load had to read, against the size of what it gave."""
    session = await rewrite(book, "s1", 4)
    assert [] == kept(book)

    await book.load("s1")
    assert [4] == kept(book)
    await book.load("s1")
    session.add_message(Message.user("small"))
    await book.save(session)
    await book.load("s1")
    assert [4] == kept(book)

    await grow_other(book)
    await book.load("small")
    assert [4] == kept(book)


async def test_a_session_that_only_grows_needs_no_snapshot(book: Book) -> None:
    """It would be a second copy of the log, and be read no faster; where much was rewritten too, it pays again."""
    session = await grow(book, 4, content=BIG)
    await book.load("s1")
    assert [] == kept(book)

    for number in range(7):
        session.state["draft"] = f"{number}{BIG}"
        await book.save(session)
    await book.load("s1")
    assert [11] == kept(book)


async def rewrite(book: Book, session_id: str, saves: int) -> Session:
    """Save a session so often, with another large state each time."""
    session = Session.new(session_id, "gpt-5")
    for number in range(saves):
        session.state["draft"] = f"{number}{BIG}"
        await book.save(session)
    return session


async def grow_other(book: Book) -> None:
    """Save a session that is cheap to replay."""
    session = await book.saved("small")
    session.add_message(Message.user("x"))
    await book.save(session)


async def test_older_snapshots_are_thinned(book: Book) -> None:
    """However many were written, what is kept costs about as much as the newest alone."""
    session = await grow(book, 1)
    for _ in range(40):
        session.add_message(Message.user("x"))
        await book.save(session)
        await book.snapshot("s1")

    versions = kept(book)
    assert 41 == versions[-1]
    assert len(versions) <= 10
    assert all(older <= newer * 0.6 for older, newer in pairwise(versions))


async def test_deleting_every_snapshot_loses_nothing(book: Book) -> None:
    """They are made of the log, and can be made again."""
    await rewrite(book, "s1", 4)
    before = [await book.load("s1", at=n) for n in range(1, 5)]
    assert kept(book)
    book.execute("DELETE FROM snapshots")

    assert before == [await book.load("s1", at=n) for n in range(1, 5)]
    assert (await book.verify()).ok


@on_one_face
@on_sqlite
@pytest.mark.parametrize("column", ["event_digest", "fold_version", "digest", "body"])
async def test_a_wrong_snapshot_is_dropped_with_a_warning(
    book: Book, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whichever of its values is another, or of another type, the load folds from the log and gives what is right."""
    session = await grow(book, 3)
    key = {"session_uid": book.uid("s1"), "version": 3}
    for change in (altered, spoiled):
        await book.snapshot("s1")
        caplog.clear()
        with change(book, snapshots, key, column):
            with caplog.at_level(logging.WARNING):
                assert session == await book.load("s1")
            assert [] == kept(book)
        assert ["snapshot_dropped" in record.getMessage() for record in caplog.records] == [True]
        for said in ("s1", "version=3"):
            assert said in caplog.records[0].getMessage()
        book.execute("DELETE FROM snapshots")


@on_one_face
@in_memory
async def test_a_snapshot_that_fits_by_its_digest_alone_is_not_believed(
    book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    """It must hold the view that it claims: of this session, at this version, of this past, and it must parse."""
    session = await grow(book, 3)
    other = Session.new("s2", "gpt-5")
    for _ in range(3):
        await book.save(other)
    await book.snapshot("s2")
    with book.database.read() as connection:
        foreign = bytes(connection.execute(select(snapshots.c.body)).scalar_one())
    uid = book.uid("s1")
    bodies = [foreign, b"", b"junk", zlib.compress(b"junk"), zlib.compress(b"{}"), foreign[:-5]]

    with caplog.at_level(logging.WARNING):
        for body in bodies:
            await book.snapshot("s1")
            with book.database.write() as connection:
                forged = {"body": body, "digest": sha256(body).digest()}
                connection.execute(snapshots.update().where(snapshots.c.session_uid == uid).values(forged))
            assert session == await book.load("s1")

    assert len(bodies) == sum("snapshot_dropped" in record.getMessage() for record in caplog.records)
    assert [3] == kept(book)  # of s2


async def test_a_wrong_snapshot_does_not_hide_an_older_right_one(book: Book) -> None:
    """The load goes on from the nearest that is right."""
    session = await grow(book, 2)
    await book.snapshot("s1")
    for _ in range(4):
        session.add_message(Message.user("x"))
        await book.save(session)
    await book.snapshot("s1")
    spoil_payload(book, 1)
    book.execute("UPDATE snapshots SET fold_version = 999 WHERE version = 6")

    assert 6 == len((await book.load("s1")).messages)
    assert [2] == kept(book)


async def test_a_snapshot_of_another_past_is_dropped(book: Book) -> None:
    """Where the log was restored from a backup, a snapshot of what came after it is of no use."""
    session = await grow(book, 3)
    await book.snapshot("s1")
    with book.database.write() as connection:
        connection.execute(snapshots.update().values(event_digest=b"\1" * 32))

    assert session == await book.load("s1")
    with book.database.write() as connection:
        assert 0 == connection.execute(delete(snapshots)).rowcount


async def test_snapshots_and_deletions(book: Book) -> None:
    """A deleted session stays deleted, snapshot or not; an unknown one has none."""
    await grow(book, 2)
    await book.delete("s1")
    await book.snapshot("s1")

    with pytest.raises(SessionDeleted):
        await book.load("s1")
    assert 2 == len((await book.load("s1", at=2)).messages)
    fresh = await book.load_or_create("s1", model="gpt-4")
    assert ([], 3) == (fresh.messages, fresh.version)
    await book.save(fresh)
    assert [] == (await book.load("s1")).messages
    with pytest.raises(SessionNotFound):
        await book.snapshot("nobody")


async def test_a_load_goes_on_from_a_known_view(book: Book) -> None:
    """What lies before it is not read again, and what it shares with the later view is one object; a fork too."""
    session = await grow(book, 5)
    child = await book.fork("s1", "child")
    child.add_message(Message.user("in the child"))
    await book.save(child)
    reads = book.sync._reads
    known = reads.view("s1", 4)
    spoil_payload(book, 3)

    for later in (reads.view("s1", known=known), reads.view("child", known=known)):
        assert tuple(session.messages) == later.messages[:5]
        assert all(ours is theirs for ours, theirs in zip(known.messages, later.messages, strict=False))
    assert known is reads.view("s1", 4, known=known)
    of_no_use = reads.view("child", known=known)
    with pytest.raises(DamagedRecord):
        reads.view("s1", known=of_no_use)
    with pytest.raises(DamagedRecord):
        reads.view("s1", 3, known=known)


async def test_a_snapshot_far_behind_a_known_view_is_nearer(book: Book) -> None:
    """Where many saves lie between, the load begins from the snapshot; where few do, from the known view."""
    session = await grow(book, 60)
    await book.snapshot("s1")
    session.add_message(Message.user("more"))
    await book.save(session)
    reads = book.sync._reads
    far, near = reads.view("s1", 1), reads.view("s1", 59)
    spoil_payload(book, 30)

    assert 61 == len(reads.view("s1", known=far).messages)
    later = reads.view("s1", known=near)
    assert all(ours is theirs for ours, theirs in zip(near.messages, later.messages, strict=False))
