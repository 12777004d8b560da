"""SQLite databases in which frameworks keep their sessions: opened to be read, and told apart by their tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ledger.importers.records import UnreadableRecord
from ledger.importers.report import ImportReport
from ledger.importers.steps import ImportProblem, Item
from ledger.shell_words import spoken

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = ["NAMES", "Reader", "Taker", "database_of", "is_database", "reader_of"]

#: What every SQLite file begins with.
_SQLITE = b"SQLite format 3\0"
#: The modules that read one, by the names of their formats. Each is imported when a database is met.
_READERS: dict[str, str] = {
    "adk": "ledger.importers.adk",
    "langgraph": "ledger.importers.langgraph",
    "openai-agents": "ledger.importers.openai_agents",
}
NAMES = tuple(_READERS)


class Reader(Protocol):
    """What a module that reads one framework's database has."""

    def reads(self, tables: Mapping[str, frozenset[str]]) -> bool:
        """Tell whether it is one of the framework's, by the names of its tables and of their columns."""

    def read(self, name: str, connection: Any) -> Iterator[Item]:
        """Give its steps, in order; each key is the same at every import."""


@runtime_checkable
class Taker(Protocol):
    """What a module has instead that takes the database in by itself."""

    def take(self, book: Ledger, name: str, connection: Any, report: ImportReport) -> Iterator[ImportProblem]:
        """Save what is new, count it into the report, and give what had to be refused."""


def is_database(path: Path) -> bool:
    """Tell whether a file is an SQLite database.

    Raises:
        OSError: if it cannot be read.
    """
    if not path.is_file():
        return False  # a pipe can be read once
    with path.open("rb") as stream:
        return stream.read(len(_SQLITE)) == _SQLITE


@contextmanager
def database_of(path: Path) -> Iterator[Any]:
    """Open a database in a transaction that reads: all of it is of one moment, and nothing of it is changed.

    Raises:
        UnreadableRecord: if it cannot be opened, or a read of it fails.
    """
    from ledger.store.sqlite import driver  # noqa: PLC0415 - the names above are needed to print a help text

    sqlite = driver()
    try:
        with closing(
            sqlite.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        ) as connection:
            connection.execute("BEGIN")
            yield connection
    except sqlite.Error as error:
        hint = "close what writes to it and make sure that it is whole, then import again"
        raise UnreadableRecord(f"the database cannot be read ({error})", hint) from error


def reader_of(path: Path, connection: Any, named: str) -> Reader | Taker:
    """Give what reads a database.

    Raises:
        UnreadableRecord: if nothing does.
    """
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    tables = {
        name: frozenset(column for (column,) in connection.execute("SELECT name FROM pragma_table_info(?)", (name,)))
        for name in names
    }
    if {"ledger_meta", "heads", "events"} <= tables.keys():
        hint = f"`ledger --db {spoken(str(path))} export --all` writes what `ledger import` takes in"
        raise UnreadableRecord("it is a ledger already", hint)
    for name in NAMES if named == "auto" else {named} & set(NAMES):
        reader: Reader = import_module(_READERS[name])
        if reader.reads(tables):
            return reader
    what = "a database of no framework that is known" if named == "auto" else f"no database of {named}"
    raise UnreadableRecord(f"it is {what} (tables: {', '.join(sorted(names)) or 'none'})", "check the file")
