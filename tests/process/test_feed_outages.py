"""Who follows the feed, and who works on it, when notifications are lost, servers go away, and those who work do."""

import logging
import os
import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import ledger
from ledger import FeedItem, Ledger, Session, WorkReport
from ledger.store import tail
from tests.postgres import Server, name_of
from tests.process.bare import bare
from tests.process.proxy import Proxy
from tests.process.test_server_faults import through
from tests.process.whole import examine
from tests.process.zygote import Worker, Zygote

LONG_S = 30.0
LISTENING = "FROM pg_stat_activity WHERE datname = '{}' AND query LIKE 'LISTEN %'"


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    """Give the URL of an empty ledger on a server."""
    url = server.new_database()
    yield url
    server.drop(url)


class Listening(logging.Handler):
    """Hears what is logged, for those who wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self._heard: queue.Queue[str] = queue.Queue()
        self.said: list[str] = []

    def all(self) -> list[str]:
        """Give all that was said."""
        while not self._heard.empty():
            self.said.append(self._heard.get())
        return self.said

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.put(record.getMessage())

    def wait(self, *wanted: str) -> None:
        """Wait until something was said that contains each of these."""
        while not all(any(each in said for said in self.said) for each in wanted):
            self.said.append(self._heard.get(timeout=LONG_S))


@pytest.fixture
def logged() -> Iterator[Listening]:
    """Give what the ledger logs from warnings on."""
    handler = Listening()
    handler.setLevel(logging.WARNING)
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


@contextmanager
def following(book: Ledger) -> Iterator["queue.Queue[FeedItem]"]:
    """Follow the feed from its beginning, in a thread that ends with the ledger; give what comes."""
    come: queue.Queue[FeedItem] = queue.Queue()

    def follow() -> None:
        for item in book.follow():
            come.put(item)

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield come
    finally:
        book.close()
        thread.join()


@contextmanager
def working(book: Ledger) -> Iterator["queue.Queue[WorkReport]"]:
    """Work on what is saved meanwhile, in a thread; give what it tells."""
    told: queue.Queue[WorkReport] = queue.Queue()
    until = threading.Event()
    thread = threading.Thread(target=book.work, kwargs={"until": until, "progress": told.put})
    thread.start()
    try:
        yield told
    finally:
        until.set()
        thread.join()


def save(book: Ledger, session_id: str) -> None:
    """Save a new session."""
    book.save(Session.new(session_id, "gpt-5"))


def place(come: "queue.Queue[FeedItem]") -> tuple[int, str]:
    """Give position and session of what comes next."""
    item = come.get(timeout=LONG_S)
    return item.position, item.session_id


def test_a_listening_connection_that_was_ended_is_replaced(
    server: Server, url: str, monkeypatch: pytest.MonkeyPatch, logged: Listening
) -> None:
    """Whoever follows sees what was told meanwhile, and is woken by what is told later, without looking by itself.
    Nobody has to hear of it.
    """
    monkeypatch.setattr(tail, "LOOK_AGAIN_S", 100 * LONG_S)
    listening = LISTENING.format(name_of(url))
    with ledger.open(url) as other, ledger.open(url) as book, following(book) as come:
        for number in range(1, 3):
            save(other, f"before {number}")
            other.work()
            assert (2 * number - 1, f"before {number}") == place(come)
            assert [(True,)] == server.execute(f"SELECT pg_terminate_backend(pid, 5000) {listening}")
            save(other, f"meanwhile {number}")
            other.work()
            assert (2 * number, f"meanwhile {number}") == place(come)

        assert [(1,)] == server.execute(f"SELECT count(*) {listening}")
    assert [] == logged.all()


def test_notifications_that_are_lost_on_the_way_delay_and_lose_nothing(server: Server, url: str) -> None:
    """A connection that has gone silent looks like one on which nothing is said: whoever follows looks by itself."""
    with (
        Proxy(server.folder) as proxy,
        ledger.open(url) as other,
        ledger.open(through(proxy, server, url)) as book,
        following(book) as come,
    ):
        save(other, "before")
        other.work()
        assert (1, "before") == place(come)
        proxy.mute = True
        for number in (2, 3):
            save(other, f"{number}")
            other.work()
            assert (number, f"{number}") == place(come)


@contextmanager
def away(server: Server) -> Iterator[None]:
    """Take the server away for as long as this lasts."""
    server.stop("immediate")
    try:
        yield
    finally:
        server.start()


def test_who_follows_and_who_works_wait_for_a_server_that_goes_away(
    server: Server, url: str, logged: Listening
) -> None:
    """Each says once that it is awaited and once that it is back, then goes on where it was: nothing twice."""
    with ledger.open(url) as book, ledger.open(url) as other, following(book) as come, working(other) as told:
        save(other, "before")
        assert (1, "before") == place(come)
        told.get(timeout=LONG_S)  # what is away when they begin is an error
        with away(server):
            logged.wait("storage_awaited task='follow'", "storage_awaited task='work'")
        save(other, "after")
        assert (2, "after") == place(come)
        logged.wait("storage_back task='follow'", "storage_back task='work'")

        assert come.empty()
    assert 4 == len(logged.all())
    assert [] == examine(url)[0]


def position_of(url: str) -> int:
    """Give how far the projections have come, without bringing them on."""
    with bare(url) as tables:
        return int(tables.rows("SELECT coalesce(min(position), 0) FROM projection_positions")[0][0])


def test_another_takes_over_from_who_works_and_is_killed(zygote: Zygote, url: str) -> None:
    """Whoever stands by notices; the projections come to the end of the feed though nobody reads them."""
    crew: dict[str, Worker] = {}
    with ledger.open(url, writer="ui") as book:
        for number in range(2):
            crew[f"{number}"] = zygote.start("tests.process.victims:keep_warm", url=url)
        saved = 0
        while crew:
            for _ in range(5):
                saved += 1
                save(book, f"{saved}")
            crew.pop(await_position(crew, saved)).kill()
            assert saved == position_of(url)
    assert [] == examine(url)[0]


def await_position(crew: dict[str, Worker], position: int) -> str:
    """Wait until one of them tells that the projections are there, and give which."""
    for _ in range(int(LONG_S / 0.02)):
        for name, worker in crew.items():
            for report in worker.hear_for(0.02 / len(crew)):
                assert "failed" not in report, report["failed"]
                if report.get("position") == position:
                    return name
    raise AssertionError(f"nobody came to position {position}")


def test_one_that_is_stopped_with_a_page_in_hand_loses_it_to_another(zygote: Zygote, url: str) -> None:
    """The server ends a transaction that is idle for long, others place the page; who wakes up again finds it gone."""
    impatient = f"{url}&options=-c%20idle_in_transaction_session_timeout%3D3000"
    with ledger.open(url) as book:
        save(book, "s1")
        stopped, said = stopped_at("WITH placed AS", zygote, impatient)
        save(book, "s2")
        assert [] == list(book.feed()), "its page is placed though it has it in hand"
        with bare(url) as tables:
            tables.run("SELECT 1 FROM feed_state FOR UPDATE")  # waits until the server has ended it
        assert [(1, "s1"), (2, "s2")] == [(item.position, item.session_id) for item in book.feed()]

        os.kill(stopped.pid, signal.SIGCONT)
        said += stopped.end()
        assert "StorageError" in said[-1]["failed"]
        assert [(1, "s1"), (2, "s2")] == [(item.position, item.session_id) for item in book.feed()]
    assert [] == examine(url)[0]


def stopped_at(beginning: str, zygote: Zygote, url: str) -> tuple[Worker, list[dict[str, Any]]]:
    """Give somebody who places, and is stopped right before a statement that begins so."""
    for at in range(1, 30):
        worker = zygote.start("tests.process.victims:place_and_die", url=url, at=at, how=signal.SIGSTOP)
        report = worker.hear(LONG_S)
        assert report is not None
        assert "killed_at" in report, report
        if report["killed_at"].startswith(beginning):
            return worker, [report]
        worker.kill()
    raise AssertionError(f"nothing of what it said begins with {beginning}")
