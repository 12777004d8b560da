"""What every reading command says of a database that is missing, of another release, or no ledger at all."""

from pathlib import Path

import pytest

from ledger.store.sqlite import driver
from tests.unit.cli.conftest import Run

READING = [
    ["sessions"],
    ["log", "support-1"],
    ["show", "support-1"],
    ["questions"],
    ["usage"],
    ["verify"],
    ["rebuild"],
    ["stats"],
]


def execute(file: Path, statement: str) -> None:
    """Change a database behind the ledger's back."""
    raw = driver().connect(str(file))
    raw.execute(statement)
    raw.commit()
    raw.close()


@pytest.mark.parametrize("command", [*READING, ["doctor"]], ids=" ".join)
def test_reading_never_creates_a_ledger(run: Run, folder: Path, command: list[str]) -> None:
    """A mistyped path is told as one, and leaves nothing behind."""
    assert "no ledger at ledger.db" in run(*command, exits=5).stderr
    assert [] == list(folder.iterdir())


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_an_empty_file_is_no_ledger_yet(run: Run, folder: Path, command: list[str]) -> None:
    """A file of no bytes is as good as none, and stays empty."""
    file = folder / "ledger.db"
    file.touch()

    assert "no ledger at ledger.db" in run(*command, exits=5).stderr
    assert (0, [file]) == (file.stat().st_size, list(folder.iterdir()))


@pytest.mark.parametrize("command", [*READING, ["migrate"]], ids=" ".join)
def test_a_file_that_is_no_database_is_named(run: Run, folder: Path, command: list[str]) -> None:
    """One sentence, exit code 5, and the file is what it was."""
    file = folder / "ledger.db"
    file.write_text("notes\n" * 1000, encoding="utf-8")

    assert "Error: ledger.db is not a ledger" in run(*command, exits=5).stderr
    assert "notes\n" * 1000 == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [*READING, ["migrate"]], ids=" ".join)
def test_a_database_of_another_program_is_named(run: Run, folder: Path, command: list[str]) -> None:
    """Not a byte of somebody else's database changes, not even how it keeps its journal."""
    file = folder / "ledger.db"
    execute(file, "CREATE TABLE notes (text)")
    before = file.read_bytes()

    assert "ledger.db holds no ledger schema" in run(*command, exits=5).stderr
    assert before == file.read_bytes()


@pytest.mark.parametrize("command", [*READING, ["migrate"]], ids=" ".join)
def test_a_schema_of_the_future_is_named(run: Run, recorded: Path, command: list[str]) -> None:
    """A newer release wrote it: this one says so, and does not go back."""
    execute(recorded, "UPDATE alembic_version SET version_num = '9999'")
    before = recorded.read_bytes()
    refused = run(*command, exits=5).stderr

    assert "has schema 9999, newer than this release's" in refused
    assert "upgrade sessionledger" in refused
    assert before == recorded.read_bytes()


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_folder_is_no_ledger(run: Run, folder: Path, command: list[str]) -> None:
    """The sentence says what to name instead."""
    (folder / "ledger.db").mkdir()

    assert "ledger.db is a folder, not a ledger" in run(*command, exits=5).stderr


def test_a_file_that_was_cut_off_is_named(run: Run, recorded: Path) -> None:
    """Half a file is damage, told in a sentence, and no traceback."""
    content = recorded.read_bytes()
    recorded.write_bytes(content[: len(content) // 2])

    assert "Error: ledger.db is damaged" in run("verify", exits=5).stderr
