"""Writes the scripts that make an empty database a ledger, from what the migrations make: `make schema`.

`python -m tests.schema_scripts` asks for every engine that the ledger runs on; a test compares what it would write with
what is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from sqlalchemy import Connection, create_engine, event, make_url, text

from ledger.store.schema import migrations_folder, run_migrations
from ledger.store.scripts import END_OF_STATEMENT, script_of
from ledger.store.tables import SCHEMA
from tests import postgres

__all__ = ["SCRIPTS", "postgresql_script", "sqlite_script"]

HEADING = "-- What the migrations make of an empty {engine} database. Made from them by `make schema`, never by hand."
#: What the migrations write that is each ledger's own, or that says where alembic is on its way.
PASSING = ("SELECT", "INSERT INTO ledger_meta", "INSERT INTO alembic_version", "UPDATE alembic_version")


def sqlite_script() -> str:
    """Run the migrations, and give what SQLite then keeps of the schema: its own text of each statement, in order."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        run_migrations(connection)
        statements = kept_by_sqlite(connection)
    engine.dispose()
    return _script("SQLite", statements)


def kept_by_sqlite(connection: Connection) -> list[str]:
    """Give the statements that would make the schema of this database, in the order in which they were run."""
    query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
    return [str(statement) for statement in connection.execute(text(query)).scalars()]


def postgresql_script() -> str:
    """Run the migrations, and give the statements that they ran; PostgreSQL keeps no text of its own."""
    server = postgres.shared().server
    url = server.empty_database()
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    statements: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def record(connection: Connection, _: Any, statement: str, parameters: Any, *__: Any) -> None:
        if not statement.lstrip().startswith(PASSING):
            driver: Any = connection.connection.dbapi_connection
            statements.append(psycopg.ClientCursor(driver).mogrify(statement, parameters or ()))

    with engine.begin() as connection:
        statements.clear()  # what SQLAlchemy asks of a database that it does not know
        run_migrations(connection)
    engine.dispose()
    server.drop(url)
    return _script("PostgreSQL", statements)


def _script(engine: str, statements: list[str]) -> str:
    stamped = [*map(_trimmed, statements), f"INSERT INTO alembic_version (version_num) VALUES ('{SCHEMA}')"]
    broken = [statement for statement in stamped if END_OF_STATEMENT in statement]
    assert not broken, f"these would be taken apart where they hold an empty line: {broken}"
    return HEADING.format(engine=engine) + "\n\n" + "".join(part + END_OF_STATEMENT for part in stamped).rstrip() + "\n"


def _trimmed(statement: str) -> str:
    return "\n".join(line.rstrip() for line in statement.strip().splitlines())


SCRIPTS: dict[str, Callable[[], str]] = {"sqlite": sqlite_script, "postgresql": postgresql_script}

if __name__ == "__main__":
    for name, script in SCRIPTS.items():
        script_of(migrations_folder(), name).write_text(script(), encoding="utf-8")
    postgres.close_shared()
