"""Which schema a database has, and how it comes by the current one."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect

from ledger.errors import SchemaOutOfDate, StorageError
from ledger.store.scripts import statements_of
from ledger.store.tables import SCHEMA, ledger_meta

__all__ = ["Standing", "check_schema", "migrate", "migrations_folder", "run_migrations", "standing"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a database holds: no tables at all, a ledger of some schema, or something else (`schema` is `None`)."""

    empty: bool
    schema: str | None = None
    ledger_id: bytes = b""


def migrations_folder() -> Path:
    """Give the folder of the migrations: the copy inside an installed wheel, else the checkout's.

    Raises:
        StorageError: if neither is there.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise StorageError("the migrations are missing from this installation", "install sessionledger again")


def standing(connection: Connection) -> Standing:
    """Look at what the database holds, by two statements."""
    names = set(inspect(connection).get_table_names())
    if not {"alembic_version", "ledger_meta"} <= names:
        return Standing(empty=not names)
    found = connection.exec_driver_sql(_OUR_STANDING).one()
    return Standing(empty=False, schema=found[0], ledger_id=bytes(found[1] or b""))


#: As text: an engine that was just made would compile it anew.
_OUR_STANDING = "SELECT max(version_num), (SELECT ledger_id FROM ledger_meta) FROM alembic_version"


def check_schema(found: Standing, place: str) -> None:
    """Refuse a database of another schema than this release's.

    Raises:
        SchemaOutOfDate: naming both, and the command that helps.
    """
    if found.schema != SCHEMA:
        raise SchemaOutOfDate(place, found.schema, SCHEMA)


def migrate(connection: Connection, place: str) -> list[str]:
    """Bring the database to the current schema, in the transaction of `connection`, and give the steps taken.

    An empty one gets it from the script that was made from the migrations; alembic upgrades what is older.

    Raises:
        SchemaOutOfDate: if the database is newer than this release, or holds something else.
    """
    found = standing(connection)
    if found.schema == SCHEMA:
        return []
    if found.empty:
        _create(connection)
    elif found.schema is None or found.schema > SCHEMA:
        raise SchemaOutOfDate(place, found.schema, SCHEMA)
    else:
        run_migrations(connection)
    names = (path.stem for path in sorted((migrations_folder() / "versions").glob("[0-9]*.py")))
    return [name for name in names if re.match(r"\d+", name)[0] > (found.schema or "")]  # type: ignore[index]  # the glob's


def _create(connection: Connection) -> None:
    cursor = connection.connection.cursor()  # the driver's: what has no values and gives no rows needs nothing else
    for statement in statements_of(migrations_folder(), connection.dialect.name):
        cursor.execute(statement)
    cursor.close()
    connection.execute(ledger_meta.insert().values(ledger_id=secrets.token_bytes(16)))


def run_migrations(connection: Connection) -> None:
    """Let alembic run the migrations that the database has not had, in the transaction of `connection`."""
    # Imported here: alembic takes a third of a second, and only an upgrade needs it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, SCHEMA)
