"""Inserts that say what becomes of a row that is there already: each database has its own construct for them."""

from __future__ import annotations

from typing import TypeAlias

from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["Inserting", "inserting"]

Inserting: TypeAlias = postgresql.Insert | sqlite.Insert


def inserting(table: Table, dialect: Dialect) -> Inserting:
    """Give an insert that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)
