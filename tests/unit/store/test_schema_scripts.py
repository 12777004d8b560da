"""The scripts that create a ledger, and the migrations whose outcome they are."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine

import ledger
from ledger.store.schema import migrate, migrations_folder, run_migrations
from ledger.store.scripts import script_of
from ledger.store.sqlite import driver
from ledger.store.tables import SCHEMA
from tests.schema_scripts import SCRIPTS

CREATE = """
import sys, ledger
ledger.open(sys.argv[1]).close()
ledger.open(sys.argv[1]).close()
print(*sorted(name for name in sys.modules if name.split(".")[0] in {"alembic", "mako"}))
"""


@pytest.mark.parametrize("engine", SCRIPTS)
def test_each_script_is_what_the_migrations_make(engine: str) -> None:
    """Who adds a migration runs `make schema`; until then a new ledger would not be at the newest schema."""
    assert SCRIPTS[engine]() == script_of(migrations_folder(), engine).read_text(encoding="utf-8")


def test_a_database_made_by_the_script_is_the_one_that_the_migrations_make() -> None:
    """Every table, index, trigger and view is the same in SQLite's own catalogue, and so is alembic's stamp."""
    engine = create_engine("sqlite://", module=driver())
    with engine.begin() as connection:
        run_migrations(connection)
        migrated = _catalogue(connection)
    engine.dispose()
    other = create_engine("sqlite://", module=driver())
    with other.begin() as connection:
        migrate(connection, "memory")
        scripted = _catalogue(connection)
    other.dispose()

    assert (SCHEMA,) in migrated
    assert len(migrated) > 30
    assert migrated == scripted


def _catalogue(connection: Connection) -> list[tuple[str | None, ...]]:
    """Give what the database says of itself; how its statements were broken into lines is no difference."""
    objects = connection.exec_driver_sql("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid").all()
    stamps = connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
    return [(*row[:3], _on_one_line(row[3] or "")) for row in objects] + [tuple(row) for row in stamps]


def _on_one_line(statement: str) -> str:
    return " ".join(statement.replace(")", " )").split())


def test_each_ledger_is_one_of_its_own(tmp_path: Path) -> None:
    """The script does not bring the ledger's id: two ledgers that it makes have two."""
    ids = []
    for name in ("a", "b"):
        with ledger.open(f"sqlite:///{tmp_path / name}.db") as book:
            ids.append(book._database.ledger_id)

    assert [16, 16] == [len(found) for found in ids]
    assert ids[0] != ids[1]


def test_creating_and_opening_load_no_migration_machinery(tmp_path: Path) -> None:
    """Only an upgrade pays for alembic: it takes a third of a second to import."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    ran = subprocess.run([sys.executable, "-c", CREATE, url], capture_output=True, text=True, check=True)

    assert "\n" == ran.stdout
