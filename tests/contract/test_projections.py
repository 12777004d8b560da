"""The read models: rebuilt from the log, caught up when they are read, their position in their own transaction."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger import Message, Session, StorageError, UnknownProjection
from tests.contract.backends import on_durable
from tests.contract.faces import Book, OpenBook, open_face

TABLES = ("catalog", "questions", "usage_totals")


async def story(book: Book) -> None:
    """Save three sessions with all that a read model has to follow."""
    for name in ("s1", "s2", "s3"):
        session = await book.saved(name, title=name)
        stale = await book.load(name)
        for number in range(4):
            session.add_message(Message.user(f"{number}"))
            session.ask(f"call_{number}", f"{number}?")
            await book.save(session)
        session.answer("call_0", "yes")
        session.withdraw("call_1", "no")
        await book.save(session)
        stale.title = "stale"
        await book.save(stale)
        await book.record_usage(name, {"tokens": 5})
    omitting = await book.load("s1")
    omitting.questions.clear()
    await book.save(omitting, writer="scheduler")
    await book.delete("s3")


async def read(book: Book) -> tuple[Any, ...]:
    """Read every model."""
    return await book.sessions(), await book.questions(), await book.usage(), await book.usage_by_session()


def rows(book: Book) -> dict[str, list[tuple[Any, ...]]]:
    """Give the rows of every model."""
    return {table: sorted(book.query(f"SELECT * FROM {table}"), key=repr) for table in TABLES}


async def test_a_rebuild_gives_the_same_rows(book: Book) -> None:
    """One projection or all of them, from the log alone."""
    await story(book)
    results, before = await read(book), rows(book)
    assert all(before.values())

    for name in (None, "catalog", "questions", "usage", "session_view"):
        await book.rebuild(name)
        assert before == rows(book)
    assert results == await read(book)


async def test_what_was_damaged_is_whole_after_a_rebuild(book: Book) -> None:
    """The rows are disposable: the log is not asked to trust them."""
    await story(book)
    results = await read(book)
    for table in TABLES:
        book.execute(f"DELETE FROM {table}")
    book.execute("UPDATE projection_positions SET position = 1000")

    await book.rebuild()

    assert results == await read(book)


async def test_they_catch_up_when_they_are_read(book: Book) -> None:
    """Each keeps its own position, at the end of the feed after a read, and is not touched by a save."""
    await story(book)
    assert [] == book.query("SELECT * FROM projection_positions")

    await book.sessions()
    end = len(await book.feed())
    assert [("catalog", end)] == book.query("SELECT name, position FROM projection_positions")
    await book.append("s1", Message.user("more"))
    await book.questions()

    positions = dict(book.query("SELECT name, position FROM projection_positions"))
    assert {"catalog": end, "questions": end + 1} == positions
    assert end + 1 == len(await book.feed())


async def test_a_model_of_another_release_is_rebuilt_when_it_is_read(book: Book) -> None:
    """Rows that other code wrote are not mixed with those of this one."""
    await story(book)
    results = await read(book)
    book.execute("UPDATE catalog SET title = 'of another release'", "UPDATE projection_positions SET revision = 0")

    assert results == await read(book)


async def test_a_long_feed_is_taken_page_by_page(book: Book) -> None:
    """Each page with its position; progress is told, and ends at the end."""
    sessions = [Session.new(f"s{number}", "gpt-5") for number in range(60)]
    for _ in range(9):
        await book.save_all(sessions)
    told: list[tuple[str, int, int]] = []

    await book.rebuild("catalog", lambda *progress: told.append(progress))

    assert ("catalog", 540, 540) == told[-1]
    assert 2 <= len(told)
    assert {9} == {summary.version for summary in await book.sessions()}
    assert 60 == len(await book.sessions())


async def test_a_rebuild_tells_its_progress(book: Book) -> None:
    """Of every projection: its name, how much is done, how much there is."""
    await story(book)
    told: list[tuple[str, int, int]] = []

    await book.rebuild(progress=lambda *progress: told.append(progress))

    assert {"session_view", "catalog", "questions", "usage"} == {name for name, _, _ in told}
    for name in {name for name, _, _ in told}:
        done = [progress[1:] for progress in told if progress[0] == name]
        assert done == sorted(done)
        assert done[-1][0] == done[-1][1]


async def test_an_unknown_projection_is_named(book: Book) -> None:
    """With those that there are."""
    with pytest.raises(UnknownProjection, match="catalog, questions") as caught:
        await book.rebuild("nonsense")
    assert "nonsense" == caught.value.name
    assert isinstance(caught.value, ValueError)


async def test_a_rebuild_of_an_empty_ledger_does_nothing(book: Book) -> None:
    """There is nothing to do."""
    await book.rebuild()

    assert ([], []) == (await book.sessions(), await book.questions())


@on_durable
async def test_two_ledgers_take_each_page_once(open_book: OpenBook) -> None:
    """Whoever reads first takes the page in; nothing is counted twice."""
    one, two = await open_book(), await open_book()
    session = await one.saved()
    for number in range(5):
        session.add_message(Message.user(f"{number}"))
        session.ask(f"call_{number}", "?")
        await (one if number % 2 else two).save(session)
        assert await read(one) == await read(two)
        (summary,) = await two.sessions()
        assert (number + 1, number + 1) == (summary.messages, summary.pending_questions)


@contextmanager
def bound_by_permissions() -> Iterator[None]:
    """Let the modes of files bind this process, also where root runs it, whom they do not."""
    if os.geteuid() != 0:
        yield
        return
    nobody = 65_534
    os.setresuid(nobody, nobody, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that every user may use, which those of pytest are not: readers of a file need room beside it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        with bound_by_permissions():
            reachable = os.access(folder, os.R_OK | os.W_OK | os.X_OK)
        if not reachable:
            pytest.skip("the folder for temporary files is closed to other users")
        yield folder


async def test_a_file_that_cannot_be_written_answers_all_the_same(face: str, open_folder: Path) -> None:
    """Loads, models and `verify` are current, as if it could be; what would write is refused in words."""
    file = open_folder / "ledger.db"
    book = await open_face(face, f"sqlite:///{file}")
    await story(book)
    await book.sessions()
    await book.append("s1", Message.user("not counted yet"))
    session = await book.load("s1")
    await book.close()
    os.chmod(file, 0o444)  # noqa: PTH101 - a call that does not wait
    held = bytes_of(file)

    with bound_by_permissions():
        book = await open_face(face, f"sqlite:///{file}")
        try:
            assert session == await book.load("s1")
            results = await read(book)
            assert (await book.verify()).ok
            for call in (book.save(session), book.rebuild(), book.snapshot("s1"), book.record_usage("s1", {"n": 1})):
                with pytest.raises(StorageError, match="read-only"):
                    await call
        finally:
            await book.close()
    assert held == bytes_of(file)

    os.chmod(file, 0o600)  # noqa: PTH101 - as above
    book = await open_face(face, f"sqlite:///{file}")
    assert results == await read(book)
    assert {"s1": 5, "s2": 4} == {summary.id: summary.messages for summary in results[0]}
    await book.close()


def bytes_of(file: Path) -> bytes:
    """Give what is in a file."""
    return file.read_bytes()
