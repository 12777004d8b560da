"""The schema as one SQL script an engine: what the migrations make of an empty database, without running them.

The scripts stand beside the migrations: `make schema` writes them anew, and a test holds the two together. They stamp
the database with the revision of the newest migration, so that alembic takes it from there.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["END_OF_STATEMENT", "script_of", "statements_of"]

#: What parts the statements of a script, also for those that have a semicolon inside.
END_OF_STATEMENT = ";\n\n"


def script_of(migrations: Path, engine: str) -> Path:
    """Give the place of an engine's script in the folder of the migrations."""
    return migrations / "schema" / f"{engine}.sql"


def statements_of(migrations: Path, engine: str) -> list[str]:
    """Give the statements that make the current schema, in order, for a transaction that is under way."""
    text = script_of(migrations, engine).read_text(encoding="utf-8")
    return [statement for statement in text.split(END_OF_STATEMENT) if statement.strip()]
