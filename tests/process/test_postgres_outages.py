"""A PostgreSQL server that goes away, comes back, or is another one: an error or a recovery, and nothing lost."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import ledger
from ledger import Ledger, Message, Session, StorageError
from tests import postgres


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    """Give a server that may be stopped."""
    reason = postgres.why_not()
    if reason is not None:
        pytest.skip(reason)
    with postgres.Server() as server:
        yield server


@pytest.fixture
def url(server: postgres.Server) -> Iterator[str]:
    """Give the URL of a database with an empty ledger in it."""
    url = server.new_database()
    yield url
    server.drop(url)


def terminate(server: postgres.Server, url: str) -> None:
    """End every connection to a database, as an administrator does."""
    server.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        f" WHERE datname = '{postgres.name_of(url)}' AND pid <> pg_backend_pid()"
    )


@pytest.mark.parametrize("how", ["fast", "immediate", "kill"])
def test_a_server_that_was_restarted_is_found_again(server: postgres.Server, url: str, how: postgres.How) -> None:
    """While it is down, an error in words; afterwards the same ledger reads and saves, and nothing is lost."""
    session = Session.new("s1", "gpt-5")
    with ledger.open(f"{url}&timeout=0.5") as book:
        book.save(session)
        server.stop(how)
        session.title = "x"
        for call in (lambda: book.save(session), lambda: book.load("s1"), lambda: book.head("s1"), book.sessions):
            with pytest.raises(StorageError, match=r"cannot be reached|went away"):
                call()
        server.start()

        assert 2 == book.save(session).version
        assert "x" == book.load("s1").title
        assert book.verify().ok


CALLS: dict[str, Callable[[Ledger, Session], Any]] = {
    "save": lambda book, session: book.save(session),
    "load": lambda book, _: book.load("s1"),
    "head": lambda book, _: book.head("s1"),
    "sessions": lambda book, _: book.sessions(),
    "usage": lambda book, _: book.record_usage("s1", {"tokens": 1}),
    "delete": lambda book, _: book.delete("s1"),
    "fork": lambda book, _: book.fork("s1", "s2"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_connections_that_were_ended_while_idle_are_replaced(
    server: postgres.Server, url: str, call: Callable[[Ledger, Session], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody notices, and nothing is logged: what had not been sent yet is sent on a new one."""
    session = Session.new("s1", "gpt-5")
    with ledger.open(url) as book:
        book.save(session)
        book.load("s1")
        terminate(server, url)

        call(book, session)

        assert book.verify().ok
    # Nor by the driver, or by SQLAlchemy.
    assert [] == [record.getMessage() for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


def test_a_connection_that_ends_in_the_middle_is_an_error_and_the_save_can_be_repeated(
    server: postgres.Server, url: str
) -> None:
    """What was under way is rolled back by the server; the same save then goes through, once."""
    with ledger.open(url) as book:
        with (  # noqa: PT012 - it fails where it is told to
            pytest.raises(StorageError, match="went away in the middle"),
            book._database.write() as connection,
        ):
            connection.exec_driver_sql("INSERT INTO ledger_meta VALUES ('\\x00')")
            terminate(server, url)
            connection.exec_driver_sql("SELECT 1")

        assert 1 == book.save(Session.new("s1", "gpt-5")).version
        assert 1 == len(server.execute("SELECT * FROM ledger_meta", postgres.name_of(url)))


def test_one_empty_database_is_created_once(server: postgres.Server) -> None:
    """By whichever of several comes first; the others find it, and all of them have the same ledger."""
    url = server.empty_database()
    begin = threading.Barrier(6)

    def create() -> bytes:
        begin.wait()
        with ledger.open(url) as book:
            return book._database.ledger_id

    with ThreadPoolExecutor(6) as threads:
        ids = [future.result() for future in [threads.submit(create) for _ in range(6)]]

    assert 1 == len(set(ids))
    assert [(1,)] == server.execute("SELECT count(*) FROM ledger_meta", postgres.name_of(url))
    server.drop(url)


def test_a_child_of_a_fork_has_connections_of_its_own(url: str) -> None:
    """It speaks on none of its parent's, and the parent goes on with them, also behind the child's end."""
    session = Session.new("s1", "gpt-5")
    with ledger.open(url) as book:
        book.save(session)
        with book._database.read() as connection:
            backend = "SELECT pg_backend_pid()"
            before = connection.exec_driver_sql(backend).scalar_one()
        child = os.fork()
        if not child:
            try:
                with book._database.read() as connection:
                    own = connection.exec_driver_sql(backend).scalar_one() != before
                book.append("s1", Message.user("from the child"))
                os._exit(0 if own else 1)
            finally:
                os._exit(2)
        assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        book.append("s1", Message.user("from the parent"))
        assert ["from the child", "from the parent"] == [each.content for each in book.load("s1").messages]
        assert book.verify().ok


def test_a_standby_is_read_and_takes_over(server: postgres.Server, url: str) -> None:
    """It answers from what is there and refuses saves in words; promoted, it goes on, and nothing is lost."""
    session = Session.new("s1", "gpt-5")
    with ledger.open(url) as book:
        book.save(session)
        book.sessions()
        book.save(session)
    with server.standby() as standby:
        there = standby.url(postgres.name_of(url))
        with ledger.open(there, create=False) as book:
            assert 2 == book.load("s1").version
            assert ["s1"] == [summary.id for summary in book.sessions()]
            assert [1] == [item.position for item in book.feed()]
            assert book.verify().ok
            assert True is book.facts()["standby"]
            with pytest.raises(StorageError, match="is read-only: a standby"):
                book.save(book.load("s1"))

            standby.promote()

            assert 3 == book.save(book.load("s1")).version
            assert 3 == book.sessions()[0].version
            assert book.verify().ok
