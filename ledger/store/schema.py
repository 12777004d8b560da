"""Which schema a database has, and how it comes by the current one."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from ledger.errors import SchemaOutOfDate, StorageError
from ledger.store.tables import SCHEMA

__all__ = ["check_schema", "current_schema", "is_empty", "migrate", "migrations_folder"]


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


def is_empty(connection: Connection) -> bool:
    """Tell whether the database holds no tables at all."""
    return not inspect(connection).get_table_names()


def current_schema(connection: Connection) -> str | None:
    """Give the schema of the database, or `None` where it has none of ours."""
    if not inspect(connection).has_table("alembic_version") or not inspect(connection).has_table("ledger_meta"):
        return None
    return connection.execute(text("SELECT max(version_num) FROM alembic_version")).scalar_one_or_none()


def check_schema(connection: Connection, place: str) -> None:
    """Refuse a database of another schema than this release's.

    Raises:
        SchemaOutOfDate: naming both, and the command that helps.
    """
    found = current_schema(connection)
    if found != SCHEMA:
        raise SchemaOutOfDate(place, found, SCHEMA)


def migrate(connection: Connection, place: str) -> list[str]:
    """Bring the database to the current schema, in the transaction of `connection`, and give the steps taken.

    Raises:
        SchemaOutOfDate: if the database is newer than this release, or holds something else.
    """
    found = current_schema(connection)
    if found == SCHEMA:
        return []
    if (found is None and not is_empty(connection)) or (found is not None and found > SCHEMA):
        raise SchemaOutOfDate(place, found, SCHEMA)
    # Imported here: alembic takes a third of a second, and an open of an existing ledger does not need it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, SCHEMA)
    names = (path.stem for path in sorted((migrations_folder() / "versions").glob("[0-9]*.py")))
    return [name for name in names if re.match(r"\d+", name)[0] > (found or "")]  # type: ignore[index]  # the glob's
