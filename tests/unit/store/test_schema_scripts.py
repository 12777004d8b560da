"""The scripts that create a ledger, and the migrations whose outcome they are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, make_url

from ledger.store.schema import migrate, migrations_folder, run_migrations
from ledger.store.scripts import script_of
from ledger.store.sqlite import driver
from ledger.store.tables import SCHEMA
from tests import postgres
from tests.schema_scripts import SCRIPTS

CREATE = """
import sys, ledger
ledger.open(sys.argv[1]).close()
ledger.open(sys.argv[1]).close()
print(*sorted(name for name in sys.modules if name.split(".")[0] in {"alembic", "mako"}))
"""

#: What PostgreSQL says of a schema, in its own words, and the rows that a schema begins with.
CATALOGUE = (
    """SELECT table_name, column_name, ordinal_position, data_type, collation_name, is_nullable, column_default,
       identity_generation FROM information_schema.columns WHERE table_schema = 'public'""",
    """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
       WHERE connamespace = 'public'::regnamespace""",
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT tgname, tgenabled::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT proname::text, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "SELECT viewname::text, definition FROM pg_views WHERE schemaname = 'public'",
    "SELECT sequencename::text, data_type::text, cycle::text FROM pg_sequences WHERE schemaname = 'public'",
    "SELECT id, position, digest FROM feed_state",
    "SELECT version_num FROM alembic_version",
)

Rows = list[tuple[object, ...]]


@pytest.fixture(params=SCRIPTS)
def engine(request: pytest.FixtureRequest) -> str:
    """Give each engine in turn."""
    reason = postgres.why_not() if request.param == "postgresql" else None
    if reason is not None:
        pytest.skip(reason)
    return str(request.param)


@contextmanager
def empty(engine: str) -> Iterator[Connection]:
    """Give a transaction in a database that holds nothing, and is removed afterwards."""
    server = postgres.shared().server if engine == "postgresql" else None
    url = server.empty_database() if server else "sqlite://"
    name = "postgresql+psycopg" if server else "sqlite"
    database = create_engine(make_url(url).set(drivername=name), module=None if server else driver())
    try:
        with database.begin() as connection:
            yield connection
    finally:
        database.dispose()
        if server:
            server.drop(url)


def test_each_script_is_what_the_migrations_make(engine: str) -> None:
    """Who adds a migration runs `make schema`; until then a new ledger would not be at the newest schema."""
    assert SCRIPTS[engine]() == script_of(migrations_folder(), engine).read_text(encoding="utf-8")


def test_a_database_made_by_the_script_is_the_one_that_the_migrations_make(engine: str) -> None:
    """Everything is the same in the database's own catalogue: tables, indexes, triggers, views, and alembic's stamp."""
    with empty(engine) as connection:
        run_migrations(connection)
        migrated = CATALOGUES[engine](connection)
    with empty(engine) as connection:
        migrate(connection, "here")
        scripted = CATALOGUES[engine](connection)

    assert (SCHEMA,) in migrated
    assert len(migrated) > 30
    assert migrated == scripted


def _of_sqlite(connection: Connection) -> Rows:
    """Give what SQLite keeps of a schema; how its statements were broken into lines is no difference."""
    objects = connection.exec_driver_sql("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid").all()
    stamps = connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
    return [(*row[:3], _on_one_line(row[3] or "")) for row in objects] + [tuple(row) for row in stamps]


def _on_one_line(statement: str) -> str:
    return " ".join(statement.replace(")", " )").split())


def _of_postgresql(connection: Connection) -> Rows:
    rows: Rows = []
    for query in CATALOGUE:
        rows += sorted((tuple(row) for row in connection.exec_driver_sql(query)), key=repr)
    return rows


CATALOGUES: dict[str, Callable[[Connection], Rows]] = {"sqlite": _of_sqlite, "postgresql": _of_postgresql}


def test_each_ledger_is_one_of_its_own(engine: str) -> None:
    """The script does not bring the ledger's id: two ledgers that it makes have two."""
    ids = []
    for _ in range(2):
        with empty(engine) as connection:
            migrate(connection, "here")
            ids.append(bytes(connection.exec_driver_sql("SELECT ledger_id FROM ledger_meta").scalar_one()))

    assert [16, 16] == [len(found) for found in ids]
    assert ids[0] != ids[1]


def test_creating_and_opening_load_no_migration_machinery(engine: str, tmp_path: Path) -> None:
    """Only an upgrade pays for alembic: it takes a third of a second to import."""
    server = postgres.shared().server if engine == "postgresql" else None
    url = server.empty_database() if server else f"sqlite:///{tmp_path}/ledger.db"
    ran = subprocess.run([sys.executable, "-c", CREATE, url], capture_output=True, text=True, check=True)
    if server:
        server.drop(url)

    assert "\n" == ran.stdout
