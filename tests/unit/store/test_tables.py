"""The tables that the statements use and the schema that the migrations make are the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, Table, create_engine, inspect, make_url

import ledger
from ledger.store import tables
from ledger.store.schema import migrations_folder
from tests import postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database in which a ledger was just created."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'fresh.db'}"
        ledger.open(url).close()
        engine = create_engine(url)
        yield engine
        engine.dispose()
        return
    reason = postgres.why_not()
    if reason is not None:
        pytest.skip(reason)
    url = postgres.shared().take()
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    yield engine
    engine.dispose()
    postgres.shared().give_back(url)


def test_each_table_has_the_columns_that_the_migrations_make(migrated: Engine) -> None:
    """A statement never names a column that the schema does not have, nor misses one."""
    there = inspect(migrated)
    names = _names(migrated)
    found = {name: {column["name"] for column in there.get_columns(name)} for name in names}
    keys = {name: set(there.get_pk_constraint(name)["constrained_columns"]) for name in names}

    assert {name: set(_table(name).columns.keys()) for name in names} == found
    assert {name: {column.name for column in _table(name).primary_key} for name in names} == keys


def test_every_key_of_a_per_session_table_starts_with_the_session(migrated: Engine) -> None:
    """The tables can be distributed by session: no unique key of theirs spans sessions."""
    there = inspect(migrated)
    firsts: list[str | None] = []
    for name in _names(migrated):
        if "session_uid" not in _table(name).columns or name == "feed":
            continue
        firsts.append(there.get_pk_constraint(name)["constrained_columns"][0])
        firsts += [index["column_names"][0] for index in there.get_indexes(name) if index["unique"]]

    assert {"session_uid"} == set(firsts)


#: Columns that are only read, or asked whether they equal something, which is the same in every language.
NEVER_ORDERED = {"asked_in", "standings", "resolved_writer", "averted", "overruled"}


@pytest.mark.parametrize("migrated", ["postgresql"], indirect=True)
def test_text_that_is_ordered_is_ordered_by_its_characters(migrated: Engine) -> None:
    """Whatever the language of a server: cursors and prefixes of ids mean the same there as in a file."""
    texts = "SELECT table_name, column_name FROM information_schema.columns WHERE data_type = 'text'"
    with migrated.connect() as connection:
        by_language = connection.exec_driver_sql(f"{texts} AND collation_name IS DISTINCT FROM 'C'").all()

    assert {("questions", name) for name in NEVER_ORDERED} == {
        (table, name) for table, name in by_language if table in tables.__all__
    }


def test_the_current_schema_is_the_newest_migration() -> None:
    """A migration that is added is also the schema that this release asks for."""
    newest = max(path.name for path in (migrations_folder() / "versions").glob("[0-9]*.py"))

    assert tables.SCHEMA == newest.split("_", 1)[0]


def _names(engine: Engine) -> list[str]:
    queued = {"feed_queue", "feed_state"} if engine.name == "sqlite" else set()
    return [name for name in tables.__all__ if name != "SCHEMA" and name not in queued]


def _table(name: str) -> Table:
    table: Table = getattr(tables, name)
    return table
