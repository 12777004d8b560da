"""A database is told by its tables; one that nobody knows, or that cannot be read, is named and costs nothing else."""

from contextlib import closing
from pathlib import Path

import pytest

import ledger
from ledger import Ledger, Session
from ledger.importers import import_sources
from ledger.store.sqlite import driver
from tests.unit.importers.samples import SESSION, conversation, told, write_lines


def make_database(path: Path, *statements: str) -> Path:
    """Make an SQLite file."""
    with closing(driver().connect(str(path))) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path


def test_a_database_of_nobody_is_named_with_its_tables(book: Ledger, tmp_path: Path) -> None:
    """And what was named beside it comes in."""
    path = make_database(tmp_path / "other.db", "CREATE TABLE birds (name TEXT)", "CREATE TABLE songs (bird TEXT)")
    transcript = tmp_path / f"{SESSION}.jsonl"
    write_lines(transcript, conversation())

    report = import_sources(book, [path, transcript])

    assert ["other.db: it is a database of no framework that is known (tables: birds, songs); check the file"] == told(
        report
    )
    assert 0 < report.saves


def test_a_ledger_is_no_source_but_its_export_is(book: Ledger, tmp_path: Path) -> None:
    """Whoever names the file of a ledger is told the command that makes something of it."""
    path = tmp_path / "their ledger.db"
    with ledger.open(f"sqlite:///{path}") as theirs:
        theirs.save(Session.new("s1", "gpt-5"))

    (problem,) = import_sources(book, [path]).problems

    assert "it is a ledger already" == problem.what
    assert f"`ledger --db '{path}' export --all` writes what `ledger import` takes in" == problem.next


@pytest.mark.parametrize("rest", [b"", b"junk" * 100], ids=["cut off", "spoiled"])
def test_a_database_that_cannot_be_read_is_named(book: Ledger, tmp_path: Path, rest: bytes) -> None:
    """Whatever the driver says of it."""
    path = tmp_path / "torn.db"
    path.write_bytes(b"SQLite format 3\0" + rest)

    (problem,) = import_sources(book, [path]).problems

    assert problem.what.startswith("the database cannot be read (")
    assert "import again" in problem.next


def test_a_format_of_texts_is_none_of_a_database(book: Ledger, tmp_path: Path) -> None:
    """A format that was named by mistake is not overruled in silence."""
    path = make_database(tmp_path / "other.db", "CREATE TABLE birds (name TEXT)")

    (problem,) = import_sources(book, [path], format="chat").problems

    assert "it is no database of chat (tables: birds)" == problem.what
