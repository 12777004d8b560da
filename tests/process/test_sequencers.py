"""Several who place events in the feed at once, and are killed while clients save: it is dense, and holds each once."""

import random

import pytest

import ledger
from ledger import Ledger, Session
from tests.postgres import Server
from tests.process.bare import bare
from tests.process.crowd import Crowd
from tests.process.sequencers import Sequencers
from tests.process.soaking import Figures
from tests.process.whole import examine
from tests.process.zygote import Zygote

#: How long clients work between two kills, at the most.
BETWEEN_S = 0.2


def kill_over_and_over(
    zygote: Zygote, url: str, chance: random.Random, kills: int, soaking: Figures, *, processes: int = 1
) -> None:
    """Kill so many of those who place what a crowd saves, then hold the feed, and what was seen of it, to the rules."""
    crowd = Crowd(zygote, url, chance)
    crowd.join(processes)
    sequencers = Sequencers(zygote, url, chance)
    killed = 0
    while killed < kills:
        crowd.go_on(chance.uniform(0, BETWEEN_S))
        sequencers.hear(chance.uniform(0, BETWEEN_S / 10))
        killed += sequencers.kill()
    crowd.answered()
    crowd.end()
    faults = sequencers.end()
    assert not faults, faults
    soaking.count(kills=killed, placed_by_workers=sequencers.placed, **crowd.check())


def test_sequencers_that_are_killed_skip_nothing(
    zygote: Zygote, server: Server, chance: random.Random, soaking: Figures
) -> None:
    """Of several who work and several who read, some or all are killed again and again: each event has one place, each
    session's are in order, and whoever goes on behind what it last saw has seen every event once.
    """
    kill_over_and_over(zygote, server.new_database(), chance, 8, soaking)

    assert soaking["placed_by_workers"] > 0, "the workers were killed before they placed anything"


@pytest.mark.soak
def test_a_thousand_sequencers_that_are_killed_skip_nothing(
    zygote: Zygote, server: Server, chance: random.Random, soaking: Figures
) -> None:
    """The same, a thousand times, on ten ledgers one after the other."""
    for done in range(1, 11):
        kill_over_and_over(zygote, server.new_database(), chance, 100, soaking, processes=3)
        soaking.progress(done, 10)


def test_a_sequencer_that_is_killed_at_any_of_its_statements_places_a_page_or_nothing(
    zygote: Zygote, server: Server
) -> None:
    """For every statement of it, from the first to the last commit: the page that it was at is placed as a whole or
    not at all, and the next one goes on.
    """
    url = server.new_database()
    killed_at: list[str] = []
    placed = 0
    with ledger.open(url) as book:
        session = Session.new("s1", "gpt-5")
        while not placed:
            save_three(book, session)
            worker = zygote.start("tests.process.victims:place_and_die", url=url, at=len(killed_at) + 1)
            reports = worker.end()
            killed_at += [report["killed_at"] for report in reports if "killed_at" in report]
            placed = sum(report.get("placed", 0) for report in reports)
            with bare(url) as tables:
                tables.run("SELECT 1 FROM feed_state FOR UPDATE")  # the server may not know yet that it has died
                ((waiting, fed),) = tables.rows("SELECT (SELECT count(*) FROM feed_queue), (SELECT count(*) FROM feed)")
            assert (waiting, fed) in {(3, session.version - 3), (0, session.version)}, killed_at[-1:]
            assert list(range(1, session.version + 1)) == [item.event.version for item in book.feed()]

    assert any(statement.startswith("WITH placed AS") for statement in killed_at)
    assert any("pg_notify" in statement for statement in killed_at)
    assert "COMMIT" in killed_at
    assert [] == examine(url)[0]


def save_three(book: Ledger, session: Session) -> None:
    """Save three events that wait for their places."""
    for _ in range(3):
        book.save(session)
