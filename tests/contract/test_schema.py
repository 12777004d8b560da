"""The database itself: its schema, its file, and every other thing that a URL may lead to."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger import InvalidSession, LedgerMissing, Message, SchemaOutOfDate, Session, StorageError
from ledger.store import tables
from ledger.store.sqlite import driver
from tests.contract.backends import on_durable, on_files
from tests.contract.faces import Book, OpenBook, open_face


@on_durable
@pytest.mark.parametrize(
    ("found", "said"),
    [("0000", r"has schema 0000, this release needs 0003; run `ledger migrate`"), ("9999", "newer .*upgrade")],
)
async def test_another_schema_is_refused(open_book: OpenBook, found: str, said: str) -> None:
    """Older or newer, the error names both, and what to do; nothing in the database is touched."""
    book = await open_book()
    await book.saved()
    book.execute(f"UPDATE alembic_version SET version_num = '{found}'")
    await book.close()

    for create in (True, False):
        with pytest.raises(SchemaOutOfDate, match=said) as caught:
            await open_book(create=create)
        assert (found, tables.SCHEMA) == (caught.value.found, caught.value.expected)


@on_durable
async def test_what_was_written_is_there_when_it_is_opened_again(open_book: OpenBook) -> None:
    """By whichever face, with or without leave to create."""
    book = await open_book()
    session = await book.saved(title="kept")
    await book.close()

    again = await open_book(create=False)

    assert session == await again.load("s1")
    (again_id,) = again.query("SELECT ledger_id FROM ledger_meta")
    assert bytes(again_id[0]) == book.sync._log.ledger_id


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give the place of a ledger that is not there yet."""
    return tmp_path / "here.db"


async def open_file(face: str, file: Path | str, **options: object) -> Book:
    """Open a ledger in a file."""
    return await open_face(face, f"sqlite:///{file}", **options)


async def test_a_new_file_is_its_owners_alone(face: str, file: Path) -> None:
    """So are the files that stand beside it while it is open; after the close it stands alone, and whole."""
    old = os.umask(0)
    try:
        book = await open_file(face, file)
        await book.saved()
    finally:
        os.umask(old)
    names = sorted(each.name for each in file.parent.iterdir())
    modes = {stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()}

    assert (["here.db", "here.db-shm", "here.db-wal"], {0o600}) == (names, modes)
    await book.close()
    assert ["here.db"] == [each.name for each in file.parent.iterdir()]
    book = await open_file(face, file)
    assert "s1" == (await book.load("s1")).id
    await book.close()


async def test_a_ledger_stays_where_it_was_opened(face: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is of the folder at the opening; where the process goes afterwards is nothing to it."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    book = await open_file(face, "ledger.db")
    session = await book.saved()
    monkeypatch.chdir(elsewhere)
    session.title = "x"

    assert 2 == (await book.save(session)).version
    assert "x" == (await book.load("s1")).title
    await book.close()
    assert [] == list(elsewhere.iterdir())


async def test_every_connection_is_set_up_to_lose_nothing(face: str, file: Path) -> None:
    """Write-ahead log, full synchronisation, patience with other writers, foreign keys."""
    book = await open_file(face, file)
    await book.saved()

    pragmas = {name: book.query(f"PRAGMA {name}")[0][0] for name in ("journal_mode", "synchronous", "foreign_keys")}
    assert {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1} == pragmas
    assert 30_000 == book.query("PRAGMA busy_timeout")[0][0]
    await book.close()


def _empty(file: Path) -> None:
    file.touch()


async def test_a_missing_file_is_created_only_with_leave(face: str, file: Path) -> None:
    """Without it, the error names the place and the commands that create one; no file appears."""
    with pytest.raises(LedgerMissing, match=rf"no ledger at {file}.*ledger import.*ledger migrate") as caught:
        await open_file(face, file, create=False)
    assert str(file) == caught.value.place
    assert [] == list(file.parent.iterdir())

    _empty(file)
    with pytest.raises(LedgerMissing):
        await open_file(face, file, create=False)
    await (await open_file(face, file)).close()  # an empty file becomes a ledger
    await (await open_file(face, file, create=False)).close()


def bytes_of(file: Path) -> bytes | None:
    """Give what is in it, where it is a file."""
    return file.read_bytes() if file.is_file() else None


def _text(file: Path) -> None:
    file.write_text("Dear diary,\n" * 500, encoding="utf-8")


def _foreign(file: Path) -> None:
    connection = driver().connect(str(file))
    connection.execute("CREATE TABLE diary (entry TEXT)")
    connection.execute("INSERT INTO diary VALUES ('dear')")
    connection.commit()
    connection.close()


def _torn(file: Path) -> None:
    _foreign(file)
    file.write_bytes(file.read_bytes()[:100])


OTHERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "text": (_text, "not a ledger"),
    "another program's database": (_foreign, "holds no ledger schema"),
    "a torn database": (_torn, "damaged|not a ledger"),
    "a folder": (Path.mkdir, "is a folder"),
}


@pytest.mark.parametrize(("make", "said"), OTHERS.values(), ids=OTHERS)
async def test_what_is_no_ledger_is_left_alone(face: str, file: Path, make: Callable[[Path], None], said: str) -> None:
    """One sentence says what was found there, and nothing in it changes."""
    make(file)
    before = bytes_of(file)

    for create in (True, False):
        with pytest.raises(StorageError, match=said) as caught:
            await open_file(face, file, create=create)
        assert str(file) in str(caught.value)
    assert before == bytes_of(file)
    assert [file] == list(file.parent.iterdir())


async def test_a_place_that_cannot_be_is_named(face: str, tmp_path: Path) -> None:
    """A folder that is not there, a URL that is none, and a database that this release does not know."""
    with pytest.raises(StorageError, match="cannot be created"):
        await open_file(face, tmp_path / "not there" / "x.db")
    for url, said in (("nonsense", "not a database URL"), ("mysql://host/db", "mysql"), ("", "not a database URL")):
        with pytest.raises(StorageError, match=said):
            await open_face(face, url)


@on_files
async def test_a_full_disk_loses_nothing(open_book: OpenBook) -> None:
    """The save is refused in words; what was there is there, and the same save goes through when there is room."""
    book = await open_book()
    session = await book.saved()
    pages = book.query("PRAGMA page_count")[0][0]
    for limit in (pages, pages + 1, pages + 3):
        limit_pages(book, limit)
        session.messages[:] = [Message.user("x" * 100_000)]
        with pytest.raises(StorageError, match=r"the disk of .* is full"):
            await book.save(session)
        assert 1 == session.version
        assert [] == (await book.load("s1")).messages
    limit_pages(book, 1_000_000)

    assert 2 == (await book.save(session)).version
    assert (await book.verify()).ok


def limit_pages(book: Book, pages: int) -> None:
    """Let the file grow no longer than that, as the connection of its lane sees it."""
    book.sync.lanes._committers[0]._wire.transact(lambda wire: wire.execute(f"PRAGMA max_page_count = {pages}"))


@on_files
async def test_a_lock_that_is_held_too_long_is_an_error_in_words(open_book: OpenBook, tmp_path: Path, url: str) -> None:
    """The save is refused, the session is as it was, and the same save goes through when the lock is gone."""
    book = await open_book(url=f"{url}?timeout=0.05")
    session = await book.saved()
    session.title = "x"
    holder = driver().connect(str(tmp_path / "ledger.db"))
    holder.isolation_level = None
    holder.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StorageError, match="stayed locked"):
            await book.save(session)
        assert "s1" == (await book.load("s1")).id  # readers wait for no writer
    finally:
        holder.rollback()
        holder.close()

    assert (1, 2) == (session.version, (await book.save(session)).version)


@on_files
async def test_a_file_that_was_removed_or_replaced_takes_no_saves(open_book: OpenBook, tmp_path: Path) -> None:
    """What would be written where nobody finds it is refused."""
    book = await open_book()
    session = await book.saved()
    (tmp_path / "ledger.db").rename(tmp_path / "moved.db")

    with pytest.raises(StorageError, match="was removed"):
        await book.save(session)
    (tmp_path / "ledger.db").touch()
    with pytest.raises(StorageError, match="was replaced"):
        await book.save(session)
    (tmp_path / "moved.db").replace(tmp_path / "ledger.db")
    assert 2 == (await book.save(session)).version


async def test_a_closed_ledger_says_that_it_is_closed(book: Book) -> None:
    """Whatever is asked of it; closing twice is fine, and a session can be saved elsewhere afterwards."""
    session = await book.saved()
    await book.close()
    await book.close()

    for call in (
        book.save(session), book.load("s1"), book.sessions(), book.history("s1"), book.delete("s1"), book.verify(),
        book.record_usage("s1", {}), book.append("s1", Message.user("x")), book.feed(), book.rebuild(),
    ):  # fmt: skip
        with pytest.raises(StorageError, match="closed"):
            await call
    assert 1 == session.version


async def test_a_context_closes_what_it_opened(face: str, file: Path) -> None:
    """Also after an error, which is not swallowed."""
    import ledger

    async def fail() -> None:
        if face == "async":
            async with ledger.open_async(f"sqlite:///{file}") as book:
                await book.save(Session.new("", "gpt-5"))
        else:
            with ledger.open(f"sqlite:///{file}") as book:
                book.save(Session.new("", "gpt-5"))

    with pytest.raises(InvalidSession):
        await fail()
    assert [file] == list(file.parent.iterdir())
