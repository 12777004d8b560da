"""A process that is killed while it saves: what it acknowledged is there, and the rest is whole or absent."""

import random
from pathlib import Path
from typing import Any

import pytest

import ledger
from tests.process.checker import Acknowledgement, check
from tests.process.work import MODEL, url_of
from tests.process.zygote import Worker, Zygote

KILLS = 100
#: One in so many is killed while it opens the ledger, at the latest while it loads: recovery can be interrupted too.
WHILE_OPENING = 5
#: A worker is killed after so many saves at the most, and at most so much later.
MOST_SAVES = 5
LONGEST_S = 0.01


def acknowledgements(reports: list[dict[str, Any]]) -> list[Acknowledgement]:
    """Give the saves among what a worker reported; anything that it reports but this and `ready` is a failure."""
    saves = [report for report in reports if "version" in report]
    others = [report for report in reports if "version" not in report and "ready" not in report]
    assert not others, f"a worker reported {others[0]}"
    return saves


def save_until_killed(worker: Worker, chance: random.Random, *, opening: bool) -> list[Acknowledgement]:
    """Let a worker save a few times, kill it at a random moment after that, and give what it acknowledged."""
    reports = []
    if not opening:
        ready = worker.hear()
        assert ready == {"ready": True}, f"the worker did not open the ledger: {ready}"
        reports += [report for _ in range(chance.randint(1, MOST_SAVES)) if (report := worker.hear()) is not None]
    reports += worker.hear_for(chance.uniform(0, LONGEST_S))
    return acknowledgements(reports + worker.kill())


def kill_over_and_over(zygote: Zygote, path: Path, chance: random.Random, kills: int) -> int:
    """Kill that many workers on one file, check what is left, and give the number of saves that they acknowledged."""
    acknowledged: list[Acknowledgement] = []
    for kill in range(kills):
        # Others after a while, so that a long run does not spend itself on loading long sessions.
        era = kill // 100
        worker = zygote.start(
            "tests.process.work:save_turns",
            url=url_of(path),
            writer="agent",
            sessions=[f"era {era}, session {number}" for number in range(3)],
        )
        acknowledged += save_until_killed(worker, chance, opening=kill % WHILE_OPENING == WHILE_OPENING - 1)
        if kill % 500 == 499:
            check(path, acknowledged)
    check(path, acknowledged)
    return len(acknowledged)


def test_a_hundred_kills_lose_nothing(zygote: Zygote, path: Path, chance: random.Random) -> None:
    """After 100 kills at random moments every acknowledged save is there, byte for byte, and the ledger is whole."""
    acknowledged = kill_over_and_over(zygote, path, chance, KILLS)

    assert acknowledged > KILLS, "the workers were killed before they saved anything worth the name"


@pytest.mark.soak
def test_two_thousand_kills_lose_nothing(zygote: Zygote, path: Path, chance: random.Random) -> None:
    """The same, twenty times as often."""
    kill_over_and_over(zygote, path, chance, 20 * KILLS)


def test_a_writer_that_is_killed_takes_nothing_from_the_others(
    zygote: Zygote, path: Path, chance: random.Random
) -> None:
    """Two processes save to one session, one of them is killed again and again: the other is neither held up by the
    lock of a dead process nor does it lose a save.
    """
    ledger.open(url_of(path)).close()
    steady = zygote.start(
        "tests.process.work:save_turns", url=url_of(path), writer="steady", sessions=["shared"], turns=150
    )
    acknowledged: list[Acknowledgement] = []
    for kill in range(10):
        worker = zygote.start(
            "tests.process.work:save_turns", url=url_of(path), writer=f"killed {kill}", sessions=["shared"]
        )
        acknowledged += save_until_killed(worker, chance, opening=False)
    acknowledged += acknowledgements(steady.finish())

    assert [said["number"] for said in acknowledged if said["writer"] == "steady"] == list(range(1, 151))
    check(path, acknowledged)


def test_a_save_that_is_killed_at_any_of_its_statements_is_absent(zygote: Zygote, path: Path) -> None:
    """For every statement of a save, from the first to the commit: killed right before it, nothing of the save is
    there, and the next one goes through.
    """
    acknowledged: list[Acknowledgement] = []
    killed_at: list[str] = []
    with ledger.open(url_of(path)) as book:
        book.save(ledger.Session.new("s1", MODEL))
    while not acknowledged:
        worker = zygote.start(
            "tests.process.work:save_a_turn_and_die", url=url_of(path), session_id="s1", at=len(killed_at) + 1
        )
        reports = worker.end()
        killed_at += [report["killed_at"] for report in reports if "killed_at" in report]
        acknowledged = acknowledgements([report for report in reports if "killed_at" not in report])

        with ledger.open(url_of(path), create=False) as book:
            assert (len(acknowledged), True) == (book.load("s1").version - 1, book.verify().ok), killed_at[-1:]

    assert "BEGIN IMMEDIATE" in killed_at
    assert killed_at[-1] == "COMMIT"
    assert len(killed_at) > 5
