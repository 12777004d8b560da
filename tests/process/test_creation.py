"""A ledger that comes into being: in one step, whoever is killed on the way or begins at the same time."""

import random
import stat
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path

import pytest

import ledger
from ledger import LedgerMissing
from ledger.store.sqlite import driver
from tests.process.checker import check
from tests.process.work import url_of
from tests.process.zygote import Zygote


def nothing_or_a_ledger(path: Path) -> bool:
    """Tell which of the two a file is; anything between them raises."""
    try:
        ledger.open(url_of(path), create=False).close()
    except LedgerMissing:
        return False
    return True


def test_a_creation_that_is_killed_at_any_statement_is_absent_or_whole(zygote: Zygote, tmp_path: Path) -> None:
    """For every statement of the creation, from the first pragma to the last of the schema: what a process that was
    killed right before it leaves behind is no ledger yet or a whole one, and the next open completes it.
    """
    killed_at: list[str] = []
    ended = False
    while not ended:
        path = tmp_path / f"{len(killed_at)}.db"
        worker = zygote.start("tests.process.work:create_and_die", url=url_of(path), at=len(killed_at) + 1)
        reports = worker.end()
        ended = "ledger_id" in reports[-1]
        killed_at += [report["killed_at"] for report in reports if "killed_at" in report]

        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        nothing_or_a_ledger(path)
        ledger.open(url_of(path)).close()
        check(path, [])

    assert len([statement for statement in killed_at if statement.startswith("CREATE TABLE")]) >= 12
    assert "COMMIT" in killed_at


def test_a_creation_that_is_killed_at_random_moments_is_absent_or_whole(
    zygote: Zygote, tmp_path: Path, chance: random.Random
) -> None:
    """The same between the statements, and again on what the kill before has left."""
    for kill in range(20):
        path = tmp_path / f"{kill // 2}.db"
        worker = zygote.start("tests.process.work:open_and_close", url=url_of(path))
        worker.hear(chance.uniform(0, 0.1))
        worker.kill()
        nothing_or_a_ledger(path)
        if kill % 2:
            ledger.open(url_of(path)).close()
            check(path, [])


def test_processes_that_create_one_ledger_at_once_get_the_same_one(zygote: Zygote, tmp_path: Path) -> None:
    """Of four processes that find no ledger, one creates it and the others wait for it; none fails."""
    for attempt in range(10):
        path = tmp_path / f"{attempt}.db"
        workers = [zygote.start("tests.process.work:open_and_close", url=url_of(path)) for _ in range(4)]
        ids = [report["ledger_id"] for worker in workers for report in worker.finish()]

        assert len(ids) == 4
        assert len(set(ids)) == 1
        check(path, [])


def test_who_opens_a_ledger_waits_for_who_creates_it(path: Path) -> None:
    """Also for the log that is written ahead, which SQLite refuses at once to a file that somebody writes to."""
    path.touch()
    with (
        closing(driver().connect(path, isolation_level=None)) as creating,
        ThreadPoolExecutor() as pool,
    ):
        creating.execute("BEGIN IMMEDIATE")
        opening = pool.submit(ledger.open, url_of(path))

        assert opening not in wait([opening], 1).done
        creating.execute("ROLLBACK")
        opening.result().close()

    assert nothing_or_a_ledger(path)


def test_an_empty_file_becomes_a_ledger_only_for_who_asks_to_create_one(path: Path) -> None:
    """What a kill right after the creation of the file leaves is no ledger for a reader, and is one for a writer."""
    path.touch()

    with pytest.raises(LedgerMissing):
        ledger.open(url_of(path), create=False)
    ledger.open(url_of(path)).close()

    assert nothing_or_a_ledger(path)
