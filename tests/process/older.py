"""A ledger as the first release made it: the first schema, with what a later one has saved."""

import contextlib
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, make_url

from ledger.store import schema
from ledger.store.sqlite import driver

__all__ = ["FIRST", "aged", "of_the_first_schema"]

FIRST = "0001"
#: The log: everything else is made from it.
LOG = ("ledger_meta", "sessions", "heads", "events", "payloads", "feed", "usage_records")


def aged(path: Path, older: Path) -> Path:
    """Write to `older` what the ledger at `path` holds, as a database of the first schema."""
    _create(create_engine(f"sqlite:///{older}", module=driver()))
    with contextlib.closing(driver().connect(str(older), isolation_level=None)) as connection:
        connection.execute("ATTACH DATABASE ? AS newer", (str(path),))
        connection.execute("DELETE FROM ledger_meta")
        for table in LOG:
            columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})").fetchall())
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}")
    older.chmod(0o600)
    return older


def of_the_first_schema(url: str) -> str:
    """Make an empty database on a server a ledger of the first schema, in which nothing was saved, and give its URL."""
    _create(create_engine(make_url(url).set(drivername="postgresql+psycopg")))
    return url


def _create(engine: Engine) -> None:
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(schema.migrations_folder()).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, FIRST)
    engine.dispose()
