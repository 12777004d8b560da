"""A server or a network that goes silent in the middle: what waits for it ends, in words, and nothing is lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from queue import Queue
from typing import Any

import pytest
from sqlalchemy import make_url

import ledger
from ledger import FeedItem, Ledger, Message, Session, StorageError
from tests.postgres import Server
from tests.process.ending import HANGS_S, ending, patient_for
from tests.process.proxy import Proxy
from tests.process.test_server_faults import through

SILENT = r"the server of .* (is silent|cannot be reached)"


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """Give what can fall silent."""
    with Proxy(server.folder) as proxy:
        yield proxy


@pytest.fixture
def url(server: Server, proxy: Proxy) -> str:
    """Give the URL of a database behind it."""
    return patient_for(0.5, through(proxy, server, server.new_database()))


CALLS: dict[str, Callable[[Ledger], Any]] = {
    "load": lambda book: book.load("s1"),
    "sessions": lambda book: book.sessions(),
    "usage": lambda book: book.record_usage("s1", {"tokens": 1}),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_into_silence_ends(
    proxy: Proxy, url: str, call: Callable[[Ledger], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """With an error that says so, beside which neither the driver nor SQLAlchemy prints another; when the server is
    heard again, the same ledger answers.
    """
    with ledger.open(url) as book:
        book.save(Session.new("s1", "gpt-5"))
        book.load("s1")
        proxy.fall_silent()
        with pytest.raises(StorageError, match=SILENT):
            ending(lambda: call(book))
        proxy.speak()

        assert 1 == ending(lambda: book.load("s1")).version
        assert book.verify().ok
    printed = [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]
    assert [] == [record.getMessage() for record in printed if not record.name.startswith(("ledger", "projections"))]


@pytest.mark.parametrize("at_commit", [False, True], ids=["before it is sent", "before its reply"])
def test_a_save_into_silence_ends_and_is_stored_once(proxy: Proxy, url: str, *, at_commit: bool) -> None:
    """Whether its commit reached the server or not, also if it reaches it late: saved again, it is one event."""
    with ledger.open(url) as book:
        session = Session.new("s1", "gpt-5")
        book.save(session)
        session.add_message(Message.user("two"))
        proxy.fall_silent(at_commit=at_commit)
        with pytest.raises(StorageError, match=SILENT):
            ending(lambda: book.save(session))
        proxy.speak()

        assert 2 == ending(lambda: book.save(session)).version
        assert ["two"] == [message.content for message in book.load("s1").messages]
        assert book.verify().ok


def test_who_follows_waits_for_the_end_of_a_silence_and_misses_nothing(
    proxy: Proxy, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It says that storage is away, and goes on where it was."""
    with ledger.open(url) as book:
        come: Queue[FeedItem] = Queue()
        session = Session.new("s1", "gpt-5")

        def follow() -> None:
            for item in book.follow():
                come.put(item)

        following = threading.Thread(target=follow, daemon=True)
        following.start()
        book.save(session)
        assert 1 == come.get(timeout=HANGS_S).position
        proxy.fall_silent()
        ending(lambda: until_told(caplog, "storage_awaited"))
        proxy.speak()
        ending(lambda: book.save(session))

        assert 2 == come.get(timeout=HANGS_S).position
        book.close()
        ending(following.join)


async def test_a_ledger_that_fell_silent_can_be_closed(proxy: Proxy, url: str) -> None:
    """Also in the middle of a save that is queued: that ends first."""
    book = await ledger.open_async(url)
    session = Session.new("s1", "gpt-5")
    await book.save(session)
    proxy.fall_silent()
    saving = asyncio.create_task(book.save(session))
    await asyncio.sleep(0)
    async with asyncio.timeout(HANGS_S):
        await book.close()
        with pytest.raises(StorageError, match=SILENT):
            await saving


def test_opening_into_silence_ends(proxy: Proxy, url: str) -> None:
    """With an error that says so."""
    proxy.fall_silent()
    with pytest.raises(StorageError, match=SILENT):
        ending(lambda: ledger.open(url))


def test_a_statement_that_the_url_gives_longer_is_waited_for(server: Server) -> None:
    """The client's own clock goes by the server's, whoever has set that."""
    longer = {"options": "-c statement_timeout=60000", "timeout": "0.1"}
    url = make_url(server.new_database()).update_query_dict(longer).render_as_string(hide_password=False)
    with ledger.open(url) as book, book._database.read() as connection:
        said = connection.exec_driver_sql("SELECT 'late' FROM pg_sleep(1.7)").scalar_one()

    assert "late" == said


def until_told(caplog: pytest.LogCaptureFixture, event: str) -> None:
    """Wait until an event was logged."""
    while not any(record.getMessage().startswith(event) for record in caplog.records):
        threading.Event().wait(0.05)
