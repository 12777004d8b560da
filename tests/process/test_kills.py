"""A process that is killed while it saves: what it acknowledged is there, and the rest is whole or absent."""

import random
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger import SchemaOutOfDate
from tests.process.checker import Acknowledgement, check
from tests.process.older import aged
from tests.process.soaking import Figures
from tests.process.work import MODEL, save_turns, url_of
from tests.process.zygote import Worker, Zygote

KILLS = 100
#: One in so many is killed while it opens the ledger, at the latest while it loads: recovery can be interrupted too.
WHILE_OPENING = 5
#: A writer is killed after so many reports at the most, and at most so much later; the read side within so much.
MOST_REPORTS = 12
LONGEST_S = 0.01
LONGEST_OF_READ_SIDE_S = 0.1
READ_SIDE = ("victims:project_over_and_over", "victims:work_over_and_over")
#: What is killed, one after the other: writers of one thread, of several, of an event loop, and the read side.
VICTIMS = ("work:save_turns", "victims:save_from_threads", "victims:save_from_tasks", *READ_SIDE)


def acknowledgements(reports: list[dict[str, Any]]) -> list[Acknowledgement]:
    """Give the saves among what a worker reported, begun or done; anything else, `ready` apart, is a failure."""
    saves = [report for report in reports if "version" in report or "attempt" in report]
    others = [
        report for report in reports if report not in saves and not report.keys() & {"ready", "rebuilt", "worked"}
    ]
    assert not others, f"a worker reported {others[0]}"
    return saves


def work_until_killed(
    worker: Worker,
    chance: random.Random,
    *,
    opening: bool,
    most_reports: int = MOST_REPORTS,
    longest_s: float = LONGEST_S,
) -> list[Acknowledgement]:
    """Let a worker work a little, kill it at a random moment after that, and give what it said of its saves."""
    reports = []
    if not opening:
        ready = worker.hear()
        assert ready == {"ready": True}, f"the worker did not open the ledger: {ready}"
        reports += [report for _ in range(chance.randint(0, most_reports)) if (report := worker.hear()) is not None]
    reports += worker.hear_for(chance.uniform(0, longest_s))
    return acknowledgements(reports + worker.kill())


def kill_over_and_over(zygote: Zygote, url: str, chance: random.Random, kills: int, soaking: Figures) -> None:
    """Kill that many workers on one ledger, and check what is left."""
    said: list[dict[str, Any]] = []
    since = 0
    for kill in range(kills):
        # Others after a while, so that a long run does not spend itself on loading long sessions.
        era = kill // 50
        victim = VICTIMS[kill % len(VICTIMS)]
        projects = victim in READ_SIDE
        worker = zygote.start(
            f"tests.process.{victim}",
            url=url,
            writer="agent",
            sessions=[f"era {era}, session {number}" for number in range(3)],
        )
        heard = work_until_killed(
            worker,
            chance,
            opening=kill % WHILE_OPENING == WHILE_OPENING - 1,
            most_reports=0 if projects else MOST_REPORTS,
            longest_s=LONGEST_OF_READ_SIDE_S if projects else LONGEST_S,
        )
        said += heard
        soaking.count(kills=1, acknowledged=sum("version" in report for report in heard))
        soaking.progress(kill + 1, kills)
        if kill % 500 == 499:
            check(url, said)
            since = len(said)
    if since < len(said):
        check(url, said)


def test_a_hundred_kills_lose_nothing(zygote: Zygote, path: Path, chance: random.Random, soaking: Figures) -> None:
    """After 100 kills at random moments, of writers by every face and of a projector, every acknowledged save is
    there, byte for byte, nothing is there that nobody tried, and the ledger is whole.
    """
    kill_over_and_over(zygote, url_of(path), chance, KILLS, soaking)

    assert soaking["acknowledged"] > KILLS // 2, "the workers were killed before they saved anything worth the name"


@pytest.mark.soak
def test_two_thousand_kills_lose_nothing(zygote: Zygote, path: Path, chance: random.Random, soaking: Figures) -> None:
    """The same, twenty times as often."""
    kill_over_and_over(zygote, url_of(path), chance, 20 * KILLS, soaking)


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
    said: list[Acknowledgement] = []
    for kill in range(10):
        worker = zygote.start(
            "tests.process.work:save_turns", url=url_of(path), writer=f"killed {kill}", sessions=["shared"]
        )
        said += work_until_killed(worker, chance, opening=False)
    said += acknowledgements(steady.finish())

    of_steady = [report["number"] for report in said if report["writer"] == "steady" and "version" in report]
    assert of_steady == list(range(1, 151))
    check(path, said)


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


@pytest.fixture
def older(path: Path) -> tuple[Path, list[dict[str, Any]]]:
    """A ledger of the first schema, and what it acknowledged."""
    said: list[dict[str, Any]] = []
    save_turns(lambda **report: said.append(report), url_of(path), "agent", ["s1", "s2"], 6)
    return aged(path, path.with_name("older.db")), acknowledgements(said)


def is_older(path: Path) -> bool:
    """Tell a ledger that still has to be migrated from one that has been; anything else raises."""
    try:
        ledger.open(url_of(path), create=False).close()
    except SchemaOutOfDate:
        return True
    return False


def test_a_migration_that_is_killed_at_any_statement_is_absent_or_whole(
    zygote: Zygote, older: tuple[Path, list[dict[str, Any]]], path: Path
) -> None:
    """For every statement of it: a migration that was killed right before that has not happened, and the next one
    does all of it; what was saved before is untouched.
    """
    killed_at: list[str] = []
    ended = False
    while not ended:
        shutil.copyfile(older[0], path)
        worker = zygote.start("tests.process.victims:migrate_and_die", url=url_of(path), at=len(killed_at) + 1)
        reports = worker.end()
        ended = any("steps" in report for report in reports)
        before = len(killed_at)
        killed_at += [report["killed_at"] for report in reports if "killed_at" in report]
        assert ended == (before == len(killed_at)), f"it ended neither way: {reports}"

        if is_older(path):
            zygote.start("tests.process.victims:migrate", url=url_of(path)).finish()
        if ended or before % 25 == 0:
            check(path, older[1])

    assert any(statement.lstrip().startswith("ALTER TABLE") for statement in killed_at)
    assert "COMMIT" in killed_at


def test_a_migration_that_is_killed_at_random_moments_is_absent_or_whole(
    zygote: Zygote, older: tuple[Path, list[dict[str, Any]]], path: Path, chance: random.Random, soaking: Figures
) -> None:
    """The same between the statements, while the disk is written to."""
    migrate_and_kill(zygote, older, path, chance, kills=10, soaking=soaking)


@pytest.mark.soak
def test_two_hundred_migrations_that_are_killed_are_absent_or_whole(
    zygote: Zygote, older: tuple[Path, list[dict[str, Any]]], path: Path, chance: random.Random, soaking: Figures
) -> None:
    """The same, twenty times as often."""
    migrate_and_kill(zygote, older, path, chance, kills=200, soaking=soaking)
    assert 0 < soaking["absent"] < 200


def migrate_and_kill(
    zygote: Zygote,
    older: tuple[Path, list[dict[str, Any]]],
    path: Path,
    chance: random.Random,
    *,
    kills: int,
    soaking: Figures,
) -> None:
    """Migrate and kill that often, each time what an older release has left; then let it come to an end."""
    shutil.copyfile(older[0], path)
    undisturbed = zygote.start("tests.process.victims:migrate", url=url_of(path))
    undisturbed.hear()
    began = time.monotonic()
    undisturbed.hear()
    takes_s = time.monotonic() - began
    undisturbed.finish()
    for kill in range(kills):
        shutil.copyfile(older[0], path)
        worker = zygote.start("tests.process.victims:migrate", url=url_of(path))
        worker.hear()
        worker.hear(chance.uniform(0, 1.1 * takes_s))
        worker.kill()
        soaking.count(kills=1, absent=int(is_older(path)))
        soaking.progress(kill + 1, kills)
        zygote.start("tests.process.victims:migrate", url=url_of(path)).finish()
        if kill % 10 == 9:
            check(path, older[1])
