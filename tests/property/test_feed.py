"""Whoever tails the feed sees every event once and in order, whenever writers commit, roll back, or come late."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

import ledger
from ledger import Ledger
from ledger.domain.chain import NO_LEAF, feed_digest
from ledger.store.sequencer import place
from ledger.store.tables import events, feed
from tests.contract.backends import POSTGRESQL
from tests.contract.faces import Book
from tests.property.feed_writers import History, Stock, Writers

#: What may happen, and how often beside the rest.
DOINGS = {"begin": 6, "commit": 5, "roll back": 2, "look": 2, "place": 4, "stall": 2, "go on": 1, "die": 1}
STEPS = st.tuples(st.sampled_from([doing for doing, often in DOINGS.items() for _ in range(often)]), st.integers(0, 23))


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Give the URL of an empty ledger on a server."""
    reason = POSTGRESQL.why_not()
    if reason is not None:
        pytest.skip(reason)
    url = POSTGRESQL.fresh_url(tmp_path)
    yield url
    POSTGRESQL.give_back(url)


class Play:
    """Writers, a reader who tails, and sequencers in other processes, one of which may stall with a page in hand."""

    def __init__(self, book: Ledger, other: Ledger, stock: Stock) -> None:
        self.book, self.other, self.stock = book, other, stock
        self.begun = book._feed.end()
        self.tail = book.tail(self.begun, None)
        self.writers = Writers(book._database)
        self.histories: list[History] = []
        self.seen: list[tuple[int, str, int]] = []
        self.stalled = ExitStack()
        self.is_stalled = False

    def do(self, doing: str, pick: int) -> None:
        """Let one thing happen, if it can."""
        under_way = self.writers.under_way
        match doing:
            case "begin":
                if pick % 3 == 0 or not self.writers.free(self.histories):
                    self.histories.append(self.stock.history(1 + pick % 5))
                free = self.writers.free(self.histories)
                self.writers.begin(free[pick % len(free)], 1 + pick % 3)
            case "commit" | "roll back" if under_way:
                self.writers.end(pick % len(under_way), commit=doing == "commit")
            case "look":
                self.look()
            case "place":
                with self.other._database.write() as connection:
                    # Nobody waits for one that has stalled, and nobody does its page a second time.
                    assert (place(connection, "anybody", 1 + pick % 4) is None) == self.is_stalled
            case "stall" if not self.is_stalled:
                self.is_stalled = True
                place(self.stalled.enter_context(self.other._database.write()), "anybody", 1 + pick % 4)
            case "go on" if self.is_stalled:
                self.go_on()
            case "die" if self.is_stalled:
                self.die()

    def look(self) -> bool:
        """Look at what has come since, and tell whether there was anything."""
        page = self.tail.page()
        self.seen += [(item.position, item.session_id, item.event.version) for item in page]
        return bool(page)

    def go_on(self) -> None:
        """Let the sequencer that stalled commit its page."""
        self.is_stalled = False
        self.stalled.close()

    def die(self) -> None:
        """Let it end with its page in hand, as if it had been killed."""

        class Killed(Exception):
            pass

        self.is_stalled = False
        with pytest.raises(Killed), self.stalled:
            raise Killed

    def end(self) -> None:
        """Let the one that stalled die, everyone else commit, and the reader see the rest."""
        if self.is_stalled:
            self.die()
        while self.writers.under_way:
            self.writers.end(0, commit=True)
        while self.look():
            pass

    def check(self) -> None:
        """Each event that was committed was seen once, at dense positions, and each session's in order."""
        committed = {history.session_id: history.committed for history in self.histories if history.committed}

        assert list(range(self.begun + 1, self.begun + 1 + sum(committed.values()))) == [
            position for position, _, _ in self.seen
        ]
        assert {name: list(range(1, count + 1)) for name, count in committed.items()} == {
            name: [version for _, session_id, version in self.seen if session_id == name] for name in committed
        }

    def close(self) -> None:
        """Leave nothing under way, whatever has failed."""
        if self.is_stalled:
            self.die()
        self.writers.close()


def check_digests(connection: Connection) -> None:
    """Recompute the running hash of the whole feed."""
    digest = NO_LEAF
    on: Any = (events.c.session_uid == feed.c.session_uid) & (events.c.version == feed.c.version)
    rows = connection.execute(select(feed, events.c.leaf).join(events, on).order_by(feed.c.position)).all()
    for row in rows:
        digest = feed_digest(digest, row.position, bytes(row.session_uid), row.version, bytes(row.leaf))
        assert bytes(row.digest) == digest


def play_over_and_over(url: str, folder: Path, examples: int) -> int:
    """Play so many times on one ledger, and give how many events came through."""
    with ledger.open(url) as book, ledger.open(url) as other:
        stock = Stock(folder, book._database.ledger_id)

        @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(STEPS, min_size=30, max_size=60))
        def run(steps: list[tuple[str, int]]) -> None:
            play = Play(book, other, stock)
            try:
                for doing, pick in steps:
                    play.do(doing, pick)
                play.end()
                play.check()
            finally:
                play.close()

        run()
        stock.close()
        with book._database.read() as connection:
            check_digests(connection)
        assert [] == [str(problem) for problem in book.verify().problems]
        assert [(0,)] == Book(book).query("SELECT count(*) FROM feed_queue")
        return book._feed.end()


def test_who_tails_sees_each_event_once_whenever_it_is_committed(url: str, tmp_path: Path) -> None:
    """Over slow, aborted and late transactions on real connections, and sequencers that stall and die."""
    assert play_over_and_over(url, tmp_path, 12) > 12


@pytest.mark.soak
def test_who_tails_sees_each_event_once_in_a_long_run(url: str, tmp_path: Path) -> None:
    """The same, many times."""
    assert play_over_and_over(url, tmp_path, 500) > 500
