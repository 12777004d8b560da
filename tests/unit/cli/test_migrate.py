from pathlib import Path

import pytest

from ledger.store.sqlite import driver
from ledger.store.tables import SCHEMA
from tests.unit.cli.conftest import Run


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
