from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger.store.sqlite import driver
from ledger.store.tables import SCHEMA
from tests.unit.cli.conftest import Run

Told = Callable[..., Any]


def test_it_creates_a_ledger_and_says_so(run: Run, folder: Path) -> None:
    """The file is at this release's schema, readable by its owner alone; a second run finds nothing to do."""
    created = run("migrate").stdout
    again = run("migrate").stdout

    assert f"Created ledger.db at schema {SCHEMA}.\n" == created
    assert f"ledger.db is at schema {SCHEMA} already: nothing to do.\n" == again
    assert 0o600 == (folder / "ledger.db").stat().st_mode & 0o777
    assert "" == run("sessions").stdout


def test_it_fills_an_empty_file(run: Run, folder: Path) -> None:
    """A file of no bytes, as `mktemp` leaves one, is an empty database."""
    (folder / "ledger.db").touch()

    assert "Created" in run("migrate").stdout


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "newer than this release's"),
        ("DROP TABLE alembic_version", "holds no ledger schema"),
    ],
)
def test_what_it_cannot_upgrade_stays_as_it_is(run: Run, recorded: Path, statement: str, sentence: str) -> None:
    """A newer release's database, and another program's, are refused by every command, and not touched."""
    raw = driver().connect(str(recorded))
    raw.execute(statement)
    raw.commit()
    raw.close()
    before = recorded.read_bytes()

    assert sentence in run("migrate", exits=5).stderr
    assert sentence in run("sessions", exits=5).stderr
    assert before == recorded.read_bytes()


def test_an_older_ledger_is_brought_up_to_date_and_tells_the_same(run: Run, told: Told, recorded: Path) -> None:
    """Refused until it is migrated, by a sentence that says how; then its questions are what they would be anew."""
    before = told("questions")
    _made_by_the_first_release(recorded)
    refused = run("questions", exits=5).stderr
    migrated = run("migrate").stdout

    assert "has schema 0001, this release needs 0003; run `ledger migrate`" in refused
    assert "0003" in migrated
    assert before == told("questions")
    assert [[], [{"version": 4, "writer": "scheduler", "base_version": 1}]] == [record["averted"] for record in before]
    with ledger.open(f"sqlite:///{recorded}") as book:
        book.rebuild("questions")
    assert before == told("questions")


def _made_by_the_first_release(file: Path) -> None:
    """Take from the ledger what the second schema added, and let its projection be of the code of that time."""
    raw = driver().connect(str(file))
    added = ("asked_in", "changed_version", "standings", "resolved_writer", "averted", "overruled")
    for statement in (
        *(f"ALTER TABLE questions DROP COLUMN {column}" for column in added),
        "UPDATE projection_positions SET revision = 1 WHERE name = 'questions'",
        "UPDATE alembic_version SET version_num = '0001'",
    ):
        raw.execute(statement)
    raw.commit()
    raw.close()
