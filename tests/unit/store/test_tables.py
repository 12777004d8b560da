"""The tables that the statements use and the schema that the migrations make are the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Table, create_engine, inspect

import ledger
from ledger.store import tables
from ledger.store.schema import migrations_folder


@pytest.fixture
def migrated(tmp_path: Path) -> str:
    """The URL of a ledger that was just created."""
    url = f"sqlite:///{tmp_path / 'fresh.db'}"
    ledger.open(url).close()
    return url


def test_each_table_has_the_columns_that_the_migrations_make(migrated: str) -> None:
    """A statement never names a column that the schema does not have, nor misses one."""
    engine = create_engine(migrated)
    found = {name: {column["name"] for column in inspect(engine).get_columns(name)} for name in _names()}
    keys = {name: set(inspect(engine).get_pk_constraint(name)["constrained_columns"]) for name in _names()}
    engine.dispose()

    assert {name: set(_table(name).columns.keys()) for name in _names()} == found
    assert {name: {column.name for column in _table(name).primary_key} for name in _names()} == keys


def test_every_key_of_a_per_session_table_starts_with_the_session(migrated: str) -> None:
    """The tables can be distributed by session: no unique key of theirs spans sessions."""
    engine = create_engine(migrated)
    firsts: list[str | None] = []
    for name in _names():
        if "session_uid" not in _table(name).columns or name == "feed":
            continue
        firsts.append(inspect(engine).get_pk_constraint(name)["constrained_columns"][0])
        firsts += [index["column_names"][0] for index in inspect(engine).get_indexes(name) if index["unique"]]
    engine.dispose()

    assert {"session_uid"} == set(firsts)


def test_the_current_schema_is_the_newest_migration() -> None:
    """A migration that is added is also the schema that this release asks for."""
    newest = max(path.name for path in (migrations_folder() / "versions").glob("[0-9]*.py"))

    assert tables.SCHEMA == newest.split("_", 1)[0]


def _names() -> list[str]:
    return [name for name in tables.__all__ if name != "SCHEMA"]


def _table(name: str) -> Table:
    table: Table = getattr(tables, name)
    return table
