"""Loads from a replica that lags: never older than what was saved or loaded here, and never an empty conversation."""

from __future__ import annotations

import logging
from contextlib import closing
from pathlib import Path

import pytest

import ledger
from ledger import Message, Session, SessionDeleted, SessionNotFound, StorageError, VersionNotFound
from ledger.store.sqlite import driver
from tests.contract.faces import Book, open_face


class Copy:
    """A replica that is brought up to date only when it is told to."""

    def __init__(self, original: Path, copy: Path) -> None:
        self._original = original
        self._copy = copy
        self.url = f"sqlite:///{copy}"

    def refresh(self) -> None:
        """Copy the database as it is now."""
        with (
            closing(driver().connect(str(self._original))) as original,
            closing(driver().connect(str(self._copy))) as copy,
        ):
            original.backup(copy)


@pytest.fixture
def primary(tmp_path: Path) -> str:
    """Give the URL of a ledger with one session at version 2."""
    url = f"sqlite:///{tmp_path / 'primary.db'}"
    with ledger.open(url, writer="agent") as book:
        session = Session.new("s1", "gpt-5")
        session.add_message(Message.user("one"))
        book.save(session)
        session.ask("call_1", "Which?")
        book.save(session)
    return url


@pytest.fixture
def copy(tmp_path: Path, primary: str) -> Copy:
    """Give a replica of it."""
    replica = Copy(Path(primary.removeprefix("sqlite:///")), tmp_path / "replica.db")
    replica.refresh()
    return replica


async def opened(face: str, primary: str, copy: Copy) -> Book:
    """Open the ledger with its replica."""
    return await open_face(face, primary, writer="agent", read_url=copy.url)


async def test_loads_are_the_replicas(face: str, primary: str, copy: Copy) -> None:
    """What others saved since it was brought up to date is not seen yet, at the head or at a revision."""
    book = await opened(face, primary, copy)
    with ledger.open(primary, writer="other") as other:
        other.append("s1", Message.user("two"))

    assert ["one"] == [message.content for message in (await book.load("s1")).messages]
    assert 1 == (await book.load("s1", at=1)).version
    assert 2 == (await book.load("s1", at="q:call_1#0")).version
    copy.refresh()
    assert 3 == (await book.load("s1")).version
    await book.close()


async def test_what_was_saved_here_is_never_loaded_older(face: str, primary: str, copy: Copy) -> None:
    """By whatever verb: the database itself is asked where the replica has not got it yet."""
    book = await opened(face, primary, copy)
    session = await book.load("s1")
    session.add_message(Message.user("two"))
    await book.save(session)
    assert session == await book.load("s1")

    await book.append("s1", Message.user("three"))
    assert 3 == len((await book.load("s1")).messages)
    await book.answer("s1", "call_1", "this")
    assert [] == (await book.load("s1")).pending_questions
    await book.save(Session.new("s2", "gpt-5"))
    assert "s2" == (await book.load("s2")).id
    await book.fork("s1", "s3")
    assert 3 == len((await book.load("s3")).messages)
    await book.delete("s1")
    with pytest.raises(SessionDeleted):
        await book.load("s1")
    await book.close()


async def test_what_was_loaded_here_is_never_loaded_older(face: str, primary: str, copy: Copy, tmp_path: Path) -> None:
    """Also when the replica falls back: another copy took its place, or it was restored."""
    behind = (tmp_path / "replica.db").read_bytes()
    with ledger.open(primary, writer="other") as other:
        other.append("s1", Message.user("two"))
    copy.refresh()
    book = await opened(face, primary, copy)
    assert 3 == (await book.load("s1")).version
    with closing(driver().connect(str(tmp_path / "replica.db"))) as now:
        old = tmp_path / "old.db"
        old.write_bytes(behind)
        with closing(driver().connect(str(old))) as before:
            before.backup(now)

    assert 3 == (await book.load("s1")).version
    await book.close()


async def test_what_has_not_arrived_is_looked_for_in_the_database(face: str, primary: str, copy: Copy) -> None:
    """A session that somebody else began is no empty conversation, and a revision of it is none that is missing."""
    book = await opened(face, primary, copy)
    with ledger.open(primary, writer="other") as other:
        new = Session.new("new", "gpt-5", title="made elsewhere")
        other.save(new)
        other.append("s1", Message.user("two"))

    assert "made elsewhere" == (await book.load("new")).title
    assert "made elsewhere" == (await book.load_or_create("new", model="other")).title
    assert 3 == (await book.load("s1", at=3)).version
    with pytest.raises(VersionNotFound):
        await book.load("s1", at=4)
    with pytest.raises(SessionNotFound):
        await book.load("nobody")
    await book.close()


async def test_a_save_is_rebased_on_the_database_and_not_on_the_replica(face: str, primary: str, copy: Copy) -> None:
    """A copy that the replica gave is a stale one like any other."""
    book = await opened(face, primary, copy)
    with ledger.open(primary, writer="other") as other:
        other.append("s1", Message.user("theirs"))
    session = await book.load("s1")
    session.add_message(Message.user("mine"))

    receipt = await book.save(session)

    assert (4, 2) == (receipt.version, receipt.base_version)
    assert ["one", "theirs", "mine"] == [message.content for message in (await book.load("s1")).messages]
    await book.update("s1", lambda session: setattr(session, "title", "x"))
    await book.close()


async def test_a_replica_that_is_away_is_done_without(
    face: str, primary: str, copy: Copy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The database answers, and the log says so once when it goes and once when it is back."""
    book = await opened(face, primary, copy)
    assert 2 == (await book.load("s1")).version
    replica = tmp_path / "replica.db"
    with caplog.at_level(logging.WARNING):
        replica.rename(tmp_path / "away.db")
        for _ in range(3):
            assert 2 == (await book.load("s1")).version
        (tmp_path / "away.db").rename(replica)
        assert 2 == (await book.load("s1")).version

    told = [record.getMessage().split()[0] for record in caplog.records]
    assert ["replica_away", "replica_back"] == told
    await book.close()


async def test_a_repository_never_regresses_to_a_replica(primary: str, copy: Copy) -> None:
    """Where storage is older than memory, memory stays; where another process saved, it is seen once it arrives."""
    async with ledger.open_async(primary, writer="agent", read_url=copy.url) as book:
        repository = book.repository()
        session = await repository.load_or_create("s1", "gpt-5")
        session.add_message(Message.user("mine"))
        await repository.save(session)
        merged = await repository.load_merged("s1")
        assert merged is not None
        assert (3, ["one", "mine"]) == (merged.version, [message.content for message in merged.messages])

        with ledger.open(primary, writer="other") as other:
            other.append("s1", Message.user("theirs"))
        copy.refresh()
        merged = await repository.load_merged("s1")
        assert merged is not None
        assert (4, ["one", "mine", "theirs"]) == (merged.version, [message.content for message in merged.messages])


def test_another_ledger_is_no_replica(tmp_path: Path, primary: str) -> None:
    """It is refused when the ledger is opened, and so is one that is not there."""
    other = f"sqlite:///{tmp_path / 'other.db'}"
    ledger.open(other).close()
    with pytest.raises(StorageError, match="is no replica of"):
        ledger.open(primary, read_url=other)
    with pytest.raises(StorageError, match="no ledger at"):
        ledger.open(primary, read_url=f"sqlite:///{tmp_path / 'missing.db'}")
